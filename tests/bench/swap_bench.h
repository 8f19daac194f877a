// `cordon-bench swap`: what the line notices when a large index takes another's place: how long its
// longest turn is, beside the longest one without a swap, and whether a frame is lost.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/bench/rates.h"

namespace cordon::bench {

struct SwapSettings {
    std::uint64_t indicators = 10'000'000;
    std::uint32_t sections = 1;
    std::uint32_t swaps = 5;
};

// Of the worker's thread; turns by its processor time, so that others on this machine do not count.
struct Turns {
    std::uint64_t count;
    double median_us;
    double p999_us;
    double longest_us;
    double gbit_per_s;  // object bytes for each second of its processor time
};

struct SwapResult {
    Turns before;
    Turns during;
    Spread load_seconds;    // of the control thread: read, verify, publish
    Spread settle_seconds;  // until every worker has taken it over, and the old one is freed
    std::uint64_t frames_dropped;
};

std::optional<SwapResult> run_swap(const SwapSettings& settings);

}  // namespace cordon::bench
