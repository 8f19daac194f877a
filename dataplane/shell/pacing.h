// When a worker may sleep, and whether a turn came too late: decided from times alone.
//
// Owns:       nothing; pure.
// Invariants: a worker never sleeps past its next deadline, nor longer than an eighth of
//             heartbeat_ms_max, so that the heartbeat is written well within it.
// Worker:     one Pacing per worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/time.h"
#include "dataplane/contract/options.h"

namespace cordon {

// How a worker sleeps where something ends its sleep (the sockets of AF_XDP and AF_PACKET do), and
// where nothing does (PCI).
struct Sleep {
    std::uint64_t spin_ns;     // without a frame before it sleeps
    std::uint64_t nap_ns_max;  // one sleep
};

class Pacing {
  public:
    // Looking on while nothing comes keeps the core from whoever is to receive what was just sent:
    // an answer after 100 µs of looking in vain came 200 µs later than after a sleep at once. What
    // is left of a sleep that ends with the next frame are a hundred heartbeats a second, 0.5 % of
    // a core. Forty would be 0.35 %, and an answer after a pause 30 µs later: what a frame needs
    // has left the caches.
    static constexpr Sleep woken{5 * ns_per_us, 10 * ns_per_ms};
    // Between two segments of a busy flow lie microseconds: looking again is better than to sleep
    // through them. The sleep is how long a first frame may wait.
    static constexpr Sleep blind{100 * ns_per_us, 400 * ns_per_us};
    // Below this a sleep costs more than it saves.
    static constexpr std::uint64_t nap_ns_min = 5 * ns_per_us;

    // `ends_with_a_frame`: so does a sleep of this worker.
    Pacing(Polling polling, bool ends_with_a_frame, std::uint32_t heartbeat_ms_max)
        : polling_(polling), sleep_(ends_with_a_frame ? woken : blind) {
        sleep_.nap_ns_max = std::min(sleep_.nap_ns_max, heartbeat_ms_max * ns_per_ms / 8);
    }

    // After a turn that received `frames`: how long to sleep, 0: not at all.
    std::uint64_t nap_ns(std::size_t frames, std::uint64_t now_ns, std::uint64_t deadline_ns) {
        if (frames != 0) idle_since_ns_ = now_ns;
        if (polling_ == Polling::busy || now_ns - idle_since_ns_ < sleep_.spin_ns) return 0;
        if (deadline_ns <= now_ns + nap_ns_min) return 0;
        return std::min(sleep_.nap_ns_max, deadline_ns - now_ns);
    }

  private:
    Polling polling_;
    Sleep sleep_;
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
