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

class Pacing {
  public:
    // Without a frame before it sleeps. On a connection in use the next one is there sooner, and a
    // sleep costs both who sleeps and who wakes. Meanwhile a worker gives way between two looks to
    // whoever waits for its core: that may be who is to receive what it just sent. Against 5 µs of
    // looking, the answer to an upload of 64 KiB comes after 216 µs instead of 282, hashed after
    // 338 instead of 395, and with pauses of 10 ms after 460 instead of 612; with 500 µs it is the
    // same. Without giving way the one with pauses comes after 800.
    static constexpr std::uint64_t look_on_ns = 200 * ns_per_us;
    // One sleep that a frame ends (the sockets of AF_XDP and AF_PACKET do that). What is left are a
    // hundred heartbeats a second, 0.5 % of a core. Forty would be 0.35 %, and an answer after a
    // pause 30 µs later: what a frame needs has left the caches.
    static constexpr std::uint64_t woken_nap_ns_max = 10 * ns_per_ms;
    // One sleep that nothing ends (PCI): how long a first frame may wait.
    static constexpr std::uint64_t blind_nap_ns_max = 400 * ns_per_us;
    // Below this a sleep costs more than it saves.
    static constexpr std::uint64_t nap_ns_min = 5 * ns_per_us;

    // `ends_with_a_frame`: so does a sleep of this worker.
    Pacing(Polling polling, bool ends_with_a_frame, std::uint32_t heartbeat_ms_max)
        : polling_(polling),
          nap_ns_max_(std::min(ends_with_a_frame ? woken_nap_ns_max : blind_nap_ns_max,
                               heartbeat_ms_max * ns_per_ms / 8)) {}

    // After a turn that received `frames`: how long to sleep, 0: not at all.
    std::uint64_t nap_ns(std::size_t frames, std::uint64_t now_ns, std::uint64_t deadline_ns) {
        if (frames != 0) idle_since_ns_ = now_ns;
        if (polling_ == Polling::busy || now_ns - idle_since_ns_ < look_on_ns) return 0;
        if (deadline_ns <= now_ns + nap_ns_min) return 0;
        return std::min(nap_ns_max_, deadline_ns - now_ns);
    }

    // After a turn that is not followed by a sleep: whoever waits for this core goes first. A busy
    // worker has its core for itself.
    bool gives_way(std::size_t frames) const { return polling_ != Polling::busy && frames == 0; }

  private:
    Polling polling_;
    std::uint64_t nap_ns_max_;
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
