// The memory in which a worker keeps bytes of its flows: fixed blocks, handed out one at a time.
//
// Payload is copied here when it arrives, and hashed, released and repeated from here, so that a
// received frame goes back to its port within the burst: kept bytes can never starve a port of
// buffers, and what is inspected is by construction what is sent again.
//
// Owns:       `count` pieces; untouched ones cost no physical memory.
// Invariants: a piece is either free or in exactly one Stream; available() + used() = count.
// Worker:     used by one worker only; no allocation after construction.
// Limits:     limits::kept_block_bytes a piece.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/base/bytes.h"
#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"

namespace cordon {

using PieceNumber = std::uint32_t;
inline constexpr PieceNumber no_piece = UINT32_MAX;

struct Piece {
    static constexpr std::size_t capacity = limits::kept_block_bytes - 20;

    std::uint64_t offset;  // of data[0] in its stream
    PieceNumber next;      // in order of offset
    PieceNumber far_next;  // of a signpost: the next one (see Stream)
    std::uint16_t length;
    std::uint16_t sent;  // so many bytes from the front were forwarded
    std::uint8_t data[capacity];

    std::uint64_t end() const { return offset + length; }
    std::size_t room() const { return capacity - length; }
    void append(Bytes more) {  // REQUIRES: room for it
        std::memcpy(data + length, more.data(), more.size());
        length = static_cast<std::uint16_t>(length + more.size());
    }
};
static_assert(sizeof(Piece) == limits::kept_block_bytes);

class PiecePool {
  public:
    explicit PiecePool(std::uint32_t count)
        : count_(count), pieces_(std::make_unique_for_overwrite<Piece[]>(count)) {}

    Piece& operator[](PieceNumber number) {
        DEBUG_INVARIANT(number < untouched_);
        return pieces_[number];
    }

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
    std::uint32_t count_;
    std::uint32_t used_ = 0;
    std::uint32_t untouched_ = 0;  // pieces from here on were never handed out
    PieceNumber free_ = no_piece;
    std::unique_ptr<Piece[]> pieces_;
};

}  // namespace cordon
