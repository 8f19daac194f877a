// The time of a capture as a monotonic clock.
//
// Owns:       plain values.
// Invariants: now() never goes back. Small steps back of the capture are held; one of more than a
//             second (the next file, or a clock that was set) goes on from where this clock is.
// Thread:     one.
#pragma once

#include "dataplane/base/time.h"

namespace cordon::replay {

class Clock {
  public:
    Now now() const { return {ns_, unix_ns_}; }
    void advance_to_capture(std::uint64_t unix_ns);
    void advance_to(std::uint64_t ns);
    std::uint64_t at_capture(std::uint64_t unix_ns) const;  // what advance_to_capture() makes it

  private:
    bool begun_ = false;
    std::uint64_t ns_ = ns_per_s;  // a monotonic clock is not at zero
    std::uint64_t unix_ns_ = 0;
    std::uint64_t last_capture_ = 0;
    std::uint64_t origin_ = 0;  // capture time at ns 0
};

}  // namespace cordon::replay
