// One direction of one TCP connection: puts its bytes in order, keeps them until they are
// acknowledged, and says which may be forwarded.
//
//   acknowledged ≤ sent ≤ cleared ≤ taken ≤ received        then, after holes, bytes ahead
//   ───────────┬────────┬─────────┬────────┬─────────┬ hole ┬ ahead ┬ hole ┬ ahead ┬
//     forgotten  kept, forwarded    held     not yet          forwarded already, kept
//                                            inspected
//
// The hole is the hold: bytes ahead of a hole are forwarded at once, because the receiver cannot
// use them; the piece that fills the hole leaves only when everything that becomes contiguous by it
// is cleared. So the receiver sees loss as it is, and never has a contiguous byte above cleared().
//
// Offsets count from the first byte after the SYN and do not wrap.
//
// Pieces stand in a list. Some of them are signposts, linked to each other as well, so that a place
// among thousands of pieces is found in a few dozen steps: whoever repeats bytes in the middle of
// what is kept must not make us walk there. A search that walks far sets signposts on its way.
//
// Owns:       its pieces in the pool; the pool belongs to the worker.
// Invariants: the order of the picture; every byte is taken once, in order; bytes that arrive again
//             are compared with the kept ones.
// Worker:     used by one worker only: no lock, no clock, no allocation.
// Limits:     gaps_max runs ahead of holes; kept_max bytes by pieces, given at each offer.
#pragma once

#include <algorithm>

#include "dataplane/stream/piece_pool.h"

namespace cordon {

enum class Offered : std::uint8_t {
    fresh,         // extends the contiguous bytes: take() has something new
    ahead,         // stands after a hole: may be forwarded as it is, then mark_ahead_sent()
    repeated,      // nothing new, and the same as the kept bytes
    forgotten,     // lies below acknowledged(): nothing to compare with, nothing to forward
    inconsistent,  // differs from bytes seen before
    kept_full,     // no room to keep it
    gaps_full,     // one more hole than gaps_max
};

class Stream {
  public:
    void open(std::uint32_t first_sequence);

    // Offset of a sequence number within 2^31 of what was received, on either side; numbers before
    // the first byte give negative offsets.
    std::int64_t offset_of(std::uint32_t sequence) const {
        const auto expected = sequence_of(received_);
        return static_cast<std::int64_t>(received_) +
               static_cast<std::int32_t>(sequence - expected);
    }
    std::uint32_t sequence_of(std::uint64_t offset) const {
        return first_sequence_ + static_cast<std::uint32_t>(offset);
    }

    // Offers the bytes at `offset`. REQUIRES: payload is not empty. *copy, where there is one, is a
    // piece with the same bytes, of that length; no_piece when it was taken.
    Offered offer(std::uint64_t offset, Bytes payload, PiecePool& pool, std::uint64_t kept_max,
                  PieceNumber* copy = nullptr);
    // The bytes that begin there are the next ones, and nothing stands behind a hole.
    bool is_next(std::int64_t offset) const {
        return offset == static_cast<std::int64_t>(received_) && runs_ == 0;
    }

    // Both at once, offer() and take(), of a piece with the next bytes, where all before were
    // taken. False: it is not so simple, or there is no room; nothing was done.
    bool take_copy(PieceNumber copy, PiecePool& pool, std::uint64_t kept_max);

    // The next contiguous bytes that were not taken, at most one piece; false when there are none.
    // The view stays valid until the bytes are acknowledged or the stream is closed.
    bool take(PiecePool& pool, std::uint64_t* begin, Bytes* chunk);

    // Everything below may become contiguous at the receiver. Never goes back.
    void clear_to(std::uint64_t offset) {
        INVARIANT(offset <= taken_);
        cleared_ = std::max(cleared_, offset);
    }

    // The next bytes that may be forwarded now, at most one piece; false when the next byte has to
    // wait. mark_sent() moves on past them and past what was forwarded ahead.
    bool next_to_send(PiecePool& pool, std::uint64_t* begin, Bytes* chunk);
    void mark_sent(std::uint64_t end, PiecePool& pool);
    // The same at once, where it is the piece [begin, end) that goes, and the one behind it, the
    // newest, which stays. False: it is not so simple, and nothing was done.
    bool send_step(std::uint64_t begin, std::uint64_t end, PiecePool& pool);
    // The same where it is the newest piece that goes, with nothing before it.
    bool send_newest(std::uint64_t begin, std::uint64_t end, PiecePool& pool);
    // Whether all bytes up to `end` may be forwarded at once, in one frame.
    bool may_send_to(std::uint64_t end, PiecePool& pool);
    void mark_ahead_sent(std::uint64_t begin, std::uint64_t end, PiecePool& pool);

    // Whether all of the range left ahead of a hole, filled since or not.
    bool left_ahead(std::uint64_t begin, std::uint64_t end, PiecePool& pool);

    // The receiver has everything below: forgets it. REQUIRES: offset ≤ sent().
    void acknowledge(std::uint64_t offset, PiecePool& pool);

    // Bytes that are received in order but never kept (an uninspected direction).
    void pass(std::size_t length);

    // The bytes up to `end` went to the receiver by another way, and nobody needs them: as if they
    // had been taken and sent, but for what the receiver has not acknowledged of them, which is not
    // kept. REQUIRES: in_step().
    void pass_over(std::uint64_t end);
    // No hole, and everything received was taken and sent.
    bool in_step() const { return runs_ == 0 && taken_ == received_ && sent_ == received_; }

    // Like pass() for a direction that is forwarded as it comes and kept only behind holes, so that
    // its bytes can be read in order: what was taken is not needed any more.
    void forget_taken(PiecePool& pool);

    // Gives all pieces back.
    void close(PiecePool& pool);

    std::uint64_t acknowledged() const { return acknowledged_; }
    std::uint64_t sent() const { return sent_; }
    std::uint64_t cleared() const { return cleared_; }
    std::uint64_t taken() const { return taken_; }
    std::uint64_t received() const { return received_; }
    bool has_holes() const { return runs_ != 0; }
    // Where the first bytes behind a hole begin; UINT64_MAX when there are none.
    std::uint64_t ahead_begin(PiecePool& pool) const {
        if (runs_ == 0) return UINT64_MAX;
        return pool[last_in_order_ == no_piece ? first_ : pool[last_in_order_].next].offset;
    }
    // End of the last byte kept, ahead of holes or not; received() when none is.
    std::uint64_t kept_end(PiecePool& pool) const {
        return last_ == no_piece ? received_ : std::max(received_, pool[last_].end());
    }
    bool keeps_nothing() const { return first_ == no_piece; }
    std::uint32_t pieces() const { return pieces_; }

  private:
    PieceNumber last_at_or_before(std::uint64_t offset, PiecePool& pool);
    PieceNumber find_by_signposts(std::uint64_t offset, PiecePool& pool);
    bool matches_kept(std::uint64_t offset, Bytes payload, PieceNumber from, PiecePool& pool) const;
    Offered offer_next(Bytes payload, PiecePool& pool, std::uint64_t kept_max, PieceNumber* copy);
    bool has_room(std::size_t needed, bool moves_on, std::uint64_t kept_max) const;
    bool insert(std::uint64_t offset, Bytes payload, PieceNumber after, PiecePool& pool);
    PieceNumber insert_gap(std::uint64_t offset, Bytes payload, PieceNumber after, PiecePool& pool);
    PieceNumber append_pieces(std::uint64_t offset, Bytes payload, PieceNumber after,
                              PiecePool& pool);
    PieceNumber append_piece(std::uint64_t offset, Bytes payload, PieceNumber after,
                             PiecePool& pool);
    void link_piece(PieceNumber number, std::uint64_t offset, PieceNumber after, PiecePool& pool);
    void advance_received(PiecePool& pool);
    std::uint64_t reach_of(std::uint64_t end, PieceNumber from, PiecePool& pool) const;
    PieceNumber piece_holding(std::uint64_t offset, PieceNumber hint, PiecePool& pool) const;

    std::uint64_t acknowledged_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t cleared_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t received_ = 0;
    std::uint32_t first_sequence_ = 0;
    static_assert(limits::gaps_max + 1 <= 0xff);
    std::uint32_t runs_ : 8 = 0;     // maximal runs of bytes ahead of a hole
    std::uint32_t pieces_ : 24 = 0;  // how many this stream has
    PieceNumber first_ = no_piece;
    PieceNumber last_ = no_piece;
    PieceNumber signpost_ = no_piece;       // the first one
    PieceNumber last_in_order_ = no_piece;  // ends at received_, when it is kept
    PieceNumber taken_hint_ = no_piece;     // at or before taken_
    PieceNumber sent_hint_ = no_piece;      // at or before sent_
};

// --- of each segment of an upload, so they stand here ---

// The first piece moves on whatever the stream has kept: the receiver acknowledges nothing of what
// stands behind a hole before the hole is filled.
inline bool Stream::has_room(std::size_t needed, bool moves_on, std::uint64_t kept_max) const {
    const bool first_step = moves_on && received_ - acknowledged_ < Piece::capacity;
    return first_step || (pieces_ + needed) * limits::kept_block_bytes <= kept_max;
}

inline void Stream::link_piece(PieceNumber number, std::uint64_t offset, PieceNumber after,
                               PiecePool& pool) {
    Piece& piece = pool[number];
    piece.offset = offset;
    piece.sent = 0;
    PieceNumber& link = after == no_piece ? first_ : pool[after].next;
    piece.next = link;
    link = number;
    if (piece.next == no_piece) last_ = number;
    ++pieces_;
}

inline bool Stream::take_copy(PieceNumber copy, PiecePool& pool, std::uint64_t kept_max) {
    if (taken_ != received_ || runs_ != 0 || !has_room(1, true, kept_max)) return false;
    link_piece(copy, received_, last_, pool);
    received_ += pool[copy].length;
    taken_ = received_;
    last_in_order_ = taken_hint_ = copy;
    return true;
}

inline bool Stream::send_newest(std::uint64_t begin, std::uint64_t end, PiecePool& pool) {
    if (sent_ != begin || cleared_ != end || last_ == no_piece || last_ != last_in_order_)
        return false;
    Piece& newest = pool[last_];
    if (newest.offset != begin || newest.end() != end || newest.sent != 0) return false;
    newest.sent = newest.length;
    sent_hint_ = last_;
    sent_ = end;
    return true;
}

}  // namespace cordon
