// The last look at an index before it is put in force: does it find what it must, and nothing that
// everybody has? A list that names a file of the system would stop uploads all over the world.
//
// Owns:       nothing.
// Invariants: looks up as the dataplane does, in its own view (index_trial.cpp is the one file of
//             control that includes it). A list that cannot be tried, because its key is not at
//             hand, fails.
// Thread:     any.
// Limits:     the caller's digests: some 100 ns each, and a list.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"
#include "dataplane/contract/index_format.h"

namespace cordon {

struct TrialDigest {
    IndicatorKind kind = IndicatorKind::sha256;
    std::array<std::uint8_t, 32> digest = {};  // the first digest_length(kind) bytes

    Bytes bytes() const { return Bytes(digest).first(digest_length(kind)); }
};

// What a list is known to have.
struct KnownAnswer {
    std::string_view list;
    std::uint64_t reference = 0;
    TrialDigest of;
};

// A file that must not be listed.
struct KnownGood {
    std::string_view path;
    TrialDigest of;
};

struct IndexTrial {
    bool allow_lab = false;
    std::span<const TagKey> keys;
    std::span<const KnownAnswer> answers;
    std::span<const KnownGood> good;
    std::uint64_t now_s = 0;
};

// Refused: says which list, and what it finds or does not. `image` is 64-byte aligned.
Result<void> try_index(Bytes image, const IndexTrial& trial);

}  // namespace cordon
