#include <algorithm>
#include <cstring>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// How many answers are looked at for one to be given up.
constexpr std::size_t answer_look = 32;
constexpr std::uint8_t fin_ack = tcp_flag::fin | tcp_flag::ack;

DenyKey deny_key(const Flow& flow) {
    DenyKey key{};
    const SegmentEnd& client = flow.client.like.source;
    const SegmentEnd& server = flow.client.like.destination;
    std::memcpy(key.bytes, client.address.bytes, 16);
    std::memcpy(key.bytes + 16, server.address.bytes, 16);
    store_be16(key.bytes + 32, client.port);
    store_be16(key.bytes + 34, server.port);
    return key;
}

}  // namespace

// Gives the flow an answer and takes it out of inspection. False when no answer is free: then it is
// cut without one.
bool Worker::State::begin_answer(FlowNumber number, bool is_match) {
    leave_shunt(number);
    Flow& flow = flows[number];
    const std::uint32_t room = answers_max - (is_match ? 0 : answers_reserve);
    std::uint32_t slot = no_answer;
    if (answers.used() < room || end_one_answer()) slot = answers.allocate();
    if (slot == no_answer) {
        cut(number, Outcome::answers_full);
        return false;
    }
    Answer& answer = answers[slot];
    answer = Answer{};
    answer.since_ns = now.ns;
    answer.rto_ns = lifetime::rto_first_ns;
    address_answer(flow, &answer);
    answer.storage_next = flow.up.sequence_of(flow.up.sent());
    flow.answer = slot;
    return true;
}

// In the form that its client shows, as far as the head of the request has come.
void Worker::State::address_answer(const Flow& flow, Answer* answer) {
    answer->kind = RequestKind::text;
    if (flow.exchange == no_exchange) return;
    const Head& head = exchanges[flow.exchange].parser.head();
    const std::string_view origin = origin_of(head);
    answer->kind = classify(head);
    answer->origin_bytes = static_cast<std::uint16_t>(origin.size());
    std::copy(origin.begin(), origin.end(), answer->origin);
}

// Gives up one answer for a new one: one that the client has, or else the oldest of those that are
// due for longer than an honest client needs, of a few. These are other ones each time, as each
// goes to the end when it is looked at. Its flow goes on resetting the storage (after_reset).
bool Worker::State::end_one_answer() {
    FlowNumber chosen = no_flow;
    std::uint64_t oldest_ns = now.ns - std::min(now.ns, lifetime::answer_least_ns);
    FlowNumber at = timer_list(TimerKind::answer).first;
    for (std::size_t n = 0; n < answer_look && at != no_flow; ++n, at = flows[at].timer_next) {
        const Answer& answer = answers[flows[at].answer];
        if (!answer.started) continue;
        if (answer.confirmed || answer.client_gone) {
            chosen = at;
            break;
        }
        if (answer.since_ns >= oldest_ns) continue;
        oldest_ns = answer.since_ns;
        chosen = at;
    }
    if (chosen == no_flow) return false;
    answers[flows[chosen].answer].client_gone = true;  // nothing more is expected of it
    reset_storage(flows[chosen], answers[flows[chosen].answer].storage_next);
    finish_answer(chosen);
    return flows[chosen].phase == FlowPhase::closed;
}

// Where the storage has begun to answer, or has answered, or owes an answer to an earlier request,
// another one from us would be taken for that. `awaited`: requests that await an answer when all
// before the one in question are answered.
bool Worker::State::answer_impossible(const Flow& flow, std::size_t awaited) {
    if (flow.exchange == no_exchange) return flow.storage.fin_seen;  // its answers were not read
    const ResponseTracker& tracker = exchanges[flow.exchange].tracker;
    return tracker.final_begun() || tracker.outstanding() != awaited || flow.storage.fin_seen;
}

// DESIGN §7: first the record, which takes the flow into `deny`, then the answer.
void Worker::State::block(FlowNumber number) {
    Flow& flow = flows[number];
    if (!begin_answer(number, true)) {
        // It is cut already; the incident is one all the same.
        RecordTicket ticket;
        if (!recorder.decided(incident, deny_key(flow), &ticket))
            counters.count(Outcome::match_unrecorded);
        return;
    }
    Answer& answer = answers[flow.answer];
    answer.is_match = true;
    answer.is_test = is_test(incident);
    answer.status = 403;
    std::memcpy(answer.case_number, incident.case_number, sizeof answer.case_number);
    answer.silent = answer_impossible(flow, 1);
    answer.refused = !recorder.decided(incident, deny_key(flow), &answer.ticket);
    if (incident.complete != 0) await_body(number);
    note_verdict(number);
    drop_held(flow);
    end_exchange(flow);
    clear_timer(number);
    flow.phase = FlowPhase::recording;
    set_timer(number, TimerKind::record, now.ns);
}

// A match in the middle of a body (a part of a form): the answer waits for the end of it.
void Worker::State::await_body(FlowNumber number) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    if (!exchange.object_open || exchange.body_ended) return;
    RequestEvent event;
    std::uint64_t begin;
    Bytes chunk;
    while (true) {
        while (exchange.parser.next(&event)) {
            if (event.kind != RequestEvent::Kind::body) return;  // its end is here already
        }
        if (!flow.up.take(pieces, &begin, &chunk)) break;
        exchange.parser.feed(chunk);
    }
    Answer& answer = answers[flow.answer];
    answer.awaits_body = true;
    answer.rest.open(exchange.parser);
    answer.await_last_ns = now.ns + lifetime::body_longest_ns;
    answer.await_until_ns = now.ns + lifetime::body_pause_ns;
}

void Worker::State::drain_body(FlowNumber number, Bytes bytes) {
    Answer& answer = answers[flows[number].answer];
    if (!answer.awaits_body) return;
    answer.await_until_ns = std::min(now.ns + lifetime::body_pause_ns, answer.await_last_ns);
    if (answer.rest.take(bytes)) stop_awaiting(number);
}

void Worker::State::stop_awaiting(FlowNumber number) {
    Answer& answer = answers[flows[number].answer];
    if (!answer.awaits_body) return;
    answer.awaits_body = false;
    if (answer.started && !answer.client_gone) send_answer(number);
}

void Worker::State::refuse(FlowNumber number, ErrorStatus status, bool in_body) {
    Flow& flow = flows[number];
    if (!begin_answer(number, false)) return;
    Answer& answer = answers[flow.answer];
    answer.status = static_cast<std::uint16_t>(status);
    answer.silent = answer_impossible(flow, in_body ? 1 : 0);
    release_for_answer(number);
    start_answer(number);
}

// Ends a connection at a quiet moment: a FIN to the client, the storage is let go.
void Worker::State::retire(FlowNumber number) {
    abort_object(number);
    if (!begin_answer(number, false)) return;
    answers[flows[number].answer].silent = true;
    if (flows[number].phase == FlowPhase::uninspected) {
        counters.count(Outcome::flow_retired);
        counters.decided(flows[number].service, PolicyCase::midstream, PolicyResult::retired);
    }
    release_for_answer(number);
    start_answer(number);
}

void Worker::State::retire_if_quiet(FlowNumber number) {
    Flow& flow = flows[number];
    const bool quiet = flow.phase == FlowPhase::uninspected && flow.last_was_storage &&
                       flow.client.acked >= flow.down.received() &&
                       flow.storage.acked >= flow.up.received() && !flow.client.fin_seen &&
                       !flow.storage.fin_seen;
    if (quiet) retire(number);
}

// Like release_inspection(), but the answer stays.
void Worker::State::release_for_answer(FlowNumber number) {
    Flow& flow = flows[number];
    const std::uint32_t slot = flow.answer;
    flow.answer = no_answer;
    release_inspection(number);
    flow.answer = slot;
}

void Worker::State::drop_answer(Flow& flow) {
    if (flow.answer == no_answer) return;
    answers.release(flow.answer);
    flow.answer = no_answer;
}

void Worker::State::run_answer(FlowNumber number) {
    Flow& flow = flows[number];
    Answer& answer = answers[flow.answer];
    if (flow.phase == FlowPhase::recording) {
        set_timer(number, TimerKind::record, now.ns + lifetime::record_look_ns);
        return await_record(number);
    }
    set_timer(number, TimerKind::answer, now.ns + lifetime::answer_look_ns);
    if (!answer.started) return start_answer(number);
    if (answer.enforced_due) hand_over_enforced(number);
    if (answer.resets < lifetime::resets_again_max && now.ns >= answer.reset_at_ns) {
        ++answer.resets;
        answer.reset_at_ns = now.ns + (lifetime::reset_again_ns << answer.resets);
        reset_storage(flow, answer.storage_next);
    }
    const bool said = answer.resets == lifetime::resets_again_max;
    if (now.ns - answer.since_ns >= options.absorb_seconds * ns_per_s ||
        (answer.client_gone && said))
        return finish_answer(number);
    if (answer.awaits_body) {
        if (now.ns >= answer.await_until_ns) stop_awaiting(number);
        return;
    }
    if (!answer.confirmed && !answer.client_gone && now.ns >= answer.send_at_ns) {
        answer.rto_ns = std::min(2 * answer.rto_ns, lifetime::rto_max_ns);
        answer.sent = answer.acknowledged;
        send_answer(number);
    }
}

void Worker::State::await_record(FlowNumber number) {
    Flow& flow = flows[number];
    Answer& answer = answers[flow.answer];
    RecordState state = RecordState::failed;
    if (!answer.refused) state = recorder.state(answer.ticket, &answer.sequence);
    const bool late = now.ns - answer.since_ns >= options.journal_ms_max * ns_per_ms;
    if (state == RecordState::pending && !late) return;
    answer.recorded = state == RecordState::durable;
    answer.silent = answer.silent || answer.beside;
    if (answer.recorded) {
        if (!answer.beside && !answer.is_test) counters.count(Outcome::match_blocked);
    } else {
        counters.count(Outcome::match_unrecorded);
        answer.status = static_cast<std::uint16_t>(ErrorStatus::unavailable);
    }
    release_for_answer(number);
    answer.since_ns = now.ns;
    start_answer(number);
}

// This process stood still between the decision and the deny map, and the kernel bridged: the
// object may be whole on the storage, and answered by it. The record stays without its enforcement,
// so that it is shown as not confirmed; to say 403 now would be a lie. What was in `deny` before is
// safe.
void Worker::State::passed_beside(FlowNumber number) {
    Answer& answer = answers[flows[number].answer];
    const bool in_the_turn_that_stood_still = answer.since_ns == now.ns;
    if (flows[number].phase == FlowPhase::answering && !in_the_turn_that_stood_still) return;
    answer.beside = answer.is_match;
    answer.enforced_due = false;
    // Of what was to be sent in that turn nothing was: a port drops what is late.
    if (flows[number].phase == FlowPhase::answering) answer.client_gone = answer.beside;
}

// Waits until the client has every byte of the storage that was on its way; then the storage is
// reset and the answer takes the place after those bytes.
void Worker::State::start_answer(FlowNumber number) {
    Flow& flow = flows[number];
    Answer& answer = answers[flow.answer];
    flow.phase = FlowPhase::answering;
    const bool waits = flow.client.acked < flow.down.received() && !answer.client_gone &&
                       now.ns - answer.since_ns < lifetime::client_catches_up_ns;
    set_timer(number, TimerKind::answer, now.ns + lifetime::answer_look_ns);
    if (waits) return;
    answer.started = true;
    answer.base = flow.down.received();
    reset_storage(flow, answer.storage_next);
    answer.reset_at_ns = now.ns + lifetime::reset_again_ns;
    write_answer(&answer);
    answer.enforced_due = answer.is_match && answer.recorded && !answer.beside;
    if (!answer.client_gone && !answer.awaits_body) send_answer(number);
}

void Worker::State::write_answer(Answer* answer) const {
    if (answer->silent) return;
    const std::string_view origin(answer->origin, answer->origin_bytes);
    std::size_t length;
    if (answer->status == 403) {
        RefusalText text;
        text.profile = options.answer_text;
        text.lab = options.lab != 0;
        text.origin = origin;
        text.case_number = answer->case_number;
        text.operator_name = options.operator_name;
        text.complaint_url = options.complaint_url;
        text.contact = options.contact;
        text.legal_basis = options.legal_basis;
        length = write_refusal(answer->bytes, answer->kind, text);
    } else {
        length = write_error(answer->bytes, static_cast<ErrorStatus>(answer->status), answer->kind,
                             origin);
    }
    answer->length = static_cast<std::uint32_t>(length);
}

// At SND.NXT and at the last ACK seen: one of them is what the storage expects, unless segments are
// still on their way; then its challenge ACK is answered (storage_while_answering).
void Worker::State::reset_storage(Flow& flow, std::uint32_t next) {
    flow.severed = true;
    counters.count(Outcome::storage_reset_sent);
    emit_to_storage(flow, next, tcp_flag::rst, {});
    const std::uint32_t acked = flow.up.sequence_of(flow.storage.acked);
    if (acked != next) emit_to_storage(flow, acked, tcp_flag::rst, {});
}

// Sends what the client's window takes of the answer and, after it, the FIN.
void Worker::State::send_answer(FlowNumber number) {
    Flow& flow = flows[number];
    Answer& answer = answers[flow.answer];
    answer.send_at_ns = now.ns + answer.rto_ns;
    const std::uint64_t room_end = std::max(flow.client.window_end, answer.base + 1);
    const std::size_t segment_max = segment_bytes_max(flow);
    while (answer.sent < answer.length) {
        const std::uint64_t at = answer.base + answer.sent;
        if (at >= room_end) return;  // probed again by the timer
        std::size_t size = std::min<std::size_t>(segment_max, answer.length - answer.sent);
        size = std::min<std::size_t>(size, room_end - at);
        const Bytes part = Bytes(answer.bytes).subspan(answer.sent, size);
        const bool last = answer.sent + size == answer.length;
        if (!emit_to_client(flow, flow.down.sequence_of(at), client_next(flow),
                            last ? fin_ack | tcp_flag::psh : tcp_flag::ack, part))
            return;
        answer.sent += static_cast<std::uint32_t>(size) + (last ? 1 : 0);
    }
    if (answer.sent == answer.length &&
        emit_to_client(flow, flow.down.sequence_of(answer.base + answer.length), client_next(flow),
                       fin_ack, {}))
        ++answer.sent;
}

// The sequence number we expect of the client: all it sent in order, and its FIN.
std::uint32_t Worker::State::client_next(const Flow& flow) {
    return flow.up.sequence_of(flow.up.received()) + (flow.client.fin_seen ? 1 : 0);
}

void Worker::State::acknowledge_client(Flow& flow) {
    const Answer& answer = answers[flow.answer];
    const std::uint64_t at = answer.started ? answer.base + answer.sent : flow.down.received();
    emit_to_client(flow, flow.down.sequence_of(at), client_next(flow), tcp_flag::ack, {});
}

void Worker::State::client_while_answering(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    Answer& answer = answers[flow.answer];
    const Segment& segment = arrival.segment;
    counters.count(Outcome::block_absorbed);
    account(arrival, frame_class(FrameClass::dropped));
    if ((segment.flags & tcp_flag::rst) != 0) {
        answer.client_gone = true;
        return;
    }
    if (flow.phase == FlowPhase::recording) return;  // it will repeat
    note_client(arrival, flow);
    if (answer.started) note_answer_acked(number);
    const std::int64_t offset = flow.up.offset_of(segment.sequence);
    const std::int64_t end = offset + static_cast<std::int64_t>(segment.payload.size());
    const auto expected = static_cast<std::int64_t>(flow.up.received());
    if (offset <= expected && end > expected && !flow.client.fin_seen) {
        const auto fresh = static_cast<std::size_t>(end - expected);
        if (answer.drained_bytes + fresh > options.drain_bytes_max) {  // it has had its say
            counters.count(Outcome::drain_full);
            return stop_awaiting(number);
        }
        answer.drained_bytes += fresh;
        flow.up.pass(fresh);
        drain_body(number, segment.payload.last(fresh));
    }
    const bool fin = (segment.flags & tcp_flag::fin) != 0;
    if (fin && end == static_cast<std::int64_t>(flow.up.received())) {
        flow.client.fin_seen = true;
        stop_awaiting(number);
    }
    if (!segment.payload.empty() || fin) acknowledge_client(flow);
    if (!answer.started) start_answer(number);
}

void Worker::State::note_answer_acked(FlowNumber number) {
    Flow& flow = flows[number];
    Answer& answer = answers[flow.answer];
    if (flow.client.acked <= answer.base) return;
    const std::uint64_t acked =
        std::min<std::uint64_t>(flow.client.acked - answer.base, answer.length + 1);
    if (acked > answer.acknowledged) {
        answer.acknowledged = static_cast<std::uint32_t>(acked);
        answer.sent = std::max(answer.sent, answer.acknowledged);
        answer.rto_ns = lifetime::rto_first_ns;
    }
    if (answer.acknowledged < answer.length + 1) {
        if (answer.sent < answer.length + 1) send_answer(number);  // its window has opened
        return;
    }
    if (answer.confirmed) return;
    answer.confirmed = true;
    if (answer.is_match) counters.count(Outcome::block_confirmed);
    if (answer.enforced_due) hand_over_enforced(number);
}

// A storage that was reset has nothing more to say: every packet of it is answered by an RST at the
// very sequence number it names (RFC 5961 §3: that one is obeyed).
void Worker::State::storage_while_answering(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Answer& answer = answers[flow.answer];
    const Segment& segment = arrival.segment;
    follow_link(arrival.frame.bytes(), segment, &flow.storage.like, &flow.client.like);
    if (!answer.started) {
        // Not reset yet: what the client may still lack of earlier answers, it gets.
        const std::int64_t end = flow.down.offset_of(segment.sequence) +
                                 static_cast<std::int64_t>(segment.payload.size());
        const bool ends = (segment.flags & (tcp_flag::fin | tcp_flag::rst)) != 0;
        if (!ends && end <= static_cast<std::int64_t>(flow.down.received())) {
            if (segment.has_timestamp) note_timestamps(segment, &flow.storage);
            return forward(arrival, FrameClass::control);
        }
    }
    counters.count(Outcome::block_absorbed);
    account(arrival, frame_class(FrameClass::dropped));
    if (answer.started) reset_where_it_stands(flow, arrival);
}

// Resets the storage at the number that either end names: what the storage acknowledges, or where
// the client goes on.
void Worker::State::reset_where_it_stands(const Flow& flow, const Arrival& arrival) {
    const Segment& segment = arrival.segment;
    if ((segment.flags & tcp_flag::rst) != 0) return;
    counters.count(Outcome::storage_reset_sent);
    const bool from_the_client = arrival.side == Side::client;
    emit_to_storage(flow, from_the_client ? segment.sequence : segment.acknowledgement,
                    tcp_flag::rst, {});
}

void Worker::State::hand_over_enforced(FlowNumber number) {
    Flow& flow = flows[number];
    Answer& answer = answers[flow.answer];
    const bool over = now.ns - answer.since_ns >= options.absorb_seconds * ns_per_s;
    if (!answer.confirmed && !answer.client_gone && !over) return;
    EnforcedRecord record{};
    record.decided_sequence = answer.sequence;
    record.time_ns = now.unix_ns;
    record.storage_reset = 1;
    record.client_answered = answer.confirmed ? 1 : 0;
    std::memcpy(record.case_number, answer.case_number, sizeof record.case_number);
    answer.enforced_due = !recorder.enforced(record);
}

void Worker::State::finish_answer(FlowNumber number) {
    Flow& flow = flows[number];
    Answer& answer = answers[flow.answer];
    if (answer.enforced_due) {
        hand_over_enforced(number);
        if (answer.enforced_due) return;  // the recorder has no room: at the next tick
    }
    // Only here: what is forgotten in another way stays denied until the entry expires.
    if (answer.is_match && !recorder.over(deny_key(flow))) return;
    if (answer.is_match && !answer.confirmed) counters.count(Outcome::block_unconfirmed);
    close_flow(number);
}

bool Worker::State::emit_to_storage(const Flow& flow, std::uint32_t sequence, std::uint8_t flags,
                                    Bytes bytes) {
    const std::uint32_t ack = (flags & tcp_flag::ack) != 0 ? flow.client.ack : 0;
    return emit(Side::storage, flow, {sequence, ack, flags, bytes});
}

bool Worker::State::emit_to_client(const Flow& flow, std::uint32_t sequence, std::uint32_t ack,
                                   std::uint8_t flags, Bytes payload) {
    return emit(Side::client, flow, {sequence, ack, flags, payload});
}

// A segment of our own that speaks for one end. False: no buffer, counted.
bool Worker::State::emit(Side to, const Flow& flow, const OwnSegment& segment) {
    const Peer& speaker = to == Side::storage ? flow.client : flow.storage;
    const Peer& listener = to == Side::storage ? flow.storage : flow.client;
    Frame frame;
    if (!port.allocate(to, &frame)) {
        counters.count(Outcome::buffer_empty);
        return false;
    }
    std::optional<Timestamps> stamps;
    if (flow.has_timestamps) stamps = Timestamps{speaker.timestamp, listener.timestamp};
    std::uint16_t window = speaker.window;
    // What the client still sends is thrown away: the storage's window does not matter any more.
    if (flow.phase == FlowPhase::answering && to == Side::client)
        window = std::max(window, static_cast<std::uint16_t>(UINT16_MAX >> flow.storage.scale));
    frame.length = static_cast<std::uint32_t>(
        build_segment({frame.data, frame.capacity}, speaker.like, segment.sequence, segment.ack,
                      segment.flags, window, stamps, segment.payload));
    INVARIANT(frame.length != 0);
    queue(to, frame);
    return true;
}

}  // namespace cordon
