// The index of an appliance that follows feeds, and its keys, as files that the dataplane reads.
//
//   build ► try ► keys ► suspensions ► index.previous ► index   then the dataplane is told, and
//                                                               acknowledges
//
// Owns:       the index file, the one before it beside it (.previous), the files of keys and of
//             suspensions.
// Invariants: an index that was not tried is never in place. What the dataplane refused gives way
//             to the one before. Keys come before the index that needs them; none is in the index.
//             What is suspended stays in it: a file of its own says so, which takes effect without
//             a new index.
// Thread:     one; dataplane_refused() the same.
// Limits:     limits::sections_max feeds. While it builds, all sets and the image are in memory.
#pragma once

#include "control/feed/known_files.h"
#include "control/sync/follower.h"

namespace cordon::sync {

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
    Result<void> hand_over_keys(const std::vector<FeedInForce>& feeds) const;
    Result<void> keep_previous() const;
    std::string previous() const { return places_.index + ".previous"; }

    IndexPlaces places_;
    feed::PublicKey node_;
    bool lab_;
    feed::KnownFiles& files_;
    Others others_;
    Standings standings_;
    std::uint64_t generation_ = 0;
};

}  // namespace cordon::sync
