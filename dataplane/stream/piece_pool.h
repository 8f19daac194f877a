// The memory in which a worker keeps bytes of its flows: fixed blocks, handed out one at a time.
//
// Payload is copied here when it arrives, and hashed, released and repeated from here, so that a
// received frame goes back to its port within the burst: kept bytes can never starve a port of
// buffers, and what is inspected is by construction what is sent again.
//
// Owns:       `count` pieces; untouched ones cost no physical memory.
// Invariants: a piece is either free or in exactly one Stream; available() + used() = count.
// Worker:     used by one worker only; no allocation after construction.
// Limits:     Piece::capacity bytes a piece.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/base/bytes.h"
#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"

namespace cordon {

using PieceNumber = std::uint32_t;
inline constexpr PieceNumber no_piece = UINT32_MAX;

// What is said of a block, apart from its bytes: these few words of many pieces are read again and
// again, and at the head of each block they would all fall on the same places of the cache.
struct Piece {
    // An odd number of cache lines: beginnings that are a power of two apart would fall on a few
    // places of it, and what a burst keeps would push itself out before it is hashed.
    static constexpr std::size_t capacity = limits::kept_block_bytes + 64;

    std::uint64_t offset;  // of the first byte in its stream
    PieceNumber next;      // in order of offset
    PieceNumber far_next;  // of a signpost: the next one (see Stream)
    std::uint16_t length;
    std::uint16_t sent;  // so many bytes from the front were forwarded

    std::uint64_t end() const { return offset + length; }
    std::size_t room() const { return capacity - length; }
};
static_assert(Piece::capacity % 128 == 64);

class PiecePool {
  public:
    explicit PiecePool(std::uint32_t count)
        : count_(count),
          pieces_(std::make_unique_for_overwrite<Piece[]>(count)),
          blocks_(std::make_unique_for_overwrite<Block[]>(count)) {}

    // Memory that so many pieces take.
    static std::uint64_t bytes(std::uint64_t count) {
        return count * (sizeof(Piece) + sizeof(Block));
    }

    Piece& operator[](PieceNumber number) {
        DEBUG_INVARIANT(number < untouched_);
        return pieces_[number];
    }

    Bytes bytes_of(PieceNumber number) const {
        return {blocks_[number].bytes, pieces_[number].length};
    }
    // REQUIRES: room for them.
    void append(PieceNumber number, Bytes more) {
        Piece& piece = pieces_[number];
        std::memcpy(blocks_[number].bytes + piece.length, more.data(), more.size());
        piece.length = static_cast<std::uint16_t>(piece.length + more.size());
    }

    // For who writes the bytes of a new piece himself, Piece::capacity at most.
    std::uint8_t* room(PieceNumber number) { return blocks_[number].bytes; }

    PieceNumber allocate() {
        if (free_ != no_piece) {
            const PieceNumber number = free_;
            free_ = pieces_[number].next;
            ++used_;
            return number;
        }
        if (untouched_ == count_) return no_piece;
        ++used_;
        return untouched_++;
    }

    void release(PieceNumber number) {
        pieces_[number].next = free_;
        free_ = number;
        --used_;
    }

    std::uint32_t count() const { return count_; }
    std::uint32_t used() const { return used_; }
    std::uint32_t available() const { return count_ - used_; }

  private:
    struct alignas(64) Block {
        std::uint8_t bytes[Piece::capacity];
    };

    std::uint32_t count_;
    std::uint32_t used_ = 0;
    std::uint32_t untouched_ = 0;  // pieces from here on were never handed out
    PieceNumber free_ = no_piece;
    std::unique_ptr<Piece[]> pieces_;
    std::unique_ptr<Block[]> blocks_;
};

}  // namespace cordon
