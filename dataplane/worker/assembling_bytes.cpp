// The bytes of a piece on their way, and what of a message has to wait for them.
#include <algorithm>

#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

// A piece is told from another by its digest, of which an index may want none.
KindSet Worker::State::piece_kinds(const Exchange& exchange) {
    const KindSet kinds = planned_kinds();
    if (exchange.assembling != no_assembling)
        return kinds | (assemblings[exchange.assembling].request.component
                            ? component_kinds
                            : KindSet{IndicatorKind::sha256});
    return exchange.form == ObjectForm::piece ? kinds | KindSet{IndicatorKind::sha256} : kinds;
}

// Bytes of an object of the message. False: there is no room for them, and the message was refused.
bool Worker::State::assemble_bytes(FlowNumber number, std::uint8_t object, Bytes bytes) {
    Exchange& exchange = exchanges[flows[number].exchange];
    if (exchange.assembling == no_assembling) return true;
    Assembling& own = assemblings[exchange.assembling];
    if (own.object != object || own.summed) return true;
    if (own.stage == Assembling::Stage::form) {
        set_aside(&form_places[own.form], bytes);
        own.has_bytes = true;
        return true;
    }
    if (own.stage == Assembling::Stage::commit) {
        if (own.list != no_assembling) read_list(&own, bytes);
        return true;
    }
    own.has_bytes = own.has_bytes || !bytes.empty();
    if (own.overlap != 0) {
        const Bytes there = bytes.first(std::min<std::uint64_t>(own.overlap, bytes.size()));
        if (!assembly.repeats_cut(own.ticket, &own.cursor, there)) {
            counters.count(Outcome::assembly_conflict);
            return passes_unassembled(number, PolicyCase::limit, VerifyReason::undecoded);
        }
        own.overlap -= there.size();
        bytes = bytes.subspan(there.size());
    }
    if (own.stage == Assembling::Stage::creation && exchange.creation != no_assembling)
        set_aside(&form_places[exchange.creation], bytes);
    if (own.stage == Assembling::Stage::piece) take_leaves(&exchange, bytes);
    if (own.slot != no_object) fingerprinter.submit(own.slot, bytes);
    if (!read_chain(exchange.assembling, bytes)) return false;
    if (own.ticket.place == PiecePlace::again) {
        if (assembly.repeats(own.ticket, &own.cursor, bytes)) return true;
        counters.count(Outcome::assembly_conflict);
        return passes_unassembled(number, PolicyCase::limit, VerifyReason::undecoded);
    }
    if (own.ticket.place != PiecePlace::spooled) {
        if (own.ticket) assembly.retain(own.ticket, bytes);
        return true;
    }
    if (own.lost) return true;
    if (assembly.keep(own.ticket, bytes, now)) return true;
    own.lost = true;
    if (own.request.act == PieceAct::object) return true;
    counters.count(Outcome::assembly_full);
    if (is_left_to_leaves(number)) return own.by_leaves = true;
    return is_left_to_commit(number, own.request) ||
           passes_unassembled(number, PolicyCase::limit, VerifyReason::full);
}

bool Worker::State::is_piece(const Exchange& exchange, std::uint8_t object) {
    if (exchange.assembling == no_assembling) return false;
    const Assembling& own = assemblings[exchange.assembling];
    const bool is_aside = own.stage == Assembling::Stage::form && form_places[own.form].is_aside;
    return (own.stage == Assembling::Stage::piece || own.stage == Assembling::Stage::creation ||
            is_aside) &&
           own.object == object && !own.summed;
}

bool Worker::State::is_kept_piece(const Exchange& exchange, std::uint8_t object) {
    if (exchange.assembling == no_assembling) return false;
    const Assembling& own = assemblings[exchange.assembling];
    const bool carries_piece =
        (own.stage == Assembling::Stage::piece && own.request.act == PieceAct::piece) ||
        own.stage == Assembling::Stage::creation;
    return carries_piece && own.object == object && (!own.lost || own.by_leaves);
}

// Its digest, for when the same piece comes again.
void Worker::State::note_piece(const Exchange& exchange, const Digests& digests) {
    Assembling& own = assemblings[exchange.assembling];
    own.summed = true;
    piece_sum.length = digests.size;
    // Of a whole object that was dismissed only its head is known, and that is what its verdict
    // depends on.
    const std::uint8_t* tells =
        digests.present.has(IndicatorKind::sha256) ? digests.sha256 : digests.head;
    std::copy_n(tells, piece_sum.digest.size(), piece_sum.digest.begin());
    if (own.request.component)
        std::copy_n(digests.md5, piece_sum.md5.size(), piece_sum.md5.begin());
    piece_sum.marks = exchange.marks;
    if (own.form == no_assembling) return;
    // A part ends before its message, and until then others may end.
    FormPlace& form = form_places[own.form];
    form.state = piece_state;
    form.sum = piece_sum;
    form.tail_at = exchange.objects[own.object].tail_at;
}

// Where the chunk with the last bytes of a part begins that ended before its message: it stays.
std::uint64_t Worker::State::form_tail(const Exchange& exchange) {
    if (exchange.assembling == no_assembling) return UINT64_MAX;
    const Assembling& own = assemblings[exchange.assembling];
    if (own.form == no_assembling || !own.summed) return UINT64_MAX;
    return form_places[own.form].tail_at;
}

// A piece that goes in steps, each judged with all that is there of its object.
bool Worker::State::is_held(const Exchange& exchange) {
    return exchange.assembling != no_assembling && assemblings[exchange.assembling].ticket.held &&
           assemblings[exchange.assembling].stage == Assembling::Stage::piece;
}

// A message that waits for its verdict over several turns.
bool Worker::State::awaits_assembly(const Flow& flow) {
    if (flow.exchange == no_exchange) return false;
    const std::uint32_t place = exchanges[flow.exchange].assembling;
    if (place == no_assembling) return false;
    const Assembling::Stage stage = assemblings[place].stage;
    if (stage == Assembling::Stage::creation) return false;
    if (stage == Assembling::Stage::piece || stage == Assembling::Stage::form)
        return is_held(exchanges[flow.exchange]) ||
               (assemblings[place].summed && assemblings[place].form != no_assembling);
    return (stage != Assembling::Stage::commit || flow.verdict_due);
}

// What the chain would be if the upload ended here.
bool Worker::State::look_at_chain(FlowNumber number, bool last) {
    const Exchange& exchange = exchanges[flows[number].exchange];
    if (exchange.assembling == no_assembling) return true;
    const Assembling& own = assemblings[exchange.assembling];
    if (own.stage != Assembling::Stage::piece || own.request.visibility == Visibility::at_commit)
        return true;
    if (!look_at_members(exchange.assembling)) return false;
    if (own.slot == no_object) return true;
    fingerprinter.save(own.slot, &chain_state);
    Judged judged{number, assembled_object, false, {}};
    chain_state.finish(&judged.digests);
    if (!matches_to_block(judged, last)) return true;
    assembly.freeze(own.upload, chain_state);
    return judge_assembled(judged, last);
}

}  // namespace cordon
