// The tree fingerprint: SHA-256 over leaves of 1 MiB (the last may be shorter), then over pairs of
// digests from the left, level by level; an odd one at the end of a level goes up as it is. An
// object without a byte has one empty leaf. It is the published tree hash of archive storage.
//
// A piece that starts at a leaf boundary of its object gives its leaves to a LeafList while it is
// hashed (Fingerprinter::collect_leaves). In whatever order the pieces came, their lists, in the
// order of the object, fold to the root:
//
//   TreeFold fold;  fold.start();  fold.add(list of piece 1);  fold.add(list of piece 2) …
//   fold.root(out)
//
// Owns:       nothing; plain values. The room of a LeafList is its caller's.
// Invariants: leaves are added from the left. Every piece but the last of an object must be a whole
//             number of leaves (is_whole_leaves), or the root is not that of the object: the caller
//             has to know. A list that was full holds the first leaves only and says so.
// Worker:     no allocation, lock or clock.
// Limits:     tree_levels_max: as many as 2^64 bytes need. LeafList: the room it was given.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/base/bytes.h"

namespace cordon {

inline constexpr std::uint64_t tree_leaf_bytes = 1u << 20;
inline constexpr std::size_t tree_levels_max = 44;

struct TreeDigest {
    std::uint8_t bytes[32];
};

constexpr bool is_whole_leaves(std::uint64_t bytes) {
    return bytes % tree_leaf_bytes == 0;
}

// How many leaves so many bytes give to a list. A piece without bytes has none.
constexpr std::uint64_t leaves_of(std::uint64_t bytes) {
    return bytes / tree_leaf_bytes + (is_whole_leaves(bytes) ? 0 : 1);
}

// The leaves of one piece, in order.
struct LeafList {
    std::span<TreeDigest> room;
    std::uint32_t count = 0;
    bool overflowed = false;  // there were more than it has room for

    void add(const TreeDigest& leaf) {
        if (count == room.size())
            overflowed = true;
        else
            room[count++] = leaf;
    }
    std::span<const TreeDigest> leaves() const { return room.first(count); }
};

// The leaves seen so far, as the roots of the full trees they make: sizes fall from left to right,
// like the bits of `leaves`.
struct TreeFold {
    std::uint64_t leaves;
    TreeDigest roots[tree_levels_max];

    void start() { leaves = 0; }
    void add(const TreeDigest& leaf);
    void add(std::span<const TreeDigest> list);
    // Of the leaves so far, and does not disturb them. No leaf is the object without a byte.
    void root(std::uint8_t (&out)[32]) const;
    // The same with one more leaf behind them.
    void root_with(const TreeDigest& leaf, std::uint8_t (&out)[32]) const;
};

}  // namespace cordon
