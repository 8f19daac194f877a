// Bytes of pieces that are in the chain and stay in the spool: for a list that names them in
// another order, and for the same bytes once more. A help only: what else needs the room has it.
#include <algorithm>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"
#include "dataplane/base/limits.h"

namespace cordon {

namespace {

// Pieces that are looked at while a lock is held.
constexpr std::uint32_t drop_step = 64;
// An upload retains no more than this part of what is free.
constexpr std::uint32_t retained_share = 4;

}  // namespace

// Whole objects are not: every plain PUT would be copied.
bool Assembly::retains_chained(const Upload& upload) {
    return is_in_place(upload.recipe) && upload.order == PieceOrder::offset && !upload.is_object;
}

// Sessions, whose pieces a storage takes as they come: of what is under way the end.
bool Assembly::trails_chained(const Upload& upload) {
    return upload.recipe == Recipe::session_range || upload.recipe == Recipe::tus ||
           upload.recipe == Recipe::ietf_resumable;
}

// Of an upload that nobody has pinned. Its chain stays.
bool Assembly::drop_retained(std::uint32_t number) {
    if (!retains_chained(uploads_[number]) && !trails_chained(uploads_[number])) return false;
    bool dropped = false;
    std::uint32_t at = uploads_[number].first_piece;
    for (std::uint32_t n = 0; n < drop_step && at != none; ++n, at = pieces_[at].upload_next) {
        Piece& piece = pieces_[at];
        if (!piece.retained || !is_chained(uploads_[number], piece)) continue;
        dropped = dropped || piece.run.blocks != 0;
        drop_run(at);
        piece.retained = false;
    }
    return dropped;
}

bool Assembly::retains_room(const Upload& upload) const {
    return upload.blocks.load(std::memory_order_relaxed) < spool_.blocks_free() / retained_share;
}

// A storage that writes in place does not change by bytes that it has already.
std::uint32_t Assembly::repeated(Shard& shard, std::uint32_t number,
                                 const PieceRequest& request) const {
    const Upload& upload = uploads_[number];
    if (!is_in_place(upload.recipe) || upload.order != PieceOrder::offset || upload.tainted ||
        upload.lost || upload.matched)
        return none;
    const std::uint32_t there = whole_at(shard, number, request.offset, none);
    if (there == none) return none;
    const Piece& piece = pieces_[there];
    const bool is_whole = piece.state == PieceState::whole && piece.retained &&
                          is_chained(upload, piece) && piece.run.bytes == piece.length;
    const bool fits = request.length == piece_unknown || request.length <= piece.length;
    return is_whole && fits ? there : none;
}

bool Assembly::repeats_run(const SpoolRun& run, SpoolCursor* cursor, Bytes bytes) const {
    while (!bytes.empty()) {
        const Bytes there = spool_.read(run, cursor, bytes.size());
        if (there.empty() || !std::equal(there.begin(), there.end(), bytes.begin())) return false;
        bytes = bytes.subspan(there.size());
    }
    return true;
}

bool Assembly::repeats(const PieceTicket& ticket, SpoolCursor* cursor, Bytes bytes) const {
    return repeats_run(pieces_[ticket.piece].run, cursor, bytes);
}

void Assembly::drop_front(std::uint32_t piece_number) {
    Piece& piece = pieces_[piece_number];
    spool_.drop_front(&piece.run);
    uploads_[piece.upload].blocks.fetch_sub(1, std::memory_order_relaxed);
}

// A piece broke off, or was not answered, and the client goes on where the storage says that it is:
// within the last piece of the chain, of which the bytes from there on are still there.
bool Assembly::goes_on_in_cut(const Upload& upload, const PieceRequest& request) const {
    if (upload.order != PieceOrder::offset || request.order != PieceOrder::offset ||
        upload.count == 0 || upload.leased || upload.matched || upload.tainted ||
        request.offset >= upload.bytes)
        return false;
    const Piece& last = pieces_[upload.last];
    const bool is_open = last.state == PieceState::cut || !last.accepted;
    return is_open && last.retained && upload.bytes - request.offset <= last.run.bytes;
}

bool Assembly::repeats_cut(const PieceTicket& ticket, SpoolCursor* cursor, Bytes bytes) const {
    const SpoolRun& run = pieces_[ticket.cut].run;
    if (cursor->block == FreeList::none) *cursor = spool_.seek(run, run.bytes - ticket.overlap);
    return repeats_run(run, cursor, bytes);
}

// What is retained is a help only: others come first, and what they leave is not taken from them.
void Assembly::retain(const PieceTicket& ticket, Bytes bytes) {
    Piece& piece = pieces_[ticket.piece];
    if (!piece.retained) return;
    Upload& upload = uploads_[ticket.upload.number];
    if (piece.trails && piece.run.bytes > limits::assembly_trail_bytes) drop_front(ticket.piece);
    if (!retains_room(upload) && piece.run.blocks > 1) {
        piece.trails = true;
        drop_front(ticket.piece);
    }
    const std::uint32_t before = piece.run.blocks;
    piece.retained = retains_room(upload) && spool_.append(&piece.run, bytes);
    upload.blocks.fetch_add(piece.run.blocks - before, std::memory_order_relaxed);
    if (!piece.retained) drop_run(ticket.piece);
}

}  // namespace cordon
