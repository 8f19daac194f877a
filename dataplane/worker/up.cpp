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

// What a segment of the client tells about the other direction.
void Worker::State::note_client(Arrival& arrival, Flow& flow) {
    const Segment& segment = arrival.segment;
    follow_link(arrival.frame.bytes(), segment, &flow.client.like, &flow.storage.like);
    const std::int64_t acked = flow.down.offset_of(segment.acknowledgement);
    if (acked >= static_cast<std::int64_t>(flow.client.acked)) {
        flow.client_confirmed = true;
        flow.client.acked = static_cast<std::uint64_t>(acked);
        flow.client.ack = segment.acknowledgement;
        flow.client.window = segment.window;
        flow.client.window_end =
            flow.client.acked + (std::uint64_t{segment.window} << flow.client.scale);
    }
    if (segment.has_timestamp) {
        note_timestamps(segment, &flow.client);
        // TS.Recent follows segments at or below the last ACK of the receiver (RFC 7323 §4.3).
        if (flow.up.offset_of(segment.sequence) <= static_cast<std::int64_t>(flow.storage.acked))
            flow.client.ts_recent = segment.timestamp_value;
    }
    if (flow.storage.fin_seen && flow.client.acked > flow.down.received())
        flow.storage.fin_acked = true;
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
    switch (flow.up.offer(offset, segment.payload, pieces, kept_share())) {
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
                                                          : frame_class(FrameClass::inspected));
    if (flow.phase != FlowPhase::established) return;
    // The very frame goes on when it carries these bytes and nothing else.
    const bool whole = offset == before && !fin && !arrival.altered;
    pump(number, whole ? &arrival : nullptr, offset, end);
    if (ahead < end && flow.up.sent() >= end)  // left before, and may be lost behind us
        emit_bytes(flow, flow.up.sequence_of(ahead), segment.payload.subspan(ahead - offset));
    if (fin) return client_fin_at(number, end);
    // What was missing before a FIN that came earlier.
    if (flow.client.fin_ahead && flow.client.fin_number == client_next(flow)) client_fin(number);
}

// What is held leaves before whatever came later: a segment behind a hole, or a repetition of what
// was lost behind us. A sender takes a tail that is overtaken for lost or reordered, and ends in a
// time-out when it finds out (RFC 8985 §6.2). So it is looked up as it stands now, not when its
// timer is due. False: it matched, the flow is being cut, and the segment is dropped.
bool Worker::State::release_held_first(Arrival& arrival, FlowNumber number) {
    const Flow& flow = flows[number];
    if (flow.up.sent() >= flow.up.taken() || flow.verdict_due) return true;
    if (judge_tail(number, false)) {
        pump(number);
        return true;
    }
    account(arrival, frame_class(FrameClass::dropped));
    return false;
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

// Bytes the storage has already: a keep-alive probe, or a repetition of what it acknowledged.
void Worker::State::client_probe(Arrival& arrival, Flow& flow) {
    counters.count(Outcome::retransmission);
    account(arrival, frame_class(FrameClass::repeated));
    probe_storage(flow);
}

// What stands beside the storage's window makes it say where it stands (RFC 9293 §3.8.6.1). It does
// so for the header alone: no byte that was not inspected is needed.
void Worker::State::probe_storage(Flow& flow) {
    const std::uint32_t before_next = flow.up.sequence_of(flow.up.acknowledged()) - 1;
    emit_to_storage(flow, before_next, tcp_flag::ack, {});
}

// Bytes the storage acknowledged, so that none are kept to compare these with. The client repeats
// them because that ACK was lost, and the storage has to say it again, with a DSACK. To segments
// without bytes it does so twice a second at most (Linux, against loops of ACKs), and the client
// would time out once more. So it gets the same range, of zeros: what is below its own ACK no
// receiver reads.
void Worker::State::repeat_forgotten(Arrival& arrival, Flow& flow) {
    static constexpr std::uint8_t zeros[segment_bytes_most]{};
    const Segment& segment = arrival.segment;
    counters.count(Outcome::retransmission);
    account(arrival, frame_class(FrameClass::repeated));
    const std::size_t length = std::min(segment.payload.size(), segment_bytes_max(flow));
    emit_to_storage(flow, segment.sequence, tcp_flag::ack, Bytes(zeros).first(length));
}

// Bytes that are kept and the same: what the storage was sent goes to it again, what is held stays.
// False: the flow is being cut.
bool Worker::State::client_repeats(Arrival& arrival, FlowNumber number, std::uint64_t offset) {
    Flow& flow = flows[number];
    counters.count(Outcome::retransmission);
    const Segment& segment = arrival.segment;
    const std::uint64_t end = offset + segment.payload.size();
    // What left ahead of a hole may be lost beyond us as well, and the client knows it from SACK,
    // before the hole is filled or while what fills it is held.
    const bool was_sent = end <= flow.up.sent() || flow.up.left_ahead(offset, end, pieces);
    if (was_sent && !release_held_first(arrival, number)) return false;
    const bool fin = (segment.flags & tcp_flag::fin) != 0;
    // What the storage has acknowledged was not compared, and stays here.
    if (was_sent && !fin && !arrival.altered && offset >= flow.up.acknowledged()) {
        forward(arrival, FrameClass::repeated);
        return true;
    }
    account(arrival, frame_class(FrameClass::repeated));
    if (offset > flow.up.received())
        emit_bytes(flow, segment.sequence, segment.payload);
    else
        repeat_sent_part(flow, segment, offset);
    return true;
}

// The front of a repetition, as far as the storage was sent it before.
void Worker::State::repeat_sent_part(Flow& flow, const Segment& segment, std::uint64_t offset) {
    const std::uint64_t begin = std::max(offset, flow.up.acknowledged());
    const std::uint64_t end = std::min(offset + segment.payload.size(), flow.up.sent());
    if (begin >= end) return;
    emit_bytes(flow, flow.up.sequence_of(begin),
               segment.payload.subspan(begin - offset, end - begin));
}

void Worker::State::emit_bytes(const Flow& flow, std::uint32_t sequence, Bytes bytes) {
    while (!bytes.empty()) {
        const Bytes part = bytes.first(std::min(bytes.size(), segment_bytes_max(flow)));
        emit_to_storage(flow, sequence, tcp_flag::ack | tcp_flag::psh, part);
        sequence += static_cast<std::uint32_t>(part.size());
        bytes = bytes.subspan(part.size());
    }
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
        if (!flow.verdict_due && !end_of_client_bytes(number)) return;
    } else if (flow.fin_sent) {
        flow.fin_sent = false;  // it asks again
    }
    pump(number);
}

// False: what was uploaded so far matched, and the flow is being cut.
bool Worker::State::end_of_client_bytes(FlowNumber number) {
    if (!judge_tail(number, true)) return false;
    abort_object(number);
    return true;
}

void Worker::State::client_reset(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const std::uint32_t sequence = arrival.segment.sequence;
    const bool expected = sequence == client_next(flow) ||
                          sequence == flow.up.sequence_of(flow.up.received()) ||
                          sequence == flow.up.sequence_of(flow.up.sent()) ||
                          sequence == flow.up.sequence_of(flow.storage.acked);
    if (!expected) {
        const std::int64_t offset = flow.up.offset_of(sequence);
        if (offset >= static_cast<std::int64_t>(flow.storage.acked) &&
            offset <= static_cast<std::int64_t>(flow.storage.window_end))
            challenge_client(flow);
        return drop(arrival, Outcome::reset_bad_sequence);
    }
    account(arrival, frame_class(FrameClass::control));
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

// A jumbo frame of which the front is cleared and the rest is a tail is not torn: all of it goes
// with the tail, whose timer is short.
bool Worker::State::stays_whole(const Flow& flow, std::uint64_t begin, std::uint64_t frame_begin,
                                std::uint64_t frame_end) {
    return begin == frame_begin && frame_end - frame_begin > Piece::capacity &&
           flow.up.cleared() < frame_end && frame_end <= flow.up.taken();
}

// Sends what may be sent, in order: the held frame, the frame that just came, or one built from the
// kept bytes. Then the client's FIN, when nothing is before it.
void Worker::State::pump(FlowNumber number, Arrival* arrival, std::uint64_t arrival_begin,
                         std::uint64_t arrival_end) {
    Flow& flow = flows[number];
    flow.up.clear_to(flow.hold.cleared(flow.up.taken()));
    std::uint64_t begin;
    Bytes chunk;
    while (flow.up.next_to_send(pieces, &begin, &chunk)) {
        if (flow.held.data != nullptr
                ? stays_whole(flow, begin, flow.held_end - flow.held_bytes, flow.held_end)
                : arrival != nullptr && !arrival->consumed &&
                      stays_whole(flow, begin, arrival_begin, arrival_end))
            break;
        std::uint64_t end;
        if (flow.held.data != nullptr && begin + flow.held_bytes == flow.held_end &&
            flow.up.may_send_to(flow.held_end, pieces)) {
            queue(Side::storage, flow.held);
            flow.held.data = nullptr;
            --held_frames;
            end = flow.held_end;
        } else if (arrival != nullptr && !arrival->consumed && begin == arrival_begin &&
                   flow.up.may_send_to(arrival_end, pieces)) {
            queue(Side::storage, arrival->frame);
            arrival->consumed = true;
            end = arrival_end;
        } else {
            chunk = chunk.first(std::min(chunk.size(), segment_bytes_max(flow)));
            end = begin + chunk.size();
            if (!emit_to_storage(flow, flow.up.sequence_of(begin), tcp_flag::ack | tcp_flag::psh,
                                 chunk))
                break;  // no buffer now: the timer tries again
        }
        flow.up.mark_sent(end, pieces);
    }
    if (flow.held.data != nullptr && flow.up.sent() >= flow.held_end) drop_held(flow);
    if (arrival != nullptr && !arrival->consumed && flow.held.data == nullptr &&
        flow.up.sent() == arrival_begin)
        keep_frame(flow, *arrival, arrival_end);
    set_tail_timer(number);
    const bool everything_sent = flow.up.sent() == flow.up.received() && !flow.up.has_holes();
    if (flow.client.fin_seen && !flow.fin_sent && everything_sent && !flow.verdict_due)
        flow.fin_sent = emit_to_storage(flow, flow.up.sequence_of(flow.up.received()),
                                        tcp_flag::fin | tcp_flag::ack, {});
}

// A tail waits for its next byte only so long. With a FIN seen nothing more will come.
void Worker::State::set_tail_timer(FlowNumber number) {
    Flow& flow = flows[number];
    const bool waiting = flow.up.sent() < flow.up.taken() && !flow.verdict_due && !flow.stalled;
    if (!waiting) return clear_timer(number);
    if (flow.timer == TimerKind::tail && flow.tail_taken == flow.up.taken()) return;
    flow.tail_taken = flow.up.taken();
    set_timer(number, TimerKind::tail, now.ns + options.tail_release_us * ns_per_us);
}

void Worker::State::keep_frame(Flow& flow, Arrival& arrival, std::uint64_t end) {
    // Beyond that it is built anew from the kept bytes: held tails must leave buffers to receive.
    if (held_frames == limits::held_frames_max) return;
    ++held_frames;
    flow.held = arrival.frame;
    flow.held_end = end;
    flow.held_bytes = static_cast<std::uint32_t>(arrival.segment.payload.size());
    arrival.consumed = true;
}

void Worker::State::drop_held(Flow& flow) {
    if (flow.held.data == nullptr) return;
    port.release(&flow.held);
    flow.held.data = nullptr;
    --held_frames;
}

// A connection that is not inspected: passed on, followed only as far as its end and its quiet
// moments need.
void Worker::State::uninspected_segment(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Segment& segment = arrival.segment;
    const bool from_the_client = arrival.side == Side::client;
    Stream& stream = from_the_client ? flow.up : flow.down;
    Stream& other = from_the_client ? flow.down : flow.up;
    Peer& peer = from_the_client ? flow.client : flow.storage;
    if (end_unfollowed(arrival, number)) return;
    if (!from_the_client && !segment.payload.empty() && contradicts_class(flow, segment.payload)) {
        account(arrival, frame_class(FrameClass::dropped));
        return cut(number, Outcome::inconsistent);
    }
    const bool retires = retires_soon(flow);
    if (retires && from_the_client && begins_another_message(flow, segment)) {
        account(arrival, frame_class(FrameClass::dropped));
        return retire(number);
    }
    if (retires && !from_the_client && begins_final_answer(segment.payload))
        flow.answer_seen = true;
    if (!peer.has_like) {
        peer.like = template_of(arrival.frame.bytes(), segment);
        peer.has_like = true;
    }
    follow_link(arrival.frame.bytes(), segment, &peer.like,
                from_the_client ? &flow.storage.like : &flow.client.like);
    peer.window = segment.window;
    peer.ack = segment.acknowledgement;
    if (segment.has_timestamp) {
        flow.has_timestamps = true;
        peer.timestamp = segment.timestamp_value;
    }
    const std::int64_t end =
        stream.offset_of(segment.sequence) + static_cast<std::int64_t>(segment.payload.size());
    if (end > static_cast<std::int64_t>(stream.received())) {
        const std::uint64_t fresh = static_cast<std::uint64_t>(end) - stream.received();
        stream.pass(fresh);
        if (from_the_client) count_unframed(flow.reason, fresh);
    }
    const std::int64_t acked = other.offset_of(segment.acknowledgement);
    if (acked > static_cast<std::int64_t>(peer.acked))
        peer.acked = static_cast<std::uint64_t>(acked);
    peer.window_end = peer.acked + segment.window;
    if (!segment.payload.empty()) flow.last_was_storage = !from_the_client;
    if ((segment.flags & tcp_flag::fin) != 0) peer.fin_seen = true;
    if (segment.payload.empty())
        forward(arrival, FrameClass::control);
    else
        forward_uninspected(arrival, flow.reason);
    if ((segment.flags & tcp_flag::rst) != 0) return close_flow(number);
    if (retires) set_timer(number, TimerKind::quiet, now.ns + lifetime::quiet_ns);
}

// Nobody saw it begin, so that it is closed between two messages.
bool Worker::State::retires_soon(const Flow& flow) const {
    const bool returns = flow.reason == UninspectedReason::midstream ||
                         flow.reason == UninspectedReason::bypassed ||
                         flow.reason == UninspectedReason::mode_bypass;
    return returns && service(flow).on_midstream == MidstreamAction::retire &&
           mode(flow) == ServiceMode::enforce;
}

// A client that never pauses finds no quiet moment. What it sends after a final answer has begun
// belongs to another message; and where the answer passed beside us, a head tells it.
bool Worker::State::begins_another_message(const Flow& flow, const Segment& segment) {
    const std::int64_t offset = flow.up.offset_of(segment.sequence);
    const auto expected = static_cast<std::int64_t>(flow.up.received());
    if (segment.payload.empty() || offset < expected) return false;
    if (flow.answer_seen) return true;
    const bool nothing_on_its_way = offset > expected || flow.storage.acked >= flow.up.received();
    return nothing_on_its_way && looks_like_request(segment.payload);
}

// TLS and other protocols do not begin with an answer of HTTP: who classed the flow was deceived.
bool Worker::State::contradicts_class(Flow& flow, Bytes first_bytes) const {
    const bool classed =
        flow.reason == UninspectedReason::tls || flow.reason == UninspectedReason::protocol;
    if (!classed || flow.answer_seen || mode(flow) != ServiceMode::enforce) return false;
    flow.answer_seen = true;
    return http_answer_likeness(first_bytes) != Likeness::no;
}

}  // namespace cordon
