// `cordon-bench assembly`: one file through the whole line, as a plain PUT and in parts of an S3
// upload with their Complete, in order and out of it; the same for archives, which are taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/line_bench.h"

namespace cordon::bench {

struct AssemblyResult {
    std::string form;
    Spread gb_per_s;  // of bytes of the file
    double of_plain;  // beside the plain PUT of the same file
};

std::vector<AssemblyResult> run_assembly(std::uint32_t runs);

}  // namespace cordon::bench
