// How fast a piece of work is by the processor time of its thread, so that a busy machine costs
// less: the median of several runs, each long enough for the clock.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/bench/line_bench.h"

namespace cordon::bench {

inline double cpu_seconds() {
    timespec now;
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// GB/s of work() that takes `bytes` each time.
template <typename Work>
Spread rates(std::uint32_t runs, std::size_t bytes, Work work) {
    constexpr double run_seconds = 0.05;
    std::vector<double> made;
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
        made.push_back(static_cast<double>(times) * static_cast<double>(bytes) / once() / 1e9);
    std::sort(made.begin(), made.end());
    return {made[made.size() / 2], made.front(), made.back()};
}

}  // namespace cordon::bench
