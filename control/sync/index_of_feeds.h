// The index of an appliance that follows feeds, and its keys, as files that the dataplane reads.
//
//   build ► try ► keys ► suspensions ► index.previous ► index   then the dataplane is told, and
//                                                               acknowledges
//
// Owns:       the index file, the one before it beside it (.previous), the files of keys and of
//             suspensions.
// Invariants: an index that was not tried is never in place. What the dataplane refused gives way
//             to the one before. Keys come before the index that needs them; none is in the index.
//             Patterns of a feed are in a lab's index only, where they may lie in clear.
//             What is suspended stays in it: a file of its own says so, which takes effect without
//             a new index.
// Thread:     one; dataplane_refused() the same.
// Limits:     limits::sections_max feeds, one less beside a local list. All of it is in memory.
#pragma once

#include "control/feed/known_files.h"
#include "control/index/index_builder.h"
#include "control/sync/follower.h"

namespace cordon::sync {

// What of the operator's own list is to be in it. Its epoch never changes: neither does its key.
struct LocalInForce {
    static constexpr const char* section_name = "local";
    static constexpr std::uint32_t epoch = 1;

    feed::SecretKey key;
    std::uint64_t generation = 0;         // rises with every change of the list
    std::vector<KeyedIndicator> entries;  // each with its end
};

struct IndexPlaces {
    std::string index;      // file
    std::string state_dir;  // of keys and suspensions
};

class IndexOfFeeds final : public IndexKeeper {
  public:
    // What of the feeds but this one is to be in the index, and what weakens them.
    using Others = std::function<Result<std::vector<FeedInForce>>(const std::string& but)>;
    using Standings = std::function<std::vector<FeedStanding>(const std::string& but)>;

    IndexOfFeeds(IndexPlaces places, feed::PublicKey node, bool lab, feed::KnownFiles& files)
        : places_(std::move(places)), node_(node), lab_(lab), files_(files) {}
    void set_others(Others others, Standings standings) {
        others_ = std::move(others);
        standings_ = std::move(standings);
    }

    // Null: there is none. Taken up by the next put() or put_local().
    void set_local(std::shared_ptr<const LocalInForce> local) { local_ = std::move(local); }
    // The local list as it is now, beside what is in force of the feeds.
    Result<void> put_local(std::uint64_t now_s);
    bool holds_local() const;

    Result<void> put(const FeedInForce& feed, std::uint64_t now_s) override;
    Result<void> suspend(const FeedStanding& feed, std::uint64_t now_s) override;
    bool holds(const std::string& name, const Generation& generation,
               RightsCeiling ceiling) override;
    bool suspends(const FeedStanding& feed) override;

    // The index in place is not the one that was in force: the one before takes its place again.
    Result<void> dataplane_refused();
    std::uint64_t generation() const { return generation_; }  // of the file put last, 0: none

  private:
    std::string suspensions_path() const;
    Result<AlignedBytes> build(const std::vector<FeedInForce>& feeds, std::uint64_t generation,
                               std::uint64_t now_s);
    std::uint64_t next_generation(std::uint64_t now_s) const;
    bool has_local() const { return local_ && !local_->entries.empty(); }
    Result<void> replace(Bytes image, std::uint64_t generation);
    Result<void> hand_over_keys(const std::vector<FeedInForce>& feeds) const;
    Result<void> keep_previous() const;
    std::string previous() const { return places_.index + ".previous"; }

    IndexPlaces places_;
    feed::PublicKey node_;
    bool lab_;
    feed::KnownFiles& files_;
    Others others_;
    Standings standings_;
    std::shared_ptr<const LocalInForce> local_;
    std::uint64_t generation_ = 0;
};

}  // namespace cordon::sync
