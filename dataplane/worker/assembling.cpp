#include "dataplane/worker/assembling.h"

#include <algorithm>
#include <cstring>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// What is hashed of the spool in one turn of a worker: 0.1 ms, so that no burst waits for long.
constexpr std::size_t advance_bytes = 128 * 1024;
// How often is looked at what others are at.
constexpr std::uint64_t look_again_ns = 100 * ns_per_us;
constexpr std::uint64_t wait_ns = limits::assembly_wait_seconds * ns_per_s;

}  // namespace

// What a request means for an upload in pieces. False: it was refused, or waits for its verdict.
bool Worker::State::begin_assembling(FlowNumber number) {
    Exchange& exchange = exchanges[flows[number].exchange];
    const Head& head = exchange.parser.head();
    exchange.assembling = no_assembling;
    exchange.answered = {};
    forget_creation(&exchange);
    const PieceRequest request = recipe_of(head, assembly.seed());
    switch (request.act) {
        case PieceAct::none:
        case PieceAct::copy:
            return true;
        case PieceAct::object:
            if (exchange.object_open && request.recipe == Recipe::plain_object)
                begin_whole(number, request);
            return true;
        case PieceAct::begin:
            if (request.order == PieceOrder::append) begin_empty(number, request);
            return true;
        case PieceAct::form:
            if (exchange.object_open) begin_form(number, request);
            return true;
        case PieceAct::piece:
            if (!exchange.object_open) return true;
            return request.key_in_answer ? begin_creation(number, request)
                                         : begin_piece(number, request);
        case PieceAct::drop_piece:  // the pieces that are left are not those of the chain
        case PieceAct::copy_piece:
            counters.count(Outcome::assembly_copied);
            note_begun(assembly.copy(request, flows[number].service, now));
            return true;
        case PieceAct::commit:
            return begin_commit(number, request);
        case PieceAct::abort:
            counters.count(Outcome::assembly_aborted);
            assembly.forget(request, flows[number].service);
            return true;
        case PieceAct::bad:
            counters.count(Outcome::assembly_bad);
            return passes_unassembled(number, PolicyCase::unparsable, VerifyReason::undecoded);
    }
    return true;
}

void Worker::State::note_begun(const PieceBegun& begun) {
    if (begun.opened) counters.count(Outcome::assembly_opened);
    if (begun.result == PieceBegun::Result::full) counters.count(Outcome::assembly_full);
    if (begun.result == PieceBegun::Result::bad || begun.result == PieceBegun::Result::crossing)
        counters.count(Outcome::assembly_conflict);
}

// What policy says to pieces that cannot be put together.
UninspectedAction Worker::State::unassembled_action(FlowNumber number, PolicyCase about) const {
    const Flow& flow = flows[number];
    const ServiceOptions& wanted = service(flow);
    if (mode(flow) != ServiceMode::enforce) return UninspectedAction::pass;
    if (about == PolicyCase::unparsable) return wanted.on_unparsable;
    if (about != PolicyCase::midstream) return wanted.on_limit;
    if (wanted.on_midstream == MidstreamAction::reset) return UninspectedAction::reset;
    return wanted.on_midstream == MidstreamAction::refuse ? UninspectedAction::refuse
                                                          : UninspectedAction::pass;
}

// Pieces that cannot be put together. What passes is to be judged on the storage, where that is
// possible. False: the request was refused.
bool Worker::State::passes_unassembled(FlowNumber number, PolicyCase about, VerifyReason reason) {
    const Flow& flow = flows[number];
    const UninspectedAction action = unassembled_action(number, about);
    if (action != UninspectedAction::pass) {
        const ErrorStatus status =
            about == PolicyCase::unparsable ? ErrorStatus::bad_request : ErrorStatus::unavailable;
        abort_object(number);
        end_inspection(number, {about, UninspectedReason::assembly, action, status, true});
        return false;
    }
    counters.decided(flow.service, about, PolicyResult::passed);
    Exchange& exchange = exchanges[flow.exchange];
    exchange.has_unjudged = true;
    exchange.unjudged = reason;
    if (!exchange.object_open) ask_about_unjudged(&exchange);
    return true;
}

// A gap in what was seen of an upload: it may have begun before us, or while the kernel bridged.
PolicyCase Worker::State::gap_case() {
    counters.count(Outcome::assembly_gap);
    return assembly.may_be_older(now) ? PolicyCase::midstream : PolicyCase::limit;
}

// A part that policy would refuse: its Complete names it, and is held until it is on record that
// the object has to be judged on the storage.
bool Worker::State::is_left_to_commit(FlowNumber number, const PieceRequest& request) const {
    return request.recipe == Recipe::s3_multipart && service(flows[number]).verify != 0;
}

std::uint32_t Worker::State::open_assembling(FlowNumber number, const PieceRequest& request) {
    const std::uint32_t place = assemblings.allocate();
    INVARIANT(place != no_assembling);  // two for each message
    Assembling& own = assemblings[place];
    own.request = request;
    own.ticket = {};
    own.upload = {};
    own.spooled = {};
    own.cursor = {};
    own.slot = no_object;
    own.object = is_aws_chunked(exchanges[flows[number].exchange].parser.head()) ? 1 : 0;
    own.service = flows[number].service;
    own.lost = own.leased = own.summed = own.has_bytes = false;
    own.flow = number;
    own.list = own.form = no_assembling;
    own.positions = {};
    exchanges[flows[number].exchange].assembling = place;
    return place;
}

bool Worker::State::begin_piece(FlowNumber number, const PieceRequest& request) {
    PieceTicket ticket;
    const PieceBegun begun =
        assembly.begin(request, flows[number].service, now, &ticket, &chain_state);
    note_begun(begun);
    if (begun.result == PieceBegun::Result::full || begun.result == PieceBegun::Result::crossing)
        return (begun.noted && is_left_to_commit(number, request)) ||
               passes_unassembled(number, PolicyCase::limit, VerifyReason::full);
    if (begun.result == PieceBegun::Result::bad)
        return passes_unassembled(number, PolicyCase::unparsable, VerifyReason::undecoded);
    const std::uint32_t in_form = exchanges[flows[number].exchange].assembling;
    Assembling& own =
        assemblings[in_form == no_assembling ? open_assembling(number, request) : in_form];
    own.request = request;
    own.stage = Assembling::Stage::piece;
    own.ticket = ticket;
    own.upload = ticket.upload;
    if (ticket.place == PiecePlace::next) own.slot = fingerprinter.resume(chain_state);
    return true;
}

// A whole object is judged by itself. Later requests may write into it, or behind it: so it is the
// first piece of what it becomes. Nothing that goes wrong with that is its own fault.
void Worker::State::begin_whole(FlowNumber number, PieceRequest request) {
    request.offset = 0;
    request.last = false;
    PieceTicket ticket;
    if (assembly.begin(request, flows[number].service, now, &ticket, &chain_state).result !=
        PieceBegun::Result::begun)
        return;
    Assembling& own = assemblings[open_assembling(number, request)];
    own.stage = Assembling::Stage::piece;
    own.ticket = ticket;
    own.upload = ticket.upload;
}

// An upload that pieces are appended to, from its beginning on: a piece without a byte.
void Worker::State::begin_empty(FlowNumber number, const PieceRequest& request) {
    PieceTicket ticket;
    const PieceBegun begun =
        assembly.begin(request, flows[number].service, now, &ticket, &chain_state);
    note_begun(begun);
    if (begun.result != PieceBegun::Result::begun) return;
    Digests digests;
    piece_state.start(planned_kinds() | KindSet{IndicatorKind::sha256});
    piece_state.finish(&digests);
    PieceSum sum{0, {}};
    std::copy_n(digests.sha256, sum.digest.size(), sum.digest.begin());
    assembly.end(ticket, sum, piece_state, now);
    assembly.close(ticket.upload, now);
    exchanges[flows[number].exchange].answered = ticket;
}

// Bytes of an object of the message. False: there is no room for them, and the message was refused.
bool Worker::State::assemble_bytes(FlowNumber number, std::uint8_t object, Bytes bytes) {
    const Exchange& exchange = exchanges[flows[number].exchange];
    if (exchange.assembling == no_assembling) return true;
    Assembling& own = assemblings[exchange.assembling];
    if (own.object != object || own.summed || own.stage == Assembling::Stage::form) return true;
    if (own.stage == Assembling::Stage::commit) {
        if (own.list != no_assembling) read_list(&own, bytes);
        return true;
    }
    own.has_bytes = own.has_bytes || !bytes.empty();
    if (own.slot != no_object) fingerprinter.submit(own.slot, bytes);
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
    counters.count(Outcome::assembly_full);
    return is_left_to_commit(number, own.request) ||
           passes_unassembled(number, PolicyCase::limit, VerifyReason::full);
}

bool Worker::State::is_piece(const Exchange& exchange, std::uint8_t object) {
    if (exchange.assembling == no_assembling) return false;
    const Assembling& own = assemblings[exchange.assembling];
    return (own.stage == Assembling::Stage::piece || own.stage == Assembling::Stage::creation) &&
           own.object == object && !own.summed;
}

bool Worker::State::is_kept_piece(const Exchange& exchange, std::uint8_t object) {
    if (exchange.assembling == no_assembling) return false;
    const Assembling& own = assemblings[exchange.assembling];
    const bool carries_piece =
        (own.stage == Assembling::Stage::piece && own.request.act == PieceAct::piece) ||
        own.stage == Assembling::Stage::creation;
    return carries_piece && own.object == object && !own.lost;
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

// A message that waits for its verdict over several turns.
bool Worker::State::awaits_assembly(const Flow& flow) {
    if (flow.exchange == no_exchange) return false;
    const std::uint32_t place = exchanges[flow.exchange].assembling;
    if (place == no_assembling) return false;
    const Assembling::Stage stage = assemblings[place].stage;
    if (stage == Assembling::Stage::form || stage == Assembling::Stage::creation) return false;
    if (stage == Assembling::Stage::piece)
        return assemblings[place].summed && assemblings[place].form != no_assembling;
    return (stage != Assembling::Stage::commit || flow.verdict_due);
}

// What the chain would be if the upload ended here.
bool Worker::State::look_at_chain(FlowNumber number, bool last) {
    const Exchange& exchange = exchanges[flows[number].exchange];
    if (exchange.assembling == no_assembling) return true;
    const Assembling& own = assemblings[exchange.assembling];
    if (own.stage != Assembling::Stage::piece || own.slot == no_object ||
        own.request.visibility == Visibility::at_commit)
        return true;
    fingerprinter.save(own.slot, &chain_state);
    Judged judged{number, assembled_object, false, {}};
    chain_state.finish(&judged.digests);
    if (!matches_to_block(judged, last)) return true;
    assembly.freeze(own.upload, chain_state);
    return judge_assembled(judged, last);
}

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
        if (!matches_anything(judged.digests)) return true;
        assembly.freeze(own.upload, state);
        drop_assembling(place);
        return false;
    }
    // What it begins with was dismissed by its size, or under another index.
    if (may_be_listed(judged.digests)) {
        counters.count(Outcome::stale_plan);
        return passes_unassembled(own.flow, PolicyCase::limit, VerifyReason::gap);
    }
    if (matches_to_block(judged, false)) assembly.freeze(own.upload, state);
    if (judged.complete || matches_to_block(judged, false)) return judge_assembled(judged, true);
    return true;
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
    assembly.end(own.ticket, piece_sum, piece_state, now);
    exchange.answered = own.ticket;
    own.stage = Assembling::Stage::looking;
    if (!shows_at_end(own.request)) {
        exchange.assembling = no_assembling;
        own.flow = no_flow;
        return advance_alone(place);
    }
    own.until_ns = now.ns + wait_ns;
    return look_on(place);
}

// Pieces that waited for this one are hashed while the client goes on.
bool Worker::State::advance_alone(std::uint32_t place) {
    if (!begin_advance(place, false)) {
        drop_assembling(place);
        return true;
    }
    put_to_work(place);
    return true;
}

bool Worker::State::begin_advance(std::uint32_t place, bool anyway) {
    Assembling& own = assemblings[place];
    if (!assembly.take(own.upload, anyway, &chain_state, &own.spooled)) return false;
    own.leased = true;
    own.stage = Assembling::Stage::advancing;
    own.slot = chain_state.size == 0 ? fingerprinter.open(planned_kinds())
                                     : fingerprinter.resume(chain_state);
    INVARIANT(own.slot != no_object);
    return true;
}

void Worker::State::put_to_work(std::uint32_t place) {
    const Assembling::Stage stage = assemblings[place].stage;
    const bool waits = stage == Assembling::Stage::waiting || stage == Assembling::Stage::looking ||
                       stage == Assembling::Stage::recording;
    assembling_due_ns = std::min(assembling_due_ns, now.ns + (waits ? look_again_ns : 0));
    assemblings[place].next = working;
    working = place;
    const FlowNumber number = assemblings[place].flow;
    if (number == no_flow) return;
    flows[number].verdict_due = true;
    clear_timer(number);
}

// Every turn a part of what has to be hashed, of each upload in turn.
void Worker::State::run_assembling() {
    std::uint32_t at = working;
    working = no_assembling;
    assembling_due_ns = UINT64_MAX;
    std::size_t left = advance_bytes;
    while (at != no_assembling) {
        const std::uint32_t next = assemblings[at].next;
        work_on(at, &left);
        at = next;
    }
}

void Worker::State::work_on(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    const FlowNumber number = own.flow;
    bool done = false;
    switch (own.stage) {
        case Assembling::Stage::form:
        case Assembling::Stage::piece:
        case Assembling::Stage::creation:
        case Assembling::Stage::commit:
            return;
        case Assembling::Stage::looking:
            done = look_on(place);
            break;
        case Assembling::Stage::advancing:
            done = advance(place, left);
            break;
        case Assembling::Stage::waiting:
        case Assembling::Stage::listing:
        case Assembling::Stage::hashing:
            done = commit_on(place, left);
            break;
        case Assembling::Stage::recording:
            done = commit_recorded(place);
            break;
    }
    if (done && number != no_flow) resume_after_assembly(number);
}

// True: the piece may go, or its upload advanced as far as it can by itself.
bool Worker::State::advance(std::uint32_t place, std::size_t* left) {
    Assembling& own = assemblings[place];
    while (*left != 0) {
        const Bytes bytes = assembly.read(&own.spooled, *left);
        if (!bytes.empty()) {
            fingerprinter.submit(own.slot, bytes);
            fingerprinter.flush();
            *left -= bytes.size();
            continue;
        }
        fingerprinter.save(own.slot, &chain_state);
        const bool is_seen = own.request.act != PieceAct::commit && shows_at_end(own.request);
        if (is_seen && !judge_prefix(place, chain_state)) return false;
        counters.count(Outcome::assembly_chained);
        if (assembly.passed(own.upload, &own.spooled, chain_state)) continue;
        own.leased = false;
        fingerprinter.drop(own.slot);
        own.slot = no_object;
        if (own.flow == no_flow) {
            drop_assembling(place);
            return true;
        }
        if (own.request.act == PieceAct::commit) {
            own.stage = Assembling::Stage::waiting;
            return commit_on(place, left);
        }
        own.stage = Assembling::Stage::looking;
        return look_on(place);
    }
    put_to_work(place);
    return false;
}

// True: the end of the piece may go. False: it waits, or the flow is cut.
bool Worker::State::look_on(std::uint32_t place) {
    Assembling& own = assemblings[place];
    const FlowNumber number = own.flow;
    const bool is_whole = own.request.act == PieceAct::object;
    while (true) {
        const Standing standing = assembly.look(own.ticket, &chain_state);
        const bool is_unknown = standing == Standing::gap || standing == Standing::lost ||
                                standing == Standing::conflict;
        if (is_whole && is_unknown) return end_look(place);
        switch (standing) {
            case Standing::clear:
                return end_look(place);
            case Standing::advance:
                if (!begin_advance(place, false)) continue;
                put_to_work(place);
                return false;
            case Standing::busy:
                if (now.ns >= own.until_ns) {
                    end_look(place);
                    return is_whole ||
                           passes_unassembled(number, PolicyCase::limit, VerifyReason::undecoded);
                }
                put_to_work(place);
                return false;
            case Standing::matched: {
                Judged judged{number, assembled_object, false, {}};
                chain_state.finish(&judged.digests);
                if (matches_to_block(judged, false)) {
                    judge_assembled(judged, true);
                    return false;
                }
                assembly.unfreeze(own.upload);
                continue;
            }
            case Standing::gap:
                end_look(place);
                return passes_unassembled(number, gap_case(), VerifyReason::gap);
            case Standing::lost:
                counters.count(Outcome::assembly_gap);
                end_look(place);
                return passes_unassembled(number, PolicyCase::limit, VerifyReason::full);
            case Standing::conflict:
                counters.count(Outcome::assembly_conflict);
                end_look(place);
                return passes_unassembled(number, PolicyCase::limit, VerifyReason::undecoded);
        }
    }
}

bool Worker::State::end_look(std::uint32_t place) {
    Assembling& own = assemblings[place];
    exchanges[flows[own.flow].exchange].assembling = no_assembling;
    drop_assembling(place);
    return true;
}

// The verdict was clean: reads on behind the message.
void Worker::State::resume_after_assembly(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.phase != FlowPhase::established || flow.exchange == no_exchange) return;
    flow.verdict_due = false;
    Exchange& exchange = exchanges[flow.exchange];
    class_rest(&exchange);
    close_message(&exchange);
    go_on(number);
}

// The message is over, one way or another.
void Worker::State::leave_assembling(Exchange* exchange) {
    const std::uint32_t place = exchange->assembling;
    if (place == no_assembling) return;
    exchange->assembling = no_assembling;
    std::uint32_t* at = &working;
    while (*at != no_assembling && *at != place)
        at = &assemblings[*at].next;
    if (*at == place) *at = assemblings[place].next;
    drop_assembling(place);
}

void Worker::State::drop_assembling(std::uint32_t place) {
    Assembling& own = assemblings[place];
    if (own.stage == Assembling::Stage::piece) {
        ObjectSlot slot = own.slot;
        if (own.ticket.place == PiecePlace::first)
            slot = exchanges[flows[own.flow].exchange].objects[own.object].slot;
        bool has_state = slot != no_object;
        if (own.summed && own.form != no_assembling && own.ticket.place == PiecePlace::first) {
            chain_state = form_places[own.form].state;
            has_state = true;
        } else if (has_state) {
            fingerprinter.save(slot, &chain_state);
        }
        assembly.abort(own.ticket, has_state ? &chain_state : nullptr, now);
    } else if (own.stage == Assembling::Stage::creation) {
        cut_creation(own);
    } else if (own.upload) {
        if (own.leased) assembly.give_back(own.upload);
        assembly.close(own.upload, now);
    }
    if (own.slot != no_object) fingerprinter.drop(own.slot);
    assembly.spool().drop(&own.positions);
    if (own.list != no_assembling) commit_places.release(own.list);
    if (own.form != no_assembling) form_places.release(own.form);
    assemblings.release(place);
}

// What the storage said to the last message, when nothing else awaits an answer.
void Worker::State::note_piece_answer(Exchange* exchange, std::uint16_t status) {
    if (!exchange->answered || exchange->tracker.outstanding() != 1) return;
    assembly.answered(exchange->answered, status / 100 == 2);
    exchange->answered = {};
}

}  // namespace cordon
