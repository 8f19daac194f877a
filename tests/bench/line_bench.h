// `cordon-bench line`: what workers do with many uploads at once, beside what the same digest code
// does on the same bytes with nothing around it.
#pragma once

#include <cstdint>

#include "dataplane/contract/keyed_tag.h"
#include "dataplane/contract/options.h"
#include "tests/bench/rates.h"

namespace cordon::bench {

struct LineSettings {
    std::uint32_t flows = 64;  // of each worker
    std::uint64_t object_bytes = 1 << 20;
    KindSet digests{IndicatorKind::sha256};
    std::uint32_t runs = 5;
    std::uint32_t workers = 1;  // each on a thread of its own, with one store of pieces for all
    // With an index of a thousand indicators for each digest, with size and head, none of which is
    // of these objects. The limit is that of hashing them all the same.
    bool dismissible = false;
    // Or with a large one of SHA-256, in equal parts in as many sections. Every object is looked up
    // in it, and none is listed.
    std::uint64_t indicators = 0;
    std::uint32_t sections = 1;
    bool from_memory = false;  // frames are in no cache when they come; those of the limit too
};

// Of several workers: the sum of their rates, the mean of what a packet costs.
struct LineResult {
    Spread gbit_per_s;         // of object bytes, through the whole line
    Spread limit_gbit_per_s;   // the digests alone, on as many threads
    Spread of_limit;           // pairs of runs
    Spread cycles_per_packet;  // both directions' packets, the port's own time taken off
    Spread cycles_per_byte;    // of objects
    Spread held_us;            // the last segment of an object, from the port to the port
    Spread passed_us;          // any other one: it waits for the next byte of its flow
};

LineResult run_line(const LineSettings& settings);

// Of one worker that has a service on port 80 of every address.
Options bench_options(std::uint32_t flows);

}  // namespace cordon::bench
