// Answers about feeds that wait until the dataplane has the index they brought: who asks for a sync
// wants to know what is in force, not what lies on the disk.
//
// Owns:       the answers that wait.
// Invariants: each comes out once, in the order they came, with what the dataplane made of it as
//             "dataplane": {generation, in_force, why}.
// Thread:     the event loop's.
// Limits:     wait_ms_max each, no longer than operators wait for a load.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "control/sync/feed_desk.h"

namespace cordon {

// What is known of the dataplane now.
struct IndexSeen {
    bool answers = false;
    bool loading = false;          // it was told to load a file and has not said what came of it
    std::uint64_t generation = 0;  // in force
    std::string error;             // of the last load
};

class FeedAnswers {
  public:
    static constexpr std::uint64_t wait_ms_max = 15'000;

    void add(sync::FeedAnswer answer, std::uint64_t now_ms);
    // Something of it is new: a status, or the end of a load.
    void heard() { heard_ = true; }
    bool waits() const { return !waiting_.empty(); }
    std::vector<sync::FeedAnswer> take(const IndexSeen& seen, std::uint64_t now_ms);

  private:
    struct Waiting {
        sync::FeedAnswer answer;
        std::uint64_t until_ms;
        bool heard;  // since it came
    };
    std::deque<Waiting> waiting_;
    bool heard_ = false;
};

}  // namespace cordon
