// How fast a piece of work is by the processor time of its thread, so that a busy machine costs
// less: the median of several runs, each long enough for the clock.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordon::bench {

struct Spread {  // of several runs
    double median;
    double least;
    double most;
};

inline Spread spread_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return {values[values.size() / 2], values.front(), values.back()};
}

inline double seconds_of(clockid_t clock) {
    timespec now;
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

inline double cpu_seconds() {
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

// Seconds that work() takes, of each run.
template <typename Work>
std::vector<double> seconds_each(std::uint32_t runs, Work work) {
    constexpr double run_seconds = 0.05;
    std::vector<double> took;
    std::size_t times = 1;
    const auto once = [&] {
        const double from = cpu_seconds();
        for (std::size_t n = 0; n < times; ++n)
            work();
        return cpu_seconds() - from;
    };
    while (once() < run_seconds)
        times *= 2;
    for (std::uint32_t run = 0; run < runs; ++run)
        took.push_back(once() / static_cast<double>(times));
    return took;
}

// GB/s of work() that takes `bytes` each time.
template <typename Work>
Spread rates(std::uint32_t runs, std::size_t bytes, Work work) {
    std::vector<double> made;
    for (const double seconds : seconds_each(runs, work))
        made.push_back(static_cast<double>(bytes) / seconds / 1e9);
    return spread_of(made);
}

// Nanoseconds for each of the `count` things that work() does.
template <typename Work>
Spread nanoseconds(std::uint32_t runs, std::size_t count, Work work) {
    std::vector<double> made;
    for (const double seconds : seconds_each(runs, work))
        made.push_back(seconds * 1e9 / static_cast<double>(count));
    return spread_of(made);
}

}  // namespace cordon::bench
