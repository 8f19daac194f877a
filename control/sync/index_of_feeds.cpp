#include "control/sync/index_of_feeds.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "control/feed/key_handover.h"
#include "control/index/atomic_file.h"
#include "control/index/feed_index.h"
#include "control/sync/index_trial.h"
#include "dataplane/contract/keyed_tag.h"

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

// What is suspended: by reference left out, as a whole weakened.
class Suspended {
  public:
    explicit Suspended(const std::vector<feed::Suspension>& all) {
        for (const feed::Suspension& s : all) {
            if (s.what == feed::SuspensionOf::reference) references_.insert(s.value);
            if (s.what == feed::SuspensionOf::generation) generations_.insert(s.value);
            if (s.what == feed::SuspensionOf::source) sources_.insert(s.value);
        }
    }
    bool leaves_out(const feed::FeedRecord& record) const {
        return references_.contains(record.reference);
    }
    bool weakens(const feed::FeedRecord& record, std::uint64_t came_in) const {
        return sources_.contains(record.source) || generations_.contains(came_in);
    }

  private:
    std::set<std::uint64_t> references_, generations_, sources_;
};

Result<void> restrain(FeedInForce* feed) {
    if (feed->suspensions.empty()) return {};
    const Suspended suspended(feed->suspensions);
    std::vector<feed::FeedRecord> records;
    std::vector<std::uint64_t> came_in;
    const std::vector<feed::FeedRecord>& all = feed->set.records.records();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (suspended.leaves_out(all[i])) continue;
        records.push_back(all[i]);
        came_in.push_back(feed->set.came_in[i]);
        if (suspended.weakens(all[i], came_in.back()))
            records.back().flags =
                static_cast<std::uint8_t>(records.back().flags | record_flag::report_only);
    }
    auto set = feed::RecordSet::of(std::move(records));
    if (!set) return Failure(set.error());
    feed->set = {std::move(*set), std::move(came_in)};
    return {};
}

}  // namespace

Result<void> IndexOfFeeds::put(const FeedInForce& feed, std::uint64_t now_s) {
    return build(feed, now_s, &files_);
}

// Less than before: that some file of the system is listed must not keep a suspension waiting.
Result<void> IndexOfFeeds::suspend(const FeedInForce& feed, std::uint64_t now_s) {
    return build(feed, now_s, nullptr);
}

Result<void> IndexOfFeeds::build(const FeedInForce& feed, std::uint64_t now_s, SystemFiles* files) {
    auto feeds = others_ ? others_(feed.name) : std::vector<FeedInForce>();
    if (!feeds) return Failure(feeds.error());
    feeds->push_back(feed);
    for (FeedInForce& one : *feeds) {
        if (const auto done = restrain(&one); !done) return done;
    }
    const auto before = describe_index(places_.index);
    FeedIndexOptions options;
    options.index.lab = lab_;
    options.index.created_s = now_s;
    options.index.generation = std::max(now_s, before ? before->generation + 1 : 1);
    for (const FeedInForce& one : *feeds)
        options.feeds.push_back(section_of(one));
    AlignedBytes image;
    if (const auto built = build_feed_index(options, &image); !built) return Failure(built.error());
    if (const auto tried = try_index(image.bytes(), *feeds, files); !tried) return tried;
    if (const auto keys = hand_over_keys(*feeds); !keys) return keys;
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
