#include "control/sync/feed_state.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "control/feed/canonical_json.h"
#include "control/feed/folder_fetch.h"
#include "control/index/atomic_file.h"
#include "dataplane/contract/section_keys.h"

namespace cordon::sync {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int state_version = 1;
constexpr int newcomers_version = 1;
constexpr const char* newcomers_name = "newcomers.json";

json to_json(const Generation& g) {
    return {{"number", g.number}, {"epoch", g.epoch},       {"accepted", g.accepted_s},
            {"count", g.count},   {"patterns", g.patterns}, {"perceptual", g.perceptual}};
}

json to_json(const Accepted& a) {
    return {{"time", a.time_s}, {"base", a.base},       {"generation", a.generation},
            {"added", a.added}, {"removed", a.removed}, {"new_epoch", a.new_epoch}};
}

json to_json(const feed::Suspension& s) {
    return {{"what", static_cast<int>(s.what)},
            {"value", s.value},
            {"since", s.since_s},
            {"until", s.until_s},
            {"reason", s.reason}};
}

json to_json(const HeldSuspension& held) {
    json j = to_json(held.what);
    j["lapsed_at"] = held.lapsed_at;
    return j;
}

json to_json(const std::vector<feed::Suspension>& suspensions) {
    json list = json::array();
    for (const feed::Suspension& one : suspensions)
        list.push_back(to_json(one));
    return list;
}

json to_json(const Consent& c) {
    return {{"root", c.root_sha256},    {"curator", c.curator},   {"legal_basis", c.legal_basis},
            {"requester", c.requester}, {"approver", c.approver}, {"time", c.time_s}};
}

json newcomers_json(const FeedState& s) {
    json confirmed = json::array();
    for (const Confirmed& one : s.confirmed)
        confirmed.push_back({static_cast<int>(one.what), one.value, one.time_s});
    return {{"doubted", to_json(s.doubted)}, {"confirmed", confirmed}};
}

json to_json(const FeedState& s) {
    json suspensions = json::array(), lifted = json::array();
    json accepted = json::array(), history = json::array();
    for (const HeldSuspension& held : s.suspensions)
        suspensions.push_back(to_json(held));
    for (const HeldSuspension& held : s.lifted)
        lifted.push_back(to_json(held));
    for (const Accepted& one : s.accepted)
        accepted.push_back(to_json(one));
    for (const HistoryLine& line : s.history)
        history.push_back({{"time", line.time_s}, {"text", line.text}});
    return {{"version", state_version},
            {"documents",
             {{"root", s.trust.root},
              {"timestamp", s.trust.timestamp},
              {"snapshot", s.trust.snapshot},
              {"targets", s.trust.targets},
              {"releases", s.trust.releases},
              {"revocations", s.trust.revocations}}},
            {"issued", s.trust.issued_s},
            {"grant", s.grant},
            {"grant_serial", s.grant_serial},
            {"in_force", to_json(s.in_force)},
            {"previous", to_json(s.previous)},
            {"suspensions", suspensions},
            {"lifted", lifted},
            {"accepted", accepted},
            {"history", history},
            {"hold",
             {{"until", s.hold.until_s},
              {"pinned", s.hold.pinned},
              {"reason", s.hold.reason},
              {"uid", s.hold.uid}}},
            {"own_suspensions", to_json(s.own_suspensions)},
            {"newcomers", newcomers_json(s)},
            {"begun", s.begun_sha256},
            {"consent", s.consent ? to_json(*s.consent) : json(nullptr)},
            {"imported", s.imported}};
}

Generation generation_of(const json& j) {
    return {j.at("number"),
            j.at("epoch"),
            j.at("accepted"),
            j.at("count"),
            j.value("patterns", std::uint64_t{0}),  // younger than the rest
            j.value("perceptual", std::uint64_t{0})};
}

feed::SuspensionOf kind_of(int what) {
    return static_cast<feed::SuspensionOf>(std::clamp(what, 0, 2));
}

feed::Suspension suspension_of(const json& j) {
    return {kind_of(j.at("what")), j.at("value"), j.at("since"), j.at("until"), j.at("reason")};
}

void read_newcomers(const json& j, FeedState* s) {
    for (const json& one : j.at("doubted"))
        s->doubted.push_back(suspension_of(one));
    for (const json& one : j.at("confirmed"))
        s->confirmed.push_back({kind_of(one.at(0)), one.at(1), one.at(2)});
    for (const json& one : j.value("hours", json::array()))  // before newcomers.json had them
        s->hours.push_back({one.at(0), one.at(1)});
}

// Throws what the JSON library throws. False: nobody wrote this.
bool read_kept(const json& j, FeedFolder::KeptNewcomers* kept) {
    HitWindow& window = kept->window;
    const json &keys = j.at("keys"), &recent = j.at("recent"), &hours = j.at("hours");
    if (keys.size() > HitWindow::marking_keys_max || recent.size() > HitWindow::recent_max ||
        hours.size() > hours_max)
        return false;
    for (const json& one : keys) {
        HitWindow::Key& key = window.keys.emplace_back();
        key.hour = one.at(0);
        if (!feed::from_hex(one.at(1).get<std::string>(), key.key.bytes)) return false;
    }
    for (const json& one : recent) {
        HitWindow::Recent& hit = window.recent.emplace_back();
        hit.reference = one.at(0);
        hit.key_hour = one.at(2);
        hit.time_s = one.at(3);
        const bool has_key =
            std::any_of(window.keys.begin(), window.keys.end(),
                        [&hit](const HitWindow::Key& key) { return key.hour == hit.key_hour; });
        if (!has_key || !feed::from_hex(one.at(1).get<std::string>(), hit.mark)) return false;
    }
    for (const json& one : hours)
        kept->hours.push_back({one.at(0), one.at(1)});
    const auto by_hour = [](const auto& a, const auto& b) { return a.hour >= b.hour; };
    // Each later than the one before it.
    return std::adjacent_find(window.keys.begin(), window.keys.end(), by_hour) ==
               window.keys.end() &&
           std::adjacent_find(kept->hours.begin(), kept->hours.end(), by_hour) == kept->hours.end();
}

// Throws what the JSON library throws.
FeedState state_of(const json& j) {
    FeedState s;
    const json& documents = j.at("documents");
    s.trust.root = documents.at("root");
    s.trust.timestamp = documents.at("timestamp");
    s.trust.snapshot = documents.at("snapshot");
    s.trust.targets = documents.at("targets");
    s.trust.releases = documents.at("releases");
    s.trust.revocations = documents.at("revocations");
    s.trust.issued_s = j.at("issued");
    s.grant = j.at("grant");
    s.grant_serial = j.at("grant_serial");
    s.in_force = generation_of(j.at("in_force"));
    s.previous = generation_of(j.at("previous"));
    for (const json& one : j.at("suspensions"))
        s.suspensions.push_back({suspension_of(one), one.at("lapsed_at")});
    for (const json& one : j.value("lifted", json::array()))  // younger than the rest
        s.lifted.push_back({suspension_of(one), one.at("lapsed_at")});
    for (const json& one : j.at("accepted"))
        s.accepted.push_back({one.at("time"), one.at("base"), one.at("generation"), one.at("added"),
                              one.at("removed"), one.value("new_epoch", false)});
    for (const json& one : j.at("history"))
        s.history.push_back({one.at("time"), one.at("text")});
    const json& hold = j.at("hold");
    s.hold = {hold.at("until"), hold.at("pinned"), hold.at("reason"), hold.at("uid")};
    for (const json& one : j.value("own_suspensions", json::array()))  // as well
        s.own_suspensions.push_back(suspension_of(one));
    if (j.contains("newcomers")) read_newcomers(j.at("newcomers"), &s);  // younger than the rest
    s.begun_sha256 = j.value("begun", std::string());
    if (const json consent = j.value("consent", json(nullptr)); consent.is_object())
        s.consent = {consent.at("root"),      consent.at("curator"),  consent.at("legal_basis"),
                     consent.at("requester"), consent.at("approver"), consent.at("time")};
    s.imported = j.at("imported");
    return s;
}

Result<std::optional<std::string>> read(const std::string& directory, const std::string& name,
                                        std::uint64_t bytes_max) {
    return feed::FolderFetch(directory).get(name, bytes_max);
}

}  // namespace

void FeedState::note(std::uint64_t now_s, std::string text) {
    if (history.size() >= history_max) history.erase(history.begin());
    history.push_back({now_s, std::move(text)});
}

FeedSet FeedSet::follow(feed::RecordSet next, std::uint64_t generation) const {
    FeedSet out;
    out.came_in.reserve(next.records().size());
    const std::vector<feed::FeedRecord>& own = records.records();
    std::size_t at = 0;
    for (const feed::FeedRecord& record : next.records()) {
        while (at < own.size() && own[at].tag < record.tag)
            ++at;
        const bool stays = at < own.size() && own[at] == record;
        out.came_in.push_back(stays ? came_in[at] : generation);
    }
    out.records = std::move(next);
    return out;
}

std::string FeedFolder::set_path(const Generation& generation) const {
    return directory_ + "/set-" + std::to_string(generation.number);
}

Result<void> FeedFolder::make() const {
    std::error_code error;
    fs::create_directories(partial_dir(), error);
    if (!error) return {};
    return failure(ErrorCode::io, "cannot make the folder " + partial_dir(), error.value());
}

Result<std::optional<FeedState>> FeedFolder::load() const {
    const auto text = read(directory_, "state.json", state_bytes_max);
    if (!text) return Failure(text.error());
    if (!*text) return std::nullopt;
    // The edge of the JSON library: what has another shape throws there.
    try {
        const json parsed = json::parse(**text);
        if (parsed.at("version") == state_version) return state_of(parsed);
    } catch (const json::exception&) {}
    return failure(ErrorCode::integrity,
                   directory_ +
                       "/state.json is damaged. What is in force stays; to follow this feed again, "
                       "remove the folder and enrol with its root");
}

Result<void> FeedFolder::save(const FeedState& state) const {
    const std::string text =
        to_json(state).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    return write_file_atomically(directory_ + "/state.json", as_bytes(text));
}

Result<std::optional<FeedFolder::KeptNewcomers>> FeedFolder::load_newcomers() const {
    const auto text = read(directory_, newcomers_name, newcomers_bytes_max);
    if (!text) return Failure(text.error());
    if (!*text) return std::nullopt;
    // The edge of the JSON library, as above.
    try {
        const json parsed = json::parse(**text);
        KeptNewcomers kept;
        if (parsed.at("version") == newcomers_version && read_kept(parsed, &kept)) return kept;
    } catch (const json::exception&) {}
    return failure(ErrorCode::integrity, directory_ + "/" + newcomers_name + " is damaged");
}

Result<void> FeedFolder::save_newcomers(const HitWindow& window,
                                        const std::vector<HitsOfHour>& hours) const {
    json keys = json::array(), recent = json::array(), usual = json::array();
    for (const HitWindow::Key& one : window.keys)
        keys.push_back({one.hour, feed::to_hex(one.key.bytes)});
    for (const HitWindow::Recent& one : window.recent)
        recent.push_back({one.reference, feed::to_hex(one.mark), one.key_hour, one.time_s});
    for (const HitsOfHour& one : hours)
        usual.push_back({one.hour, one.hits});
    const json whole = {
        {"version", newcomers_version}, {"keys", keys}, {"recent", recent}, {"hours", usual}};
    return write_file_atomically(directory_ + "/" + newcomers_name, as_bytes(whole.dump() + "\n"));
}

Result<FeedSet> FeedFolder::load_set(const Generation& generation) const {
    const std::string name = "set-" + std::to_string(generation.number);
    const auto bytes = read(directory_, name + ".rec", feed::record_file_bytes_max);
    const auto marks = read(directory_, name + ".in", feed::records_max * sizeof(std::uint64_t));
    if (!bytes || !marks) return Failure((!bytes ? bytes.error() : marks.error()));
    const Failure damaged =
        failure(ErrorCode::integrity, set_path(generation) + ".rec is damaged or gone");
    if (!*bytes || !*marks) return damaged;
    auto file = feed::decode_records(as_bytes(**bytes));
    if (!file || file->generation != generation.number) return damaged;
    auto records = feed::RecordSet::of(std::move(file->added));
    if (!records || records->state().bytes() != file->state) return damaged;
    FeedSet set;
    set.came_in.resize(records->records().size());
    if ((*marks)->size() != set.came_in.size() * sizeof(std::uint64_t)) return damaged;
    if (!(*marks)->empty()) std::memcpy(set.came_in.data(), (*marks)->data(), (*marks)->size());
    set.records = std::move(*records);
    return set;
}

Result<void> FeedFolder::save_set(const FeedSet& set, const Generation& generation) const {
    const Bytes marks(reinterpret_cast<const std::uint8_t*>(set.came_in.data()),
                      set.came_in.size() * sizeof(std::uint64_t));
    const Result<void> wrote = write_file_atomically(set_path(generation) + ".in", marks);
    if (!wrote) return wrote;
    return write_file_atomically(
        set_path(generation) + ".rec",
        as_bytes(feed::encode_set(set.records, generation.number, generation.epoch)));
}

void FeedFolder::sweep(const FeedState& state) const {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory_, error)) {
        const std::string name = entry.path().filename();
        bool needed = !name.starts_with("set-") && !name.starts_with("state.json.") &&
                      !name.starts_with(newcomers_name + std::string("."));
        for (const Generation* kept : {&state.in_force, &state.previous})
            needed |=
                entry.path() == set_path(*kept) + ".rec" || entry.path() == set_path(*kept) + ".in";
        if (!needed) ::unlink(entry.path().c_str());
    }
    for (const auto& entry : fs::directory_iterator(partial_dir(), error))
        ::unlink(entry.path().c_str());
}

namespace {

// Nothing: there is none.
Result<std::optional<feed::SecretKey>> find_node_key(const std::string& path) {
    const auto slash = path.rfind('/');
    const auto text = read(path.substr(0, slash), path.substr(slash + 1), 65);
    if (!text) return Failure(text.error());
    if (!*text) return std::nullopt;
    feed::SecretKey key;
    const bool right = (*text)->size() == 65 && (*text)->back() == '\n' &&
                       feed::from_hex(std::string_view(**text).substr(0, 64), key.bytes);
    if (right) return key;
    return failure(ErrorCode::integrity, path + " holds no key of 64 hex digits");
}

}  // namespace

std::string node_key_path(const std::string& state_dir) {
    if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) {
        const std::string path = std::string(credentials) + "/" + node_key_name;
        if (fs::exists(path)) return path;
    }
    return state_dir + "/" + node_key_name;
}

Result<feed::SecretKey> read_node_key(const std::string& path) {
    const auto found = find_node_key(path);
    if (!found) return Failure(found.error());
    if (*found) return **found;
    return failure(ErrorCode::io, "the appliance's own key, " + path + ", is not there");
}

Result<feed::SecretKey> node_key(const std::string& path) {
    const auto found = find_node_key(path);
    if (!found) return Failure(found.error());
    if (*found) return **found;
    const feed::SecretKey key = feed::SecretKey::random();
    const Result<void> wrote =
        write_file_atomically(path, as_bytes(feed::to_hex(key.bytes) + "\n"));
    if (!wrote) return Failure(wrote.error());
    return key;
}

}  // namespace cordon::sync
