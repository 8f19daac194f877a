// What nearly every segment asks of the line, defined where it can be inlined: a part of line.h,
// which includes it.
//
// Owns:       nothing; members of Worker::State.
// Worker:     used by one worker only.
#pragma once

namespace cordon {

inline void Worker::State::account(Arrival& arrival, std::size_t frame_class_index) {
    if (arrival.accounted) return;
    arrival.accounted = true;
    arrival.fate = frame_class_index;
    if (!arrival.is_part) counters.frames[frame_class_index].add(arrival.received_bytes);
}

inline void Worker::State::queue(Side to, const Frame& frame) {
    OutQueue& waiting = out[index_of(to)];
    if (waiting.count == waiting.frames.size()) flush(to);
    waiting.frames[waiting.count++] = frame;
}

// What a segment of the client tells about the other direction.
inline void Worker::State::note_client(Arrival& arrival, Flow& flow) {
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

// What a flow may keep. A quarter of the pool belongs to all messages in equal parts; of the rest a
// flow may have as much as it leaves free. What is forwarded and not acknowledged cannot be taken
// back, so without that quarter a few flows whose storage does not acknowledge would leave nothing
// to the others, however they shared.
inline std::uint64_t Worker::State::kept_share() const {
    const std::uint32_t reserve = pieces.count() / 4;
    const std::uint32_t common = pieces.available() > reserve ? pieces.available() - reserve : 0;
    const std::uint64_t most = options.kept_bytes_flow_max;
    if (std::uint64_t{common} * limits::kept_block_bytes >= most) return most;
    const std::uint32_t own = reserve / options.messages_max;
    return std::min(most, std::uint64_t{std::max(common, own)} * limits::kept_block_bytes);
}

inline void Worker::State::count_body(Exchange* exchange, std::size_t bytes) {
    counters.body_bytes.add(bytes);
    if (!exchange->object_open) return;
    exchange->body_bytes += bytes;
    object_bytes_open += bytes;
}

inline void Worker::State::hash(FlowNumber number, std::uint8_t object, Bytes bytes) {
    OpenObject& open = exchanges[flows[number].exchange].objects[object];
    fingerprinter.submit(open.slot, bytes);
    if (fingerprinter.size(open.slot) >= open.look_at) look_for_candidates(number, object);
}

// Of a body that is one object: the chunk that was read stays, as long as the object may match.
inline void Worker::State::hold_plain(FlowNumber number) {
    Flow& flow = flows[number];
    const Exchange& exchange = exchanges[flow.exchange];
    if (needs_nothing(exchange.objects[0], fingerprinter)) return flow.hold.nothing_open();
    flow.hold.object_bytes(exchange.chunk_begin);
}

// Nearly every segment of an upload: the frame that was held leaves, because this one, which takes
// its place, is behind it. Or, of what nobody needs, this one leaves and nothing stays.
inline bool Worker::State::relay(FlowNumber number, Arrival* arrival, std::uint64_t begin,
                                 std::uint64_t end) {
    Flow& flow = flows[number];
    if (flow.client.fin_seen) return false;
    if (flow.held.data == nullptr) {
        if (!flow.up.send_newest(begin, end, pieces)) return false;
        queue(Side::storage, arrival->frame);
        arrival->consumed = true;
        if (flow.timer != TimerKind::none) set_tail_timer(number);
        return true;
    }
    if (flow.held_end != begin || !flow.up.send_step(begin - flow.held_bytes, begin, pieces))
        return false;
    queue(Side::storage, flow.held);
    flow.held.data = nullptr;
    --held_frames;
    keep_frame(flow, *arrival, end);
    set_tail_timer(number);
    return true;
}

// Sends what may be sent, in order.
inline void Worker::State::pump(FlowNumber number, Arrival* arrival, std::uint64_t arrival_begin,
                                std::uint64_t arrival_end) {
    Flow& flow = flows[number];
    flow.up.clear_to(flow.hold.cleared(flow.up.taken()));
    if (arrival != nullptr && relay(number, arrival, arrival_begin, arrival_end)) return;
    pump_any(number, arrival, arrival_begin, arrival_end);
}

inline void Worker::State::keep_frame(Flow& flow, Arrival& arrival, std::uint64_t end) {
    // Beyond that it is built anew from the kept bytes: held tails must leave buffers to receive.
    if (held_frames == limits::held_frames_max) return;
    ++held_frames;
    flow.held = arrival.frame;
    flow.held_end = end;
    flow.held_bytes = static_cast<std::uint32_t>(arrival.segment.payload.size());
    arrival.consumed = true;
}

}  // namespace cordon
