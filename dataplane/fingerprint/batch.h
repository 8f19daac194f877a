// What one flush hashes: pieces of many objects, put on the lanes of the widest kernel that pays.
//
//   add(&state, list, &chain, bytes)…   hash(kernels)
//
// The pieces of one object are a chain: whole blocks, the first of them perhaps put together from
// the object's unfinished block and the piece's first bytes. Each digest that an object has is a
// cursor on its chain. Lanes take cursors, longest first where they differ much; a lane whose chain
// ends takes the next one. When fewer are left than a kernel pays for, they go on a narrower one.
// What the longest chains have more than the others would be alone there in the end: before, their
// digests are computed together, one object after the other.
//
// Owns:       room for the chains of `pieces_max` pieces; nothing of the objects or the bytes.
// Invariants: add() takes size and unfinished block on at once, the words follow in hash(). Heads
//             are the caller's to take.
//             Bytes are read until hash() returns. A chain is in no lane twice for one digest.
// Worker:     one; no allocation after construction, no lock, no clock.
// Limits:     pieces_max pieces, and therefore objects, between two hash().
#pragma once

#include <memory>

#include "dataplane/fingerprint/digest_state.h"
#include "dataplane/fingerprint/kernels.h"

namespace cordon {

using ChainNumber = std::uint32_t;
inline constexpr ChainNumber no_chain = UINT32_MAX;

class Batch {
  public:
    explicit Batch(std::uint32_t pieces_max);
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    // `*chain` is no_chain with the first piece of an object, and what it became with others.
    void add(DigestState* state, LeafList* list, ChainNumber* chain, Bytes bytes);
    // All that was added; chain numbers mean nothing afterwards.
    void hash(const kernels::KernelSet& set);

  private:
    struct Span {  // whole blocks one after the other
        const std::uint8_t* data;
        std::uint64_t blocks;
        std::uint32_t next;  // of the same chain
    };
    struct Chain {
        DigestState* state;
        LeafList* list;
        std::uint64_t begin;  // size of the object before its first block here
        std::uint64_t blocks;
        std::uint32_t first;  // span
        std::uint32_t last;
    };
    struct Cursor {  // one digest on its way along a chain
        std::uint32_t* words;
        const std::uint8_t* data;
        std::uint64_t left;     // blocks of this span
        std::uint64_t to_leaf;  // blocks until a leaf is full; never, for other digests
        std::uint64_t blocks;   // of the whole chain
        Chain* chain;
        std::uint32_t next;  // span
    };
    struct Lanes;

    void append(Chain* chain, const std::uint8_t* data, std::uint64_t blocks);
    void stitch_leads(kernels::Stitched* stitched);
    void stitch_down_to(std::uint64_t blocks_left, Chain* chain, kernels::Stitched* stitched);
    void take_off(Chain* chain, std::uint64_t blocks);
    void hash_digest(kernels::Digest digest, const kernels::KernelSet& set);
    void make_cursors(kernels::Digest digest);
    void make_cursor(Chain* chain, std::uint32_t* words, std::uint64_t to_leaf);
    void longest_first();
    void drive_one(kernels::Run* run);
    void drive(const kernels::Kernel& kernel, kernels::Digest digest);
    bool advance(Cursor* cursor, std::uint64_t blocks);
    void end_leaf(Cursor* cursor);
    static KindSet exact_of(const Chain& chain);
    static std::uint64_t blocks_to_leaf(const Chain& chain);

    std::unique_ptr<Span[]> spans_;
    std::unique_ptr<Chain[]> chains_;
    std::unique_ptr<Cursor[]> cursors_;
    std::unique_ptr<std::uint8_t[][digest_block_bytes]> joined_;  // blocks put together
    std::uint32_t span_count_ = 0;
    std::uint32_t chain_count_ = 0;
    std::uint32_t joined_count_ = 0;
    std::uint32_t waiting_ = 0;  // cursors: the first so many
};

}  // namespace cordon
