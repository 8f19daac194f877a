// Who moves the chain of an upload, and who asks how far it is: leases and commits.
#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"
#include "dataplane/base/invariant.h"

namespace cordon {

// --- content ------------------------------------------------------------------------------------

void Assembly::start_content(std::uint32_t number) {
    const Upload& upload = uploads_[number];
    content_of(number).start(upload.count == 0 ? 0 : upload.id, upload.bytes, &readers_);
}

// The piece that began the chain alone came through the spool: nobody read what is in it.
bool Assembly::is_unread_alone(std::uint32_t number) const {
    const Upload& upload = uploads_[number];
    if (upload.count != 1 || upload.matched || content_of(number).at_id == upload.id) return false;
    const Piece& alone = pieces_[upload.last];
    return alone.state == PieceState::whole && alone.length != 0 &&
           alone.run.bytes == alone.length && upload.order == PieceOrder::index;
}

void Assembly::content_before(UploadRef ref) {
    const Locked locked(shard_of(ref.number).lock);
    const Upload& upload = uploads_[ref.number];
    content_of(ref.number).start(upload.before_id, upload.before_bytes, &readers_);
}

void Assembly::content_anew(UploadRef ref) {
    const Locked locked(shard_of(ref.number).lock);
    content_of(ref.number).start(0, 0, &readers_);
}

// --- lease ---------------------------------------------------------------------------------------

bool Assembly::take(UploadRef ref, bool anyway, DigestState* state, SpooledPiece* next) {
    Shard& shard = shard_of(ref.number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[ref.number];
    if (upload.leased || (upload.matched && !anyway)) return false;
    if (!anyway && waits_for_earlier(upload)) return false;
    *next = {};
    if (is_unread_alone(ref.number)) {
        const std::uint32_t alone = upload.last;
        step_off(ref.number);
        *next = {alone, pieces_[alone].run, {}};
    }
    const bool waits = !upload.matched && (*next || next_waits(shard, ref.number, next));
    if (!waits && !anyway) return false;
    upload.leased = true;
    upload.lease_is_live = false;
    start_content(ref.number);
    if (upload.count != 0)
        *state = state_of(ref.number);
    else
        state->size = 0;
    return true;
}

bool Assembly::passed(UploadRef ref, SpooledPiece* piece, const DigestState& state) {
    Shard& shard = shard_of(ref.number);
    const Locked locked(shard.lock);
    Upload& upload = uploads_[ref.number];
    INVARIANT(upload.leased && !upload.lease_is_live);
    Piece& passed = pieces_[piece->piece];
    if (passed.position > upload.bytes && upload.order == PieceOrder::offset) begin_gap(ref.number);
    append_to_chain(ref.number, piece->piece, state);
    // Behind a gap it is what the chain may have to be made of once more.
    passed.retained = retains_chained(upload) && passed.run.bytes == passed.length &&
                      (upload.sparse || retains_room(upload));
    if (!passed.retained) drop_run(piece->piece);
    if (next_waits(shard, ref.number, piece)) {
        start_content(ref.number);
        return true;
    }
    *piece = {};
    upload.leased = false;
    return false;
}

void Assembly::give_back(UploadRef ref) {
    const Locked locked(shard_of(ref.number).lock);
    uploads_[ref.number].leased = false;
}

void Assembly::freeze(UploadRef ref, const DigestState& state) {
    const Locked locked(shard_of(ref.number).lock);
    before_of(ref.number) = state;  // the chain itself stands where it stood
    uploads_[ref.number].has_before = uploads_[ref.number].solid_known = false;
    uploads_[ref.number].matched = true;
    content_of(ref.number).has_found = false;
}

void Assembly::freeze(UploadRef ref, const FoundMember& found) {
    const Locked locked(shard_of(ref.number).lock);
    content_of(ref.number).found = found;
    content_of(ref.number).has_found = true;
    uploads_[ref.number].matched = true;
}

bool Assembly::found(UploadRef ref, FoundMember* found) {
    const Locked locked(shard_of(ref.number).lock);
    if (!uploads_[ref.number].matched || !content_of(ref.number).has_found) return false;
    *found = content_of(ref.number).found;
    return true;
}

void Assembly::unfreeze(UploadRef ref) {
    const Locked locked(shard_of(ref.number).lock);
    uploads_[ref.number].matched = false;
}

// --- commits -------------------------------------------------------------------------------------

UploadRef Assembly::find(const AssemblyKey& key, std::uint32_t service, Now now) {
    Shard& shard = shards_[hash_of(key, service) % shard_count_];
    const Locked locked(shard.lock);
    const std::uint32_t number = find_upload(shard, key, service);
    if (number == none) return {};
    pin(shard, number);
    uploads_[number].touched_ns = now.ns;
    return {number};
}

ChainView Assembly::chain(UploadRef ref) {
    const Locked locked(shard_of(ref.number).lock);
    const Upload& upload = uploads_[ref.number];
    return {upload.count,     upload.tag,     upload.has_before, upload.before_tag, upload.whole,
            upload.in_flight, upload.tainted, upload.copied,     upload.crowded,    upload.matched,
            upload.bytes,     upload.total,   upload.lost};
}

void Assembly::state(UploadRef ref, DigestState* state) {
    const Locked locked(shard_of(ref.number).lock);
    *state = state_of(ref.number);
}

void Assembly::before_last(UploadRef ref, DigestState* state) {
    const Locked locked(shard_of(ref.number).lock);
    *state = before_of(ref.number);
}

PieceStatus Assembly::status(UploadRef ref, std::uint64_t position, SpooledPiece* out,
                             PieceSum* sum) {
    *out = {};
    Shard& shard = shard_of(ref.number);
    const Locked locked(shard.lock);
    const Upload& upload = uploads_[ref.number];
    for (std::uint32_t at = bucket(shard, ref.number, position); at != none;
         at = pieces_[at].bucket_next) {
        const Piece& piece = pieces_[at];
        if (piece.upload == ref.number && piece.position == position &&
            piece.state == PieceState::in_flight)
            return PieceStatus::in_flight;
    }
    const std::uint32_t number = whole_at(shard, ref.number, position, none);
    if (number == none) return PieceStatus::missing;
    if (whole_at(shard, ref.number, position, number) != none) return PieceStatus::conflict;
    const Piece& piece = pieces_[number];
    if (sum != nullptr) *sum = {piece.length, piece.digest, piece.md5, piece.marks};
    // Of some only the end is retained.
    const bool is_retained = piece.retained && piece.run.bytes == piece.length;
    if (is_retained || piece.content == PieceContent::spooled) *out = {number, piece.run, {}};
    if (is_chained(upload, piece)) return PieceStatus::chained;
    return !*out ? PieceStatus::lost : PieceStatus::spooled;
}

void Assembly::close(UploadRef ref, Now now) {
    Shard& shard = shard_of(ref.number);
    const Locked locked(shard.lock);
    unpin(shard, ref.number, now);
}

}  // namespace cordon
