// The running digests of one object, as a plain value: it may be copied, kept (an upload that comes
// in pieces), opened again as a slot of a Fingerprinter, and finished without being disturbed.
//
//   DigestState state;  state.start(kinds);  state.take(bytes)…  state.finish(&digests)
//   fingerprinter.save(slot, &state)    fingerprinter.resume(state) → slot
//
// Owns:       nothing; trivially copyable, of fixed size, without pointers into itself.
// Invariants: the words of a kind that is not in `kinds` mean nothing. Digests have blocks of one
//             length and see the same bytes, so that they share the unfinished block.
// Worker:     one at a time; no allocation, lock or clock.
// Limits:     none: any number of bytes below 2^61, where SHA's count of bits ends.
#pragma once

#include "dataplane/fingerprint/digests.h"
#include "dataplane/fingerprint/tree.h"

namespace cordon {

// What this room computes; other kinds asked for are left out of Digests::present.
inline constexpr KindSet computed_kinds{IndicatorKind::sha256, IndicatorKind::sha1,
                                        IndicatorKind::md5, IndicatorKind::sha256_tree,
                                        IndicatorKind::head};

inline constexpr std::size_t digest_block_bytes = 64;

struct alignas(64) DigestState {
    std::uint64_t size;  // bytes taken
    KindSet kinds;
    KindSet dismissed;  // were among `kinds`, until it was known that no indicator can be of them
    std::uint32_t sha256[8];
    std::uint32_t leaf[8];  // SHA-256 of the leaf that is not full
    std::uint32_t sha1[5];
    std::uint32_t md5[4];
    std::uint8_t partial[digest_block_bytes];  // its first size % 64 bytes
    std::uint8_t head[head_digest_bytes];      // once there were head_bytes
    // Both are never needed at once: the head ends long before the first leaf does.
    union {
        alignas(64) std::uint8_t head_so_far[576];  // XXH3's own state
        TreeFold tree;                              // the full leaves
    };

    void start(KindSet wanted);
    // Leaves that become full go to `list` as well, when there is one.
    void take(Bytes bytes, LeafList* list = nullptr);
    void finish(Digests* out) const;
    // The end of a piece: its last leaf when that is not full, and none when it is.
    void finish_leaves(LeafList* list) const;

    // For who hashes whole blocks himself (Fingerprinter, Batch). `at`: of the bytes; a head is
    // taken in their order, but may be ahead of `size`.
    void take_head(Bytes bytes, std::uint64_t at);
    // There is nothing to hash: only size and head are wanted.
    bool is_idle() const { return kinds.without({IndicatorKind::head}).empty(); }
    // From here on without these kinds.
    void dismiss(KindSet without);
    // The leaf's words have all its blocks.
    void end_leaf(LeafList* list);

  private:
    void take_blocks(const std::uint8_t* data, std::size_t blocks, LeafList* list);
    void take_leaf_blocks(const std::uint8_t* data, std::size_t blocks, LeafList* list);
    TreeDigest last_leaf() const;
    void finish_head(std::uint8_t (&out)[head_digest_bytes]) const;
    void finish_tree(std::uint8_t (&out)[32]) const;
};

}  // namespace cordon
