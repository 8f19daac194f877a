// The clocks of cordond.
//
// Owns:       nothing.
#pragma once

#include <time.h>

#include <cstdint>

#include "dataplane/base/time.h"

namespace cordon {

inline std::uint64_t monotonic_ms() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

// With time asleep; nobody sets it.
inline std::uint64_t boot_seconds() {
    timespec now;
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec);
}

inline std::uint64_t unix_ns() {
    timespec now;
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * ns_per_s +
           static_cast<std::uint64_t>(now.tv_nsec);
}

inline std::uint64_t unix_seconds() {
    return static_cast<std::uint64_t>(::time(nullptr));
}

}  // namespace cordon
