// An index with many random indicators, as a file in memory, for the benches that need its size.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/contract/keyed_tag.h"
#include "dataplane/shell/index_holder.h"

namespace cordon::bench {

using RandomDigest = std::array<std::uint8_t, 32>;

// The n-th listed digest, in no order; any n can be had at once.
RandomDigest random_digest(std::uint64_t n);

struct LargeIndex {
    Descriptor file;
    double build_seconds;      // keying, sorting, laying out and verifying
    double build_cpu_seconds;  // of the one thread that does it
    std::uint64_t bytes;
    double table_bytes_each;  // tag and record number
    std::string path() const { return "/proc/self/fd/" + std::to_string(file.get()); }
};

// SHA-256 indicators, in equal parts in `sections` sections.
LargeIndex build_large_index(std::uint64_t indicators, std::uint32_t sections);

}  // namespace cordon::bench
