// Names that get another object, or lose theirs, by COPY, MOVE and DELETE. The storage does it, and
// its answer tells whether it did. What is written into a copy later is judged with the state of
// its source; where that is not known, or changed meanwhile, nothing is written into the copy.
#include <algorithm>

#include "dataplane/assembly/assembly.h"
#include "dataplane/assembly/uploads.h"

namespace cordon {

namespace {

// The name as that of an object that came whole.
PieceRequest whole_of(const AssemblyKey& key, std::uint64_t spelling) {
    PieceRequest request;
    request.act = PieceAct::object;
    request.recipe = Recipe::plain_object;
    request.key = key;
    request.spelling = spelling;
    request.offset = 0;
    return request;
}

}  // namespace

// What is known of an object that gets another name.
struct Assembly::Whole {
    DigestState state;
    ChainContent::Point content{};
    bool is_read = false;  // content: else nobody read what is in it
};

Assembly::Shard& Assembly::shard_for(const AssemblyKey& key, std::uint32_t service) const {
    return shards_[hash_of(key, service) % shard_count_];
}

NameChange Assembly::begin_change(const PieceRequest& request, std::uint32_t service, Now now) {
    NameChange change;
    change.key = request.key;
    change.source = request.source;
    change.spelling = request.spelling;
    change.source_spelling = request.source_spelling;
    change.service = service;
    change.elsewhere = request.elsewhere || request.act == PieceAct::bad;
    const bool removes = request.act == PieceAct::remove;
    if (request.act == PieceAct::copy) {
        Shard& shard = shard_for(request.source, service);
        const Locked locked(shard.lock);
        const std::uint32_t source = find_upload(shard, request.source, service);
        if (source != none) change.source_changed = uploads_[source].changed;
    }
    Shard& shard = shard_for(request.key, service);
    const Locked locked(shard.lock);
    const PieceRequest whole = whole_of(request.key, request.spelling);
    std::uint32_t number = find_upload(shard, request.key, service);
    if (number == none && removes && !remembers(shard, whole, now)) return {};
    if (number == none) number = open_upload(shard, whole, service, now);
    if (number == none) {
        if (!removes) remember_object(shard, request.key, request.spelling, true, now);
        return {};
    }
    Upload& upload = uploads_[number];
    pin(shard, number);
    ++upload.unsettled;
    change.kind = removes                          ? NameChange::Kind::remove
                  : request.act == PieceAct::begin ? NameChange::Kind::create
                  : request.moves                  ? NameChange::Kind::move
                                                   : NameChange::Kind::copy;
    change.target = {number};
    change.changed = upload.changed;
    return change;
}

void Assembly::end_change(const NameChange& change, NameChange::Outcome outcome,
                          const DigestState& empty, Now now) {
    const bool is_done = outcome == NameChange::Outcome::done;
    const bool creates = change.kind == NameChange::Kind::create;
    const bool copies = change.kind != NameChange::Kind::remove;
    Whole whole;
    if (creates) whole.state = empty;
    const bool is_known = is_done && copies && (creates || copy_state(change, &whole));
    {
        Shard& shard = shard_of(change.target.number);
        const Locked locked(shard.lock);
        const std::uint32_t number = change.target.number;
        Upload& upload = uploads_[number];
        --upload.unsettled;
        // Whoever was at the name meanwhile may have come before or after it.
        const bool alone =
            upload.pins == 1 && upload.unsettled == 0 && upload.changed == change.changed;
        const bool same = upload.spelling == change.spelling && !upload.mixed;
        const bool was_there = upload.pieces != 0 || upload.lost;
        unpin(shard, number, now);
        if (outcome == NameChange::Outcome::unknown || (is_done && copies && !alone)) {
            upload.lost = true;
            upload.tainted = upload.tainted || !alone;
            remember_object(shard, change.key, change.spelling, upload.mixed, now);
        } else if (is_done && copies) {
            give_up(shard, number);
            put_whole(shard, change, is_known ? &whole : nullptr, was_there && !same, now);
        } else if (is_done && alone && same) {
            free_name(shard, number, now);
        }
    }
    if (copies && !creates && outcome != NameChange::Outcome::refused && !is_known)
        note_moved(change.key, now);
    if (is_done && change.kind == NameChange::Kind::move && is_known) free_source(change, now);
}

// Of the source, when it stands as it stood, whole and known. (Nothing of a folder is.)
bool Assembly::copy_state(const NameChange& change, Whole* whole) {
    if (change.elsewhere || change.source_changed == 0) return false;
    Shard& shard = shard_for(change.source, change.service);
    const Locked locked(shard.lock);
    const std::uint32_t number = find_upload(shard, change.source, change.service);
    if (number == none) return false;
    const Upload& upload = uploads_[number];
    const bool is_still = upload.changed == change.source_changed && upload.unsettled == 0 &&
                          upload.spelling == change.source_spelling && !upload.mixed;
    const bool is_whole = upload.count != 0 && upload.order == PieceOrder::offset &&
                          upload.in_flight == 0 && upload.ahead_count == 0 && !upload.leased;
    const bool is_known = !upload.lost && !upload.tainted && !upload.matched;
    if (!is_still || !is_whole || !is_known || !is_in_place(upload.recipe)) return false;
    whole->state = state_of(number);
    whole->is_read = content_of(number).can_be_copied(upload.id);
    whole->content = content_of(number).now;
    return true;
}

// whole: nullptr when nobody knows what it is. `mixed`: there may be another object of that key.
void Assembly::put_whole(Shard& shard, const NameChange& change, const Whole* whole, bool mixed,
                         Now now) {
    const std::uint32_t number =
        open_upload(shard, whole_of(change.key, change.spelling), change.service, now);
    if (number == none) return remember_object(shard, change.key, change.spelling, mixed, now);
    Upload& upload = uploads_[number];
    upload.mixed = upload.mixed || mixed;
    pin(shard, number);
    const std::uint32_t number_of_piece = whole != nullptr ? open_piece(shard, number, 0) : none;
    upload.lost = upload.mixed || number_of_piece == none;
    if (number_of_piece != none) {
        Piece& piece = pieces_[number_of_piece];
        piece.state = PieceState::whole;
        piece.length = piece.end = whole->state.size;
        piece.accepted = true;
        piece.ended = clock_.fetch_add(1, std::memory_order_relaxed) + 1;
        --upload.in_flight;
        ++upload.whole;
        append_to_chain(number, number_of_piece, whole->state);
        if (whole->is_read) content_of(number).copy(whole->content, upload.id);
        if (whole->state.size == 0) leave_place(shard, number_of_piece);
    }
    if (upload.lost) remember_object(shard, change.key, change.spelling, upload.mixed, now);
    unpin(shard, number, now);
}

// There is no object of that name any more. What was remembered of it stays, so a place says that
// it is none.
void Assembly::free_name(Shard& shard, std::uint32_t number, Now now) {
    const PieceRequest whole = whole_of(uploads_[number].key, uploads_[number].spelling);
    const std::uint32_t service = uploads_[number].service;
    give_up(shard, number);
    if (!remembers(shard, whole, now)) return;
    const std::uint32_t fresh = open_upload(shard, whole, service, now);
    if (fresh == none) return;
    uploads_[fresh].lost = false;
    pin(shard, fresh);
    unpin(shard, fresh, now);
}

void Assembly::free_source(const NameChange& change, Now now) {
    Shard& shard = shard_for(change.source, change.service);
    const Locked locked(shard.lock);
    const std::uint32_t number = find_upload(shard, change.source, change.service);
    if (number == none || uploads_[number].pins != 0 ||
        uploads_[number].changed != change.source_changed)
        return;
    free_name(shard, number, now);
}

}  // namespace cordon
