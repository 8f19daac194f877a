#include "dataplane/stream/stream.h"

#include <algorithm>
#include <cstring>

namespace cordon {

namespace {

// Segments below this size share pieces, so that a flood of tiny segments keeps no more memory than
// their bytes.
constexpr std::size_t packed_below_bytes = 512;

// About the root of the pieces that a flow may keep by default: as many signposts as steps between.
constexpr std::size_t signpost_every = 64;

static_assert(limits::gaps_max < 255);  // runs_ has eight bits

}  // namespace

void Stream::open(std::uint32_t first_sequence) {
    *this = Stream{};
    first_sequence_ = first_sequence;
}

// The last piece that begins at or before `offset`; no_piece when all begin after it. The newest
// piece and the end of the contiguous bytes are where nearly every segment belongs.
PieceNumber Stream::last_at_or_before(std::uint64_t offset, PiecePool& pool) {
    if (first_ == no_piece || pool[first_].offset > offset) return no_piece;
    if (pool[last_].offset <= offset) return last_;
    if (last_in_order_ == no_piece || pool[last_in_order_].offset > offset)
        return find_by_signposts(offset, pool);
    PieceNumber at = last_in_order_;
    for (std::size_t steps = 0; steps < signpost_every; ++steps) {
        const PieceNumber next = pool[at].next;
        if (next == no_piece || pool[next].offset > offset) return at;
        at = next;
    }
    return find_by_signposts(offset, pool);
}

// From signpost to signpost, and from the last one on foot. No stretch that was walked is left
// without a signpost for longer than signpost_every pieces. REQUIRES: first_ begins at or before.
PieceNumber Stream::find_by_signposts(std::uint64_t offset, PiecePool& pool) {
    PieceNumber post = no_piece;
    PieceNumber next_post = signpost_;
    while (next_post != no_piece && pool[next_post].offset <= offset) {
        post = next_post;
        next_post = pool[post].far_next;
    }
    PieceNumber at = post == no_piece ? first_ : post;
    std::size_t steps = 0;
    while (pool[at].next != no_piece && pool[pool[at].next].offset <= offset) {
        at = pool[at].next;
        if (++steps < signpost_every) continue;
        steps = 0;
        pool[at].far_next = next_post;
        (post == no_piece ? signpost_ : pool[post].far_next) = at;
        post = at;
    }
    return at;
}

// Compares every kept byte in the range of the payload with it.
bool Stream::matches_kept(std::uint64_t offset, Bytes payload, PieceNumber from,
                          PiecePool& pool) const {
    const std::uint64_t end = offset + payload.size();
    PieceNumber at = from == no_piece ? first_ : from;
    for (; at != no_piece && pool[at].offset < end; at = pool[at].next) {
        const Piece& piece = pool[at];
        const std::uint64_t begin = std::max(offset, piece.offset);
        const std::uint64_t stop = std::min(end, piece.end());
        if (begin >= stop) continue;
        if (std::memcmp(pool.bytes_of(at).data() + (begin - piece.offset),
                        payload.data() + (begin - offset), stop - begin) != 0)
            return false;
    }
    return true;
}

Offered Stream::offer(std::uint64_t offset, Bytes payload, PiecePool& pool, std::uint64_t kept_max,
                      PieceNumber* copy) {
    const std::uint64_t end = offset + payload.size();
    if (offset == received_ && runs_ == 0) return offer_next(payload, pool, kept_max, copy);
    if (end <= acknowledged_) return Offered::forgotten;
    if (offset < acknowledged_) {
        payload = payload.subspan(acknowledged_ - offset);
        offset = acknowledged_;
    }
    const PieceNumber before = last_at_or_before(offset, pool);
    if (!matches_kept(offset, payload, before, pool)) return Offered::inconsistent;
    if (end <= received_) return Offered::repeated;
    if (offset < received_) {
        payload = payload.subspan(received_ - offset);
        offset = received_;
    }
    const PieceNumber after = last_at_or_before(offset, pool);
    const bool ahead = offset > received_;
    const bool joins = after != no_piece && pool[after].end() >= offset;
    if (ahead && !joins && runs_ >= limits::gaps_max) return Offered::gaps_full;
    // Each hole the payload spans takes one piece more at most.
    const std::size_t needed = payload.size() / Piece::capacity + 1;
    // What stands behind a hole waits as long as its sender likes; it may not take the room of what
    // moves on, and in its own half no stream has more than it leaves free to others.
    if (ahead && pool.available() < pool.count() / 2 + pieces_ + needed) return Offered::kept_full;
    if (pool.available() < needed + runs_) return Offered::kept_full;
    if (!has_room(needed, !ahead, kept_max)) return Offered::kept_full;
    const bool added = insert(offset, payload, after, pool);
    if (ahead) return added ? Offered::ahead : Offered::repeated;
    advance_received(pool);
    return Offered::fresh;
}

// Nearly every segment: the next bytes, behind all that is kept.
Offered Stream::offer_next(Bytes payload, PiecePool& pool, std::uint64_t kept_max,
                           PieceNumber* copy) {
    const std::size_t needed = payload.size() / Piece::capacity + 1;
    const bool is_copied = copy != nullptr && *copy != no_piece;
    if (!is_copied && pool.available() < needed) return Offered::kept_full;
    if (!has_room(needed, true, kept_max)) return Offered::kept_full;
    const PieceNumber before = last_;
    if (is_copied) {
        DEBUG_INVARIANT(pool[*copy].length == payload.size());
        link_piece(*copy, received_, before, pool);
        *copy = no_piece;
    } else if (before != no_piece && payload.size() < packed_below_bytes &&
               payload.size() <= pool[before].room() && pool[before].end() == received_) {
        pool.append(before, payload);
    } else {
        append_pieces(received_, payload, before, pool);
    }
    received_ += payload.size();
    last_in_order_ = last_;
    return Offered::fresh;
}

// Keeps those bytes of the payload that are not kept yet. Returns whether there were any.
bool Stream::insert(std::uint64_t offset, Bytes payload, PieceNumber after, PiecePool& pool) {
    const std::uint64_t end = offset + payload.size();
    std::uint64_t at = offset;
    bool added = false;
    while (at < end) {
        if (after != no_piece && pool[after].end() > at) {
            at = pool[after].end();
            continue;
        }
        const PieceNumber next = after == no_piece ? first_ : pool[after].next;
        const std::uint64_t stop = next == no_piece ? end : std::min(end, pool[next].offset);
        if (stop > at) {
            after = insert_gap(at, payload.subspan(at - offset, stop - at), after, pool);
            added = true;
            at = stop;
        } else {
            after = next;
        }
    }
    return added;
}

// Fills one gap after the piece `after` and counts what that makes of the runs. A run that begins
// at received_ is counted as well until advance_received() takes it in.
PieceNumber Stream::insert_gap(std::uint64_t offset, Bytes payload, PieceNumber after,
                               PiecePool& pool) {
    const PieceNumber next = after == no_piece ? first_ : pool[after].next;
    const bool joins_left = after != no_piece && pool[after].end() == offset && offset > received_;
    const bool joins_right = next != no_piece && pool[next].offset == offset + payload.size();
    runs_ = (runs_ + 1U - (joins_left ? 1U : 0U) - (joins_right ? 1U : 0U)) & 0xff;
    if (after != no_piece && pool[after].end() == offset && payload.size() < packed_below_bytes &&
        payload.size() <= pool[after].room()) {
        pool.append(after, payload);
        return after;
    }
    return append_pieces(offset, payload, after, pool);
}

PieceNumber Stream::append_pieces(std::uint64_t offset, Bytes payload, PieceNumber after,
                                  PiecePool& pool) {
    while (!payload.empty()) {
        const Bytes part = payload.first(std::min(payload.size(), Piece::capacity));
        after = append_piece(offset, part, after, pool);
        offset += part.size();
        payload = payload.subspan(part.size());
    }
    return after;
}

PieceNumber Stream::append_piece(std::uint64_t offset, Bytes payload, PieceNumber after,
                                 PiecePool& pool) {
    const PieceNumber number = pool.allocate();
    INVARIANT(number != no_piece);  // offer() has made sure
    pool[number].length = 0;
    pool.append(number, payload);
    link_piece(number, offset, after, pool);
    return number;
}

// Takes the run that begins at received_ into the contiguous bytes.
void Stream::advance_received(PiecePool& pool) {
    PieceNumber at = last_at_or_before(received_, pool);
    INVARIANT(at != no_piece && pool[at].end() > received_);
    received_ = pool[at].end();
    while (pool[at].next != no_piece && pool[pool[at].next].offset == received_) {
        at = pool[at].next;
        received_ = pool[at].end();
    }
    last_in_order_ = at;
    --runs_;
}

PieceNumber Stream::piece_holding(std::uint64_t offset, PieceNumber hint, PiecePool& pool) const {
    PieceNumber at = hint == no_piece ? first_ : hint;
    while (at != no_piece && pool[at].end() <= offset)
        at = pool[at].next;
    INVARIANT(at != no_piece && pool[at].offset <= offset);
    return at;
}

bool Stream::take(PiecePool& pool, std::uint64_t* begin, Bytes* chunk) {
    if (taken_ == received_) return false;
    taken_hint_ = pool[last_in_order_].offset <= taken_ ? last_in_order_
                                                        : piece_holding(taken_, taken_hint_, pool);
    const Piece& piece = pool[taken_hint_];
    *begin = taken_;
    *chunk = pool.bytes_of(taken_hint_).subspan(taken_ - piece.offset);
    taken_ = piece.end();
    return true;
}

bool Stream::next_to_send(PiecePool& pool, std::uint64_t* begin, Bytes* chunk) {
    if (sent_ >= cleared_) return false;
    sent_hint_ = piece_holding(sent_, sent_hint_, pool);
    const Piece& piece = pool[sent_hint_];
    const std::uint64_t end = std::min(piece.end(), cleared_);
    if (reach_of(end, sent_hint_, pool) > cleared_) return false;
    *begin = sent_;
    *chunk = pool.bytes_of(sent_hint_).subspan(sent_ - piece.offset, end - sent_);
    return true;
}

bool Stream::may_send_to(std::uint64_t end, PiecePool& pool) {
    return end <= cleared_ && reach_of(end, last_at_or_before(end, pool), pool) <= cleared_;
}

bool Stream::send_step(std::uint64_t begin, std::uint64_t end, PiecePool& pool) {
    if (sent_ != begin || cleared_ != end || last_ == no_piece || last_ != last_in_order_)
        return false;
    const Piece& newest = pool[last_];
    if (newest.offset != end || newest.sent != 0) return false;
    const PieceNumber number = piece_holding(begin, sent_hint_, pool);
    Piece& piece = pool[number];
    if (piece.offset != begin || piece.end() != end) return false;
    piece.sent = piece.length;
    sent_hint_ = number;
    sent_ = end;
    return true;
}

// What was forwarded ahead of a hole becomes contiguous with what fills it up to `end`: how far the
// receiver would have it then. Stops where it is too far.
std::uint64_t Stream::reach_of(std::uint64_t end, PieceNumber from, PiecePool& pool) const {
    std::uint64_t reach = end;
    for (PieceNumber at = from; at != no_piece && reach <= cleared_; at = pool[at].next) {
        const Piece& piece = pool[at];
        if (piece.offset > reach) break;
        if (piece.sent != 0) reach = std::max(reach, piece.offset + piece.sent);
    }
    return reach;
}

void Stream::mark_sent(std::uint64_t end, PiecePool& pool) {
    INVARIANT(end <= cleared_);
    while (sent_ < end) {
        sent_hint_ = piece_holding(sent_, sent_hint_, pool);
        Piece& piece = pool[sent_hint_];
        sent_ = std::min(end, piece.end());
        piece.sent = static_cast<std::uint16_t>(sent_ - piece.offset);
    }
    // Past what left ahead of the hole that is now filled.
    while (sent_ < cleared_) {
        const PieceNumber at = piece_holding(sent_, sent_hint_, pool);
        if (pool[at].offset != sent_ || pool[at].sent == 0) break;
        sent_ += pool[at].sent;
        sent_hint_ = at;
        if (pool[at].sent != pool[at].length) break;
    }
}

void Stream::mark_ahead_sent(std::uint64_t begin, std::uint64_t end, PiecePool& pool) {
    PieceNumber at = last_at_or_before(begin, pool);
    if (at == no_piece) at = first_;
    for (; at != no_piece && pool[at].offset < end; at = pool[at].next) {
        Piece& piece = pool[at];
        if (piece.end() <= begin || piece.offset + piece.sent < begin) continue;
        const std::uint64_t stop = std::min(end, piece.end());
        const auto sent = static_cast<std::uint16_t>(stop - piece.offset);
        piece.sent = std::max(piece.sent, sent);
    }
}

bool Stream::left_ahead(std::uint64_t begin, std::uint64_t end, PiecePool& pool) {
    PieceNumber at = last_at_or_before(begin, pool);
    for (; at != no_piece && begin < end; at = pool[at].next) {
        const Piece& piece = pool[at];
        if (piece.offset > begin || piece.offset + piece.sent <= begin) return false;
        begin = piece.offset + piece.sent;
    }
    return begin >= end;
}

void Stream::acknowledge(std::uint64_t offset, PiecePool& pool) {
    INVARIANT(offset <= sent_);
    if (offset <= acknowledged_) return;
    acknowledged_ = offset;
    while (first_ != no_piece && pool[first_].end() <= offset) {
        const PieceNumber gone = first_;
        first_ = pool[gone].next;
        if (taken_hint_ == gone) taken_hint_ = no_piece;
        if (sent_hint_ == gone) sent_hint_ = no_piece;
        if (last_in_order_ == gone) last_in_order_ = no_piece;
        if (last_ == gone) last_ = no_piece;
        if (signpost_ == gone) signpost_ = pool[gone].far_next;
        pool.release(gone);
        --pieces_;
    }
}

void Stream::pass(std::size_t length) {
    INVARIANT(received_ == taken_);
    received_ += length;
    taken_ = cleared_ = sent_ = acknowledged_ = received_;
}

void Stream::pass_over(std::uint64_t end) {
    INVARIANT(in_step() && end >= received_);
    received_ = taken_ = cleared_ = sent_ = end;
}

void Stream::forget_taken(PiecePool& pool) {
    cleared_ = sent_ = taken_;
    acknowledge(taken_, pool);
}

void Stream::close(PiecePool& pool) {
    while (first_ != no_piece) {
        const PieceNumber gone = first_;
        first_ = pool[gone].next;
        pool.release(gone);
    }
    last_ = last_in_order_ = taken_hint_ = sent_hint_ = signpost_ = no_piece;
    runs_ = 0;
    pieces_ = 0;
    taken_ = received_;
}

}  // namespace cordon
