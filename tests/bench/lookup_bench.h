// `cordon-bench lookup`: what a look-up costs in an index as large as the lists of years, beside
// what the memory of this machine takes for one line anywhere in as many bytes. Processor time.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/contract/link.h"
#include "tests/bench/rates.h"

namespace cordon::bench {

struct LookupSettings {
    std::uint64_t indicators = 10'000'000;
    std::uint32_t sections = 1;
    std::uint32_t runs = 5;
};

struct LookupResult {
    double build_seconds;
    double build_cpu_seconds;
    double load_cpu_seconds;  // read, verify, ready for workers
    double bytes_each;        // of the whole file
    double table_bytes_each;  // tag and record number
    IndexMemory pages;        // that the index lies in
    Spread cold_ns;           // one at a time, with its HMAC, nothing prefetched
    Spread batch_ns;          // batches of 16, tags at hand
    Spread hit_ns;            // the same, of digests that are listed
    Spread key_ns;            // the HMAC of a digest, in every section
    Spread keyed_batch_ns;    // batches of 16 with their HMACs
    Spread limit_ns;          // a line anywhere in as many bytes as the tags, in batches of 16
};

// Nothing when the memory for the index cannot be locked; the reason went to stderr.
std::optional<LookupResult> run_lookup(const LookupSettings& settings);

}  // namespace cordon::bench
