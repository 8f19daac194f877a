// Time as the rooms see it: an argument, never a clock.
#pragma once

#include <cstdint>

namespace cordon {

// Nanoseconds of a monotonic clock, for timers; and Unix time in UTC, for records.
struct Now {
    std::uint64_t ns;
    std::uint64_t unix_ns;
};

inline constexpr std::uint64_t ns_per_us = 1000;
inline constexpr std::uint64_t ns_per_ms = 1000 * 1000;
inline constexpr std::uint64_t ns_per_s = 1000 * 1000 * 1000;

}  // namespace cordon
