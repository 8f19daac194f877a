#include "control/sync/index_of_feeds.h"

#include <unistd.h>

#include <algorithm>

#include "control/feed/folder_fetch.h"
#include "control/feed/key_handover.h"
#include "control/feed/sealed_part.h"
#include "control/index/atomic_file.h"
#include "control/index/feed_index.h"
#include "control/sync/index_trial.h"
#include "dataplane/base/invariant.h"
#include "dataplane/contract/keyed_tag.h"
#include "dataplane/contract/suspensions.h"

namespace cordon::sync {
namespace {

// How a list grows old (DESIGN: never silent): said, then its weak part reports, then all of it.
constexpr std::uint64_t fresh_s = feed::day_s;
constexpr std::uint64_t weak_s = 3 * feed::day_s;
constexpr std::uint64_t block_s = 14 * feed::day_s;

FeedSection section_of(const FeedInForce& feed) {
    FeedSection section;
    section.info.name = feed.name;
    section.info.kind = SectionKind::feed;
    section.info.ceiling = feed.ceiling;
    section.info.epoch = feed.generation.epoch;
    section.info.generation = feed.generation.number;
    section.info.terms = {feed.not_after_s, feed.issued_s + fresh_s, feed.issued_s + weak_s,
                          feed.issued_s + block_s};
    section.check = key_check(TagKey(feed.key.bytes));
    section.records = feed.set.records.records();
    section.added_in = feed.set.came_in;
    return section;
}

// What of the list is sealed in its records, opened for an index that may hold it.
Result<std::vector<PatternIndicator>> patterns_of(const FeedInForce& feed) {
    std::vector<PatternIndicator> patterns;
    const feed::PartSealer sealer(feed.key);
    const std::vector<feed::FeedRecord>& records = feed.set.records.records();
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (records[i].kind != IndicatorKind::pattern) continue;
        const Result<std::string> part = sealer.open(records[i]);
        if (!part) return Failure(part.error());
        PatternIndicator pattern;
        std::string_view text;
        INVARIANT(feed::read_pattern_part(*part, &pattern.syntax, &text));
        pattern.text = text;
        pattern.reference = records[i].reference;
        pattern.source = records[i].source;
        pattern.category = records[i].category;
        pattern.flags = records[i].flags;
        pattern.added_in = feed.set.came_in.empty() ? 0 : feed.set.came_in[i];
        patterns.push_back(std::move(pattern));
    }
    return patterns;
}

// Ends with its last entry.
LocalSection section_of(const LocalInForce& local) {
    LocalSection section;
    section.info.name = LocalInForce::section_name;
    section.info.kind = SectionKind::local;
    section.info.ceiling = RightsCeiling::report;
    section.info.epoch = LocalInForce::epoch;
    section.info.generation = local.generation;
    std::uint64_t last_s = 0;
    for (const KeyedIndicator& entry : local.entries)
        last_s = std::max(last_s, entry.not_after_s.value_or(0));
    section.info.terms = terms_until(last_s);
    section.check = key_check(TagKey(local.key.bytes));
    section.entries = local.entries;
    return section;
}

ListAge age_of(const FeedStanding& feed) {
    ListAge age = {};
    feed.name.copy(age.name, sizeof age.name - 1);
    age.fresh_until_s = feed.issued_s + fresh_s;
    age.weak_until_s = feed.issued_s + weak_s;
    age.block_until_s = feed.issued_s + block_s;
    return age;
}

// A reference is suspended until a later release reaffirms it, whenever its entry ends; what is
// suspended as a whole reports, and comes back by itself.
Suspension entry_of(const FeedStanding& feed, const feed::Suspension& suspended) {
    Suspension entry = {};
    feed.name.copy(entry.name, sizeof entry.name - 1);
    entry.value = suspended.value;
    entry.mode = SuspensionMode::report_only;
    entry.until_s = suspended.until_s;
    switch (suspended.what) {
        case feed::SuspensionOf::reference:
            entry.what = SuspensionOf::reference;
            entry.mode = SuspensionMode::suspended;
            entry.until_s = index_no_end;
            break;
        case feed::SuspensionOf::source:
            entry.what = SuspensionOf::source;
            break;
        case feed::SuspensionOf::generation:
            entry.what = SuspensionOf::generation;
            break;
    }
    return entry;
}

// What this appliance itself doubts (newcomers.h).
Suspension doubt_of(const FeedStanding& feed, const feed::Suspension& doubted) {
    Suspension entry = entry_of(feed, doubted);
    entry.mode = SuspensionMode::report_only;
    entry.until_s = index_no_end;
    return entry;
}

// What two persons here suspended.
Suspension own_of(const FeedStanding& feed, const feed::Suspension& own) {
    Suspension entry = entry_of(feed, own);
    entry.mode = SuspensionMode::suspended;
    entry.until_s = own.until_s;
    return entry;
}

// Nothing: there is none, or it is damaged.
std::optional<Suspensions> read_suspensions(const std::string& path) {
    const auto slash = path.rfind('/');
    const auto bytes =
        feed::FolderFetch(path.substr(0, slash)).get(path.substr(slash + 1), suspensions_bytes_max);
    if (!bytes || !*bytes) return std::nullopt;
    auto read = Suspensions::read(as_bytes(**bytes));
    return read ? std::optional(std::move(*read)) : std::nullopt;
}

bool has(const Suspensions& file, const Suspension& wanted) {
    // A generation is kept as an index knows it.
    const std::string alone = write_suspensions({wanted}, {}, 0);
    const auto as_written = Suspensions::read(as_bytes(alone));
    const Suspension& one = as_written ? as_written->entries().at(0) : wanted;
    return std::any_of(file.entries().begin(), file.entries().end(), [&one](const Suspension& e) {
        return std::string_view(e.name) == one.name && e.what == one.what && e.value == one.value &&
               e.mode >= one.mode && e.until_s >= one.until_s;
    });
}

void keep_of(const Suspensions& file, std::string_view name, std::vector<Suspension>* entries,
             std::vector<ListAge>* ages) {
    for (const Suspension& entry : file.entries())
        if (entry.name == name) entries->push_back(entry);
    for (const ListAge& age : file.ages())
        if (age.name == name) ages->push_back(age);
}

}  // namespace

std::string IndexOfFeeds::suspensions_path() const {
    return places_.state_dir + "/" + suspensions_name;
}

// No new index: the dataplane asks for these when it judges.
Result<void> IndexOfFeeds::suspend(const FeedStanding& feed, std::uint64_t now_s) {
    auto feeds = standings_ ? standings_(feed.name) : std::vector<FeedStanding>();
    feeds.push_back(feed);
    const std::optional<Suspensions> old = read_suspensions(suspensions_path());
    std::vector<Suspension> entries;
    std::vector<ListAge> ages;
    for (const FeedStanding& one : feeds) {
        if (!one.is_read) {  // what was said of it stays
            if (old) keep_of(*old, one.name, &entries, &ages);
            continue;
        }
        ages.push_back(age_of(one));
        for (const feed::Suspension& suspended : one.suspensions)
            entries.push_back(entry_of(one, suspended));
        for (const feed::Suspension& doubted : one.doubted)
            entries.push_back(doubt_of(one, doubted));
        for (const feed::Suspension& own : one.own)
            entries.push_back(own_of(one, own));
    }
    if (entries.size() > suspensions_max)
        return failure(ErrorCode::integrity, "more is suspended than fits");
    const std::string file = write_suspensions(std::move(entries), std::move(ages), now_s);
    return write_file_atomically(suspensions_path(), as_bytes(file));
}

bool IndexOfFeeds::suspends(const FeedStanding& feed) {
    const std::optional<Suspensions> file = read_suspensions(suspensions_path());
    return file &&
           std::all_of(feed.suspensions.begin(), feed.suspensions.end(),
                       [&](const feed::Suspension& suspended) {
                           return has(*file, entry_of(feed, suspended));
                       }) &&
           std::all_of(feed.doubted.begin(), feed.doubted.end(),
                       [&](const feed::Suspension& doubted) {
                           return has(*file, doubt_of(feed, doubted));
                       }) &&
           std::all_of(feed.own.begin(), feed.own.end(),
                       [&](const feed::Suspension& own) { return has(*file, own_of(feed, own)); });
}

Result<void> IndexOfFeeds::put(const FeedInForce& feed, std::uint64_t now_s) {
    auto feeds = others_ ? others_(feed.name) : std::vector<FeedInForce>();
    if (!feeds) return Failure(feeds.error());
    feeds->push_back(feed);
    const std::uint64_t generation = next_generation(now_s);
    const Result<AlignedBytes> image = build(*feeds, generation, now_s);
    if (!image) return Failure(image.error());
    // Before the index: what it lists anew may be suspended.
    if (const auto weaker = suspend(feed, now_s); !weaker) return weaker;
    return replace(image->bytes(), generation);
}

Result<void> IndexOfFeeds::put_local(std::uint64_t now_s) {
    const auto feeds = others_ ? others_("") : std::vector<FeedInForce>();
    if (!feeds) return Failure(feeds.error());
    const std::uint64_t generation = next_generation(now_s);
    const Result<AlignedBytes> image = build(*feeds, generation, now_s);
    return image ? replace(image->bytes(), generation) : Result<void>(Failure(image.error()));
}

std::uint64_t IndexOfFeeds::next_generation(std::uint64_t now_s) const {
    const auto before = describe_index(places_.index);
    return std::max(now_s, before ? before->generation + 1 : 1);
}

// Tried, and its keys handed over.
Result<AlignedBytes> IndexOfFeeds::build(const std::vector<FeedInForce>& feeds,
                                         std::uint64_t generation, std::uint64_t now_s) {
    FeedIndexOptions options;
    options.index.lab = lab_;
    options.index.created_s = now_s;
    options.index.generation = generation;
    for (const FeedInForce& one : feeds) {
        options.feeds.push_back(section_of(one));
        if (!lab_) continue;
        auto patterns = patterns_of(one);
        if (!patterns)
            return failure(patterns.error().code, one.name + ": " + patterns.error().text);
        options.feeds.back().patterns = std::move(*patterns);
    }
    const LocalSection local = has_local() ? section_of(*local_) : LocalSection();
    if (has_local()) options.local = &local;
    AlignedBytes image;
    if (const auto built = build_feed_index(options, &image); !built) return Failure(built.error());
    const LocalInForce* own = has_local() ? local_.get() : nullptr;
    if (const auto tried = try_index(image.bytes(), feeds, own, files_); !tried)
        return Failure(tried.error());
    if (const auto keys = hand_over_keys(feeds); !keys) return Failure(keys.error());
    return image;
}

Result<void> IndexOfFeeds::replace(Bytes image, std::uint64_t generation) {
    if (const auto kept = keep_previous(); !kept) return kept;
    const Result<void> wrote = write_file_atomically(places_.index, image);
    if (wrote) generation_ = generation;
    return wrote;
}

Result<void> IndexOfFeeds::hand_over_keys(const std::vector<FeedInForce>& feeds) const {
    std::vector<feed::SectionKey> keys;
    for (const FeedInForce& feed : feeds)
        keys.push_back({feed.name, feed.generation.epoch, feed.key});
    if (has_local()) keys.push_back({LocalInForce::section_name, LocalInForce::epoch, local_->key});
    return feed::hand_over_keys(keys, node_, places_.state_dir);
}

// The same file under a second name; the rename that follows leaves it there.
Result<void> IndexOfFeeds::keep_previous() const {
    ::unlink(previous().c_str());
    if (::link(places_.index.c_str(), previous().c_str()) == 0 || errno == ENOENT) return {};
    return failure(ErrorCode::io, "cannot keep the index as " + previous(), errno);
}

Result<void> IndexOfFeeds::dataplane_refused() {
    generation_ = 0;
    if (::rename(previous().c_str(), places_.index.c_str()) == 0) return {};
    return failure(ErrorCode::io, "there is no index before the one that was refused", errno);
}

namespace {

bool has_section(const std::string& path, std::string_view name, RightsCeiling ceiling,
                 std::uint32_t epoch, std::uint64_t generation) {
    const auto index = describe_index(path);
    return index && std::any_of(index->sections.begin(), index->sections.end(),
                                [&](const SectionDescription& section) {
                                    return section.name == name && section.ceiling == ceiling &&
                                           section.epoch == epoch &&
                                           section.generation == generation;
                                });
}

}  // namespace

bool IndexOfFeeds::holds(const std::string& name, const Generation& generation,
                         RightsCeiling ceiling) {
    return has_section(places_.index, name, ceiling, generation.epoch, generation.number);
}

// An empty list has no section.
bool IndexOfFeeds::holds_local() const {
    if (has_local())
        return has_section(places_.index, LocalInForce::section_name, RightsCeiling::report,
                           LocalInForce::epoch, local_->generation);
    const auto index = describe_index(places_.index);
    return !index || std::none_of(index->sections.begin(), index->sections.end(),
                                  [](const SectionDescription& section) {
                                      return section.name == LocalInForce::section_name;
                                  });
}

}  // namespace cordon::sync
