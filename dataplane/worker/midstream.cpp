#include "dataplane/worker/line.h"

namespace cordon {

namespace {

constexpr std::uint16_t mss_default = 536;  // RFC 9293 §3.7.1

// While the kernel bridges, the ends go on without us. Each segment says how far its sender has
// heard the other end, and what we say in the name of that one has to stand there: a FIN below is
// an old repetition to a client, which then waits for an answer to the request that we absorb.
void catch_up(const Segment& segment, Peer* sender, Peer* other, Stream* of_other) {
    if ((segment.flags & tcp_flag::ack) == 0) return;
    const std::int64_t acked = of_other->offset_of(segment.acknowledgement);
    if (acked > static_cast<std::int64_t>(sender->acked))
        sender->acked = static_cast<std::uint64_t>(acked);
    if (acked > static_cast<std::int64_t>(of_other->received()) && !other->fin_seen)
        of_other->pass(static_cast<std::uint64_t>(acked) - of_other->received());
    if (!segment.has_timestamp) return;
    // PAWS drops what is older than the last that was heard (RFC 7323 §5.3).
    if (other->has_like)
        note_timestamp(segment.timestamp_echo, other);
    else
        other->timestamp = segment.timestamp_echo;
}

}  // namespace

// A connection met in mid-life: it began before us, or while we were away; or a SYN-ACK without a
// SYN, whose client speaks on another path.
void Worker::State::open_midstream(Arrival& arrival, int service_number) {
    const ServiceOptions& wanted = options.services[service_number];
    const auto number_of_service = static_cast<std::size_t>(service_number);
    const bool enforces = mode_of(number_of_service) == ServiceMode::enforce;
    const std::uint8_t handshake = arrival.segment.flags & (tcp_flag::syn | tcp_flag::ack);
    const bool syn_ack = handshake == (tcp_flag::syn | tcp_flag::ack);
    // The SYN may come again, and then we know who began; without it nobody was seen to.
    if (syn_ack && enforces && wanted.on_midstream != MidstreamAction::pass) {
        counters.count(Outcome::flow_asymmetric);
        counters.decided(number_of_service, PolicyCase::asymmetric, PolicyResult::refused);
        return drop(arrival, Outcome::segment_unexpected);
    }
    const bool too_late = enforces && wanted.on_midstream == MidstreamAction::retire &&
                          now.ns >= midstream_until_ns && !settings.midstream_inspect;
    if (too_late && table.live() > options.flows_max / 2)
        return refuse_stray(arrival, service_number);
    const FlowNumber number = take_place(flow_key(arrival.segment), false);
    if (number == no_flow) return without_place(arrival, number_of_service);
    Flow& flow = flows[number];
    begin_midstream(arrival, flow, service_number);
    counters.count(Outcome::flow_midstream);
    const Segment& segment = arrival.segment;
    const bool from_the_client = arrival.side == Side::client;
    if (settings.midstream_inspect) {
        flow.has_timestamps = segment.has_timestamp;
        flow.storage.window_end = UINT64_MAX >> 1;  // its scale is not known
        from_the_client ? from_client(arrival, number) : from_storage(arrival, number);
        return rank(number);
    }
    become_uninspected(number, UninspectedReason::midstream);
    if (syn_ack) become_asymmetric(number);
    if (too_late) {
        counters.decided(number_of_service, PolicyCase::midstream, PolicyResult::reset);
        return cut(number, Outcome::flow_midstream_cut);
    }
    const bool passes = !enforces || wanted.on_midstream == MidstreamAction::pass;
    if (passes && !syn_ack)
        counters.decided(number_of_service, PolicyCase::midstream, PolicyResult::passed);
    uninspected_segment(arrival, number);
    rank(number);
}

// What on_midstream says about a connection that nobody followed from its beginning. True: it is
// over, and the segment in hand with it. `retire` waits for a quiet moment instead.
bool Worker::State::end_unfollowed(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const bool unfollowed = flow.reason == UninspectedReason::midstream ||
                            flow.reason == UninspectedReason::bypassed ||
                            flow.reason == UninspectedReason::mode_bypass ||
                            flow.reason == UninspectedReason::asymmetric;
    if (!unfollowed) return false;
    if (one_direction_only(arrival, flow)) become_asymmetric(number);
    const MidstreamAction action = service(flow).on_midstream;
    if (mode(flow) != ServiceMode::enforce || action == MidstreamAction::pass) return false;
    // Neither a quiet moment can be seen nor an answer placed; and who is never answered by the
    // storage here may be an invented address, which gets one RST but no answer that we repeat.
    if (flow.reason == UninspectedReason::asymmetric) {
        counters.decided(flow.service, PolicyCase::asymmetric, PolicyResult::reset);
        reset_and_sever(number);
        return true;
    }
    if (action == MidstreamAction::reset) {
        counters.decided(flow.service, PolicyCase::midstream, PolicyResult::reset);
        cut(number, Outcome::flow_midstream_cut);
        return true;
    }
    // A client that speaks has its last answer, and what it says is the next request, or the rest
    // of one that is refused now.
    if (action != MidstreamAction::refuse || arrival.side != Side::client ||
        arrival.segment.payload.empty())
        return false;
    counters.count(Outcome::flow_midstream_cut);
    counters.decided(flow.service, PolicyCase::midstream, PolicyResult::refused);
    refuse(number, ErrorStatus::unavailable, false);
    return true;
}

// Whether this segment shows that the other end answers on a path that does not lead through here:
// for a while not one frame of it came, and yet it was heard.
bool Worker::State::one_direction_only(const Arrival& arrival, const Flow& flow) const {
    if (flow.reason != UninspectedReason::midstream) return false;
    const bool from_the_client = arrival.side == Side::client;
    const Peer& other = from_the_client ? flow.storage : flow.client;
    const auto now_ms = static_cast<std::uint32_t>(now.ns / ns_per_ms);
    if (other.has_like || now_ms - flow.met_ms < lifetime::one_direction_ms) return false;
    const Stream& own = from_the_client ? flow.up : flow.down;
    const Stream& others = from_the_client ? flow.down : flow.up;
    constexpr std::uint64_t more_than_a_window_unheard = 256 * 1024;
    return others.offset_of(arrival.segment.acknowledgement) > 0 ||
           own.received() > more_than_a_window_unheard;
}

// Counted once, and an alarm: inspection needs both directions.
void Worker::State::become_asymmetric(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.reason == UninspectedReason::midstream) --midstream_flows;
    flow.reason = UninspectedReason::asymmetric;
    if (flow.asymmetric_counted) return;
    flow.asymmetric_counted = true;
    counters.count(Outcome::flow_asymmetric);
    const MidstreamAction action = service(flow).on_midstream;
    if (mode(flow) != ServiceMode::enforce || action == MidstreamAction::pass)
        counters.decided(flow.service, PolicyCase::asymmetric, PolicyResult::passed);
}

void Worker::State::begin_midstream(const Arrival& arrival, Flow& flow, int service_number) {
    begin_flow(flow, service_number);
    flow.met_ms = static_cast<std::uint32_t>(now.ns / ns_per_ms);
    const Segment& segment = arrival.segment;
    const bool from_the_client = arrival.side == Side::client;
    Peer& sender = from_the_client ? flow.client : flow.storage;
    sender.like = template_of(arrival.frame.bytes(), segment);
    sender.has_like = true;
    Peer& other = from_the_client ? flow.storage : flow.client;
    other.like = reversed(sender.like);
    flow.up.open(from_the_client ? segment.sequence : segment.acknowledgement);
    flow.down.open(from_the_client ? segment.acknowledgement : segment.sequence);
    flow.client.mss = flow.storage.mss = mss_default;
    flow.phase = FlowPhase::established;
}

// Both ends are reset where the segment stands, as for any that comes too late; but in a crowd, by
// itself and without a place in the table, of which a flood of such segments would take all.
void Worker::State::refuse_stray(Arrival& arrival, int service_number) {
    Flow stray;
    begin_midstream(arrival, stray, service_number);
    reset_client(stray);
    reset_storage(stray, stray.up.sequence_of(0));
    drop(arrival, Outcome::segment_unexpected);
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
    catch_up(segment, &peer, from_the_client ? &flow.storage : &flow.client, &other);
    if (end_unfollowed(arrival, number)) return;
    if (!from_the_client && !segment.payload.empty() && contradicts_class(flow, segment.payload)) {
        account(arrival, frame_class(FrameClass::dropped));
        return cut(number, Outcome::inconsistent);
    }
    const bool retires = retires_soon(flow);
    if (retires && from_the_client && begins_another_message(flow, segment)) {
        account(arrival, frame_class(FrameClass::dropped));
        // It is repeated; what stands before it passed beside us.
        flow.up.pass(static_cast<std::size_t>(flow.up.offset_of(segment.sequence)) -
                     flow.up.received());
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
        if (from_the_client) count_unframed(flow.service, flow.reason, fresh);
    }
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
