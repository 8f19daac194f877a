#include "control/local/local_list.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "control/approval/person_json.h"
#include "control/index/atomic_file.h"
#include "control/index/refused_digests.h"
#include "control/link/link_json.h"
#include "dataplane/contract/section_keys.h"

namespace cordon {
namespace {

using nlohmann::json;

constexpr unsigned owner_only = 0600;
constexpr std::uint64_t file_bytes_max = 16u << 20;
constexpr IndicatorKind kinds[] = {IndicatorKind::sha256, IndicatorKind::sha1, IndicatorKind::md5};

std::string tag_hex(const Tag& tag) {
    std::uint8_t bytes[sizeof tag];
    std::memcpy(bytes, &tag, sizeof tag);
    return feed::to_hex(bytes);
}

json entry_to_json(const LocalEntry& e) {
    return {{"number", e.number},
            {"origin", local_origin_name(static_cast<std::uint32_t>(e.origin))},
            {"id", e.id},
            {"kind", indicator_kind_name(e.kind)},
            {"tag", tag_hex(e.tag)},
            {"size", e.size ? json(*e.size) : json(nullptr)},
            {"added", e.added_s},
            {"until", e.until_s},
            {"requester", person_json(e.requester)},
            {"approver", e.approver ? person_json(*e.approver) : json(nullptr)}};
}

// The library would make a large number of a negative one.
std::uint64_t number_in(const json& value, const char* name) {
    return value.at(name).get_ref<const json::number_unsigned_t&>();
}

// Throws what the JSON library throws; false: it is no entry of ours.
bool entry_from_json(const json& value, LocalEntry* e) {
    const auto origin = local_origin_of(value.at("origin").get<std::string>());
    const auto word = value.at("kind").get<std::string>();
    const auto* kind = std::find_if(std::begin(kinds), std::end(kinds), [&word](IndicatorKind k) {
        return word == indicator_kind_name(k);
    });
    std::uint8_t tag[sizeof(Tag)];
    if (!origin || kind == std::end(kinds) ||
        !feed::from_hex(value.at("tag").get<std::string>(), tag))
        return false;
    e->number = number_in(value, "number");
    e->origin = *origin;
    e->id = value.at("id").get<std::string>();
    e->kind = *kind;
    std::memcpy(&e->tag, tag, sizeof tag);
    if (!value.at("size").is_null()) e->size = number_in(value, "size");
    e->added_s = number_in(value, "added");
    e->until_s = number_in(value, "until");
    e->requester = person_from(value.at("requester"));
    if (!value.at("approver").is_null()) e->approver = person_from(value.at("approver"));
    return e->number != 0 && !e->tag.empty() && is_local_id(e->id) && e->size != 0 &&
           e->until_s <= e->added_s + LocalList::seconds_max;
}

Failure refused(const std::string& why) {
    return failure(ErrorCode::refused, why);
}

}  // namespace

std::optional<LocalOrigin> local_origin_of(std::string_view word) {
    for (std::size_t n = 0; n < std::size(local_origin_names); ++n)
        if (word == local_origin_names[n]) return static_cast<LocalOrigin>(n + 1);
    return std::nullopt;
}

std::string_view local_origin_name(std::uint32_t origin) {
    const std::size_t n = std::size_t{origin} - 1;
    return n < std::size(local_origin_names) ? local_origin_names[n] : "?";
}

// It stands on record for ever: a number of an order, not a name.
bool is_local_id(std::string_view text) {
    return !text.empty() && text.size() <= LocalList::id_bytes_max &&
           text.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
               "._/:-") == std::string_view::npos;
}

Result<LocalDigest> parse_local_digest(std::string_view text) {
    for (const IndicatorKind kind : kinds) {
        const std::string name = std::string(indicator_kind_name(kind)) + ":";
        if (!text.starts_with(name)) continue;
        LocalDigest digest = {kind, std::string(digest_length(kind), '\0')};
        auto* bytes = reinterpret_cast<std::uint8_t*>(digest.bytes.data());
        if (!feed::from_hex(text.substr(name.size()), {bytes, digest.bytes.size()})) break;
        const Bytes raw = as_bytes(digest.bytes);
        const RefusedDigests& table = RefusedDigests::table();
        if (table.is_empty_file(kind, raw)) return refused("this is the empty file");
        if (table.is_zero_run(kind, raw)) return refused("this is a file of zero bytes only");
        if (RefusedDigests::is_placeholder(raw))
            return refused("one byte repeated is a blank field, not a digest");
        return digest;
    }
    return failure(ErrorCode::usage,
                   "a digest is sha256:, sha1: or md5: and its digits in lower case");
}

Result<void> LocalList::load(const feed::SecretKey& node) {
    entries_.clear();
    Result<void> done;
    if (!std::filesystem::exists(path_)) {
        key_ = feed::SecretKey::random();
        sealed_key_ = feed::to_hex(as_bytes(feed::seal_for(feed::box_public(node), key_.bytes)));
        done = save({}, 1);
    } else {
        std::ifstream file(path_, std::ios::binary);
        std::error_code none;
        if (std::filesystem::file_size(path_, none) > file_bytes_max) file.close();
        done = read(
            std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()),
            node);
    }
    problem_ = done ? "" : done.error().message();
    return done;
}

Result<void> LocalList::read(const std::string& text, const feed::SecretKey& node) {
    const Failure damaged =
        failure(ErrorCode::integrity, path_ +
                                          " is damaged, or sealed for another appliance: the local "
                                          "list is not in force; move the file away to begin anew");
    // The edge of the JSON library: what has another type than it should throws there.
    try {
        const json all = json::parse(text);
        sealed_key_ = all.at("key").get<std::string>();
        std::vector<std::uint8_t> sealed(sealed_key_bytes);
        if (!feed::from_hex(sealed_key_, sealed)) return damaged;
        const std::optional<std::string> raw = feed::unseal(node, sealed);
        if (!raw || raw->size() != key_.bytes.size()) return damaged;
        std::memcpy(key_.bytes.data(), raw->data(), key_.bytes.size());
        generation_ = number_in(all, "generation");
        next_ = number_in(all, "next");
        std::vector<LocalEntry> entries;
        for (const json& one : all.at("entries")) {
            LocalEntry entry;
            if (!entry_from_json(one, &entry) || entry.number >= next_ ||
                (!entries.empty() && entry.number <= entries.back().number))
                return damaged;
            entries.push_back(std::move(entry));
        }
        if (entries.size() > entries_max || next_ == 0 || next_ > INT64_MAX) return damaged;
        entries_ = std::move(entries);
        return {};
    } catch (const json::exception&) {
        return damaged;
    }
}

Result<void> LocalList::save(std::vector<LocalEntry> entries, std::uint64_t next) {
    json list = json::array();
    for (const LocalEntry& one : entries)
        list.push_back(entry_to_json(one));
    const json all = {{"key", sealed_key_},
                      {"generation", generation_ + 1},
                      {"next", next},
                      {"entries", std::move(list)}};
    const Result<void> written =
        write_file_atomically(path_, as_bytes(one_line(all) + "\n"), owner_only);
    if (!written) return written;
    entries_ = std::move(entries);
    next_ = next;
    ++generation_;
    return {};
}

Tag LocalList::tag_of(const LocalDigest& digest) const {
    return keyed_tag(TagKey(key_.bytes), digest.kind, as_bytes(digest.bytes));
}

Result<void> LocalList::may_add(const LocalEntry& entry, std::uint64_t now_s) const {
    if (!problem_.empty()) return failure(ErrorCode::integrity, problem_);
    if (!is_local_id(entry.id))
        return failure(ErrorCode::usage,
                       "the id of an order, notice or case is up to 64 letters, digits and ._/:-");
    if (entry.size == 0) return refused("this is the empty file");
    if (entry.until_s <= now_s || entry.until_s > now_s + seconds_max)
        return failure(ErrorCode::usage, "an entry has an end, within 90 days");
    if (entries_.size() >= entries_max)
        return refused("the local list is full: it holds at most 10000 entries");
    for (const LocalEntry& one : entries_)
        if (one.tag == entry.tag)
            return refused("entry " + std::to_string(one.number) + " lists this digest already");
    return {};
}

Result<LocalEntry> LocalList::add(LocalEntry entry, std::uint64_t now_s) {
    if (const auto may = may_add(entry, now_s); !may) return Failure(may.error());
    entry.number = next_;
    entry.added_s = now_s;
    std::vector<LocalEntry> entries = entries_;
    entries.push_back(entry);
    if (const auto saved = save(std::move(entries), next_ + 1); !saved)
        return Failure(saved.error());
    return entry;
}

Result<LocalEntry> LocalList::remove(std::uint64_t number) {
    if (!problem_.empty()) return failure(ErrorCode::integrity, problem_);
    const LocalEntry* found = find(number);
    if (found == nullptr) return refused("the local list has no entry " + std::to_string(number));
    LocalEntry gone = *found;
    std::vector<LocalEntry> entries = entries_;
    std::erase_if(entries, [number](const LocalEntry& one) { return one.number == number; });
    if (const auto saved = save(std::move(entries), next_); !saved) return Failure(saved.error());
    return gone;
}

Result<std::vector<LocalEntry>> LocalList::forget_ended(std::uint64_t now_s) {
    std::vector<LocalEntry> ended, entries;
    for (const LocalEntry& one : entries_)
        (one.until_s < now_s ? ended : entries).push_back(one);
    if (ended.empty()) return ended;
    if (const auto saved = save(std::move(entries), next_); !saved) return Failure(saved.error());
    return ended;
}

const LocalEntry* LocalList::find(std::uint64_t number) const {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(),
                     [number](const LocalEntry& one) { return one.number == number; });
    return found == entries_.end() ? nullptr : &*found;
}

std::uint64_t LocalList::next_end_s() const {
    std::uint64_t next_s = 0;
    for (const LocalEntry& one : entries_)
        next_s = next_s == 0 ? one.until_s : std::min(next_s, one.until_s);
    return next_s;
}

std::shared_ptr<const sync::LocalInForce> LocalList::in_force() const {
    auto local = std::make_shared<sync::LocalInForce>();
    local->key = key_;
    local->generation = generation_;
    for (const LocalEntry& one : entries_)
        local->entries.push_back({.tag = one.tag,
                                  .kind = one.kind,
                                  .reference = one.number,
                                  .size = one.size,
                                  .source = static_cast<std::uint16_t>(one.origin),
                                  .flags = record_flag::report_only,
                                  .added_in = generation_,
                                  .not_after_s = one.until_s});
    return local;
}

json local_entry_json(const LocalEntry& e) {
    return {{"entry", e.number},
            {"origin", local_origin_name(static_cast<std::uint32_t>(e.origin))},
            {"id", e.id},
            {"kind", indicator_kind_name(e.kind)},
            {"size", e.size ? json(*e.size) : json(nullptr)},
            {"added", utc_time(e.added_s)},
            {"until", utc_time(e.until_s)},
            {"requester", person_json(e.requester)},
            {"approver", e.approver ? person_json(*e.approver) : json(nullptr)}};
}

}  // namespace cordon
