#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

void Worker::State::from_storage(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Segment& segment = arrival.segment;
    const std::uint8_t handshake = segment.flags & (tcp_flag::syn | tcp_flag::ack);
    switch (flow.phase) {
        case FlowPhase::syn_seen:
            if (handshake == (tcp_flag::syn | tcp_flag::ack))
                return storage_syn_ack(arrival, number);
            if (flow.severed && (segment.flags & tcp_flag::rst) == 0)
                return after_reset(arrival, flow);
            // A simultaneous open or split handshake would turn the roles of the ends.
            if ((segment.flags & tcp_flag::syn) != 0)
                return drop(arrival, Outcome::segment_bad_flags);
            if (!segment.payload.empty()) return drop(arrival, Outcome::segment_unexpected);
            forward(arrival, FrameClass::control);  // RST, or a challenge ACK
            if ((segment.flags & tcp_flag::rst) != 0) close_flow(number);
            return;
        case FlowPhase::established:
            break;
        case FlowPhase::uninspected:
            return uninspected_segment(arrival, number);
        case FlowPhase::recording:
        case FlowPhase::answering:
            return storage_while_answering(arrival, number);
        case FlowPhase::free:
        case FlowPhase::closed:
            if (flow.severed) return after_reset(arrival, flow);
            if (segment.payload.empty()) return forward(arrival, FrameClass::control);
            // Whose last ACK was lost repeats its last segment.
            if (is_repeated(flow.down, segment)) return forward(arrival, FrameClass::repeated);
            return drop(arrival, Outcome::segment_unexpected);
    }
    if (handshake == (tcp_flag::syn | tcp_flag::ack)) return storage_syn_ack(arrival, number);
    if (flow.shunted) note_passed(number);
    if (!storage_segment_acceptable(arrival, flow)) return;
    if ((segment.flags & tcp_flag::rst) != 0) return storage_reset(arrival, number);
    note_storage(arrival, flow);
    if (!segment.payload.empty()) {
        storage_payload(arrival, number);
    } else if ((segment.flags & tcp_flag::fin) != 0) {
        storage_fin(number, segment);
        if (flow.phase == FlowPhase::established) forward(arrival, FrameClass::control);
    } else {
        forward(arrival, FrameClass::control);
    }
    if (flow.phase != FlowPhase::established) return;
    if (flow.client.fin_acked && flow.storage.fin_acked) return close_flow(number);
    if (flow.close_due) return retire(number);
    if (flow.leaves_http) return pass_rest(number, flow.reason);
    if (!flow.stalled) return;
    if (flow.storage.fin_seen) return retire(number);  // the request that waits is never answered
    if (!exchanges[flow.exchange].tracker.full()) go_on(number);
}

// The offset behind all that the storage can have of this client, its FIN counted.
std::int64_t Worker::State::sent_to_storage(const Flow& flow) {
    const std::uint64_t sent = flow.shunted ? exchanges[flow.exchange].shunt.end : flow.up.sent();
    return static_cast<std::int64_t>(sent) + (flow.fin_sent ? 1 : 0);
}

bool Worker::State::storage_segment_acceptable(Arrival& arrival, Flow& flow) {
    Segment& segment = arrival.segment;
    const bool reset = (segment.flags & tcp_flag::rst) != 0;
    if ((segment.flags & tcp_flag::syn) != 0 || (!reset && (segment.flags & tcp_flag::ack) == 0)) {
        drop(arrival, Outcome::segment_bad_flags);
        return false;
    }
    if (reset) return true;
    const std::int64_t acked = flow.up.offset_of(segment.acknowledgement);
    if (acked > sent_to_storage(flow)) {
        drop(arrival, Outcome::ack_invalid);
        return false;
    }
    if ((segment.flags & tcp_flag::urg) != 0)
        clear_urgent({arrival.frame.data, arrival.frame.length}, &segment);
    return true;
}

void Worker::State::note_storage(Arrival& arrival, Flow& flow) {
    const Segment& segment = arrival.segment;
    if (!flow.storage.has_like) {
        flow.storage.like = template_of(arrival.frame.bytes(), segment);
        flow.storage.has_like = true;
    }
    follow_link(arrival.frame.bytes(), segment, &flow.storage.like, &flow.client.like);
    const std::int64_t acked = flow.up.offset_of(segment.acknowledgement);
    if (acked >= static_cast<std::int64_t>(flow.storage.acked)) {
        flow.storage.acked = static_cast<std::uint64_t>(acked);
        flow.storage.ack = segment.acknowledgement;
        flow.storage.window = segment.window;
        flow.up.acknowledge(std::min(flow.storage.acked, flow.up.sent()), pieces);
    }
    if (acked >= 0) {
        const std::uint64_t end = static_cast<std::uint64_t>(acked) +
                                  (std::uint64_t{segment.window} << flow.storage.scale);
        flow.storage.window_end = std::max(flow.storage.window_end, end);
    }
    if (segment.has_timestamp) {
        note_timestamps(segment, &flow.storage);
    }
    if (flow.fin_sent && flow.storage.acked > flow.up.received()) flow.client.fin_acked = true;
}

// The storage's bytes go on as they come. They are read in order, to know where answers begin and
// end; what stands behind a hole is kept until it can be read.
void Worker::State::storage_payload(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Segment& segment = arrival.segment;
    const std::int64_t offset = flow.down.offset_of(segment.sequence);
    const std::int64_t end = offset + static_cast<std::int64_t>(segment.payload.size());
    const auto expected = static_cast<std::int64_t>(flow.down.received());
    flow.last_was_storage = true;
    if (end > expected) {
        if (!take_storage_bytes(arrival, number, offset)) return;
    }
    if ((segment.flags & tcp_flag::fin) != 0)
        storage_fin(number, segment);
    else if (flow.storage.fin_ahead &&
             flow.storage.fin_number == flow.down.sequence_of(flow.down.received()))
        end_of_storage_bytes(number);
    if (flow.phase == FlowPhase::established) forward(arrival, FrameClass::response);
}

// False: the segment was dropped, or the flow cut.
bool Worker::State::take_storage_bytes(Arrival& arrival, FlowNumber number, std::int64_t offset) {
    Flow& flow = flows[number];
    const Bytes payload = arrival.segment.payload;
    const auto expected = static_cast<std::int64_t>(flow.down.received());
    if (offset <= expected && flow.down.keeps_nothing()) {
        const Bytes fresh = payload.subspan(static_cast<std::size_t>(expected - offset));
        flow.down.pass(fresh.size());
        return read_answer(arrival, number, fresh);
    }
    const Bytes part = offset < 0 ? payload.subspan(static_cast<std::size_t>(-offset)) : payload;
    const auto begin = static_cast<std::uint64_t>(std::max<std::int64_t>(offset, 0));
    switch (flow.down.offer(begin, part, pieces, kept_share())) {
        case Offered::fresh:
            break;
        case Offered::ahead:
            counters.count(Outcome::gap_segment);
            return true;
        case Offered::repeated:
        case Offered::forgotten:
            return true;
        case Offered::inconsistent:
            account(arrival, frame_class(FrameClass::dropped));
            cut(number, Outcome::inconsistent);
            return false;
        case Offered::kept_full:
            drop(arrival, Outcome::kept_full);
            return false;
        case Offered::gaps_full:
            drop(arrival, Outcome::gaps_full);
            return false;
    }
    std::uint64_t at;
    Bytes chunk;
    while (flow.down.take(pieces, &at, &chunk)) {
        if (!read_answer(arrival, number, chunk)) return false;
    }
    flow.down.forget_taken(pieces);
    return true;
}

bool Worker::State::read_answer(Arrival& arrival, FlowNumber number, Bytes bytes) {
    Flow& flow = flows[number];
    if (flow.exchange == no_exchange) {
        // Between requests: 408 and the like. A success is the answer to a request that only the
        // storage saw.
        if (!is_unasked_answer(bytes)) return true;
        if (leave_or_cut(number, Outcome::http_bad_response, UninspectedReason::protocol))
            return true;
        account(arrival, frame_class(FrameClass::dropped));
        return false;
    }
    ResponseTracker& tracker = exchanges[flow.exchange].tracker;
    if (tracker.outstanding() == 1) exchanges[flow.exchange].following.read(bytes);
    tracker.feed(bytes);
    ResponseEvent event;
    while (tracker.next(&event)) {
        if (answer_event(number, event)) continue;
        account(arrival, frame_class(FrameClass::dropped));
        return false;
    }
    end_exchange_if_idle(flow);
    return true;
}

// False: the flow was cut.
bool Worker::State::answer_event(FlowNumber number, const ResponseEvent& event) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    switch (event.kind) {
        case ResponseEvent::Kind::interim:
            // Only 100 asks for the body; 102 and 103 leave it open.
            if (event.status == 100) exchange.expect_waiting = false;
            if (event.status == 104) note_location(&exchange);
            return true;
        case ResponseEvent::Kind::final_head:
            note_piece_answer(&exchange, event.status);
            note_creation_answer(&exchange, event.status);
            note_change_answer(&exchange, event.status);
            if (exchange.tracker.outstanding() == 1) exchange.following.status = event.status;
            if (exchange.expect_waiting && exchange.tracker.outstanding() == 1) {
                counters.count(Outcome::http_expect_refused);
                if (mode(flow) != ServiceMode::enforce)
                    return leave_http(flow, UninspectedReason::protocol);
                flow.expect_refused = true;
            }
            return true;
        case ResponseEvent::Kind::end:
            end_followed(&exchange, event.complete);
            if (flow.expect_refused) flow.close_due = true;
            return true;
        case ResponseEvent::Kind::upgraded:
            if (service(flow).allow_upgrade != 0)
                return leave_http(flow, UninspectedReason::upgraded);
            return leave_or_cut(number, Outcome::http_upgrade_refused, UninspectedReason::upgraded);
        case ResponseEvent::Kind::error:
            return leave_or_cut(number, Outcome::http_bad_response, UninspectedReason::protocol);
    }
    return true;
}

// Takes effect when the segment in hand has gone.
bool Worker::State::leave_http(Flow& flow, UninspectedReason reason) {
    flow.leaves_http = true;
    flow.reason = reason;
    return true;
}

// In `observe` nothing is cut.
bool Worker::State::leave_or_cut(FlowNumber number, Outcome why, UninspectedReason reason) {
    Flow& flow = flows[number];
    if (mode(flow) == ServiceMode::enforce) {
        cut(number, why);
        return false;
    }
    counters.count(why);
    return leave_http(flow, reason);
}

void Worker::State::storage_fin(FlowNumber number, const Segment& segment) {
    Flow& flow = flows[number];
    const std::int64_t end =
        flow.down.offset_of(segment.sequence) + static_cast<std::int64_t>(segment.payload.size());
    const auto received = static_cast<std::int64_t>(flow.down.received());
    if (end > received) {
        flow.storage.fin_ahead = true;
        flow.storage.fin_number = flow.down.sequence_of(static_cast<std::uint64_t>(end));
    }
    if (end == received && !flow.storage.fin_seen) end_of_storage_bytes(number);
}

// The client has the FIN, or had it before what was missing, and acknowledges it.
void Worker::State::end_of_storage_bytes(FlowNumber number) {
    Flow& flow = flows[number];
    flow.storage.fin_seen = true;
    flow.storage.fin_ahead = false;
    if (flow.exchange == no_exchange) return;
    ResponseTracker& tracker = exchanges[flow.exchange].tracker;
    tracker.finish();
    ResponseEvent event;
    while (tracker.next(&event)) {
        if (!answer_event(number, event)) return;
    }
}

// The storage gave up. What it had been given is looked up once more; then the client hears of it.
void Worker::State::storage_reset(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const std::int64_t offset = flow.down.offset_of(arrival.segment.sequence);
    const auto expected = static_cast<std::int64_t>(flow.down.received());
    if (offset < expected - 1 || offset > expected + (std::int64_t{1} << 30))
        return drop(arrival, Outcome::reset_bad_sequence);
    leave_shunt(number);
    if (!judge_tail(number, true)) {
        account(arrival, frame_class(FrameClass::dropped));
        return;
    }
    forward(arrival, FrameClass::control);
    close_flow(number);
    // It has forgotten the connection; a client that did not believe it has not.
    flow.severed = true;
}

}  // namespace cordon
