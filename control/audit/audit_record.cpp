#include "control/audit/audit_record.h"

#include <nlohmann/json.hpp>

#include "control/feed/crypto.h"

namespace cordon {

namespace {

using nlohmann::ordered_json;

constexpr std::string_view torn_action = "audit.torn";
constexpr std::string_view torn_key = "torn=";
constexpr std::string_view hash_label = ",\"hash\":\"";
constexpr std::size_t tail_bytes = hash_label.size() + audit_hash_digits + 2;
constexpr std::size_t name_bytes_max = 128;
constexpr std::size_t what_bytes_max = 8 * 1024;
constexpr std::size_t reason_bytes_max = 1024;

std::string sha256_of(std::string_view text) {
    return feed::to_hex(feed::sha256(as_bytes(text)));
}

// JSON doubles some bytes and writes others as six: what is cut is measured as it is written.
std::string cut(const std::string& text, std::size_t most) {
    const auto dump = [](const std::string& part) {
        return ordered_json(part).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    };
    if (dump(text).size() <= most) return text;
    std::string shorter = text.substr(0, most);
    while (dump(shorter + "…").size() > most)
        shorter.resize(shorter.size() * 3 / 4);
    // Not in the middle of a character.
    while (!shorter.empty() && (static_cast<unsigned char>(shorter.back()) & 0xc0) == 0x80)
        shorter.pop_back();
    if (!shorter.empty() && static_cast<unsigned char>(shorter.back()) >= 0xc0) shorter.pop_back();
    return shorter + "…";
}

bool is_hash(std::string_view text) {
    return text.size() == audit_hash_digits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The edge of the JSON library: what has another type than it should throws there.
bool parse_record(std::string_view line, AuditRecord* record) {
    try {
        const ordered_json read = ordered_json::parse(line);
        record->sequence = read.at("seq").get<std::uint64_t>();
        record->time = read.at("time").get<std::string>();
        AuditEntry& entry = record->entry;
        entry.actor = {read.at("uid").get<std::uint32_t>(), read.at("name").get<std::string>(),
                       read.at("role").get<std::string>()};
        entry.action = read.at("action").get<std::string>();
        entry.what = read.at("what").get<std::string>();
        entry.reason = read.at("reason").get<std::string>();
        entry.ref = read.at("ref").get<std::string>();
        record->previous = read.at("prev").get<std::string>();
        record->hash = read.at("hash").get<std::string>();
    } catch (const ordered_json::exception&) {
        return false;
    }
    return is_hash(record->previous) && is_hash(record->hash);
}

}  // namespace

bool read_audit_record(std::string_view line, AuditRecord* record) {
    if (line.size() > audit_record_bytes_max || line.size() < tail_bytes) return false;
    const std::string_view tail = line.substr(line.size() - tail_bytes);
    if (!tail.starts_with(hash_label) || !tail.ends_with("\"}")) return false;
    // Cheap and exact: what a crash or a disk garbled ends here, before anything is parsed.
    const std::string_view hash = tail.substr(hash_label.size(), audit_hash_digits);
    if (sha256_of(line.substr(0, line.size() - tail_bytes)) != hash) return false;
    std::string again;
    return parse_record(line, record) && render(*record, &again) == line;
}

std::string render(const AuditRecord& r, std::string* hash) {
    const ordered_json body = {{"seq", r.sequence},
                               {"time", r.time},
                               {"uid", r.entry.actor.uid},
                               {"name", cut(r.entry.actor.name, name_bytes_max)},
                               {"role", cut(r.entry.actor.role, name_bytes_max)},
                               {"action", cut(r.entry.action, name_bytes_max)},
                               {"what", cut(r.entry.what, what_bytes_max)},
                               {"reason", cut(r.entry.reason, reason_bytes_max)},
                               {"ref", cut(r.entry.ref, reason_bytes_max)},
                               {"prev", r.previous}};
    std::string line = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    line.pop_back();  // its brace
    *hash = sha256_of(line);
    return line + std::string(hash_label) + *hash + "\"}";
}

AuditEntry torn_entry(std::string_view bytes) {
    return {cordond_itself(), std::string(torn_action),
            "a crash left " + std::to_string(bytes.size()) +
                " bytes of a record that was not finished; what it was about did not happen",
            "", std::string(torn_key) + std::to_string(bytes.size()) + "/" + sha256_of(bytes)};
}

bool AuditReader::next(AuditRecord* record) {
    if (broken()) return false;
    std::size_t from = at_;
    std::uint64_t unread = 0;  // lines since the last record that are none
    for (;;) {
        const std::size_t end = file_.find('\n', from);
        if (end == std::string_view::npos) return false;  // the rest is the open end
        AuditRecord read;
        if (!read_audit_record(file_.substr(from, end - from), &read)) {
            ++unread;
            from = end + 1;
            continue;
        }
        if (unread != 0 && !take_torn(read, at_, from)) return fail("is no record");
        if (read.previous != head_.hash || read.sequence != head_.sequence + 1) {
            line_ += unread;
            return fail("record " + std::to_string(read.sequence) + " does not follow record " +
                        std::to_string(head_.sequence));
        }
        line_ += unread + 1;
        at_ = end + 1;
        head_ = {read.sequence, read.hash};
        *record = std::move(read);
        return true;
    }
}

bool AuditReader::take_torn(const AuditRecord& record, std::size_t from, std::size_t to) {
    const AuditEntry told = torn_entry(file_.substr(from, to - from));
    if (record.entry.action != told.action || record.entry.ref != told.ref) return false;
    ++torn_;
    return true;
}

bool AuditReader::fail(const std::string& why) {
    why_ = "line " + std::to_string(line_ + 1) + " " + why;
    return false;
}

}  // namespace cordon
