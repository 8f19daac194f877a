// The end of a piece: what is complete with it is judged, and its end goes or waits.
#include "dataplane/worker/assembling.h"
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

constexpr std::uint64_t wait_ns = limits::assembly_wait_seconds * ns_per_s;

}  // namespace

// The object is complete to some server when its pieces end here: with a commit, or without one.
bool Worker::State::shows_at_end(const PieceRequest& request) {
    return request.visibility != Visibility::at_commit || request.last;
}

// A match stays with the upload, so that it is judged again when the client sends the same once
// more. False: the flow is cut.
bool Worker::State::judge_prefix(std::uint32_t place, const DigestState& state) {
    const Assembling& own = assemblings[place];
    Judged judged{
        own.flow, assembled_object, state.size == own.request.total || own.request.last, {}};
    state.finish(&judged.digests);
    if (own.flow == no_flow) {
        if (!matches_anything(judged.digests)) return judge_content(place, state.size);
        assembly.freeze(own.upload, state);
        drop_assembling(place);
        return false;
    }
    // What it begins with was dismissed by its size, or under another index.
    if (may_be_listed(judged.digests)) {
        counters.count(Outcome::stale_plan);
        return passes_unassembled(own.flow, PolicyCase::limit, VerifyReason::gap);
    }
    if (matches_to_block(judged, false)) {
        assembly.freeze(own.upload, state);
        return judge_assembled(judged, true);
    }
    if (!judge_content(place, state.size)) return false;
    return !judged.complete || judge_assembled(judged, true);
}

// What is in an object that shows with its last piece, `bytes` long by now. False: the flow is cut.
bool Worker::State::judge_content(std::uint32_t place, std::uint64_t bytes) {
    const Assembling& own = assemblings[place];
    if (own.content == nullptr) return true;
    if (own.flow == no_flow || !is_all(own, bytes)) {
        if (!look_at_members(place)) return false;
    } else if (!finish_chain(place)) {
        return false;
    }
    const ChainContent::Point& point = own.content->now;
    if (!point.is_flawed || own.flow == no_flow) return true;
    return passes_unassembled(own.flow, case_of_flaw(point.flaw), reason_of_flaw(point.flaw));
}

// Whether the piece that ends is the last one, as far as anybody said how many come.
bool Worker::State::is_all(const Assembling& own, std::uint64_t bytes) {
    if (own.request.last || bytes == own.request.total) return true;
    const ChainView chain = assembly.chain(own.upload);
    return bytes == chain.total ||
           (own.request.pieces != piece_unknown && chain.count + 1 == own.request.pieces);
}

// The objects of the message are judged; its end is held. False: the flow waits, or is cut.
bool Worker::State::end_assembling(FlowNumber number) {
    const Exchange& exchange = exchanges[flows[number].exchange];
    if (exchange.assembling == no_assembling) return true;
    const Assembling::Stage stage = assemblings[exchange.assembling].stage;
    if (stage == Assembling::Stage::form) return end_form(number);
    if (stage == Assembling::Stage::commit) return end_commit(number);
    if (stage == Assembling::Stage::creation) return end_creation(number);
    return end_piece(number);
}

// `piece_state` and `piece_sum` are of the piece by itself: judge_object() left them.
bool Worker::State::end_piece(FlowNumber number) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    const std::uint32_t place = exchange.assembling;
    Assembling& own = assemblings[place];
    const bool is_whole = own.request.act == PieceAct::object;
    if (!is_whole) {
        counters.count(Outcome::assembly_piece);
        counters.count(own.ticket.place == PiecePlace::spooled ? Outcome::assembly_spooled
                                                               : Outcome::assembly_chained);
    }
    if (!own.summed && own.has_bytes) {  // it matched by itself before its end, and was let go
        taint_held(exchange);
        leave_assembling(&exchange);
        return true;
    }
    if (own.ticket.place == PiecePlace::again) return end_look(place);
    if (own.summed && own.form != no_assembling) {
        piece_state = form_places[own.form].state;
        piece_sum = form_places[own.form].sum;
    }
    if (!own.summed) {  // without a byte
        Digests digests;
        piece_state.start(planned_kinds() | KindSet{IndicatorKind::sha256});
        piece_state.finish(&digests);
        note_piece(exchange, digests);
    }
    if (own.slot != no_object) {
        fingerprinter.save(own.slot, &piece_state);
        fingerprinter.drop(own.slot);
        own.slot = no_object;
    }
    if (own.ticket.place != PiecePlace::spooled && !is_whole && shows_at_end(own.request) &&
        !judge_prefix(place, piece_state))
        return false;
    if (!shows_at_end(own.request) && !look_at_members(place)) return false;
    if (is_whole) note_plain(exchange, own);
    if (is_whole) note_source(&exchange, piece_sum.length, piece_sum.marks);
    own.content = nullptr;
    assembly.end(own.ticket, piece_sum, piece_state, now);
    own.ended = true;
    exchange.answered = own.ticket;
    if (exchange.early_status != 0) note_piece_answer(&exchange, exchange.early_status);
    own.stage = Assembling::Stage::looking;
    if (!shows_at_end(own.request)) {
        exchange.assembling = no_assembling;
        own.flow = no_flow;
        return advance_alone(place);
    }
    wait_anew(place);
    return look_on(place);
}

// True: the end of the piece may go. False: it waits, or the flow is cut.
bool Worker::State::look_on(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const bool is_whole = own.request.act == PieceAct::object;
    while (true) {
        const Standing standing = assembly.look(own.ticket, &chain_state);
        const bool is_unknown = standing == Standing::gap || standing == Standing::lost ||
                                standing == Standing::conflict;
        if (is_whole && is_unknown) return end_look(place);
        switch (standing) {
            case Standing::clear:
                if (!own.ticket.in_turn) return end_look(place);
                own.stage = Assembling::Stage::surveying;
                put_to_work(place);
                return false;
            case Standing::advance:
                if (!begin_advance(place, false)) continue;
                put_to_work(place);
                return false;
            case Standing::busy:
                if (!has_waited(place)) {
                    put_to_work(place);
                    return false;
                }
                if (is_whole) return end_look(place);
                counters.count(Outcome::assembly_stalled);
                return end_unjudged(place, PolicyCase::limit, VerifyReason::undecoded);
            case Standing::matched:
                if (!judge_matched(place)) return false;
                continue;
            case Standing::gap:
                return end_unjudged(place, gap_case(), VerifyReason::gap);
            case Standing::lost:
                if (begin_folding_piece(place)) return false;
                counters.count(Outcome::assembly_gap);
                return end_unjudged(place, PolicyCase::limit, VerifyReason::full);
            case Standing::conflict:
                counters.count(Outcome::assembly_conflict);
                return end_unjudged(place, PolicyCase::limit, VerifyReason::undecoded);
        }
    }
}

// What matched before, with its state in `chain_state`. False: it still does, and the flow is cut.
bool Worker::State::judge_matched(std::uint32_t place) {
    const Assembling& own = assemblings[place];
    if (assembly.found(own.upload, &chain_found)) return judge_frozen(place);
    Judged judged{own.flow, assembled_object, false, {}};
    chain_state.finish(&judged.digests);
    if (matches_to_block(judged, false)) {
        judge_assembled(judged, true);
        return false;
    }
    assembly.unfreeze(own.upload);
    return true;
}

// A whole object was read as the body that it is. What was no archive so far goes on from there; of
// several in a row each is searched by itself.
void Worker::State::note_plain(const Exchange& exchange, const Assembling& own) {
    const bool is_first = own.ticket.place == PiecePlace::first;
    if (exchange.decoder != no_decoder || exchange.sniff_due || !own.summed) return;
    if (!is_first && own.ticket.place != PiecePlace::next) return;
    ChainContent* content = assembly.content(own.upload);
    ChainContent::Point& point = content->now;
    if (!is_first && (point.is_flawed || point.reads || !point.begun)) return;
    prepare_chain(content);
    if (is_first) {
        point.head = exchange.objects[own.object].content;
        point.head.decided = point.head.head_bytes % limits::type_head_bytes == 0;
    } else if (!point.head.decided) {
        point.head.type = contents.type_so_far(point.head);
        point.head.decided = true;
    }
    point.search = exchange.search;
    point.bytes += piece_sum.length;
    point.begun = true;
}

// What cannot be judged goes when policy says so. True: it does; else the flow is cut.
bool Worker::State::end_unjudged(std::uint32_t place, PolicyCase about, VerifyReason reason) {
    Assembling& own = assemblings[place];
    const FlowNumber number = own.flow;
    own.goes = unassembled_action(number, about) == UninspectedAction::pass;
    drop_assembling(place);
    exchanges[flows[number].exchange].assembling = no_assembling;
    return passes_unassembled(number, about, reason);
}

void Worker::State::wait_anew(std::uint32_t place) {
    Assembling& own = assemblings[place];
    own.progress = assembly.progress(own.upload);
    own.until_ns = now.ns + wait_ns;
}

// In vain: as long as others of the upload come on there is something to wait for.
bool Worker::State::has_waited(std::uint32_t place) {
    Assembling& own = assemblings[place];
    if (own.progress != assembly.progress(own.upload)) wait_anew(place);
    return now.ns >= own.until_ns;
}

// The end of the piece may go.
bool Worker::State::end_look(std::uint32_t place) {
    Assembling& own = assemblings[place];
    own.goes = true;
    exchanges[flows[own.flow].exchange].assembling = no_assembling;
    drop_assembling(place);
    return true;
}

// The verdict was clean: reads on behind the message.
void Worker::State::resume_after_assembly(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.phase != FlowPhase::established || flow.exchange == no_exchange) return;
    flow.verdict_due = false;
    note_verdict(number);
    Exchange& exchange = exchanges[flow.exchange];
    class_rest(&exchange);
    close_message(&exchange);
    go_on(number);
}

// What the storage said to the last message, when nothing else awaits an answer.
void Worker::State::note_piece_answer(Exchange* exchange, std::uint16_t status) {
    if (exchange->tracker.outstanding() != 1) return;
    exchange->early_status = status;  // a piece that has not ended is answered then
    if (!exchange->answered) return;
    assembly.answered(exchange->answered, piece_answer(status));
    exchange->answered = {};
}

}  // namespace cordon
