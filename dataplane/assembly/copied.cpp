// Pieces that the storage copies from an object of which we know the leaves. What a copy makes of
// its place is certain when nothing was there: an answer of 200 may still tell of a failure, and
// then the storage has what it had. So a copy into a place that is taken is not followed, but for
// the same one once more.
#include <cstring>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"

namespace cordon {

namespace {

// The same range of the same state of an object is the same piece, told from all that have bytes.
std::array<std::uint8_t, 16> digest_of(const SourceSlice& slice) {
    std::array<std::uint8_t, 16> digest;
    std::memcpy(digest.data(), &slice.state, 8);
    std::memcpy(digest.data() + 8, &slice.offset, 8);
    return digest;
}

}  // namespace

// Whatever is, or comes, in that place.
std::uint32_t Assembly::piece_at(Shard& shard, std::uint32_t upload, std::uint64_t position) const {
    for (std::uint32_t at = bucket(shard, upload, position); at != none;
         at = pieces_[at].bucket_next) {
        if (pieces_[at].upload == upload && pieces_[at].position == position) return at;
    }
    return none;
}

PieceBegun Assembly::begin_copy(const PieceRequest& request, std::uint32_t service,
                                const SourceSlice& slice, Now now, PieceTicket* ticket) {
    using Result = PieceBegun::Result;
    Shard& shard = shard_for(request.key, service);
    const Locked locked(shard.lock);
    std::uint32_t number = find_upload(shard, request.key, service);
    const bool is_new = number == none;
    if (is_new) number = open_upload(shard, request, service, now);
    if (number == none) return {Result::full, false};
    Upload& upload = uploads_[number];
    if (upload.pieces == 0 && !upload.lost) upload.spelling = request.spelling;
    pin(shard, number);
    const bool fits = upload.order == request.order && !is_unknown(upload, request);
    const std::uint64_t position = fits ? position_for(number, request, false) : piece_unknown;
    const std::uint32_t there = piece_at(shard, number, position);
    const bool is_again =
        there != none && pieces_[there].state == PieceState::whole && pieces_[there].slice == slice;
    const std::uint32_t piece_number =
        position != piece_unknown && there == none ? open_piece(shard, number, position) : none;
    if (piece_number == none) {
        if (!is_again) upload.tainted = upload.copied = true;
        unpin(shard, number, now);
        return {Result::begun, is_new};
    }
    Piece& piece = pieces_[piece_number];
    piece.content = PieceContent::lost;
    piece.slice = slice;
    *ticket = {{number}, piece_number, upload.epoch, piece.begun, PiecePlace::spooled};
    return {Result::begun, is_new};
}

void Assembly::end_copy(const PieceTicket& ticket, PieceAnswer answer, bool is_known, Now now) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[number];
    if (answer != PieceAnswer::accepted || !is_known) {
        remove_piece(shard, ticket.piece);
        if (answer != PieceAnswer::refused) upload.tainted = upload.copied = true;
        return unpin(shard, number, now);
    }
    Piece& piece = pieces_[ticket.piece];
    piece.length = piece.slice.length;
    piece.digest = digest_of(piece.slice);
    piece.state = PieceState::whole;
    piece.accepted = true;
    piece.ended = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
    upload.changed = piece.ended;
    --upload.in_flight;
    ++upload.whole;
    settle_rivals(shard, number, ticket.piece, true);
    unpin(shard, number, now);
}

}  // namespace cordon
