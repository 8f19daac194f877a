// The held tail: how far the bytes of a flow may become contiguous at the storage.
//
// While an object is open, the last chunk that carried bytes of it stays; a later object byte frees
// it, and holds its own chunk. With several open at once (a body as it is and a part of it) the
// earliest of those chunks counts. The chunk holds whatever else it carries (a head before, a
// terminator after): the cut is the chunk, because what was one segment leaves as one segment. With
// the object's clean verdict everything taken is free.
//
// Before a tail is released for any other reason (timer, FIN), the caller looks the digest up as it
// stands at that offset; release_at() says that it did and found nothing.
//
// Owns:       two offsets.
// Invariants: cleared() never goes back and never passes a chunk with unjudged object bytes.
// Worker:     pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cordon {

class Hold {
  public:
    // Bytes of the open object were found in the chunk that begins at `chunk_begin`.
    void object_bytes(std::uint64_t chunk_begin) {
        tail_begin_ = chunk_begin;
        holding_ = true;
    }

    // What was taken from `begin` on was not read yet.
    void hold_from(std::uint64_t begin) {
        tail_begin_ = holding_ ? std::min(tail_begin_, begin) : begin;
        holding_ = true;
    }

    // No object is open in what was taken so far.
    void nothing_open() { holding_ = false; }

    // Everything below `end` was looked up and may go; or: the object is closed and clean.
    void release_at(std::uint64_t end) {
        floor_ = std::max(floor_, end);
        holding_ = false;
    }

    // `taken`: end of what was inspected.
    std::uint64_t cleared(std::uint64_t taken) const {
        if (!holding_) return taken;
        return std::max(floor_, tail_begin_);
    }

    bool holding() const { return holding_; }

  private:
    std::uint64_t tail_begin_ = 0;
    std::uint64_t floor_ = 0;
    bool holding_ = false;
};

}  // namespace cordon
