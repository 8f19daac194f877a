// Objects that are written in place with gaps: the storage fills them with zeros, so the object is
// there, and may be a known one, without them. The chain goes on over a gap. When a piece comes
// into it, the chain goes back to the first gap, and what is behind it, retained in the spool, is
// hashed once more.
#include <algorithm>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"
#include "dataplane/base/limits.h"

namespace cordon {

Bytes Assembly::zero_bytes(std::uint64_t most) {
    static constexpr std::uint8_t zeros[16 * 1024]{};
    return Bytes(zeros).first(std::min<std::uint64_t>(most, sizeof zeros));
}

// The next piece is put behind a gap.
void Assembly::begin_gap(std::uint32_t number) {
    Upload& upload = uploads_[number];
    if (upload.sparse) return;
    if (upload.count != 0) before_of(number) = state_of(number);
    upload.has_before = false;
    upload.sparse = upload.solid_known = true;
    upload.solid_bytes = upload.bytes;
    upload.solid_count = upload.count;
    upload.solid_tag = upload.tag;
    upload.solid_last = upload.last;
    upload.solid_id = upload.id;
    content_of(number).stand_before_gap(upload.id);
}

// The chain ends before the first gap again. False: bytes behind it are not there any more.
bool Assembly::undo_gaps(std::uint32_t number) {
    Upload& upload = uploads_[number];
    if (!upload.sparse || !upload.solid_known || upload.leased || upload.matched ||
        upload.pieces > limits::assembly_ahead_max)
        return false;
    const auto is_behind = [&](const Piece& piece) {
        return is_chained(upload, piece) && piece.position >= upload.solid_bytes &&
               piece.position != nowhere;
    };
    for (std::uint32_t at = upload.first_piece; at != none; at = pieces_[at].upload_next) {
        const Piece& piece = pieces_[at];
        if (is_behind(piece) && (!piece.retained || piece.run.bytes != piece.length)) return false;
    }
    for (std::uint32_t at = upload.first_piece; at != none; at = pieces_[at].upload_next) {
        Piece& piece = pieces_[at];
        if (!is_behind(piece)) continue;
        piece.content = PieceContent::spooled;
        piece.end = piece.position + piece.length;
        put_ahead(number, at);
    }
    if (upload.solid_count != 0) state_of(number) = before_of(number);
    upload.bytes = upload.next = upload.solid_bytes;
    upload.count = upload.solid_count;
    upload.tag = upload.solid_tag;
    upload.last = upload.solid_last;
    upload.id = upload.solid_id;
    upload.sparse = upload.has_before = false;
    return true;
}

// Of the pieces that ended behind the chain, the first one.
std::uint32_t Assembly::behind_gap(std::uint32_t number) const {
    const Upload& upload = uploads_[number];
    if (!is_in_place(upload.recipe) || upload.order != PieceOrder::offset) return none;
    std::uint32_t first = none;
    for (std::uint32_t at = upload.ahead; at != none; at = pieces_[at].ahead_next) {
        const Piece& piece = pieces_[at];
        if (has_ended(upload, at) && piece.position > upload.bytes &&
            (first == none || piece.position < pieces_[first].position))
            first = at;
    }
    return first;
}

// Bytes in front of a place that no piece has, or claims.
std::uint64_t Assembly::gaps_before(std::uint32_t number, std::uint64_t position) const {
    const Upload& upload = uploads_[number];
    if (position <= upload.bytes) return 0;
    std::uint64_t gaps = position - upload.bytes;
    for (std::uint32_t at = upload.ahead; at != none; at = pieces_[at].ahead_next) {
        const Piece& piece = pieces_[at];
        if (piece.position >= upload.bytes && piece.position < position)
            gaps -= std::min(gaps, piece.end - piece.position);
    }
    return gaps;
}

// The same as crosses(), with pieces that are in the chain behind its first gap.
bool Assembly::crosses_in_gaps(std::uint32_t number, std::uint64_t position,
                               std::uint64_t end) const {
    const Upload& upload = uploads_[number];
    if (upload.pieces > limits::assembly_ahead_max) return true;
    for (std::uint32_t at = upload.first_piece; at != none; at = pieces_[at].upload_next) {
        const Piece& other = pieces_[at];
        const std::uint64_t other_end =
            is_chained(upload, other) ? other.position + other.length : other.end;
        if (other.position != nowhere && position < other_end && other.position < end) return true;
    }
    return false;
}

}  // namespace cordon
