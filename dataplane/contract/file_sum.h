// The checksum of the small files that begin with a head: XXH3-128 of all their bytes but the sum
// itself.
//
// Owns:       nothing.
// Invariants: every byte of the file counts, so none can change unseen.
// Thread:     any; start-up and control only, it allocates.
// Limits:     none of its own.
#pragma once

#include <xxhash.h>

#include <string>

#include "dataplane/base/bytes.h"

namespace cordon {

struct FileSum {
    std::uint64_t low;
    std::uint64_t high;

    friend bool operator==(const FileSum&, const FileSum&) = default;
};

// Of a head, of which the first `summed` bytes count, and of what follows it.
inline FileSum file_sum(const void* head, std::size_t summed, Bytes rest) {
    std::string bytes(static_cast<const char*>(head), summed);
    bytes.append(as_text(rest));
    const XXH128_hash_t sum = XXH3_128bits(bytes.data(), bytes.size());
    return {sum.low64, sum.high64};
}

}  // namespace cordon
