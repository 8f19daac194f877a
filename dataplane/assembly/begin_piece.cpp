// A piece begins: of which upload it is, where it stands there, and whether it moves the chain,
// waits for what is before it, or may not come at all.
#include <algorithm>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/numbering.h"
#include "dataplane/assembly/uploads.h"
#include "dataplane/base/limits.h"

namespace cordon {

namespace {

bool is_certain_begin(const PieceRequest& request) {
    switch (request.order) {
        case PieceOrder::index:
            return request.index == 0 || (request.index == 1 && request.pieces == piece_unknown &&
                                          request.visibility == Visibility::at_commit);
        case PieceOrder::offset:
            return request.offset == 0;
        case PieceOrder::append:
            return request.begins;
        case PieceOrder::name:
            return true;
        case PieceOrder::number:
            return is_first_position(request.position);
    }
    return false;
}

std::uint64_t end_of(const PieceRequest& request, std::uint64_t position) {
    return position + (request.length == piece_unknown ? 1 : request.length);
}

}  // namespace

PieceBegun Assembly::begin(const PieceRequest& request, std::uint32_t service, Now now,
                           PieceTicket* ticket, DigestState* state) {
    using Result = PieceBegun::Result;
    Shard& shard = shards_[hash_of(request.key, service) % shard_count_];
    const Locked locked(shard.lock);
    PieceBegun begun{Result::begun, false};
    const std::uint32_t number = upload_for(shard, request, service, now, &begun);
    if (begun.result != Result::begun) return begun;
    Upload& upload = uploads_[number];
    const bool is_object = request.act == PieceAct::object && request.order != PieceOrder::number;
    const bool appends = appends_in_place(upload, request);
    const std::uint64_t place_asked = position_for(number, request, appends);
    if (upload.pieces == 0 && !upload.lost) upload.spelling = request.spelling;
    pin(shard, number);
    const auto refused = [&](Result why) {
        unpin(shard, number, now);
        return PieceBegun{why, begun.opened};
    };
    if (!is_object && is_unknown(upload, request)) return refused(Result::crossing);
    if (upload.is_object && !is_object) {
        --shard.live[at_kind(UploadKind::object)];
        upload.is_object = false;
        ++shard.live[at_kind(UploadKind::pieces)];
    }
    if (request.order == PieceOrder::append && !request.begins && !is_certain(upload))
        return refused(Result::crossing);
    if ((request.order != upload.order && !appends) || place_asked == piece_unknown) {
        upload.tainted = true;
        return refused(Result::bad);
    }
    const bool is_earlier =
        (upload.order == PieceOrder::index || upload.order == PieceOrder::number) &&
        upload.count == 1 && !upload.leased && place_asked < pieces_[upload.last].position;
    if (is_earlier && pieces_[upload.last].run.blocks != 0) step_off(number);
    const std::uint64_t end = end_of(request, place_asked);
    const std::uint32_t same = appends ? none : repeated(shard, number, request);
    if (same != none) {
        *ticket = {{number}, same, upload.epoch, pieces_[same].begun, PiecePlace::again};
        return {Result::begun, false};
    }
    const bool goes_on = !is_object && !appends && goes_on_in_cut(upload, request);
    const std::uint64_t overlap = goes_on ? upload.bytes - place_asked : 0;
    const std::uint64_t position = place_asked + overlap;
    if (upload.order == PieceOrder::offset && crosses(shard, number, position, end))
        return refused(Result::crossing);
    const bool is_unseen = request.act == PieceAct::copy_piece;
    PieceStanding standing = standing_of(shard, number, request, position);
    if (standing.result != Result::begun) return refused(standing.result);
    if (overlap != 0 && standing.place != PiecePlace::next) return refused(Result::crossing);
    const bool is_group = request.order == PieceOrder::number;
    const bool may_wait = upload.ahead_count < limits::assembly_ahead_max;
    if (is_group && !has_place(upload)) evict(shard, UploadKind::group, now);
    const std::uint32_t piece = may_wait ? open_piece(shard, number, position) : none;
    if (piece == none) {
        upload.tainted = upload.crowded = true;
        unpin(shard, number, now);
        return {Result::full, begun.opened, true};
    }
    pieces_[piece].end = end;
    pieces_[piece].begins = request.begins;
    pieces_[piece].atomic = is_atomic(request);
    if (is_group && is_first_position(position)) upload.lowest = std::min(upload.lowest, position);
    put_ahead(number, piece);
    if (request.total != piece_unknown) upload.total = request.total;
    if (request.last && request.offset != piece_unknown && request.length != piece_unknown)
        upload.total = request.offset + request.length;
    *ticket = {{number},       piece,
               upload.epoch,   pieces_[piece].begun,
               standing.place, overlap,
               upload.last,    standing.zeros,
               standing.held,  standing.place == PiecePlace::spooled && takes_turns(upload)};
    if (standing.place == PiecePlace::spooled)
        pieces_[piece].content = is_unseen ? PieceContent::lost : PieceContent::spooled;
    else
        move_chain(number, piece, standing.place, state);
    return begun;
}

// Its upload: the one that is there, unless the piece begins another of that name, or a new one.
std::uint32_t Assembly::upload_for(Shard& shard, const PieceRequest& request, std::uint32_t service,
                                   Now now, PieceBegun* begun) {
    std::uint32_t number = find_upload(shard, request.key, service);
    const bool is_object = request.act == PieceAct::object && request.order != PieceOrder::number;
    bool was_there = false;
    bool was_mixed = false;
    if (number != none && request.begins && request.order != PieceOrder::index) {
        Upload& old = uploads_[number];
        if (is_object && old.pins != 0) {  // which of them stays is not known
            old.tainted = true;
            begun->result = PieceBegun::Result::bad;
            return none;
        }
        if (old.pins == 0) {  // what is there is of an old one, and nobody is at it
            was_there = old.pieces != 0 || old.lost || old.tainted;
            was_mixed = was_there && (old.mixed || old.spelling != request.spelling);
            give_up(shard, number);
            number = none;
        }
    }
    begun->opened = number == none;
    if (begun->opened) number = open_upload(shard, request, service, now);
    if (number == none) {
        if (is_object) remember_object(shard, request.key, request.spelling, true, now);
        *begun = {PieceBegun::Result::full, false};
        return none;
    }
    Upload& upload = uploads_[number];
    upload.mixed = upload.mixed || was_mixed;
    // The storage may refuse it, and keep what it had.
    upload.lost = upload.lost || was_there;
    return number;
}

// Behind all that is there of an object: it is known where that is when nothing is on its way.
bool Assembly::appends_in_place(const Upload& upload, const PieceRequest& request) const {
    return is_in_place(upload.recipe) && request.order == PieceOrder::append &&
           upload.order == PieceOrder::offset && upload.ahead_count == 0 && upload.count != 0 &&
           !upload.leased && is_certain(upload);
}

std::uint64_t Assembly::position_for(std::uint32_t number, const PieceRequest& request,
                                     bool appends) {
    Upload& upload = uploads_[number];
    switch (upload.order) {
        case PieceOrder::index:
            return request.index;
        case PieceOrder::offset:
            return appends ? upload.bytes : request.offset;
        case PieceOrder::append:
            return upload.count != 0 ? upload.next : upload.appended++;
        case PieceOrder::name:
            return position_of(request.name);
        case PieceOrder::number:
            return request.position;
    }
    return piece_unknown;
}

// What a server writes whole, or not at all.
bool Assembly::is_atomic(const PieceRequest& request) {
    return request.recipe == Recipe::azure_append || request.recipe == Recipe::azure_page;
}

Assembly::PieceStanding Assembly::standing_of(Shard& shard, std::uint32_t number,
                                              const PieceRequest& request,
                                              std::uint64_t position) const {
    const Upload& upload = uploads_[number];
    PieceStanding standing{};
    const bool waits = request.act == PieceAct::copy_piece || request.is_aside;  // read from there
    standing.place = waits ? PiecePlace::spooled : place_of(shard, number, request, position);
    const bool is_object = request.act == PieceAct::object && request.order != PieceOrder::number;
    if (!is_in_place(upload.recipe) || upload.order != PieceOrder::offset || is_object)
        return standing;
    const bool is_behind_gap = position > upload.bytes && !upload.leased &&
                               upload.ahead_count == 0 && upload.turn == none && !upload.matched &&
                               position - upload.bytes <= limits::assembly_gap_bytes;
    if (is_behind_gap) {
        standing.zeros = position - upload.bytes;
        standing.place = PiecePlace::next;
    } else if (upload.ahead_count != 0 || upload.turn != none) {
        // Into a gap, or with others: what is there of it could complete the object at any byte.
        standing.place = PiecePlace::spooled;
    }
    const bool is_ahead = standing.place == PiecePlace::spooled;
    standing.held = is_ahead && !is_atomic(request);
    if (is_ahead && gaps_before(number, position) > limits::assembly_far_gap_bytes)
        standing.result = PieceBegun::Result::crossing;
    return standing;
}

// The chain moves with the piece, from *state on.
void Assembly::move_chain(std::uint32_t number, std::uint32_t piece, PiecePlace place,
                          DigestState* state) {
    Upload& upload = uploads_[number];
    upload.leased = upload.lease_is_live = true;
    upload.lease_piece = piece;
    pieces_[piece].trails = trails_chained(upload);
    pieces_[piece].retained =
        upload.order == PieceOrder::name || retains_chained(upload) || pieces_[piece].trails;
    start_content(number);
    if (place != PiecePlace::next) return;
    if (upload.count == 0)
        state->size = 0;
    else
        *state = state_of(number);
}

// Into what is not known nothing is written: the first byte could complete it. And what comes under
// another spelling may be of another object. (A group has many names, and its list tells digests.)
bool Assembly::is_unknown(const Upload& upload, const PieceRequest& request) {
    const bool is_known = !upload.lost && !upload.mixed && !upload.tainted && upload.unsettled == 0;
    if (is_in_place(upload.recipe) && !is_known) return true;
    if (upload.order == PieceOrder::number) return false;
    return is_chosen(upload.recipe) && upload.spelling != request.spelling;
}

PiecePlace Assembly::place_of(Shard& shard, std::uint32_t number, const PieceRequest& request,
                              std::uint64_t position) const {
    const Upload& upload = uploads_[number];
    const bool is_free = !upload.leased && !upload.matched;
    if (upload.count == 0) {
        // Nothing is in the chain: whoever stands at the beginning is it.
        const bool alone = upload.order != PieceOrder::name || upload.pieces == 0;
        return is_free && alone && is_certain_begin(request) &&
                       whole_at(shard, number, position, none) == none
                   ? PiecePlace::first
                   : PiecePlace::spooled;
    }
    if (upload.order == PieceOrder::name)
        return is_free && upload.count == upload.pieces &&
                       whole_at(shard, number, position, none) == none
                   ? PiecePlace::next
                   : PiecePlace::spooled;
    return is_free && position == upload.next && !waits_for_earlier(upload) &&
                   whole_at(shard, number, position, none) == none
               ? PiecePlace::next
               : PiecePlace::spooled;
}

}  // namespace cordon
