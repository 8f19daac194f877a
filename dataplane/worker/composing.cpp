// A commit that names other objects: segments of a Swift manifest, partial uploads of tus. Each is
// a piece of the assembly of its name, or an upload of its own. The chain of the first one's
// assembly is gone on from as far as the list has its order; of all others the retained bytes are
// hashed.
#include <algorithm>
#include <cstring>

#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// Components that are looked up in one turn, each under a lock of its own.
constexpr std::uint64_t component_step = 256;

}  // namespace

bool Worker::State::names_objects(const PieceRequest& request) {
    return request.list == ListFormat::swift_segments || request.list == ListFormat::tus_partials ||
           request.list == ListFormat::gcs_sources || request.list == ListFormat::gcs_components;
}

// What we know of an object by its name may be of another version of it, but where the storage
// holds the list to the content that we saw. Partial uploads never change.
void Worker::State::take_component(Assembling* own, const CommitEntry& entry) {
    const bool is_partial = own->request.list == ListFormat::tus_partials;
    const bool is_whole = entry.offset == 0 && entry.length == piece_unknown;
    const bool is_named = is_partial || entry.position != piece_unknown;
    own->is_doubtful = own->is_doubtful || !(is_partial || entry.has_md5);
    if (entry.from != CommitEntry::From::object || !is_whole || !is_named) {
        own->lost = true;
        return;
    }
    const ComponentPlace place{
        is_partial ? entry.name : entry.group, entry.position, entry.md5, entry.has_md5, {}};
    std::uint8_t bytes[sizeof place];
    std::memcpy(bytes, &place, sizeof place);
    own->lost = own->lost || !assembly.lists().append(&own->positions, bytes);
}

ComponentPlace Worker::State::next_component(Assembling* own) {
    ComponentPlace place;
    const Bytes bytes = assembly.lists().read(own->positions, &own->cursor, sizeof place);
    INVARIANT(bytes.size() == sizeof place);
    std::memcpy(&place, bytes.data(), sizeof place);
    return place;
}

// How much of the list the chain of the first component's assembly is already.
void Worker::State::begin_composition(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const ChainView chain = assembly.chain(own.upload);
    const std::uint64_t count = own.positions.bytes / sizeof(ComponentPlace);
    std::uint64_t tag = 0;
    own.cursor = {};
    own.chained = 0;
    const bool is_partial = own.first.position == piece_unknown;
    if (is_partial && chain.count != 0 && chain.bytes == chain.total) own.chained = 1;
    for (std::uint64_t n = 0; n < std::min(chain.count, count) && !is_partial; ++n) {
        const ComponentPlace component = next_component(&own);
        if (!(component.upload == own.first.upload)) break;
        tag = assembly.tag_with(tag, component.position);
        if (n + 1 == chain.count && tag == chain.tag) {
            own.chained = chain.count;
        } else if (n + 2 == chain.count && chain.has_before && tag == chain.before_tag) {
            own.chained = n + 1;
            assembly.before_last(own.upload, &chain_state);
        }
    }
    // A chain that nobody could read goes anew through what is retained, unless it is known to be
    // bad.
    const auto is_known = [&] {
        if (own.chained != count || own.chained != chain.count) return false;
        assembly.state(own.upload, &chain_state);
        Judged judged{own.flow, assembled_object, true, {}};
        chain_state.finish(&judged.digests);
        return matches_to_block(judged, false);
    };
    if (own.content->now.is_flawed && !is_known()) own.chained = 0;
    fingerprinter.drop(own.slot);
    const bool is_all = is_partial || own.chained == chain.count;
    if (own.chained == 0) assembly.content_anew(own.upload);
    if (own.chained != 0 && !is_all) assembly.content_before(own.upload);
    if (own.chained != 0 && is_all) assembly.state(own.upload, &chain_state);
    own.slot =
        own.chained != 0 ? fingerprinter.resume(chain_state) : fingerprinter.open(planned_kinds());
    own.cursor = {};
    own.done = 0;
    own.stage = Assembling::Stage::listing;
}

// The assembly that a component is in: ours is leased already, another is while its bytes are read.
UploadRef Worker::State::open_component(Assembling* own, const ComponentPlace& place) {
    if (place.upload == own->first.upload) return own->upload;
    return assembly.find(place.upload, own->service, now);
}

void Worker::State::close_component(const Assembling& own, UploadRef upload) {
    if (upload.number != own.upload.number) assembly.close(upload, now);
}

// Each one has to be there, whole, with the content that the list says.
CommitStep Worker::State::look_up_components(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const std::uint64_t count = own.positions.bytes / sizeof(ComponentPlace);
    const std::uint64_t end = std::min(count, own.done + component_step);
    for (; own.done < end; ++own.done) {
        const ComponentPlace component = next_component(&own);
        const UploadRef upload = open_component(&own, component);
        if (!upload) return commit_unjudged(place, gap_case(), VerifyReason::gap);
        const Component found = look_up_component(upload, component, own.done < own.chained);
        const ChainView chain = assembly.chain(upload);
        close_component(own, upload);
        switch (found) {
            case Component::there:
                if (chain.tainted) return commit_tainted(place, chain);
                continue;
            case Component::on_its_way:
                return commit_waits(place);
            case Component::unknown:
                return commit_unjudged(place, gap_case(), VerifyReason::gap);
            case Component::other:
                return commit_fails(place, Outcome::assembly_gap, VerifyReason::gap);
            case Component::conflict:
                return commit_fails(place, Outcome::assembly_conflict, VerifyReason::undecoded);
            case Component::lost:
                return begin_folding(place, VerifyReason::full);
        }
    }
    if (!has_listed(place, count)) return CommitStep::waits;
    for (; own.done < own.chained; ++own.done)
        next_component(&own);
    return CommitStep::again;
}

Component Worker::State::look_up_component(UploadRef upload, const ComponentPlace& component,
                                           bool from_chain) {
    if (component.position == piece_unknown) return look_up_partial(upload, from_chain);
    SpooledPiece piece;
    PieceSum sum{};
    switch (assembly.status(upload, component.position, &piece, &sum)) {
        case PieceStatus::in_flight:
            return Component::on_its_way;
        case PieceStatus::missing:
            return Component::unknown;
        case PieceStatus::conflict:
            return Component::conflict;
        case PieceStatus::lost:
        case PieceStatus::spooled:
            if (from_chain) return Component::lost;
            break;
        case PieceStatus::chained:
            break;
    }
    // The storage has another version, or refuses the list.
    if (component.has_md5 && sum.md5 != component.md5) return Component::other;
    const bool is_kept = piece && piece.run.bytes == sum.length;
    return from_chain || is_kept || sum.length == 0 ? Component::there : Component::lost;
}

// An upload of its own: all of it, from its first byte on.
Component Worker::State::look_up_partial(UploadRef upload, bool from_chain) {
    const ChainView chain = assembly.chain(upload);
    if (chain.in_flight != 0) return Component::on_its_way;
    if (chain.total == piece_unknown || chain.bytes != chain.total) return Component::unknown;
    if (from_chain) return Component::there;
    std::uint64_t offset = 0;
    while (offset < chain.bytes) {
        SpooledPiece piece;
        PieceSum sum{};
        assembly.status(upload, offset, &piece, &sum);
        if (!piece || piece.run.bytes != sum.length || sum.length == 0) return Component::lost;
        offset += sum.length;
    }
    return Component::there;
}

CommitStep Worker::State::hash_components(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    while (true) {
        if (!own.spooled) {
            const ComponentStep step = next_bytes_of_components(&own);
            if (step == ComponentStep::all)
                return own.is_doubtful ? judge_doubtful(place) : judge_commit(place);
            if (step == ComponentStep::wait) return commit_waits(place);
            if (step == ComponentStep::empty) continue;
        }
        if (*left == 0) break;
        const SpoolStep step = read_spool(place, left);
        if (step == SpoolStep::gone) return CommitStep::waits;
        if (step == SpoolStep::end) own.spooled = {};
    }
    put_to_work(place);
    return CommitStep::waits;
}

// The next piece of the component that is hashed, or of the one behind it. `wait`: something
// changed since it was looked up.
ComponentStep Worker::State::next_bytes_of_components(Assembling* own) {
    if (!own->other) {
        if (own->cursor.at == own->positions.bytes) return ComponentStep::all;
        own->component = next_component(own);
        own->offset = 0;
        own->other = open_component(own, own->component);
        if (!own->other) return ComponentStep::wait;
        SpooledPiece unused;
        own->other_leased = own->other.number == own->upload.number ||
                            assembly.take(own->other, true, &chain_state, &unused);
        if (!own->other_leased ||
            look_up_component(own->other, own->component, false) != Component::there)
            return ComponentStep::wait;
    }
    const bool is_partial = own->component.position == piece_unknown;
    const std::uint64_t position = is_partial ? own->offset : own->component.position;
    const bool is_over =
        is_partial ? own->offset == assembly.chain(own->other).bytes : own->offset != 0;
    if (is_over) {
        leave_component(own);
        return ComponentStep::empty;
    }
    PieceSum sum{};
    assembly.status(own->other, position, &own->spooled, &sum);
    own->offset += is_partial ? sum.length : 1;
    return own->spooled ? ComponentStep::bytes : ComponentStep::empty;
}

void Worker::State::leave_component(Assembling* own) {
    if (!own->other) return;
    if (own->other.number != own->upload.number) {
        if (own->other_leased) assembly.give_back(own->other);
        assembly.close(own->other, now);
    }
    own->other = {};
    own->other_leased = false;
}

// A manifest that names a prefix shows whatever has it, also what was stored before we looked; and
// objects that are named may have come in another way since. What is known can only tell that it is
// bad.
CommitStep Worker::State::judge_doubtful(std::uint32_t place) {
    Assembling& own = assemblings[place];
    Judged judged{own.flow, assembled_object, true, {}};
    fingerprinter.flush();
    fingerprinter.peek(own.slot, &judged.digests);
    if (!matches_to_block(judged, false))
        return commit_unjudged(place, PolicyCase::limit, VerifyReason::gap);
    counters.count(Outcome::assembly_committed);
    judge_assembled(judged, true);
    return CommitStep::waits;
}

}  // namespace cordon
