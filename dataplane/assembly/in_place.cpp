// Objects that are written in place by several pieces at once, or in any order. Whatever part of a
// piece the storage has is part of the object, so any byte may complete it: what is forwarded of a
// piece that is not at the end of the chain goes in steps. Before each the object is read as the
// storage would have it then (a survey): the chain, then what it was given of each piece, and zeros
// between them. Nobody else's step, and no end of a piece, comes between the survey and the step.
#include <algorithm>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"
#include "dataplane/base/limits.h"

namespace cordon {

// Whether ends of pieces go one after the other.
bool Assembly::takes_turns(const Upload& upload) {
    return is_in_place(upload.recipe) && upload.order == PieceOrder::offset && !upload.is_object;
}

// With all its bytes at the storage, or about to be.
bool Assembly::has_ended(const Upload& upload, std::uint32_t number) const {
    const Piece& piece = pieces_[number];
    if (piece.state == PieceState::in_flight || piece.position == nowhere) return false;
    return !piece.pending || upload.turn == number;
}

// Of a piece that is not in the chain: what is there of it, once `own` has gone as far as it came.
SpoolRun Assembly::shown_of(std::uint32_t number, std::uint32_t own) const {
    const Piece& piece = pieces_[number];
    const bool is_all = piece.state != PieceState::in_flight && !piece.pending;
    return is_all || number == own ? piece.run : piece.shown;
}

// The chain went over a gap in which there is something by now.
bool Assembly::shows_in_gap(std::uint32_t number, std::uint32_t own) const {
    const Upload& upload = uploads_[number];
    for (std::uint32_t at = upload.ahead; at != none; at = pieces_[at].ahead_next) {
        if (pieces_[at].position < upload.bytes && shown_of(at, own).bytes != 0) return true;
    }
    return false;
}

Standing Assembly::begin_survey(const PieceTicket& ticket, DigestState* state, Survey* survey) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[number];
    if (upload.leased) return Standing::busy;
    if (upload.matched) {
        *state = before_of(number);
        return Standing::matched;
    }
    if (upload.turn != none && upload.turn != ticket.piece) return Standing::busy;
    if (upload.tainted) return Standing::conflict;
    if (shows_in_gap(number, ticket.piece) && !undo_gaps(number)) return Standing::lost;
    upload.leased = true;
    upload.lease_is_live = false;
    upload.turn = ticket.piece;
    start_content(number);
    if (upload.count != 0)
        *state = state_of(number);
    else
        state->size = 0;
    *survey = {upload.bytes, 0};
    return Standing::clear;
}

Standing Assembly::survey_next(const PieceTicket& ticket, Survey* survey, SpooledPiece* out) {
    const std::uint32_t number = ticket.upload.number;
    const Locked locked(shard_of(number).lock);
    *out = {};
    std::uint32_t first = none;
    for (std::uint32_t at = uploads_[number].ahead; at != none; at = pieces_[at].ahead_next) {
        const Piece& piece = pieces_[at];
        if (piece.content == PieceContent::lost) return Standing::lost;
        const std::uint64_t bytes = shown_of(at, ticket.piece).bytes;
        if (bytes == 0 || piece.position + bytes <= survey->at) continue;
        if (first == none || piece.position < pieces_[first].position) first = at;
    }
    if (first == none) return Standing::clear;
    const Piece& piece = pieces_[first];
    if (piece.position < survey->at) return Standing::conflict;
    const std::uint64_t zeros = piece.position - survey->at;
    if (survey->zeros + zeros > limits::assembly_far_gap_bytes) return Standing::busy;
    *out = {first, shown_of(first, ticket.piece), {}, zeros};
    survey->zeros += zeros;
    survey->at = piece.position + out->run.bytes;
    return Standing::advance;
}

void Assembly::end_survey(const PieceTicket& ticket, bool goes) {
    const std::uint32_t number = ticket.upload.number;
    const Locked locked(shard_of(number).lock);
    Upload& upload = uploads_[number];
    upload.leased = false;
    upload.turn = none;
    if (!goes) return;
    Piece& piece = pieces_[ticket.piece];
    upload.progress.fetch_add(1, std::memory_order_relaxed);
    piece.shown = piece.run;
    if (piece.state != PieceState::in_flight) piece.pending = false;
}

void Assembly::leave(const PieceTicket& ticket, bool goes) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[number];
    if (upload.turn == ticket.piece) upload.turn = none;
    if (!is_current(ticket) || !pieces_[ticket.piece].pending) return;
    Piece& piece = pieces_[ticket.piece];
    piece.pending = false;
    if (goes) return;
    if (ticket.place == PiecePlace::spooled && !is_chained(upload, piece))
        cut_to_shown(shard, ticket.piece);
    else if (!upload.matched)
        upload.tainted = true;  // the storage has some of it, and not its end
}

// Nothing more of it will reach the storage.
void Assembly::cut_to_shown(Shard& shard, std::uint32_t number) {
    Piece& piece = pieces_[number];
    Upload& upload = uploads_[piece.upload];
    if (piece.shown.bytes == 0 || piece.atomic) return remove_piece(shard, number);
    if (piece.state == PieceState::in_flight) {
        --upload.in_flight;
        ++upload.whole;
    }
    piece.state = PieceState::cut;
    piece.content = PieceContent::spooled;
    piece.ended = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
    upload.changed = piece.ended;
    piece.run.bytes = piece.length = piece.shown.bytes;
    piece.end = piece.position + piece.length;
    piece.pending = false;
}

std::uint32_t Assembly::progress(UploadRef ref) const {
    return uploads_[ref.number].progress.load(std::memory_order_relaxed);
}

}  // namespace cordon
