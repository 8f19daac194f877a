// `cordon-bench stream`, `http` and `shunt`: what single rooms, and the kernel's program, cost for
// each segment and each request, beside the least that anybody must do with the same bytes.
// Processor time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "tests/bench/rates.h"

namespace cordon::bench {

struct PartResult {
    const char* bench;
    std::string of;
    Spread ns;
    Spread limit_ns;
};

// A segment in order, and one that lands anywhere in what is kept: the receiver lost it (SACK), or
// a hostile sender chooses the offsets. Limit: a copy of its bytes.
std::vector<PartResult> run_stream(std::uint32_t runs);

// Heads of requests, what they mean for an upload in pieces, the lists of commits. Limit: a search
// through the same bytes for one that is not there.
std::vector<PartResult> run_http(std::uint32_t runs);

// A packet of a flow with a shunted range: what XDP takes to decide about it (BPF_PROG_TEST_RUN, so
// without the driver and the way to the other port), and what the worker takes for one of an object
// that was dismissed. Limit: XDP's decision about a packet that is not protected, which it bridges.
Result<std::vector<PartResult>> run_shunt(std::uint32_t runs);

}  // namespace cordon::bench
