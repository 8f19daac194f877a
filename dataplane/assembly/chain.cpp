#include <algorithm>
#include <bit>

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
        if (!pieces_[upload.last].retained) drop_run(upload.last);
        before_of(number) = state_of(number);
        upload.before_tag = upload.tag;
        upload.before_bytes = upload.bytes;
        upload.before_id = upload.id;
        upload.has_before = true;
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
    // A piece that is longer than it claimed.
    for (std::uint32_t at = upload.ahead; at != none; at = pieces_[at].ahead_next)
        upload.tainted = upload.tainted || (pieces_[at].position < upload.bytes &&
                                            pieces_[at].position != piece.position);
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
    upload.has_before = false;
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

// Of two pieces that ended in one place only one counts: the same bytes are the same piece; other
// bytes replace it when the storage took them and had taken the earlier ones before they began.
void Assembly::settle_rivals(Shard& shard, std::uint32_t number, std::uint32_t piece_number,
                             bool is_new) {
    const Upload& upload = uploads_[number];
    const Piece& fresh = pieces_[piece_number];
    const std::uint32_t other = whole_at(shard, number, fresh.position, piece_number);
    if (other == none) return;
    const Piece& old = pieces_[other];
    const bool same = old.length == fresh.length && old.digest == fresh.digest &&
                      old.state == PieceState::whole && fresh.state == PieceState::whole;
    const bool old_serves = is_chained(upload, old) || old.content == PieceContent::spooled;
    const bool fresh_is_chained = is_chained(upload, fresh);
    if (same) {
        if (fresh_is_chained || !old_serves) return replace(shard, number, other, false);
        return replace(shard, number, piece_number, is_new);
    }
    if (old.refused || old.state == PieceState::cut) return replace(shard, number, other, false);
    if (fresh.refused) return replace(shard, number, piece_number, false);
    if (fresh.accepted && old.ended < fresh.begun) return replace(shard, number, other, false);
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
    piece.ended = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
    piece.state = PieceState::whole;
    --upload.in_flight;
    ++upload.whole;
    upload.touched_ns = now.ns;
    if (ticket.place == PiecePlace::spooled) {
        if (piece.content == PieceContent::spooled) begin_chain_alone(number, ticket.piece, state);
    } else {
        upload.leased = upload.lease_is_live = false;
        if (ticket.epoch != upload.epoch)
            piece.content = PieceContent::lost;
        else if (gives_way_to_first(shard, number, ticket.piece))
            piece.content = PieceContent::spooled;
        else
            append_to_chain(number, ticket.piece, state);
    }
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
    // Where pieces have an offset a storage may keep what it got, and the client goes on there.
    const bool may_stay = upload.order == PieceOrder::offset || upload.order == PieceOrder::append;
    const bool has_bytes =
        was_live ? state != nullptr && ticket.epoch == upload.epoch && state->size > upload.bytes
                 : piece.run.bytes != 0 || piece.content == PieceContent::lost;
    if (may_stay && has_bytes) {
        piece.ended = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
        piece.state = PieceState::cut;
        piece.length = piece.run.bytes;
        if (!was_live) piece.end = piece.position + std::max<std::uint64_t>(piece.run.bytes, 1);
        --upload.in_flight;
        ++upload.whole;
        if (was_live) append_to_chain(number, ticket.piece, *state);
        settle_rivals(shard, number, ticket.piece, true);
    } else {
        remove_piece(shard, ticket.piece);
    }
    unpin(shard, number, now);
}

std::uint32_t Assembly::next_in_chain(Shard& shard, std::uint32_t number) const {
    const Upload& upload = uploads_[number];
    // In which order pieces with names stand is known when they are named.
    if (upload.order == PieceOrder::name || upload.order == PieceOrder::append) return none;
    if (upload.count != 0) return whole_at(shard, number, upload.next, none);
    if (upload.order == PieceOrder::number)
        return upload.lowest != piece_unknown ? whole_at(shard, number, upload.lowest, none) : none;
    const std::uint32_t first = whole_at(shard, number, 0, none);
    if (first != none || upload.visibility != Visibility::at_commit) return first;
    return whole_at(shard, number, 1, none);
}

// The piece behind the chain, when its bytes wait in the spool and nothing contradicts them.
bool Assembly::next_waits(Shard& shard, std::uint32_t number, SpooledPiece* out) const {
    const std::uint32_t next = next_in_chain(shard, number);
    if (next == none || pieces_[next].content != PieceContent::spooled) return false;
    if (whole_at(shard, number, pieces_[next].position, next) != none) return false;
    *out = {next, pieces_[next].run, {}};
    return true;
}

Standing Assembly::look(const PieceTicket& ticket, DigestState* state) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    const Upload& upload = uploads_[number];
    if (upload.matched) {
        if (upload.leased) return Standing::busy;
        *state = before_of(number);
        return Standing::matched;
    }
    if (upload.leased && !upload.lease_is_live) return Standing::busy;
    if (upload.tainted) return Standing::conflict;
    SpooledPiece waiting;
    const bool waits = !upload.leased && next_waits(shard, number, &waiting);
    // The same piece came before, and that one counts.
    const bool is_there = is_current(ticket);
    const Piece& own = pieces_[ticket.piece];
    const bool is_in = !is_there || is_chained(upload, own);
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
        return same_place || (sequential && !is_in) ? Standing::busy : Standing::clear;
    }
    const std::uint32_t next = next_in_chain(shard, number);
    if (next != none)
        return whole_at(shard, number, pieces_[next].position, next) != none ? Standing::conflict
                                                                             : Standing::lost;
    // Behind the chain something is missing. The piece is in it, or behind the hole.
    return is_in || !sequential ? Standing::clear : Standing::gap;
}

void Assembly::answered(const PieceTicket& ticket, bool accepted) {
    const std::uint32_t number = ticket.upload.number;
    Shard& shard = shard_of(number);
    const Locked locked(shard.lock);
    if (!is_current(ticket)) return;
    Piece& piece = pieces_[ticket.piece];
    piece.accepted = accepted;
    piece.refused = !accepted;
    Upload& upload = uploads_[number];
    if (upload.is_object) {
        // A whole object in place of whatever was there, or none: then what is there is older.
        if (accepted) upload.lost = false;
        if (!accepted && !upload.lost && upload.pins == 0) give_up(shard, number);
        return;
    }
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
    append_to_chain(ref.number, piece->piece, state);
    Piece& passed = pieces_[piece->piece];
    passed.retained =
        retains_chained(upload) && passed.state == PieceState::whole && retains_room(upload);
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
    uploads_[ref.number].has_before = false;
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
    return {upload.count,   upload.tag,       upload.has_before, upload.before_tag,
            upload.whole,   upload.in_flight, upload.tainted,    upload.copied,
            upload.crowded, upload.matched,   upload.bytes,      upload.total};
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
    if (sum != nullptr) *sum = {piece.length, piece.digest, piece.md5};
    if (piece.retained || piece.content == PieceContent::spooled) *out = {number, piece.run, {}};
    if (is_chained(upload, piece)) return PieceStatus::chained;
    return !*out ? PieceStatus::lost : PieceStatus::spooled;
}

void Assembly::close(UploadRef ref, Now now) {
    Shard& shard = shard_of(ref.number);
    const Locked locked(shard.lock);
    unpin(shard, ref.number, now);
}

}  // namespace cordon
