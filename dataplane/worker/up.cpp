#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

void Worker::State::from_client(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    switch (flow.phase) {
        case FlowPhase::established:
            break;
        case FlowPhase::uninspected:
            return uninspected_segment(arrival, number);
        case FlowPhase::recording:
        case FlowPhase::answering:
            return client_while_answering(arrival, number);
        case FlowPhase::closed:
            if (flow.severed) return after_reset(arrival, flow);
            if (arrival.segment.payload.empty()) return forward(arrival, FrameClass::control);
            if (is_repeated(flow.up, arrival.segment)) return client_probe(arrival, flow);
            return drop(arrival, Outcome::segment_unexpected);
        case FlowPhase::free:
        case FlowPhase::syn_seen:
            return client_before_syn_ack(arrival, number);
    }
    if (flow.shunted) note_passed(number);
    if (!client_segment_acceptable(arrival, flow)) return;
    const Segment& segment = arrival.segment;
    if ((segment.flags & tcp_flag::rst) != 0) return client_reset(arrival, number);
    // What stands beside the window says nothing to a receiver (RFC 9293 §3.10.7.4), nor to us: it
    // may come from anybody.
    const std::int64_t begin = flow.up.offset_of(segment.sequence);
    const std::int64_t end = begin + static_cast<std::int64_t>(segment.payload.size());
    if (end >= static_cast<std::int64_t>(flow.storage.acked) &&
        begin <= static_cast<std::int64_t>(flow.storage.window_end))
        note_client(arrival, flow);
    if (flow.client.fin_acked && flow.storage.fin_acked) {
        forward(arrival, FrameClass::control);
        return close_flow(number);
    }
    if (flow.shunted && client_beside_shunt(arrival, number)) return;
    if (!segment.payload.empty()) return client_payload(arrival, number);
    if ((segment.flags & tcp_flag::fin) == 0) return forward(arrival, FrameClass::control);
    // Below the end it is a lie: the storage would take a part of the upload, whose end was not
    // looked up, for the whole.
    if (begin < static_cast<std::int64_t>(flow.up.received()))
        return drop(arrival, Outcome::segment_unexpected);
    if (begin > static_cast<std::int64_t>(flow.storage.window_end))
        return drop(arrival, Outcome::segment_out_of_window);
    account(arrival, frame_class(FrameClass::control));
    client_fin_at(number, static_cast<std::uint64_t>(begin));
}

// The client goes on although no SYN-ACK passed here: a lie, or an asymmetric path. Either way
// nothing could be tracked, and nothing with payload passes but where on_midstream says so.
void Worker::State::client_before_syn_ack(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Segment& segment = arrival.segment;
    const bool acknowledges = (segment.flags & (tcp_flag::ack | tcp_flag::rst)) == tcp_flag::ack;
    const bool may_pass =
        mode(flow) != ServiceMode::enforce || service(flow).on_midstream == MidstreamAction::pass;
    const auto now_ms = static_cast<std::uint32_t>(now.ns / ns_per_ms);
    const bool told = may_pass || now_ms - flow.met_ms >= lifetime::one_direction_ms;
    if (acknowledges && told && segment.sequence == flow.up.sequence_of(0)) {
        flow.down.open(segment.acknowledgement);
        become_uninspected(number, UninspectedReason::asymmetric);
        become_asymmetric(number);
        return uninspected_segment(arrival, number);
    }
    // An ACK could complete a handshake that is not the one we follow; the answer to an ACK of the
    // storage's that fits no handshake is an RST, and passes.
    if (acknowledges || !segment.payload.empty()) return drop(arrival, Outcome::segment_unexpected);
    forward(arrival, FrameClass::control);
}

bool Worker::State::client_segment_acceptable(Arrival& arrival, Flow& flow) {
    Segment& segment = arrival.segment;
    const bool reset = (segment.flags & tcp_flag::rst) != 0;
    const bool impossible = (segment.flags & tcp_flag::syn) != 0 ||
                            (!reset && (segment.flags & tcp_flag::ack) == 0) ||
                            (reset && (segment.flags & tcp_flag::fin) != 0);
    if (impossible) {
        drop(arrival, Outcome::segment_bad_flags);
        return false;
    }
    if (reset) return true;
    if (flow.has_timestamps && segment.has_timestamp &&
        static_cast<std::int32_t>(segment.timestamp_value - flow.client.ts_recent) < 0) {
        drop(arrival, Outcome::segment_old_timestamp);
        return false;
    }
    // An ACK of what was never sent, or of the far past, is not one of this connection: some
    // storages take the data with it and some do not (RFC 5961 §5.2).
    const std::int64_t acked = flow.down.offset_of(segment.acknowledgement);
    const auto sent_to_it =
        static_cast<std::int64_t>(flow.down.received()) + (flow.storage.fin_seen ? 1 : 0);
    const std::int64_t oldest = static_cast<std::int64_t>(flow.client.acked) -
                                (std::int64_t{UINT16_MAX} << flow.client.scale);
    if ((acked > sent_to_it || acked < std::max<std::int64_t>(oldest, 0)) &&
        !settings.midstream_inspect) {
        drop(arrival, Outcome::ack_invalid);
        return false;
    }
    if ((segment.flags & tcp_flag::urg) != 0) {
        counters.count(Outcome::urgent_removed);
        clear_urgent({arrival.frame.data, arrival.frame.length}, &segment);
    }
    normalise_client_options(arrival, flow);
    return true;
}

// Options that nobody negotiated: what they mean to a storage (another subflow's bytes, a checksum
// that fails, PAWS) we cannot know. A timestamp that lacks makes some storages drop the segment
// (RFC 7323 §3.2) and others not: its bytes go on with one.
void Worker::State::normalise_client_options(Arrival& arrival, const Flow& flow) {
    Segment& segment = arrival.segment;
    if (flow.has_timestamps && !segment.has_timestamp && !segment.payload.empty()) {
        counters.count(Outcome::timestamp_missing);
        arrival.altered = true;
    }
    if (!segment.foreign_option && (flow.has_timestamps || !segment.has_timestamp)) return;
    counters.count(Outcome::option_removed);
    normalise_options({arrival.frame.data, arrival.frame.length}, &segment, flow.has_timestamps);
}

void Worker::State::client_payload(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Segment& segment = arrival.segment;
    const std::int64_t signed_offset = flow.up.offset_of(segment.sequence);
    if (signed_offset < 0) return client_probe(arrival, flow);
    const auto offset = static_cast<std::uint64_t>(signed_offset);
    std::uint64_t end = offset + segment.payload.size();
    if (end > flow.storage.window_end) {
        if (offset >= flow.storage.window_end) {
            probe_storage(flow);
            return drop(arrival, Outcome::segment_out_of_window);
        }
        end = trim_to_window(arrival, flow);
    }
    if (flow.client.fin_ahead &&
        static_cast<std::int64_t>(end) > flow.up.offset_of(flow.client.fin_number)) {
        account(arrival, frame_class(FrameClass::dropped));
        return cut(number, Outcome::inconsistent);  // bytes beyond the end
    }
    // After a refused Expect the framing is ambiguous: nothing more passes (DESIGN §4).
    if (flow.expect_refused) return drop(arrival, Outcome::segment_unexpected);
    if (flow.client.fin_seen && end > flow.up.received())
        return drop(arrival, Outcome::segment_unexpected);
    if (end > flow.up.received() && !need_exchange(flow, segment.payload))
        return without_message(arrival, number);

    const std::uint64_t before = flow.up.received();
    const bool fin = (segment.flags & tcp_flag::fin) != 0;
    const std::uint64_t ahead = flow.up.ahead_begin(pieces);
    const bool is_copied =
        arrival.copy != no_piece && pieces[arrival.copy].length == segment.payload.size();
    switch (flow.up.offer(offset, segment.payload, pieces, kept_share(),
                          is_copied ? &arrival.copy : nullptr)) {
        case Offered::fresh:
            break;
        case Offered::ahead:
            counters.count(Outcome::gap_segment);
            if (!release_held_first(arrival, number)) return;
            flow.up.mark_ahead_sent(offset, end, pieces);
            if (!fin && !arrival.altered) return forward(arrival, FrameClass::inspected);
            account(arrival, frame_class(FrameClass::inspected));
            emit_bytes(flow, segment.sequence, segment.payload);
            if (fin) client_fin_at(number, end);
            return;
        case Offered::repeated:
            if (!client_repeats(arrival, number, offset)) return;
            if (fin) client_fin_at(number, end);
            return;
        case Offered::forgotten:
            if (!release_held_first(arrival, number)) return;
            repeat_forgotten(arrival, flow);
            if (fin) client_fin_at(number, end);
            return;
        case Offered::inconsistent:
            account(arrival, frame_class(FrameClass::dropped));
            return cut(number, Outcome::inconsistent);
        case Offered::kept_full:
            return drop(arrival, Outcome::kept_full);
        case Offered::gaps_full:
            return drop(arrival, Outcome::gaps_full);
    }
    flow.last_was_storage = false;
    repeat_sent_part(flow, segment, offset);  // it may join them to fresh ones
    inspect(number);
    account(arrival, flow.phase == FlowPhase::uninspected ? frame_class(flow.reason)
                     : is_dismissed(flow)                 ? frame_class(FrameClass::dismissed)
                                                          : frame_class(FrameClass::inspected));
    if (flow.phase != FlowPhase::established) return;
    // The very frame goes on when it carries these bytes and nothing else.
    const bool whole = offset == before && !fin && !arrival.altered;
    pump(number, whole ? &arrival : nullptr, offset, end);
    if (ahead < end && flow.up.sent() >= end)  // left before, and may be lost behind us
        emit_bytes(flow, flow.up.sequence_of(ahead), segment.payload.subspan(ahead - offset));
    offer_shunt(number);
    if (fin) return client_fin_at(number, end);
    // What was missing before a FIN that came earlier.
    if (flow.client.fin_ahead && flow.client.fin_number == client_next(flow)) client_fin(number);
}

// Bytes beyond the window: some storages take them, some cut them off, some drop the segment. What
// all of them take goes on. Returns the new end.
std::uint64_t Worker::State::trim_to_window(Arrival& arrival, const Flow& flow) {
    Segment& segment = arrival.segment;
    counters.count(Outcome::segment_trimmed);
    const std::uint64_t end = flow.storage.window_end;
    const auto begin = static_cast<std::uint64_t>(flow.up.offset_of(segment.sequence));
    segment.payload = segment.payload.first(end - begin);
    segment.flags = static_cast<std::uint8_t>(segment.flags & ~tcp_flag::fin);
    arrival.altered = true;
    return end;
}

// A FIN behind the bytes up to `end`. Ahead of a hole it waits here: of two FINs, or a FIN and
// bytes beyond it, storages would believe one or the other.
void Worker::State::client_fin_at(FlowNumber number, std::uint64_t end) {
    Flow& flow = flows[number];
    const std::uint32_t fin_number = flow.up.sequence_of(end);
    const bool contradicts = flow.client.fin_ahead && flow.client.fin_number != fin_number;
    if (end < flow.up.received() || flow.client.fin_seen) {
        if (end == flow.up.received()) client_fin(number);
        return;  // else of a repetition: it ends where no end is
    }
    if (contradicts || flow.up.kept_end(pieces) > end) return cut(number, Outcome::inconsistent);
    if (end == flow.up.received()) return client_fin(number);
    flow.client.fin_ahead = true;
    flow.client.fin_number = fin_number;
}

// The end of the client's bytes. What is held is looked up as it stands before it goes.
void Worker::State::client_fin(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.up.has_holes()) return cut(number, Outcome::inconsistent);  // bytes beyond the end
    if (!flow.client.fin_seen) {
        flow.client.fin_seen = true;
        flow.client.fin_ahead = false;
        if (!reading_waits(flow) && !end_of_client_bytes(number)) return;
    } else if (flow.fin_sent) {
        flow.fin_sent = false;  // it asks again
    }
    pump(number);
}

// False: what was uploaded so far matched, and the flow is being cut.
bool Worker::State::end_of_client_bytes(FlowNumber number) {
    if (!judge_tail(number, true)) return false;
    const Flow& flow = flows[number];
    const bool is_stepping = flow.exchange != no_exchange && is_held(exchanges[flow.exchange]);
    abort_object(number);
    if (!is_stepping || mode(flow) != ServiceMode::enforce) return true;
    // What is held of it was not judged, and the storage would wait for the rest for ever.
    reset_and_sever(number);
    return false;
}

void Worker::State::client_reset(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const std::uint32_t sequence = arrival.segment.sequence;
    const bool expected =
        sequence == client_next(flow) || sequence == flow.up.sequence_of(flow.up.received()) ||
        sequence == flow.up.sequence_of(flow.up.sent()) ||
        sequence == flow.up.sequence_of(flow.storage.acked) ||
        (flow.shunted && sequence == flow.up.sequence_of(exchanges[flow.exchange].shunt.reach));
    if (!expected) {
        const std::int64_t offset = flow.up.offset_of(sequence);
        if (offset >= static_cast<std::int64_t>(flow.storage.acked) &&
            offset <= static_cast<std::int64_t>(flow.storage.window_end))
            challenge_client(flow);
        return drop(arrival, Outcome::reset_bad_sequence);
    }
    account(arrival, frame_class(FrameClass::control));
    leave_shunt(number);
    // A client that hangs up has shown what it uploaded all the same.
    if (!judge_tail(number, true)) {
        if (flow.answer != no_answer) answers[flow.answer].client_gone = true;
        return;
    }
    pump(number);  // what was held was looked up as it stands, with all that is before it
    sever(number);
}

// An RST in the window that is not exact: old storages obey it, others ask (RFC 5961 §3.2). We ask
// in their place; a client that has gone answers with an exact one.
void Worker::State::challenge_client(const Flow& flow) {
    const std::uint64_t next = flow.down.received() + (flow.storage.fin_seen ? 1 : 0);
    emit_to_client(flow, flow.down.sequence_of(next), flow.up.sequence_of(flow.storage.acked),
                   tcp_flag::ack, {});
}

}  // namespace cordon
