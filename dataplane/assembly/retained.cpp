// Bytes of pieces that are in the chain and stay in the spool: for a list that names them in
// another order, and for the same bytes once more. A help only: what else needs the room has it.
#include <algorithm>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"
#include "dataplane/base/limits.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

// Pieces that are looked at while a lock is held.
constexpr std::uint32_t drop_step = 64;
// An upload retains no more than this part of what is free.
constexpr std::uint32_t retained_share = 4;
// Groups leave this part of the spool to who needs it.
constexpr std::uint32_t group_share = 2;
// A full spool gives up an upload that was idle for so long: no client pauses so between two
// pieces, but for one that has lost its connection.
constexpr std::uint64_t reclaim_idle_ns = 10 * ns_per_s;
constexpr std::uint32_t reclaim_step = 64;

}  // namespace

// Whole objects are not: every plain PUT would be copied.
bool Assembly::retains_chained(const Upload& upload) {
    if (upload.is_component) return true;
    return is_in_place(upload.recipe) && upload.order == PieceOrder::offset && !upload.is_object;
}

// Sessions, whose pieces a storage takes as they come: of what is under way the end.
bool Assembly::trails_chained(const Upload& upload) {
    if (retains_chained(upload)) return false;  // all of it
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

// No upload has more of the spool than it leaves to the others.
bool Assembly::has_room(const Upload& upload) const {
    std::uint32_t left = spool_.blocks_free();
    const auto kept =
        static_cast<std::uint32_t>(spool_.bytes_max() / Spool::block_bytes / group_share);
    if (kind_of(upload) == UploadKind::group) left -= std::min(left, kept);
    return upload.blocks.load(std::memory_order_relaxed) < left;
}

bool Assembly::retains_room(const Upload& upload) const {
    return upload.blocks.load(std::memory_order_relaxed) < spool_.blocks_free() / retained_share &&
           has_room(upload);
}

bool Assembly::set_aside(SpoolRun* run, Bytes bytes) {
    const std::uint64_t most = std::min(limits::aside_bytes_max, spool_.bytes_max() / group_share);
    const std::uint32_t kept =
        static_cast<std::uint32_t>(spool_.bytes_max() / Spool::block_bytes / group_share);
    if (run->bytes + bytes.size() <= most && spool_.blocks_free() > kept &&
        spool_.append(run, bytes))
        return true;
    spool_.drop(run);
    return false;
}

void Assembly::adopt(const PieceTicket& ticket, SpoolRun* run) {
    Piece& piece = pieces_[ticket.piece];
    if (ticket.place != PiecePlace::spooled && !piece.retained) return spool_.drop(run);
    piece.run = *run;
    *run = {};
    uploads_[ticket.upload.number].blocks.fetch_add(piece.run.blocks, std::memory_order_relaxed);
}

// The spool is full: of each shard the upload that is idle for the longest gives up what it has.
bool Assembly::reclaim(Now now) {
    for (std::uint32_t n = 0; n < shard_count_; ++n) {
        Shard& shard = shards_[n];
        const Locked locked(shard.lock);
        reap(shard);
        if (reclaim(shard, UploadKind::group, now) || reclaim(shard, UploadKind::pieces, now))
            return true;
    }
    return false;
}

bool Assembly::reclaim(Shard& shard, UploadKind kind, Now now) {
    std::uint32_t at = shard.idle[at_kind(kind)].first;
    for (std::uint32_t looked = 0; looked < reclaim_step && at != none; ++looked) {
        Upload& upload = uploads_[at];
        if (now.ns - std::min(now.ns, upload.touched_ns) < reclaim_idle_ns) return false;
        const std::uint32_t next = upload.idle_next;
        if (upload.blocks.load(std::memory_order_relaxed) != 0) {
            if (drop_retained(at)) return true;
            if (kind == UploadKind::pieces) {
                remember(shard, upload, now);
                older_until_ns_.store(0, std::memory_order_relaxed);
                evicted_.fetch_add(1, std::memory_order_relaxed);
            }
            give_up(shard, at);
            reap(shard);
            return true;
        }
        at = next;
    }
    return false;
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
    Upload& upload = uploads_[ticket.upload.number];
    upload.progress.fetch_add(1, std::memory_order_relaxed);
    if (!piece.retained) return;
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
