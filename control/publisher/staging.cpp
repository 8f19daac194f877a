#include "control/publisher/staging.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <tuple>

#include "control/feed/canonical_json.h"
#include "control/feed/client.h"
#include "control/feed/folder_fetch.h"
#include "control/feed/sealed_file.h"
#include "control/feed/sealed_part.h"
#include "control/index/atomic_file.h"
#include "control/publisher/deltas.h"
#include "dataplane/base/invariant.h"
#include "dataplane/contract/keyed_tag.h"
#include "dataplane/contract/pattern_database.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

constexpr std::uint64_t set_bytes_max = record_file_bytes_max;

std::string set_path(FeedStore& store, std::uint64_t generation) {
    return store.path("sets/" + std::to_string(generation) + ".rec");
}

// What several sources say of one digest becomes one record: of the source with the least number,
// with the restraints of all. It is a test only if nobody says otherwise.
void merge(const FeedRecord& other, FeedRecord* record) {
    const bool tests = (record->flags & other.flags & record_flag::test) != 0;
    record->flags |= other.flags;
    record->distance = std::min(record->distance, other.distance);
    if (!tests) record->flags = static_cast<std::uint8_t>(record->flags & ~record_flag::test);
}

FeedRecord record_of(const Statement& row, const TagKey& key, const PartSealer& sealer) {
    FeedRecord record;
    record.kind = static_cast<IndicatorKind>(row.integer(0));
    if (exact_kinds.has(record.kind)) {
        const Tag tag = keyed_tag(key, record.kind, row.blob(1));
        std::memcpy(record.tag.data(), &tag.high, 8);
        std::memcpy(record.tag.data() + 8, &tag.low, 8);
    } else {
        sealer.seal(record.kind, row.blob(1), &record);
    }
    if (record.kind == IndicatorKind::pdq)
        record.distance = static_cast<std::uint8_t>(row.integer(8));
    record.reference = row.number(2);
    record.source = static_cast<std::uint16_t>(row.integer(5));
    record.category = static_cast<std::uint8_t>(row.integer(6));
    record.flags = static_cast<std::uint8_t>(row.integer(7));
    if (!exact_kinds.has(record.kind)) return record;  // what is like it has any size
    if (!row.is_null(3)) {
        record.size = row.number(3);
        record.flags |= record_flag::has_size;
    }
    if (!row.is_null(3) && row.blob(4).size() == head_digest_bytes) {
        record.head = keyed_head(key, row.blob(4).first<head_digest_bytes>());
        record.flags |= record_flag::has_head;
    }
    return record;
}

struct Base {
    std::uint64_t generation = 0;
    std::uint32_t epoch = 0;
    std::uint64_t published_s = 0;
};

// Records of two epochs have no tag in common: what no key hides is compared then.
RecordFile change_between(const RecordSet& from, const RecordSet& to, bool same_epoch) {
    RecordFile change;
    if (same_epoch) {
        from.changes_to(to, &change);
        return change;
    }
    const auto order = [](const FeedRecord& a, const FeedRecord& b) {
        return std::tie(a.reference, a.kind, a.size, a.source, a.category, a.flags, a.distance) <
               std::tie(b.reference, b.kind, b.size, b.source, b.category, b.flags, b.distance);
    };
    std::vector<FeedRecord> before = from.records();
    std::vector<FeedRecord> after = to.records();
    std::sort(before.begin(), before.end(), order);
    std::sort(after.begin(), after.end(), order);
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                        std::back_inserter(change.removed), order);
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                        std::back_inserter(change.added), order);
    return change;
}

Difference difference_of(FeedStore& store, const RecordFile& change, std::size_t count) {
    std::map<std::tuple<std::uint16_t, std::uint8_t, std::string>, DifferenceLine> lines;
    const auto line_of = [&](const FeedRecord& record) -> DifferenceLine& {
        const std::string what =
            exact_kinds.has(record.kind) ? "digest" : indicator_kind_name(record.kind);
        DifferenceLine& line = lines[{record.source, record.category, what}];
        line.what = what;
        line.source = record.source;
        line.category = record.category;
        return line;
    };
    for (const FeedRecord& record : change.added)
        ++line_of(record).added;
    for (const FeedRecord& record : change.removed)
        ++line_of(record).removed;
    Difference difference;
    difference.count = count;
    difference.added = change.added.size();
    difference.removed = change.removed.size();
    Statement name(store.db(), "SELECT name FROM source WHERE number = ?");
    for (auto& [key, line] : lines) {
        name.bind_unsigned(line.source);
        if (name.row()) line.source_name = name.text(0);
        name.reset();
        difference.lines.push_back(line);
    }
    return difference;
}

Base published_base(FeedStore& store) {
    Statement query(store.db(),
                    "SELECT number, epoch, published FROM generation "
                    "WHERE published IS NOT NULL ORDER BY number DESC LIMIT 1");
    if (!query.row()) return {};
    return {query.number(0), static_cast<std::uint32_t>(query.integer(1)), query.number(2)};
}

// Published changes of the last day and these.
Result<void> check_caps(FeedStore& store, const Caps& caps, const RecordSet& next,
                        const RecordFile& change, std::uint64_t now_s) {
    Statement day(store.db(),
                  "SELECT coalesce(sum(added), 0), coalesce(sum(removed), 0) "
                  "FROM generation WHERE published > ? AND number > 1");
    day.bind_integer(static_cast<std::int64_t>(now_s) - static_cast<std::int64_t>(day_s));
    day.row();
    const std::uint64_t added = day.number(0) + change.added.size();
    const std::uint64_t removed = day.number(1) + change.removed.size();
    const auto refuse_over = [](const char* what, std::uint64_t is, std::uint64_t most) {
        return failure(ErrorCode::refused, std::string("targets allows ") + std::to_string(most) +
                                               " " + what + "; this would be " +
                                               std::to_string(is));
    };
    if (next.records().size() > caps.total)
        return refuse_over("records", next.records().size(), caps.total);
    // The first generation is no change.
    if (change.base != 0 && added > caps.additions_day)
        return refuse_over("additions a day", added, caps.additions_day);
    if (removed > caps.removals_day)
        return refuse_over("removals a day", removed, caps.removals_day);
    for (const FeedRecord& record : change.added) {
        if (!caps.sources.contains(record.source))
            return failure(ErrorCode::refused, "targets names no source " +
                                                   std::to_string(record.source) +
                                                   "; `cordon-feed caps` stages one that does");
        if (!caps.kinds.contains(indicator_kind_name(record.kind)))
            return failure(ErrorCode::refused, std::string("targets does not allow ") +
                                                   indicator_kind_name(record.kind) +
                                                   "; `cordon-feed caps --allow` stages one that "
                                                   "does");
    }
    return {};
}

// Each by itself was compiled when it was imported. An appliance compiles all of a list at once,
// and refuses the generation when that cannot be.
Result<void> check_patterns(const RecordSet& next, const SecretKey& key) {
    if (next.count(IndicatorKind::pattern) > limits::patterns_max)
        return failure(ErrorCode::refused,
                       "a feed has at most " + std::to_string(limits::patterns_max) + " patterns");
    const PartSealer sealer(key);
    std::vector<std::string> parts;
    for (const FeedRecord& record : next.records()) {
        if (record.kind != IndicatorKind::pattern) continue;
        Result<std::string> part = sealer.open(record);
        if (!part) return Failure(part.error());
        parts.push_back(std::move(*part));
    }
    if (parts.empty()) return {};
    std::vector<PatternText> texts(parts.size());
    for (std::size_t i = 0; i < parts.size(); ++i)
        INVARIANT(read_pattern_part(parts[i], &texts[i].syntax, &texts[i].text));
    const Result<PatternDatabase> compiled = compile_patterns(texts);
    return compiled ? Result<void>() : Failure(compiled.error());
}

void put_generation(FeedStore& store, const RecordFile& change, std::size_t count,
                    std::uint64_t now_s) {
    Statement put(store.db(), "INSERT INTO generation VALUES (?, ?, ?, ?, ?, ?, NULL)");
    put.bind_unsigned(change.generation).bind_unsigned(change.epoch).bind_unsigned(count);
    put.bind_unsigned(change.added.size()).bind_unsigned(change.removed.size());
    put.bind_unsigned(now_s).run();
}

// Staged before and never published: gone, with its targets. Its files are removed by publish.
void forget_staged(FeedStore& store) {
    store.db().run(
        "DELETE FROM target WHERE generation IN "
        "(SELECT number FROM generation WHERE published IS NULL);"
        "DELETE FROM change WHERE generation IN "
        "(SELECT number FROM generation WHERE published IS NULL);"
        "DELETE FROM generation WHERE published IS NULL;");
}

class Stage {
  public:
    Stage(FeedStore& store, const StageOptions& options) : store_(store), options_(options) {}
    Staged out;

    Result<void> run() {
        forget_staged(store_);
        base_ = published_base(store_);
        if (options_.next_epoch) {
            if (const auto taken = take_next_epoch(); !taken) return taken;
        }
        const Result<RecordSet> next = asserted_set(store_);
        if (!next) return Failure(next.error());
        const Result<RecordSet> now = set_of(store_, base_.generation);
        if (!now) return Failure(now.error());
        const std::uint32_t epoch = epoch_in_force(store_);
        change_ = change_between(*now, *next, base_.generation == 0 || epoch == base_.epoch);
        change_.base = base_.generation;
        change_.generation = base_.generation + 1;
        change_.epoch = epoch;
        out.difference = difference_of(store_, change_, next->records().size());
        out.difference.from = base_.generation;
        out.difference.to = base_.generation;
        const bool same = change_.added.empty() && change_.removed.empty();
        if (base_.generation == 0 || !same || change_.epoch != base_.epoch || options_.full) {
            if (const auto made = new_generation(*next); !made) return made;
        }
        return stage_document();
    }

  private:
    Result<void> new_generation(const RecordSet& next) {
        const Result<TargetsMetadata> targets = Documents(store_).targets();
        if (!targets) return Failure(targets.error());
        if (const auto fits = check_caps(store_, targets->caps, next, change_, options_.now_s);
            !fits)
            return fits;
        if (const auto due = check_hour(); !due) return due;
        const Result<SecretKey> key = epoch_key(store_, change_.epoch);
        if (!key) return Failure(key.error());
        if (const auto fit = check_patterns(next, *key); !fit) return fit;
        if (const auto kept = write_set(store_, next, change_.generation, change_.epoch); !kept)
            return kept;
        put_generation(store_, change_, next.records().size(), options_.now_s);
        TargetWriter writer(store_, *key, change_, next, options_.now_s);
        const Result<std::vector<std::string>> made =
            writer.write_targets(base_.epoch == change_.epoch, options_.full);
        if (!made) return Failure(made.error());
        out.targets = *made;
        out.full = std::any_of(made->begin(), made->end(),
                               [](const std::string& name) { return name.starts_with("full/"); });
        out.new_generation = true;
        out.difference.to = change_.generation;
        return {};
    }

    // Who lacks the key cannot open a release of its epoch, and keeps the last one until he has it.
    Result<void> take_next_epoch() {
        const std::uint32_t next = epoch_in_force(store_) + 1;
        if (newest_epoch(store_) < next)
            return failure(ErrorCode::refused,
                           "no next epoch has a key; `cordon-feed rotate-key DIR epoch` makes one");
        Statement late(store_.db(),
                       "SELECT count(*), min(name) FROM node WHERE granted < "
                       "(SELECT at FROM epoch WHERE number = ?)");
        late.bind_unsigned(next);
        late.row();
        if (late.integer(0) != 0 && !options_.urgent)
            return failure(ErrorCode::refused,
                           late.text(1) + " and " + std::to_string(late.integer(0) - 1) +
                               " more have no grant with the next key; `cordon-feed grant "
                               "--renew-all`, or --urgent leaves them behind");
        store_.set_fact("epoch", std::to_string(next));
        store_.note(options_.now_s, "epoch " + std::to_string(next) + " taken");
        return {};
    }

    // Thousands of clients fetch what is published: at most hourly, but for laboratories.
    Result<void> check_hour() {
        const Result<RootMetadata> root = Documents(store_).root();
        if (!root) return Failure(root.error());
        const bool due = base_.generation == 0 || options_.now_s >= base_.published_s + hour_s;
        if (due || root->lab || options_.urgent) return {};
        return failure(ErrorCode::refused, "generation " + std::to_string(base_.generation) +
                                               " was published less than an hour ago; --urgent "
                                               "if this one cannot wait");
    }

    Result<void> stage_document() {
        ReleasesMetadata releases;
        releases.expires_s = options_.now_s + releases_life_s;
        const Result<std::map<std::string, TargetFile>> listed = listed_targets(store_);
        if (!listed) return Failure(listed.error());
        releases.targets = *listed;
        Documents(store_).stage("releases", to_json(releases));
        return {};
    }

    FeedStore& store_;
    const StageOptions& options_;
    Base base_;
    RecordFile change_;
};

}  // namespace

Result<void> write_set(FeedStore& store, const RecordSet& set, std::uint64_t generation,
                       std::uint32_t epoch) {
    return write_file_atomically(set_path(store, generation),
                                 as_bytes(encode_set(set, generation, epoch)), 0600);
}

std::uint64_t published_generation(FeedStore& store) {
    return published_base(store).generation;
}

std::uint32_t published_epoch(FeedStore& store) {
    return published_base(store).epoch;
}

std::uint32_t newest_epoch(FeedStore& store) {
    return static_cast<std::uint32_t>(
        store.db().integer("SELECT coalesce(max(number), 0) FROM epoch"));
}

std::uint32_t epoch_in_force(FeedStore& store) {
    const std::string number = store.fact("epoch");
    return number.empty() ? 1 : static_cast<std::uint32_t>(std::stoul(number));
}

Result<std::uint32_t> make_next_epoch(FeedStore& store, std::uint64_t now_s) {
    const std::uint32_t next = epoch_in_force(store) + 1;
    if (newest_epoch(store) >= next)
        return failure(ErrorCode::refused, "epoch " + std::to_string(next) +
                                               " has its key already; `cordon-feed stage "
                                               "--next-epoch` takes it");
    const SecretKey key = SecretKey::random();
    const Result<void> done = store.transaction([&]() -> Result<void> {
        Statement put(store.db(), "INSERT INTO epoch VALUES (?, ?, ?)");
        put.bind_unsigned(next).bind(Bytes(key.bytes)).bind_unsigned(now_s).run();
        store.note(now_s, "key of epoch " + std::to_string(next) + " made");
        return {};
    });
    if (!done) return Failure(done.error());
    return next;
}

Result<SecretKey> epoch_key(FeedStore& store, std::uint32_t epoch) {
    Statement query(store.db(), "SELECT key FROM epoch WHERE number = ?");
    query.bind_unsigned(epoch);
    SecretKey key;
    if (!query.row() || query.blob(0).size() != key.bytes.size())
        return failure(ErrorCode::integrity, "no key of epoch " + std::to_string(epoch));
    std::copy_n(query.blob(0).begin(), key.bytes.size(), key.bytes.begin());
    return key;
}

Result<RecordSet> asserted_set(FeedStore& store) {
    const Result<SecretKey> secret = epoch_key(store, epoch_in_force(store));
    if (!secret) return Failure(secret.error());
    const TagKey key(secret->bytes);
    const PartSealer sealer(*secret);
    Statement query(store.db(),
                    "SELECT d.kind, d.digest, d.reference, d.size, d.head, a.source, a.category, "
                    "a.flags, a.distance FROM assertion a JOIN digest d USING (kind, digest) "
                    "LEFT JOIN withdrawal w ON w.reference = d.reference "
                    "WHERE w.reference IS NULL ORDER BY a.kind, a.digest, a.source");
    std::vector<FeedRecord> records;
    while (query.row()) {
        FeedRecord record = record_of(query, key, sealer);
        if (!records.empty() && records.back().tag == record.tag) {
            merge(record, &records.back());
        } else {
            records.push_back(std::move(record));
        }
    }
    if (store.db().failed()) return Failure(store.db().take_error());
    return RecordSet::of(std::move(records));
}

Result<RecordSet> set_of(FeedStore& store, std::uint64_t generation) {
    if (generation == 0) return RecordSet();
    const Result<std::string> bytes = read_whole_file(set_path(store, generation), set_bytes_max);
    if (!bytes) return Failure(bytes.error());
    Result<RecordFile> file = decode_records(as_bytes(*bytes));
    if (!file) return Failure(file.error());
    const Hash state = file->state;
    Result<RecordSet> set = RecordSet::of(std::move(file->added));
    if (set && set->state().bytes() != state)
        return failure(ErrorCode::integrity, set_path(store, generation) + " is damaged");
    return set;
}

Result<Difference> asserted_difference(FeedStore& store) {
    const Base base = published_base(store);
    const Result<RecordSet> now = set_of(store, base.generation);
    if (!now) return Failure(now.error());
    const Result<RecordSet> next = asserted_set(store);
    if (!next) return Failure(next.error());
    const bool same_epoch = base.generation == 0 || epoch_in_force(store) == base.epoch;
    const RecordFile change = change_between(*now, *next, same_epoch);
    Difference difference = difference_of(store, change, next->records().size());
    difference.from = base.generation;
    difference.to = base.generation + (difference.added + difference.removed == 0 ? 0 : 1);
    return difference;
}

Result<Staged> stage_release(FeedStore& store, const StageOptions& options) {
    Stage stage(store, options);
    const Result<void> done = store.transaction([&] { return stage.run(); });
    if (!done) return Failure(done.error());
    return std::move(stage.out);
}

Result<Difference> staged_difference(FeedStore& store) {
    const std::optional<Document> document = Documents(store).staged("releases");
    const std::uint64_t base = published_generation(store);
    if (!document) return Difference{base, base, 0, 0, 0, {}};
    const Result<ReleasesMetadata> releases = read_releases(document->envelope());
    if (!releases) return Failure(releases.error());
    const Result<TargetsMetadata> targets = Documents(store).targets();
    if (!targets) return Failure(targets.error());
    const Result<RecordSet> now = set_of(store, base);
    if (!now) return Failure(now.error());
    const std::uint32_t base_epoch = published_base(store).epoch;
    std::uint32_t epoch = base_epoch;
    RecordSet next = *now;
    FolderFetch folder(store.path("public"));
    for (const std::string& name : cheapest_path(*releases, base, base_epoch)) {
        const TargetFile& file = releases->targets.at(name);
        const Result<SecretKey> key = epoch_key(store, file.epoch);
        if (!key) return Failure(key.error());
        auto applied = fetch_and_apply(name, file, targets->caps, *key, next, folder, nullptr);
        if (!applied) return Failure(applied.error());
        next = std::move(*applied);
        epoch = file.epoch;
    }
    const RecordFile change = change_between(*now, next, base == 0 || epoch == base_epoch);
    Difference difference = difference_of(store, change, next.records().size());
    difference.from = base;
    difference.to = releases->newest();
    return difference;
}

}  // namespace cordon::feed
