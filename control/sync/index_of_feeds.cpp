#include "control/sync/index_of_feeds.h"

#include <unistd.h>

#include <algorithm>

#include "control/feed/key_handover.h"
#include "control/index/atomic_file.h"
#include "control/index/feed_index.h"
#include "control/sync/index_trial.h"
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

ListAge age_of(const FeedInForce& feed) {
    ListAge age = {};
    feed.name.copy(age.name, sizeof age.name - 1);
    age.fresh_until_s = feed.issued_s + fresh_s;
    age.weak_until_s = feed.issued_s + weak_s;
    age.block_until_s = feed.issued_s + block_s;
    return age;
}

// A reference is suspended until a later release reaffirms it, whenever its entry ends; what is
// suspended as a whole reports, and comes back by itself.
Suspension entry_of(const FeedInForce& feed, const feed::Suspension& suspended) {
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

}  // namespace

// No new index: the dataplane asks for these when it judges.
Result<void> IndexOfFeeds::suspend(const FeedInForce& feed, std::uint64_t now_s) {
    const auto feeds = with_others(feed);
    return feeds ? put_suspensions(*feeds, now_s) : Failure(feeds.error());
}

Result<std::vector<FeedInForce>> IndexOfFeeds::with_others(const FeedInForce& feed) const {
    auto feeds = others_ ? others_(feed.name) : std::vector<FeedInForce>();
    if (feeds) feeds->push_back(feed);
    return feeds;
}

Result<void> IndexOfFeeds::put_suspensions(const std::vector<FeedInForce>& feeds,
                                           std::uint64_t now_s) const {
    std::vector<Suspension> entries;
    std::vector<ListAge> ages;
    for (const FeedInForce& feed : feeds) {
        ages.push_back(age_of(feed));
        for (const feed::Suspension& suspended : feed.suspensions)
            entries.push_back(entry_of(feed, suspended));
    }
    if (entries.size() > suspensions_max)
        return failure(ErrorCode::integrity, "more is suspended than fits");
    const std::string file = write_suspensions(std::move(entries), std::move(ages), now_s);
    return write_file_atomically(places_.state_dir + "/" + suspensions_name, as_bytes(file));
}

Result<void> IndexOfFeeds::put(const FeedInForce& feed, std::uint64_t now_s) {
    const auto feeds = with_others(feed);
    if (!feeds) return Failure(feeds.error());
    const auto before = describe_index(places_.index);
    FeedIndexOptions options;
    options.index.lab = lab_;
    options.index.created_s = now_s;
    options.index.generation = std::max(now_s, before ? before->generation + 1 : 1);
    for (const FeedInForce& one : *feeds)
        options.feeds.push_back(section_of(one));
    AlignedBytes image;
    if (const auto built = build_feed_index(options, &image); !built) return Failure(built.error());
    if (const auto tried = try_index(image.bytes(), *feeds, files_); !tried) return tried;
    if (const auto keys = hand_over_keys(*feeds); !keys) return keys;
    // Before the index: what it lists anew may be suspended.
    if (const auto weaker = put_suspensions(*feeds, now_s); !weaker) return weaker;
    if (const auto kept = keep_previous(); !kept) return kept;
    const Result<void> wrote = write_file_atomically(places_.index, image.bytes());
    if (wrote) generation_ = options.index.generation;
    return wrote;
}

Result<void> IndexOfFeeds::hand_over_keys(const std::vector<FeedInForce>& feeds) const {
    std::vector<feed::SectionKey> keys;
    for (const FeedInForce& feed : feeds)
        keys.push_back({feed.name, feed.generation.epoch, feed.key});
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

bool IndexOfFeeds::holds(const std::string& name, const Generation& generation) {
    const auto index = describe_index(places_.index);
    return index && std::any_of(index->sections.begin(), index->sections.end(),
                                [&](const SectionDescription& section) {
                                    return section.name == name &&
                                           section.epoch == generation.epoch &&
                                           section.generation == generation.number;
                                });
}

}  // namespace cordon::sync
