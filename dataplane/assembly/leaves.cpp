// Leaves of the tree fingerprint that pieces have by themselves: 32 bytes for each MiB, which stay
// when the piece's own bytes found no room. When all pieces but the last are whole numbers of
// leaves, those of all of them, in the order of the object, are the leaves of the object, in
// whatever order and on whatever workers the pieces came.
#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"

namespace cordon {

bool Assembly::keep_leaves(const PieceTicket& ticket, std::span<const TreeDigest> leaves) {
    Piece& piece = pieces_[ticket.piece];
    Upload& upload = uploads_[ticket.upload.number];
    const Bytes bytes(leaves.data()->bytes, leaves.size_bytes());
    const std::uint32_t before = piece.leaves.blocks;
    // No upload has more of them than it leaves to the others.
    const bool has_room =
        piece.leaves.bytes + bytes.size() <= std::uint64_t{before} * LeafSpool::block_bytes ||
        upload.leaves.load(std::memory_order_relaxed) < leaves_.blocks_free();
    const bool kept = has_room && leaves_.append(&piece.leaves, bytes);
    upload.leaves.fetch_add(piece.leaves.blocks - before, std::memory_order_relaxed);
    if (!kept) drop_leaves(ticket.piece);  // what comes later is too few, and not read
    return kept;
}

void Assembly::drop_leaves(std::uint32_t piece_number) {
    Piece& piece = pieces_[piece_number];
    uploads_[piece.upload].leaves.fetch_sub(piece.leaves.blocks, std::memory_order_relaxed);
    leaves_.drop(&piece.leaves);
}

LeafStep Assembly::read_leaves(UploadRef ref, std::uint64_t position, LeafCursor* cursor,
                               LeafList* list, PieceSum* sum) {
    Shard& shard = shard_of(ref.number);
    const Locked locked(shard.lock);
    std::uint32_t found = none;
    for (std::uint32_t at = bucket(shard, ref.number, position); at != none;
         at = pieces_[at].bucket_next) {
        const Piece& piece = pieces_[at];
        if (piece.upload != ref.number || piece.position != position) continue;
        if (piece.state == PieceState::in_flight) return LeafStep::in_flight;
        if (found != none) return LeafStep::conflict;
        found = at;
    }
    if (found == none) return LeafStep::missing;
    const Piece& piece = pieces_[found];
    const bool is_told =
        piece.state == PieceState::whole &&
        (piece.slice || piece.leaves.bytes == leaves_of(piece.length) * sizeof(TreeDigest));
    if (!is_told || (cursor->is_over && piece.length != 0)) return LeafStep::none;
    if (cursor->begun == 0) {
        cursor->begun = piece.begun;
        cursor->at = {};
    }
    if (cursor->begun != piece.begun) return LeafStep::in_flight;  // another came in its place
    PieceMarks marks = piece.marks;
    if (piece.slice && !sources_.read(piece.slice, &cursor->at, list, &marks))
        return LeafStep::none;
    while (!piece.slice && list->count < list->room.size()) {
        const std::size_t most = (list->room.size() - list->count) * sizeof(TreeDigest);
        const Bytes bytes = leaves_.read(piece.leaves, &cursor->at, most);
        if (bytes.empty()) break;
        std::memcpy(&list->room[list->count], bytes.data(), bytes.size());
        list->count += static_cast<std::uint32_t>(bytes.size() / sizeof(TreeDigest));
    }
    if (list->count != 0) return LeafStep::leaves;
    *sum = {piece.length, piece.digest, piece.md5, marks, piece.slice};
    cursor->begun = 0;
    cursor->is_over = cursor->is_over || !is_whole_leaves(piece.length);
    return LeafStep::end;
}

std::uint64_t Assembly::lowest(UploadRef ref) {
    const Locked locked(shard_of(ref.number).lock);
    return uploads_[ref.number].lowest;
}

bool Assembly::may_go_by_leaves(const PieceTicket& ticket, std::uint64_t length) {
    if (length != piece_unknown && is_whole_leaves(length)) return true;
    const Locked locked(shard_of(ticket.upload.number).lock);
    Upload& upload = uploads_[ticket.upload.number];
    const std::uint64_t position = pieces_[ticket.piece].position;
    if (upload.ragged == piece_unknown) upload.ragged = position;
    return upload.ragged == position;
}

}  // namespace cordon
