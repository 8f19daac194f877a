// The clocks of the shell: rooms get their time from here, as an argument.
//
// Owns:       nothing.
// Invariants: Now::ns is CLOCK_MONOTONIC, the clock that XDP compares heartbeats with.
// Thread:     any; no system call (vDSO).
#pragma once

#include <time.h>

#include "dataplane/base/time.h"

namespace cordon {

inline std::uint64_t read_clock(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * ns_per_s + static_cast<std::uint64_t>(t.tv_nsec);
}

inline Now clock_now() {
    return {read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_REALTIME)};
}

}  // namespace cordon
