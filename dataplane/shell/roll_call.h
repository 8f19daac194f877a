// Whether all workers still turn. Each has frames of the others' flows in its queue, as a port
// spreads them by what it likes: while one hangs, those of its flows wait in a ring that nobody
// empties. Then no worker beats, and XDP bridges the frames of all queues, not only of its own.
//
// Owns:       for each worker the time of its last answer.
// Invariants: a worker that has not begun is absent. Answers do not depend on those of others, so
//             that all are there again as soon as the last one turns.
// Thread:     answer() from each worker for itself.
// Limits:     a worker writes its time, and reads those of the others, once in `tick_ns`.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/base/time.h"

namespace cordon {

class RollCall {
  public:
    static constexpr std::uint64_t tick_ns = ns_per_ms;
    // XDP gives a worker that is late on a crowded machine no frames of its queue meanwhile, which
    // is soon over. For all others that is worth it only when it does not come back.
    static constexpr std::uint64_t absent_after_heartbeats = 5;

    RollCall(std::uint32_t workers, std::uint32_t heartbeat_ms_max)
        : places_(std::make_unique<Place[]>(workers)),
          workers_(workers),
          absent_ns_(absent_after_heartbeats * heartbeat_ms_max * ns_per_ms) {}

    // Once a turn. False: another worker has not turned for absent_after_heartbeats times
    // heartbeat_ms_max.
    bool answer(std::uint32_t worker, std::uint64_t now_ns) {
        Place& mine = places_[worker];
        if (now_ns - mine.answered_ns.load(std::memory_order_relaxed) < tick_ns)
            return mine.found_all;
        mine.answered_ns.store(now_ns, std::memory_order_relaxed);
        mine.found_all = true;
        for (std::uint32_t other = 0; other < workers_; ++other) {
            const std::uint64_t at = places_[other].answered_ns.load(std::memory_order_relaxed);
            if (at == 0 || now_ns > at + absent_ns_) mine.found_all = false;
        }
        return mine.found_all;
    }

  private:
    struct alignas(64) Place {
        std::atomic<std::uint64_t> answered_ns{0};
        bool found_all = false;  // its own
    };

    std::unique_ptr<Place[]> places_;
    std::uint32_t workers_;
    std::uint64_t absent_ns_;
};

}  // namespace cordon
