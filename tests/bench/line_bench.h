// `cordon-bench line`: what one worker does with many uploads at once, beside what the same digest
// code does on the same bytes with nothing around it.
#pragma once

#include <cstdint>

#include "dataplane/contract/keyed_tag.h"

namespace cordon::bench {

struct LineSettings {
    std::uint32_t flows = 64;
    std::uint64_t object_bytes = 1 << 20;
    KindSet digests{IndicatorKind::sha256};
    std::uint32_t runs = 5;
};

struct Spread {  // of several runs
    double median;
    double least;
    double most;
};

struct LineResult {
    Spread gbit_per_s;         // of object bytes, through the whole line
    Spread limit_gbit_per_s;   // the digests alone
    Spread of_limit;           // pairs of runs
    Spread cycles_per_packet;  // both directions' packets, the port's own time taken off
};

LineResult run_line(const LineSettings& settings);

}  // namespace cordon::bench
