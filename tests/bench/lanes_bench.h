// `cordon-bench lanes`: the digest kernels bare, and many objects through a Fingerprinter, beside
// one stream of OpenSSL on the same bytes. Rates are of the thread's own CPU time, so that they
// mean something on a machine that does other things as well.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/line_bench.h"

namespace cordon::bench {

struct LanesSettings {
    std::uint32_t runs = 9;
};

struct LanesResult {
    std::string digest;
    std::string isa;        // the set of kernels
    std::uint32_t objects;  // lanes in use, or objects with a segment in each flush
    bool flush;             // through a Fingerprinter
    Spread gb_per_s;
    double openssl_gb_per_s;
};

std::vector<LanesResult> run_lanes(const LanesSettings& settings);

}  // namespace cordon::bench
