#include "control/publisher/deltas.h"

#include <algorithm>

#include "control/feed/canonical_json.h"
#include "control/feed/client.h"
#include "control/feed/sealed_file.h"
#include "control/index/atomic_file.h"
#include "control/publisher/staging.h"
#include "dataplane/contract/keyed_tag.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

// A record with its section in front, as `change` keeps it: a file of one record.
std::string packed(const FeedRecord& record) {
    RecordFile file;
    file.generation = 1;
    file.added = {record};
    return encode_records(file);
}

bool unpacked(Bytes bytes, FeedRecord* record) {
    const Result<RecordFile> file = decode_records(bytes);
    if (!file || file->added.size() != 1) return false;
    *record = file->added[0];
    return true;
}

json describe(const TargetFile& file) {
    return {
        {"length", file.length}, {"sha256", to_hex(file.sha256)}, {"generation", file.generation},
        {"base", file.base},     {"count", file.count},           {"bytes", file.bytes},
        {"epoch", file.epoch},   {"check", file.check},           {"state", to_hex(file.state)}};
}

Result<TargetFile> described(const std::string& text) {
    const Result<json> about = parse_json(as_bytes(text));
    if (!about) return Failure(about.error());
    TargetFile file;
    file.length = about->at("length");
    file.generation = about->at("generation");
    file.base = about->at("base");
    file.count = about->at("count");
    file.bytes = about->at("bytes");
    file.epoch = about->at("epoch");
    file.check = about->at("check");
    file.purpose = purpose_known_csam;
    if (!from_hex(about->at("sha256").get<std::string>(), file.sha256) ||
        !from_hex(about->at("state").get<std::string>(), file.state))
        return failure(ErrorCode::integrity, "the store describes a target wrongly");
    return file;
}

// Generation of the newest published full set of the epoch that is at least so old; 0: none.
std::uint64_t full_before(FeedStore& store, std::uint32_t epoch, std::uint64_t now_s,
                          std::uint64_t age_s) {
    Statement query(store.db(),
                    "SELECT coalesce(max(t.generation), 0) FROM target t "
                    "JOIN generation g ON g.number = t.generation "
                    "WHERE t.span = 'full' AND g.epoch = ? AND t.at <= ?");
    query.bind_unsigned(epoch);
    query.bind_integer(static_cast<std::int64_t>(now_s) - static_cast<std::int64_t>(age_s));
    return query.row() ? query.number(0) : 0;
}

}  // namespace

TargetWriter::TargetWriter(FeedStore& store, const SecretKey& key, const RecordFile& change,
                           const RecordSet& next, std::uint64_t now_s)
    : store_(store), key_(key), change_(change), next_(next), now_s_(now_s) {}

Result<std::vector<std::string>> TargetWriter::write_targets(bool same_epoch, bool full) {
    const bool with_full = full || !same_epoch || full_is_due();
    const std::uint64_t daily = full_before(store_, change_.epoch, now_s_, 0);
    const std::uint64_t weekly = full_before(store_, change_.epoch, now_s_, 7 * day_s);
    if (change_.base != 0 && same_epoch) {
        remember_change();
        if (auto done = write_delta(change_.base, "hourly"); !done) return Failure(done.error());
        // A box that was off for days takes these instead of many small ones.
        if (with_full && daily != 0 && daily != change_.base) {
            if (auto done = write_delta(daily, "daily"); !done) return Failure(done.error());
        }
        if (with_full && weekly != 0 && weekly != daily && weekly != change_.base) {
            if (auto done = write_delta(weekly, "weekly"); !done) return Failure(done.error());
        }
    }
    if (with_full) {
        if (auto done = write_full(); !done) return Failure(done.error());
    }
    return names_;
}

// Daily, and sooner when the oldest delta that leads on from the newest full set would be listed no
// more with this generation: who comes anew would find no way to it.
bool TargetWriter::full_is_due() {
    Statement query(store_.db(), "SELECT max(at), max(generation) FROM target WHERE span = 'full'");
    if (!query.row() || query.is_null(0) || now_s_ >= query.number(0) + day_s) return true;
    return change_.generation - query.number(1) > hourly_listed;
}

void TargetWriter::remember_change() {
    Statement put(store_.db(), "INSERT INTO change VALUES (?, ?, ?, ?)");
    auto removed = change_.removed.begin();
    auto added = change_.added.begin();
    while (removed != change_.removed.end() || added != change_.added.end()) {
        const bool has_before = added == change_.added.end() ||
                                (removed != change_.removed.end() && removed->tag <= added->tag);
        const bool has_after = removed == change_.removed.end() ||
                               (added != change_.added.end() && added->tag <= removed->tag);
        const FeedRecord& one = has_before ? *removed : *added;
        const std::string before = has_before ? packed(*removed++) : "";
        const std::string after = has_after ? packed(*added++) : "";
        put.bind_unsigned(change_.generation).bind(Bytes(one.tag));
        has_before ? put.bind(as_bytes(before)) : put.bind_null();
        has_after ? put.bind(as_bytes(after)) : put.bind_null();
        put.run();
    }
}

Result<void> TargetWriter::write_full() {
    RecordFile file;
    file.generation = change_.generation;
    file.added = next_.records();
    return write("full/" + std::to_string(file.generation) + ".rec", "full", file);
}

Result<void> TargetWriter::write_delta(std::uint64_t base, const char* span) {
    Result<RecordFile> file = folded(base);
    if (!file) return Failure(file.error());
    file->base = base;
    file->generation = change_.generation;
    const std::string name =
        "delta/" + std::to_string(base) + "-" + std::to_string(file->generation) + ".rec";
    return write(name, span, *file);
}

// The first state of each tag since then, and the last.
Result<RecordFile> TargetWriter::folded(std::uint64_t base) {
    Statement query(store_.db(),
                    "SELECT tag, before, after FROM change WHERE generation > ? "
                    "ORDER BY tag, generation");
    query.bind_unsigned(base);
    struct Ends {
        std::string tag, before, after;
    };
    RecordFile file;
    std::optional<Ends> open;
    bool whole = true;
    const auto close = [&] {
        if (!open || open->before == open->after) return;
        FeedRecord record;
        if (!open->before.empty()) {
            whole &= unpacked(as_bytes(open->before), &record);
            file.removed.push_back(record);
        }
        record = {};
        if (!open->after.empty()) {
            whole &= unpacked(as_bytes(open->after), &record);
            file.added.push_back(record);
        }
    };
    while (query.row()) {
        const std::string tag(as_text(query.blob(0)));
        const std::string after(as_text(query.blob(2)));
        if (!open || open->tag != tag) {
            close();
            open = Ends{tag, std::string(as_text(query.blob(1))), after};
        } else {
            open->after = after;
        }
    }
    close();
    if (!whole) return failure(ErrorCode::integrity, "the store holds a change that is damaged");
    return file;
}

Result<void> TargetWriter::write(const std::string& name, const char* span,
                                 const RecordFile& records) {
    RecordFile whole = records;
    whole.epoch = change_.epoch;
    whole.state = next_.state().bytes();
    const KeyCheck check = key_check(TagKey(key_.bytes));
    whole.check = check;
    const std::string plain = encode_records(whole);
    const Result<std::string> sealed = seal_target(key_, name, as_bytes(plain));
    if (!sealed) return Failure(sealed.error());
    TargetFile file;
    file.length = sealed->size();
    file.sha256 = sha256(as_bytes(*sealed));
    file.generation = whole.generation;
    file.base = whole.base;
    file.count = next_.records().size();
    file.bytes = plain.size();
    file.epoch = whole.epoch;
    file.check = to_hex(check);
    file.state = whole.state;
    const std::string path = store_.path("public/" + target_location(name, file.sha256));
    if (auto written = write_file_atomically(path, as_bytes(*sealed), 0644); !written)
        return written;
    put_target(store_, name, span, file, now_s_);
    names_.push_back(name);
    return {};
}

void put_target(FeedStore& store, const std::string& name, const char* span, const TargetFile& file,
                std::uint64_t at_s) {
    const std::string about = canonical_json(describe(file));
    Statement put(store.db(), "INSERT INTO target VALUES (?, ?, ?, ?, ?)");
    put.bind(name).bind(std::string_view(span)).bind_unsigned(file.generation);
    put.bind_unsigned(at_s).bind(about).run();
}

Result<std::map<std::string, TargetFile>> listed_targets(FeedStore& store) {
    struct Span {
        const char* name;
        std::size_t listed;
    };
    constexpr Span spans[] = {{"full", full_sets_listed},
                              {"hourly", hourly_listed},
                              {"daily", daily_listed},
                              {"weekly", weekly_listed}};
    std::map<std::string, TargetFile> files;
    for (const Span& span : spans) {
        Statement query(store.db(),
                        "SELECT name, description FROM target WHERE span = ? "
                        "ORDER BY generation DESC LIMIT ?");
        query.bind(std::string_view(span.name)).bind_unsigned(span.listed);
        while (query.row()) {
            const Result<TargetFile> file = described(query.text(1));
            if (!file) return Failure(file.error());
            files[query.text(0)] = *file;
        }
    }
    return files;
}

}  // namespace cordon::feed
