#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

// What is held leaves before whatever came later: a segment behind a hole, or a repetition of what
// was lost behind us. A sender takes a tail that is overtaken for lost or reordered, and ends in a
// time-out when it finds out (RFC 8985 §6.2). So it is looked up as it stands now, not when its
// timer is due. False: it matched, the flow is being cut, and the segment is dropped.
bool Worker::State::release_held_first(Arrival& arrival, FlowNumber number) {
    const Flow& flow = flows[number];
    if (flow.up.sent() >= flow.up.taken() || reading_waits(flow)) return true;
    if (judge_tail(number, false)) {
        pump(number);
        return true;
    }
    account(arrival, frame_class(FrameClass::dropped));
    return false;
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

void Worker::State::emit_bytes(const Flow& flow, std::uint32_t sequence, Bytes bytes) {
    while (!bytes.empty()) {
        const Bytes part = bytes.first(std::min(bytes.size(), segment_bytes_max(flow)));
        emit_to_storage(flow, sequence, tcp_flag::ack | tcp_flag::psh, part);
        sequence += static_cast<std::uint32_t>(part.size());
        bytes = bytes.subspan(part.size());
    }
}

}  // namespace cordon
