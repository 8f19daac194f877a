// When a worker may sleep, and whether a turn came too late: decided from times alone.
//
// Owns:       nothing; pure.
// Invariants: a worker never sleeps past its next deadline, nor longer than nap_ns_max, so that the
//             heartbeat is written well within heartbeat_ms_max (at least 10 ms by its check).
// Worker:     one Pacing per worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/time.h"
#include "dataplane/contract/options.h"

namespace cordon {

class Pacing {
  public:
    // Between two segments of a busy flow lie microseconds: looking again is cheaper than sleeping.
    // Longer than this a quiet rack would only burn a core.
    static constexpr std::uint64_t spin_ns = 100 * ns_per_us;
    // Also how long a finished journal record may go unnoticed when no frame arrives.
    static constexpr std::uint64_t nap_ns_max = 400 * ns_per_us;
    // Below this a sleep costs more than it saves.
    static constexpr std::uint64_t nap_ns_min = 5 * ns_per_us;

    explicit Pacing(Polling polling) : polling_(polling) {}

    // After a turn that received `frames`: how long to sleep, 0: not at all.
    std::uint64_t nap_ns(std::size_t frames, std::uint64_t now_ns, std::uint64_t deadline_ns) {
        if (frames != 0) idle_since_ns_ = now_ns;
        if (polling_ == Polling::busy || now_ns - idle_since_ns_ < spin_ns) return 0;
        if (deadline_ns <= now_ns + nap_ns_min) return 0;
        return std::min(nap_ns_max, deadline_ns - now_ns);
    }

  private:
    Polling polling_;
    std::uint64_t idle_since_ns_ = 0;
};

// Whether XDP may have called this worker hung since its last heartbeat: then what waits in the
// rings, and what was about to be sent, is older than what XDP bridged meanwhile.
class Punctuality {
  public:
    explicit Punctuality(std::uint32_t heartbeat_ms_max)
        : allowed_ns_(std::uint64_t{heartbeat_ms_max} * ns_per_ms) {}

    void beat(std::uint64_t now_ns) { last_beat_ns_ = now_ns; }
    bool late(std::uint64_t now_ns) const {
        return last_beat_ns_ != 0 && now_ns > valid_until_ns();
    }
    // A frame sent after this time may be stale.
    std::uint64_t valid_until_ns() const { return last_beat_ns_ + allowed_ns_; }

  private:
    std::uint64_t allowed_ns_;
    std::uint64_t last_beat_ns_ = 0;
};

}  // namespace cordon
