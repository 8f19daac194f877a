#include <algorithm>
#include <cstring>

#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// Positions of a list that are looked up in one turn, each under a lock of its own.
constexpr std::uint64_t list_step = 512;
constexpr std::uint64_t commit_wait_ns = limits::assembly_wait_seconds * ns_per_s;

}  // namespace

// The request that makes an object visible: its end is held until the verdict on the pieces that it
// names. One without a body is held whole.
bool Worker::State::begin_commit(FlowNumber number, const PieceRequest& request) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    const std::uint32_t place = open_assembling(number, request);
    Assembling& own = assemblings[place];
    own.stage = Assembling::Stage::commit;
    if (request.list != ListFormat::none) {
        own.list = commit_places.allocate();
        if (own.list == no_assembling) {
            counters.count(Outcome::assembly_full);
            leave_assembling(&exchange);
            return passes_unassembled(number, PolicyCase::limit, VerifyReason::full);
        }
        commit_places[own.list].list.open(exchange.parser.head(), request, assembly.seed());
    }
    if (exchange.object_open) return true;
    flow.hold.object_bytes(exchange.chunk_begin);
    if (!end_commit(number)) return false;
    flow.hold.release_at(exchange.parser.consumed());
    return true;
}

void Worker::State::read_list(Assembling* own, Bytes bytes) {
    commit_places[own->list].list.feed(bytes);
    take_list(own);
}

void Worker::State::take_list(Assembling* own) {
    CommitEntry entry;
    while (commit_places[own->list].list.next(&entry)) {
        if (names_objects(own->request)) {
            take_component(own, entry);
            continue;
        }
        std::uint64_t position = entry.index;
        switch (entry.from) {
            case CommitEntry::From::index:
                break;
            case CommitEntry::From::name:
            case CommitEntry::From::staged:
            case CommitEntry::From::committed:
                position = Assembly::position_of(entry.name);
                break;
            case CommitEntry::From::object:
            case CommitEntry::From::list:
                own->lost = true;
                continue;
        }
        std::uint8_t bytes[sizeof position];
        std::memcpy(bytes, &position, sizeof position);
        own->lost = own->lost || !assembly.lists().append(&own->positions, bytes);
    }
}

// The request is here to its end. False: the flow waits, or is cut.
bool Worker::State::end_commit(FlowNumber number) {
    const Flow& flow = flows[number];
    const std::uint32_t place = exchanges[flow.exchange].assembling;
    Assembling& own = assemblings[place];
    if (own.list != no_assembling) {
        CommitList& list = commit_places[own.list].list;
        list.finish();
        take_list(&own);
        if (list.state() == CommitList::State::bad) {
            counters.count(Outcome::assembly_bad);
            end_look(place);
            return passes_unassembled(number, PolicyCase::unparsable, VerifyReason::undecoded);
        }
        const bool is_none = list.state() == CommitList::State::foreign;
        commit_places.release(own.list);
        own.list = no_assembling;
        if (is_none) own.request.list = ListFormat::none;
    }
    AssemblyKey key = own.request.key;
    if (names_objects(own.request) && own.positions.bytes != 0) {
        own.cursor = {};
        own.first = next_component(&own);
        key = own.first.upload;
    }
    own.upload = assembly.find(key, own.service, now);
    // What an older upload could not have either.
    if (own.lost)
        return commit_fails(place, Outcome::assembly_gap, VerifyReason::gap) == CommitStep::goes;
    if (!own.upload) {
        // Where every piece is judged at its end, this one only asks how far the upload is.
        const bool asks =
            own.request.visibility == Visibility::at_once && own.request.list == ListFormat::none;
        if (asks) return end_look(place);
        return commit_unjudged(place, gap_case(), VerifyReason::gap) == CommitStep::goes;
    }
    own.stage = Assembling::Stage::waiting;
    own.until_ns = now.ns + commit_wait_ns;
    std::size_t left = 0;
    return commit_on(place, &left);
}

// True: the commit may go. False: it waits, or the flow is cut.
bool Worker::State::commit_on(std::uint32_t place, std::size_t* left) {
    CommitStep step = CommitStep::again;
    while (step == CommitStep::again)
        step = commit_step(place, left);
    return step == CommitStep::goes;
}

CommitStep Worker::State::commit_step(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    const bool composes = names_objects(own.request);
    if (own.stage == Assembling::Stage::listing)
        return composes ? look_up_components(place) : look_up_list(place);
    if (own.stage == Assembling::Stage::hashing)
        return composes ? hash_components(place, left) : hash_list(place, left);
    if (own.stage == Assembling::Stage::folding) return fold_commit(place);
    if (!judge_frozen(place)) return CommitStep::waits;
    if (!begin_advance(place, true)) return commit_waits(place);
    if (own.request.list != ListFormat::none) {
        composes ? begin_composition(place) : begin_list(place);
        return CommitStep::again;
    }
    if (!own.spooled) return commit_all(place);
    put_to_work(place);  // advances, and comes here again
    return CommitStep::waits;
}

CommitStep Worker::State::commit_waits(std::uint32_t place) {
    Assembling& own = assemblings[place];
    leave_component(&own);
    if (own.list != no_assembling) commit_places.release(own.list);
    own.list = no_assembling;
    own.spooled = {};
    if (own.leased) assembly.give_back(own.upload);
    own.leased = false;
    own.content = nullptr;
    if (own.slot != no_object) fingerprinter.drop(own.slot);
    own.slot = no_object;
    own.stage = Assembling::Stage::waiting;
    if (now.ns >= own.until_ns)
        return commit_fails(place, Outcome::assembly_gap, VerifyReason::undecoded);
    put_to_work(place);
    return CommitStep::waits;
}

CommitStep Worker::State::commit_fails(std::uint32_t place, Outcome why, VerifyReason reason) {
    counters.count(why);
    return commit_unjudged(place, PolicyCase::limit, reason);
}

// An upload that cannot be judged, as its pieces came.
CommitStep Worker::State::commit_tainted(std::uint32_t place, const ChainView& chain) {
    const VerifyReason reason = chain.copied    ? VerifyReason::copied
                                : chain.crowded ? VerifyReason::full
                                                : VerifyReason::undecoded;
    return commit_fails(place, Outcome::assembly_conflict, reason);
}

// Instead of a refusal the commit goes when it is durable on record that the object has to be
// judged on the storage. Not what only a client brings about that contradicts itself (undecoded).
CommitStep Worker::State::commit_unjudged(std::uint32_t place, PolicyCase about,
                                          VerifyReason reason) {
    Assembling& own = assemblings[place];
    const FlowNumber number = own.flow;
    if (reason != VerifyReason::undecoded &&
        unassembled_action(number, about) != UninspectedAction::pass &&
        verify_stored(number, reason, &own.record)) {
        own.stage = Assembling::Stage::recording;
        own.about = about;
        own.until_ns = now.ns + options.journal_ms_max * ns_per_ms;
        put_to_work(place);
        return CommitStep::waits;
    }
    end_look(place);
    return passes_unassembled(number, about, reason) ? CommitStep::goes : CommitStep::waits;
}

// True: the commit may go. False: it waits for its record, or the flow is cut.
bool Worker::State::commit_recorded(std::uint32_t place) {
    const Assembling& own = assemblings[place];
    const FlowNumber number = own.flow;
    const PolicyCase about = own.about;
    std::uint64_t sequence = 0;
    switch (recorder.state(own.record, &sequence)) {
        case RecordState::durable:
            counters.decided(own.service, about, PolicyResult::passed);
            return end_look(place);
        case RecordState::pending:
            if (now.ns >= own.until_ns) break;
            put_to_work(place);
            return false;
        case RecordState::failed:
            break;
    }
    counters.count(Outcome::verify_unrecorded);
    end_look(place);
    return passes_unassembled(number, about, VerifyReason::undecoded);
}

// All pieces, in their own order.
CommitStep Worker::State::commit_all(std::uint32_t place) {
    const Assembling& own = assemblings[place];
    const ChainView chain = assembly.chain(own.upload);
    if (own.request.visibility == Visibility::at_once &&
        fingerprinter.size(own.slot) != own.request.total) {
        end_look(place);  // it asks how far the upload is
        return CommitStep::goes;
    }
    if (chain.in_flight != 0) return commit_waits(place);
    if (chain.tainted) return commit_tainted(place, chain);
    if (chain.count != chain.pieces_whole) return begin_folding(place, VerifyReason::gap);
    return own.request.recipe == Recipe::swift_dynamic ? judge_doubtful(place)
                                                       : judge_commit(place);
}

// How much of the list the chain is already: all of it, or all but its last piece, or nothing.
void Worker::State::begin_list(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const ChainView chain = assembly.chain(own.upload);
    const std::uint64_t count = own.positions.bytes / sizeof(std::uint64_t);
    std::uint64_t tag = 0;
    std::uint64_t before = 0;
    own.cursor = {};
    for (std::uint64_t n = 0; n < std::min(chain.count, count); ++n) {
        before = tag;
        tag = assembly.tag_with(tag, next_position(&own));
    }
    own.chained = 0;
    if (count >= chain.count && tag == chain.tag) {
        own.chained = chain.count;
    } else if (chain.has_before && count + 1 >= chain.count &&
               (count >= chain.count ? before : tag) == chain.before_tag) {
        own.chained = chain.count - 1;
        assembly.before_last(own.upload, &chain_state);
        fingerprinter.drop(own.slot);
        own.slot = fingerprinter.resume(chain_state);
        assembly.content_before(own.upload);
    } else {
        fingerprinter.drop(own.slot);
        own.slot = fingerprinter.open(planned_kinds());
        assembly.content_anew(own.upload);
    }
    own.cursor = {};
    own.done = 0;
    own.stage = Assembling::Stage::listing;
}

std::uint64_t Worker::State::next_position(Assembling* own) {
    std::uint64_t position;
    const Bytes bytes = assembly.lists().read(own->positions, &own->cursor, sizeof position);
    INVARIANT(bytes.size() == sizeof position);
    std::memcpy(&position, bytes.data(), sizeof position);
    return position;
}

// Whether all that is named was looked up: then it is hashed, from the first on that is not in the
// chain.
bool Worker::State::has_listed(std::uint32_t place, std::uint64_t count) {
    Assembling& own = assemblings[place];
    if (own.done < count) {
        put_to_work(place);
        return false;
    }
    own.stage = Assembling::Stage::hashing;
    own.cursor = {};
    own.spooled = {};
    own.done = 0;
    return true;
}

// Every piece that is named has to be there, whole, in the chain or in the spool.
CommitStep Worker::State::look_up_list(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const std::uint64_t count = own.positions.bytes / sizeof(std::uint64_t);
    const ChainView chain = assembly.chain(own.upload);
    if (chain.tainted) return commit_tainted(place, chain);
    const std::uint64_t end = std::min(count, own.done + list_step);
    for (; own.done < end; ++own.done) {
        SpooledPiece piece;
        const PieceStatus status = assembly.status(own.upload, next_position(&own), &piece);
        const bool from_chain = own.done < own.chained;
        switch (status) {
            case PieceStatus::in_flight:
                return commit_waits(place);
            case PieceStatus::chained:
                if (from_chain || piece) continue;
                break;
            case PieceStatus::spooled:
                if (!from_chain) continue;
                break;
            case PieceStatus::conflict:
                return commit_fails(place, Outcome::assembly_conflict, VerifyReason::undecoded);
            case PieceStatus::missing:
                return commit_unjudged(place, gap_case(), VerifyReason::gap);
            case PieceStatus::lost:
                break;
        }
        return begin_folding(place, VerifyReason::full);
    }
    if (!has_listed(place, count)) return CommitStep::waits;
    for (; own.done < own.chained; ++own.done)
        next_position(&own);
    return CommitStep::again;
}

CommitStep Worker::State::hash_list(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    while (true) {
        if (!own.spooled) {
            if (own.cursor.at == own.positions.bytes) return judge_commit(place);
            const PieceStatus status =
                assembly.status(own.upload, next_position(&own), &own.spooled);
            if (status != PieceStatus::spooled && status != PieceStatus::chained)
                return commit_waits(place);  // another one came
            if (!own.spooled) return commit_waits(place);
        }
        if (*left == 0) break;
        const SpoolStep step = read_spool(place, left);
        if (step == SpoolStep::gone) return CommitStep::waits;
        if (step == SpoolStep::end) own.spooled = {};
    }
    put_to_work(place);
    return CommitStep::waits;
}

// What becomes visible with this commit, to its last byte.
CommitStep Worker::State::judge_commit(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const FlowNumber number = own.flow;
    Judged judged{number, assembled_object, true, {}};
    fingerprinter.flush();
    fingerprinter.peek(own.slot, &judged.digests);
    if (!matches_to_block(judged, true)) {
        if (!finish_chain(place)) return CommitStep::waits;
        const ChainContent::Point& point = own.content->now;
        if (point.is_flawed)
            return commit_unjudged(place, case_of_flaw(point.flaw), reason_of_flaw(point.flaw));
    }
    counters.count(Outcome::assembly_committed);
    if (!judge_assembled(judged, true)) return CommitStep::waits;
    return begin_shelving(place) ? CommitStep::goes : CommitStep::waits;
}

}  // namespace cordon
