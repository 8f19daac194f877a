#include <algorithm>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/numbering.h"
#include "dataplane/assembly/uploads.h"
#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"

namespace cordon {

namespace {

constexpr std::uint64_t alone_position_max = 2;

// Whether a storage takes pieces only behind what it has: then one that comes before its
// predecessor tells that we did not see that one.
bool is_sequential(Recipe recipe, PieceOrder order) {
    if (order == PieceOrder::append) return true;
    return recipe == Recipe::session_range || recipe == Recipe::tus ||
           recipe == Recipe::ietf_resumable || recipe == Recipe::oci_blob;
}

}  // namespace

bool Assembly::is_chained(const Upload& upload, const Piece& piece) const {
    return piece.content == PieceContent::chained && piece.epoch == upload.epoch;
}

void Assembly::append_to_chain(std::uint32_t number, std::uint32_t piece_number,
                               const DigestState& state) {
    Upload& upload = uploads_[number];
    Piece& piece = pieces_[piece_number];
    if (upload.count != 0) {
        if (!pieces_[upload.last].retained || pieces_[upload.last].trails) drop_run(upload.last);
        if (!upload.sparse) before_of(number) = state_of(number);
        upload.before_tag = upload.tag;
        upload.before_bytes = upload.bytes;
        upload.before_id = upload.id;
        upload.has_before = !upload.sparse;
        upload.before = upload.last;
    }
    state_of(number) = state;
    const std::uint64_t before = upload.id;
    upload.id = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
    content_of(number).settle(before, upload.id, state.size);
    upload.begin_next = piece.position;
    upload.bytes = state.size;
    upload.next = position_after(upload, piece);
    upload.last = piece_number;
    upload.tag = tag_with(upload.tag, piece.position);
    ++upload.count;
    piece.content = PieceContent::chained;
    piece.epoch = upload.epoch;
    take_from_ahead(number, piece_number);
    // A piece that is longer than it claimed. (What is before it comes into a gap.)
    for (std::uint32_t at = upload.ahead; at != none; at = pieces_[at].ahead_next)
        upload.tainted = upload.tainted || (pieces_[at].position < upload.bytes &&
                                            pieces_[at].position > piece.position);
}

std::uint64_t Assembly::position_after(const Upload& upload, const Piece& piece) {
    if (upload.order == PieceOrder::offset) return upload.bytes;
    if (upload.order == PieceOrder::number) return position_behind(piece.position);
    return piece.position + 1;
}

// Whether a piece claims bytes that another one has, or claims. A storage that writes in place has
// a mixture of both from the first byte on, which nobody could judge; so there a place is not taken
// twice. Elsewhere the same place may come again.
bool Assembly::crosses(Shard& shard, std::uint32_t number, std::uint64_t position,
                       std::uint64_t end) const {
    const Upload& upload = uploads_[number];
    const bool in_place = is_in_place(upload.recipe);
    if (upload.sparse && position >= upload.solid_bytes)
        return crosses_in_gaps(number, position, end);
    if (upload.count != 0 && position < upload.bytes)
        return in_place || whole_at(shard, number, position, none) == none;
    for (std::uint32_t at = upload.ahead; at != none; at = pieces_[at].ahead_next) {
        const Piece& other = pieces_[at];
        if (other.position == position) {
            if (in_place || (other.end != end && other.state != PieceState::cut)) return true;
        } else if (position < other.end && other.position < end) {
            return true;
        }
    }
    return false;
}

// With order offset: a piece that is not in the chain.
void Assembly::put_ahead(std::uint32_t number, std::uint32_t piece_number) {
    Upload& upload = uploads_[number];
    Piece& piece = pieces_[piece_number];
    if (upload.order != PieceOrder::offset || piece.is_ahead) return;
    piece.is_ahead = true;
    piece.ahead_next = upload.ahead;
    upload.ahead = piece_number;
    ++upload.ahead_count;
}

void Assembly::take_from_ahead(std::uint32_t number, std::uint32_t piece_number) {
    Piece& piece = pieces_[piece_number];
    if (!piece.is_ahead) return;
    Upload& upload = uploads_[number];
    std::uint32_t* at = &upload.ahead;
    while (*at != piece_number)
        at = &pieces_[*at].ahead_next;
    *at = piece.ahead_next;
    piece.is_ahead = false;
    --upload.ahead_count;
}

bool Assembly::is_current(const PieceTicket& ticket) const {
    const Piece& piece = pieces_[ticket.piece];
    return piece.upload == ticket.upload.number && piece.begun == ticket.begun;
}

// What is in the chain is hashed and gone: without it those pieces cannot be judged any more.
void Assembly::break_chain(std::uint32_t number) {
    Upload& upload = uploads_[number];
    ++upload.epoch;
    upload.count = upload.tag = upload.next = upload.bytes = upload.id = 0;
    upload.last = upload.before = none;
    upload.has_before = upload.sparse = false;
}

// The last piece is taken out of the chain again.
void Assembly::step_back(std::uint32_t number) {
    Upload& upload = uploads_[number];
    if (upload.count == 1 || !upload.has_before) return break_chain(number);
    pieces_[upload.last].content = PieceContent::lost;
    state_of(number) = before_of(number);
    upload.bytes = upload.before_bytes;
    upload.tag = upload.before_tag;
    upload.id = upload.before_id;
    upload.last = upload.before;
    upload.next = upload.begin_next;
    upload.has_before = false;
    --upload.count;
}

// Takes a piece out. Whoever hashes what is spooled may be at its bytes, or behind them: then the
// upload cannot be judged.
void Assembly::replace(Shard& shard, std::uint32_t number, std::uint32_t which, bool is_new) {
    Upload& upload = uploads_[number];
    const bool chained = is_chained(upload, pieces_[which]);
    if (upload.leased && !is_new && (chained || pieces_[which].run.blocks != 0)) {
        upload.tainted = true;
        return;
    }
    if (chained) upload.last == which ? step_back(number) : break_chain(number);
    remove_piece(shard, which);
}

// A piece that the storage refused: it is not there, and what comes behind it stands in its place.
void Assembly::withdraw(Shard& shard, std::uint32_t number, std::uint32_t which) {
    Upload& upload = uploads_[number];
    if (upload.sparse && is_chained(upload, pieces_[which])) undo_gaps(number);
    const bool chained = is_chained(upload, pieces_[which]);
    const bool is_last = upload.last == which && (upload.count == 1 || upload.has_before);
    // Others were put behind it, or are on their way.
    if (upload.leased || upload.matched || (chained && !is_last)) {
        upload.tainted = true;
        return;
    }
    if (chained) step_back(number);
    remove_piece(shard, which);
}

// Whether what is appended stands where the chain ends: the storage took what is before it, all of
// it or nothing.
bool Assembly::is_certain(const Upload& upload) const {
    return upload.count == 0 || pieces_[upload.last].accepted;
}

// Two pieces with the same bytes are one from now on. The storage has them when it took either, and
// an answer that comes for the other is not heard any more: a refusal of this one says nothing.
void Assembly::take_for_twin(Piece* kept, const Piece& twin) {
    kept->has_twin = true;
    kept->accepted = kept->accepted || twin.accepted;
    kept->refused = false;
    kept->since = std::min(kept->since, twin.since);
    kept->ended = std::max(kept->ended, twin.ended);
}

// Of two pieces that ended in one place only one counts: the same bytes are the same piece; other
// bytes replace it when the storage took them and had taken the earlier ones before they began.
void Assembly::settle_rivals(Shard& shard, std::uint32_t number, std::uint32_t piece_number,
                             bool is_new) {
    const Upload& upload = uploads_[number];
    Piece& fresh = pieces_[piece_number];
    const std::uint32_t other = whole_at(shard, number, fresh.position, piece_number);
    if (other == none) return;
    Piece& old = pieces_[other];
    const bool same = old.length == fresh.length && old.digest == fresh.digest &&
                      old.state == PieceState::whole && fresh.state == PieceState::whole;
    const bool old_serves = is_chained(upload, old) || old.content == PieceContent::spooled;
    const bool fresh_is_chained = is_chained(upload, fresh);
    if (same) {
        if (fresh_is_chained || !old_serves) {
            take_for_twin(&fresh, old);
            return replace(shard, number, other, false);
        }
        take_for_twin(&old, fresh);
        return replace(shard, number, piece_number, is_new);
    }
    if (old.refused || old.state == PieceState::cut) return replace(shard, number, other, false);
    if (fresh.refused) return replace(shard, number, piece_number, false);
    if (fresh.accepted && old.ended < fresh.since) return replace(shard, number, other, false);
}

// A client that sends one piece, waits, and only then another, begins where the object begins: some
// begin with 2. Its bytes stay until the next piece comes, in case that is the first one.
void Assembly::begin_chain_alone(std::uint32_t number, std::uint32_t piece_number,
                                 const DigestState& state) {
    Upload& upload = uploads_[number];
    if (upload.count != 0 || upload.pieces != 1 || upload.order != PieceOrder::index ||
        upload.visibility != Visibility::at_commit || upload.leased)
        return;
    if (pieces_[piece_number].position > alone_position_max) return;
    append_to_chain(number, piece_number, state);
}

// What began the chain may not be the beginning: as long as there is room nothing is put behind it
// before the commit, and an earlier piece still finds its place (parts come as 2, 3, 1).
bool Assembly::waits_for_earlier(const Upload& upload) const {
    return upload.order == PieceOrder::index && upload.visibility == Visibility::at_commit &&
           upload.count == 1 && pieces_[upload.last].run.blocks != 0 && retains_room(upload);
}

// Segment 1 was faster than segment 0, which waits in the spool meanwhile: it begins the chain.
bool Assembly::gives_way_to_first(Shard& shard, std::uint32_t number,
                                  std::uint32_t piece_number) const {
    const Upload& upload = uploads_[number];
    const Piece& piece = pieces_[piece_number];
    if (upload.order != PieceOrder::number || upload.count != 0 || !piece.retained ||
        piece.position == upload.lowest)
        return false;
    for (std::uint32_t at = bucket(shard, number, upload.lowest); at != none;
         at = pieces_[at].bucket_next) {
        if (pieces_[at].upload == number && pieces_[at].position == upload.lowest) return true;
    }
    return false;
}

// It was not the beginning after all: its bytes are still there.
void Assembly::step_off(std::uint32_t number) {
    Upload& upload = uploads_[number];
    const std::uint32_t piece = upload.last;
    break_chain(number);
    pieces_[piece].content = PieceContent::spooled;
}

void Assembly::drop_run(std::uint32_t piece_number) {
    Piece& piece = pieces_[piece_number];
    uploads_[piece.upload].blocks.fetch_sub(piece.run.blocks, std::memory_order_relaxed);
    spool_.drop(&piece.run);
}

// What came into the gap before it meanwhile is not in its state.
void Assembly::append_live(const PieceTicket& ticket, const DigestState& state) {
    const std::uint32_t number = ticket.upload.number;
    Piece& piece = pieces_[ticket.piece];
    if (ticket.zeros == 0) return append_to_chain(number, ticket.piece, state);
    piece.length = state.size - piece.position;
    piece.end = state.size;
    if (uploads_[number].ahead_count > 1) {
        const bool is_there = piece.retained && piece.run.bytes == piece.length;
        piece.content = is_there ? PieceContent::spooled : PieceContent::lost;
        return;
    }
    begin_gap(number);
    append_to_chain(number, ticket.piece, state);
}

void Assembly::end(const PieceTicket& ticket, const PieceSum& sum, const DigestState& state,
                   Now now) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[number];
    Piece& piece = pieces_[ticket.piece];
    piece.length = sum.length;
    piece.digest = sum.digest;
    piece.md5 = sum.md5;
    piece.marks = sum.marks;
    piece.ended = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
    upload.changed = piece.ended;
    piece.state = PieceState::whole;
    piece.pending = takes_turns(upload);
    --upload.in_flight;
    ++upload.whole;
    upload.touched_ns = now.ns;
    if (ticket.place == PiecePlace::spooled) {
        if (piece.content == PieceContent::spooled) begin_chain_alone(number, ticket.piece, state);
    } else {
        upload.leased = upload.lease_is_live = false;
        if (takes_turns(upload)) upload.turn = ticket.piece;
        // No more than what was there.
        if (ticket.overlap != 0 && state.size == upload.bytes)
            return remove_piece(shard, ticket.piece);
        if (ticket.epoch != upload.epoch)
            piece.content = PieceContent::lost;
        else if (gives_way_to_first(shard, number, ticket.piece))
            piece.content = PieceContent::spooled;
        else
            append_live(ticket, state);
    }
    if (sum.length == 0 && upload.order == PieceOrder::offset)
        leave_place(shard, ticket.piece);
    else
        settle_rivals(shard, number, ticket.piece, true);
}

void Assembly::abort(const PieceTicket& ticket, const DigestState* state, Now now) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[number];
    Piece& piece = pieces_[ticket.piece];
    if (ticket.place == PiecePlace::again) return unpin(shard, number, now);
    const bool was_live = ticket.place != PiecePlace::spooled;
    if (was_live) upload.leased = upload.lease_is_live = false;
    if (!was_live && takes_turns(upload)) {
        cut_to_shown(shard, ticket.piece);
        return unpin(shard, number, now);
    }
    // Where pieces have an offset a storage may keep what it got, and the client goes on there.
    const bool may_stay =
        (upload.order == PieceOrder::offset || upload.order == PieceOrder::append) && !piece.atomic;
    const bool has_bytes = was_live ? state != nullptr && ticket.epoch == upload.epoch &&
                                          state->size > upload.bytes + ticket.zeros
                                    : piece.run.bytes != 0 || piece.content == PieceContent::lost;
    if (may_stay && has_bytes) {
        piece.ended = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
        upload.changed = piece.ended;
        piece.state = PieceState::cut;
        // Of what is live not all may be retained.
        piece.length = was_live ? state->size - upload.bytes - ticket.zeros : piece.run.bytes;
        if (!was_live) piece.end = piece.position + std::max<std::uint64_t>(piece.run.bytes, 1);
        --upload.in_flight;
        ++upload.whole;
        if (was_live) append_live(ticket, *state);
        settle_rivals(shard, number, ticket.piece, true);
    } else {
        remove_piece(shard, ticket.piece);
    }
    unpin(shard, number, now);
}

void Assembly::abort_refused(const PieceTicket& ticket, Now now) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[number];
    if (ticket.place != PiecePlace::again) {
        if (ticket.place != PiecePlace::spooled) upload.leased = upload.lease_is_live = false;
        if (upload.leased && pieces_[ticket.piece].shown.bytes != 0) {
            upload.tainted = true;  // whoever has the lease may be reading it
            cut_to_shown(shard, ticket.piece);
        } else {
            remove_piece(shard, ticket.piece);
        }
    }
    unpin(shard, number, now);
}

std::uint32_t Assembly::next_in_chain(Shard& shard, std::uint32_t number) const {
    const Upload& upload = uploads_[number];
    // In which order pieces with names stand is known when they are named.
    if (upload.order == PieceOrder::name || upload.order == PieceOrder::append) return none;
    if (upload.count != 0) {
        const std::uint32_t next = whole_at(shard, number, upload.next, none);
        return next != none && has_ended(upload, next) ? next : none;
    }
    if (upload.order == PieceOrder::number)
        return upload.lowest != piece_unknown ? whole_at(shard, number, upload.lowest, none) : none;
    const std::uint32_t first = whole_at(shard, number, 0, none);
    if (first != none && !has_ended(upload, first)) return none;
    if (first != none || upload.visibility != Visibility::at_commit) return first;
    return whole_at(shard, number, 1, none);
}

// The piece behind the chain, when its bytes wait in the spool and nothing contradicts them.
bool Assembly::next_waits(Shard& shard, std::uint32_t number, SpooledPiece* out) const {
    std::uint32_t next = next_in_chain(shard, number);
    std::uint64_t gap = 0;
    if (next == none) {
        next = behind_gap(number);
        if (next != none) gap = pieces_[next].position - uploads_[number].bytes;
    }
    if (next == none || pieces_[next].content != PieceContent::spooled) return false;
    if (whole_at(shard, number, pieces_[next].position, next) != none) return false;
    if (gap > limits::assembly_far_gap_bytes) return false;
    *out = {next, pieces_[next].run, {}, gap};
    return true;
}

Standing Assembly::look(const PieceTicket& ticket, DigestState* state) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[number];
    const bool in_place = is_in_place(upload.recipe) && upload.order == PieceOrder::offset;
    if (upload.matched) {
        if (upload.leased) return Standing::busy;
        *state = before_of(number);
        return Standing::matched;
    }
    if (upload.leased && !upload.lease_is_live) return Standing::busy;
    if (upload.tainted) return Standing::conflict;
    if (takes_turns(upload)) {
        if (upload.turn != none && upload.turn != ticket.piece) return Standing::busy;
        if (!upload.leased) upload.turn = ticket.piece;
    }
    // The same piece came before, and that one counts.
    const bool is_there = is_current(ticket);
    const Piece& own = pieces_[ticket.piece];
    const bool is_in = !is_there || is_chained(upload, own);
    // It came into a gap that the chain went over.
    if (in_place && !is_in && own.position < upload.bytes) {
        if (upload.leased) return Standing::busy;
        if (!undo_gaps(number)) return Standing::conflict;
    }
    SpooledPiece waiting;
    const bool waits = !upload.leased && next_waits(shard, number, &waiting);
    if (is_there && whole_at(shard, number, own.position, ticket.piece) != none)
        return Standing::conflict;
    if (waits) return Standing::advance;
    if (!is_in && own.content != PieceContent::spooled) return Standing::lost;
    // Pieces that are forgotten may be on the storage, before or behind this one.
    const bool is_all = upload.total != piece_unknown && upload.bytes >= upload.total;
    if (upload.lost && !is_all) return Standing::lost;
    const bool sequential = is_sequential(upload.recipe, upload.order);
    // A piece that is coming has to be there before anything behind it counts, and whoever brings
    // it looks at what is behind it.
    if (upload.leased) {
        const bool same_place =
            is_there && !is_in && pieces_[upload.lease_piece].position == own.position;
        return same_place || ((sequential || in_place) && !is_in) ? Standing::busy
                                                                  : Standing::clear;
    }
    const std::uint32_t next = next_in_chain(shard, number);
    if (next != none)
        return whole_at(shard, number, pieces_[next].position, next) != none ? Standing::conflict
                                                                             : Standing::lost;
    // A gap that is too long, or with bytes behind it that are forgotten.
    if (behind_gap(number) != none) return Standing::lost;
    // Behind the chain something is missing. The piece is in it, or behind the hole.
    return is_in || !sequential ? Standing::clear : Standing::gap;
}

void Assembly::answered(const PieceTicket& ticket, PieceAnswer answer) {
    const bool accepted = answer == PieceAnswer::accepted;
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    if (!is_current(ticket)) return;
    Piece& piece = pieces_[ticket.piece];
    piece.accepted = accepted || (piece.has_twin && piece.accepted);
    if (accepted && piece.trails && !uploads_[number].leased) drop_run(ticket.piece);
    piece.refused = answer == PieceAnswer::refused && !piece.has_twin;
    Upload& upload = uploads_[number];
    // In place of whatever was there, or not: then what is there is older.
    if (piece.begins && accepted) upload.lost = upload.mixed;
    if (upload.is_object) {
        if (answer == PieceAnswer::unknown) upload.lost = true;
        if (!accepted && !upload.lost && upload.pins == 0) give_up(shard, number);
        return;
    }
    const bool is_appended = upload.order == PieceOrder::append || is_in_place(upload.recipe);
    if (answer == PieceAnswer::refused && is_appended) return withdraw(shard, number, ticket.piece);
    settle_rivals(shard, number, ticket.piece, false);
}

PieceBegun Assembly::copy(const PieceRequest& request, std::uint32_t service, Now now) {
    using Result = PieceBegun::Result;
    Shard& shard = shards_[hash_of(request.key, service) % shard_count_];
    const Locked locked(shard.lock);
    std::uint32_t number = find_upload(shard, request.key, service);
    const bool is_new = number == none;
    if (is_new) number = open_upload(shard, request, service, now);
    if (number == none) return {Result::full, false};
    pin(shard, number);
    uploads_[number].tainted = uploads_[number].copied = true;
    unpin(shard, number, now);
    return {Result::begun, is_new};
}

}  // namespace cordon
