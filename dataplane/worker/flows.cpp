#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

constexpr std::uint16_t mss_default = 536;  // RFC 9293 §3.7.1
constexpr std::uint8_t own_hop_limit = 64;  // RFC 1700; storages are near
constexpr std::size_t sweep_step = 64;

void note_options(const Segment& segment, Peer* peer) {
    peer->mss = segment.has_mss && segment.mss != 0 ? segment.mss : mss_default;
    peer->scale = segment.has_window_scale ? segment.window_scale : 0;
}

}  // namespace

// A flow for a segment that has none. no_flow when the segment was dealt with here.
FlowNumber Worker::State::open_flow(Arrival& arrival, int service_number) {
    const Segment& segment = arrival.segment;
    const bool syn = (segment.flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn;
    if (!(syn && arrival.side == Side::client)) {
        // A simultaneous open, or the half of a split handshake: no storage begins so.
        if (syn && mode_of(static_cast<std::size_t>(service_number)) == ServiceMode::enforce) {
            drop(arrival, Outcome::segment_bad_flags);
            return no_flow;
        }
        // The end of a connection that is forgotten already harms nobody.
        if ((segment.flags & tcp_flag::rst) != 0 ||
            (segment.payload.empty() && (segment.flags & tcp_flag::fin) != 0)) {
            forward(arrival, FrameClass::control);
            return no_flow;
        }
        open_midstream(arrival, service_number);
        return no_flow;
    }
    const FlowNumber number = take_place(flow_key(segment), true);
    if (number == no_flow) {
        without_place(arrival, static_cast<std::size_t>(service_number));
        return no_flow;
    }
    begin_flow(flows[number], service_number);
    return number;
}

void Worker::State::begin_flow(Flow& flow, int service_number) {
    flow = Flow{};
    flow.service = static_cast<std::uint8_t>(service_number);
    flow.exchange = no_exchange;
    flow.answer = no_answer;
    flow.timer_next = flow.timer_previous = no_flow;
}

// A SYN of the client: begins a flow, repeats itself, or takes the place of a connection that ended
// unseen by one end (RFC 9293 §3.5.2).
void Worker::State::handle_syn(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    normalise_handshake(arrival);
    const Segment& segment = arrival.segment;
    switch (flow.phase) {
        case FlowPhase::established:
            // Of this very connection: it crossed the SYN-ACK, or is late. Nothing begins anew.
            if (segment.sequence + 1 == flow.up.sequence_of(0)) {
                if (segment.has_timestamp && flow.up.received() == 0)
                    note_timestamps(segment, &flow.client);
                return forward(arrival, FrameClass::control);
            }
            note_syn_while_established(arrival, flow);
            return forward(arrival, FrameClass::control);
        case FlowPhase::recording:
            return drop(arrival, Outcome::segment_unexpected);
        case FlowPhase::answering:
            if (!ends_answer_for_syn(number)) return drop(arrival, Outcome::segment_unexpected);
            begin_anew(number);
            break;
        case FlowPhase::uninspected:
        case FlowPhase::closed:
            begin_anew(number);
            break;
        case FlowPhase::syn_seen:
            // Of two handshakes on the same ports the storage must not complete the one that is
            // followed no more.
            if (segment.sequence + 1 != flow.up.sequence_of(0))
                emit_to_storage(flow, flow.up.sequence_of(0), tcp_flag::rst, {});
            break;
        case FlowPhase::free:
            break;
    }
    if (flow.phase == FlowPhase::free) counters.count(Outcome::flow_opened);
    flow.phase = FlowPhase::syn_seen;
    flow.client.like = template_of(arrival.frame.bytes(), segment);
    // What we say in its name arrives, whatever TTL it chose for this SYN.
    flow.client.like.hop_limit = std::max(flow.client.like.hop_limit, own_hop_limit);
    flow.client.has_like = true;
    note_options(segment, &flow.client);
    flow.client.window = segment.window;
    flow.has_timestamps = segment.has_timestamp;
    // A repetition may lack the timestamp that the storage has noted of the first one.
    if (segment.has_timestamp || segment.sequence + 1 != flow.up.sequence_of(0))
        flow.client.timestamp = flow.client.ts_recent = segment.timestamp_value;
    flow.up.open(segment.sequence + 1);
    flow.met_ms = static_cast<std::uint32_t>(now.ns / ns_per_ms);
    forward(arrival, FrameClass::control);
}

// Leaves of a SYN or SYN-ACK what both ends take for the same. Data (TCP Fast Open) is sent again
// by whoever sees it not acknowledged.
void Worker::State::normalise_handshake(Arrival& arrival) {
    Segment& segment = arrival.segment;
    MutableBytes bytes(arrival.frame.data, arrival.frame.length);
    if (!segment.payload.empty()) {
        counters.count(Outcome::syn_data_removed);
        arrival.frame.length = static_cast<std::uint32_t>(strip_payload(bytes, &segment));
        bytes = bytes.first(arrival.frame.length);
    }
    if (normalise_syn(bytes, &segment)) counters.count(Outcome::syn_option_removed);
    if ((segment.flags & tcp_flag::urg) == 0) return;
    counters.count(Outcome::urgent_removed);
    clear_urgent(bytes, &segment);
}

// The storage knows whether the old connection is alive; its answer decides. Of two such SYNs it
// must not complete the one that is followed no more.
void Worker::State::note_syn_while_established(Arrival& arrival, Flow& flow) {
    const Segment& segment = arrival.segment;
    if (flow.has_resyn && flow.resyn_sequence != segment.sequence)
        emit_to_storage(flow, flow.resyn_sequence + 1, tcp_flag::rst, {});
    Peer fresh{};
    note_options(segment, &fresh);
    flow.resyn_sequence = segment.sequence;
    flow.resyn_timestamp = segment.timestamp_value;
    flow.resyn_mss = fresh.mss;
    flow.resyn_scale = fresh.scale;
    flow.has_resyn = true;
}

// The same ports, another connection. What the storage may still have of the old one, where that
// was reset, is reset until the new one is established.
void Worker::State::begin_anew(FlowNumber number) {
    Flow& flow = flows[number];
    const int service_number = flow.service;
    const bool was_severed = flow.severed;
    release_inspection(number);
    begin_flow(flow, service_number);
    flow.severed = was_severed;
}

// A client that has our answer, or hung up, may use its port for something else at once. True: the
// connection that was answered is over.
bool Worker::State::ends_answer_for_syn(FlowNumber number) {
    Flow& flow = flows[number];
    const Answer& answer = answers[flow.answer];
    if (!answer.started || !(answer.confirmed || answer.client_gone)) return false;
    reset_storage(flow, answer.storage_next);
    finish_answer(number);
    return flow.phase == FlowPhase::closed;
}

// The old connection is gone at the storage, and the client has begun this one: take it up as if
// its SYN had just come.
void Worker::State::reopen(FlowNumber number, bool timestamps) {
    Flow& flow = flows[number];
    Peer client{};
    client.like = flow.client.like;
    client.has_like = true;
    client.mss = flow.resyn_mss;
    client.timestamp = client.ts_recent = flow.resyn_timestamp;
    client.scale = flow.resyn_scale;
    const std::uint32_t sequence = flow.resyn_sequence;
    const int service_number = flow.service;
    close_flow(number);
    begin_flow(flow, service_number);
    flow.client = client;
    flow.has_timestamps = timestamps;
    flow.up.open(sequence + 1);
    flow.phase = FlowPhase::syn_seen;
}

void Worker::State::storage_syn_ack(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Segment& segment = arrival.segment;
    if (flow.phase == FlowPhase::established && flow.has_resyn &&
        segment.acknowledgement == flow.resyn_sequence + 1) {
        reopen(number, segment.has_timestamp);
    }
    const bool repeats =
        flow.phase == FlowPhase::established && segment.sequence + 1 == flow.down.sequence_of(0);
    // A storage that keeps nothing of half-open connections (SYN cookies) may choose another number
    // for its repetition; the client has acknowledged none yet.
    const bool undecided =
        flow.phase == FlowPhase::syn_seen ||
        (flow.phase == FlowPhase::established && !flow.client_confirmed && flow.up.received() == 0);
    if (!repeats && (!undecided || segment.acknowledgement != flow.up.sequence_of(0)))
        return drop(arrival, Outcome::segment_unexpected);
    normalise_handshake(arrival);
    if (repeats) {
        // It may be the one that reaches the client.
        if (segment.has_timestamp) note_timestamps(segment, &flow.storage);
        return forward(arrival, FrameClass::control);
    }
    note_options(segment, &flow.storage);
    if (!segment.has_window_scale) flow.client.scale = 0;  // both must offer (RFC 7323 §2.2)
    // It answers one of the client's SYNs, which may have differed: what it says is negotiated.
    flow.has_timestamps = segment.has_timestamp;
    flow.storage.like = template_of(arrival.frame.bytes(), segment);
    flow.storage.has_like = true;
    flow.storage.timestamp = flow.storage.ts_recent = segment.timestamp_value;
    flow.storage.window = segment.window;
    flow.storage.window_end = segment.window;  // in a SYN the window is never scaled
    flow.down.open(segment.sequence + 1);
    flow.severed = false;
    flow.proxy_due = service(flow).proxy_protocol != ProxyProtocol::off;
    flow.phase = FlowPhase::established;
    if (mode(flow) == ServiceMode::bypass)
        become_uninspected(number, UninspectedReason::mode_bypass);
    forward(arrival, FrameClass::control);
}

void Worker::State::become_uninspected(FlowNumber number, UninspectedReason reason) {
    Flow& flow = flows[number];
    leave_shunt(number);
    abort_object(number);
    release_inspection(number);
    // Before its first frame the storage's end is the client's, turned: what is sent in its name
    // has to find the client.
    if (!flow.storage.has_like) flow.storage.like = reversed(flow.client.like);
    flow.phase = FlowPhase::uninspected;
    flow.reason = reason;
    counters.classed(flow.service, object_class(reason), 0);
    if (reason == UninspectedReason::midstream || reason == UninspectedReason::bypassed)
        ++midstream_flows;
}

// Gives back what an inspected flow holds of the worker. What was held is discarded, not sent.
void Worker::State::release_inspection(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.phase == FlowPhase::uninspected &&
        (flow.reason == UninspectedReason::midstream || flow.reason == UninspectedReason::bypassed))
        --midstream_flows;
    clear_timer(number);
    fingerprinter.flush();  // queued bytes point into the pieces
    drop_held(flow);
    end_exchange(flow);
    drop_answer(flow);
    flow.up.close(pieces);
    flow.down.close(pieces);
}

void Worker::State::close_flow(FlowNumber number) {
    abort_object(number);
    release_inspection(number);
    flows[number].phase = FlowPhase::closed;
    rank(number);
}

void Worker::State::free_flow(FlowNumber number) {
    close_flow(number);
    flows[number].phase = FlowPhase::free;
    table.erase(number);
}

// A connection that was reset and goes on: where it stands, it is reset again. Our RST to the
// client may stand behind an answer that it never got, and then meets a challenge ACK (RFC 5961
// §3).
void Worker::State::after_reset(Arrival& arrival, Flow& flow) {
    drop(arrival, Outcome::segment_unexpected);
    reset_where_it_stands(flow, arrival);
    const Segment& segment = arrival.segment;
    if (arrival.side == Side::client && (segment.flags & tcp_flag::rst) == 0 &&
        (segment.flags & tcp_flag::ack) != 0)
        emit_to_client(flow, segment.acknowledgement, 0, tcp_flag::rst, {});
}

// Ends a connection for both ends, each at the sequence number it expects.
void Worker::State::reset_both(FlowNumber number) {
    Flow& flow = flows[number];
    leave_shunt(number);
    reset_client(flow);
    reset_storage(flow, flow.up.sequence_of(flow.up.sent()));
}

void Worker::State::reset_client(const Flow& flow) {
    emit_to_client(flow, flow.down.sequence_of(flow.down.received()),
                   flow.up.sequence_of(flow.up.received()), tcp_flag::rst | tcp_flag::ack, {});
}

void Worker::State::cut(FlowNumber number, Outcome why) {
    counters.count(why);
    reset_and_sever(number);
}

void Worker::State::reset_and_sever(FlowNumber number) {
    leave_shunt(number);
    reset_client(flows[number]);
    sever(number);
}

// Closes a flow of which the storage hears by our RST only. Until it surely has, the flow is not
// forgotten: a client that knew the RST lost, or beside what the storage expects, would go on as a
// connection met in mid-life.
void Worker::State::sever(FlowNumber number) {
    Flow& flow = flows[number];
    reset_storage(flow, flow.up.sequence_of(flow.up.sent()));
    close_flow(number);
    flow.severed = true;
    flow.resets = 0;
    set_timer(number, TimerKind::sever, now.ns + lifetime::sever_again_ns);
    rank(number);
}

void Worker::State::sever_again(FlowNumber number) {
    Flow& flow = flows[number];
    reset_storage(flow, flow.up.sequence_of(flow.up.sent()));
    if (++flow.resets < lifetime::resets_again_max)
        set_timer(number, TimerKind::sever, now.ns + lifetime::sever_again_ns);
    rank(number);
}

// Each kind has one delay, so that appending keeps its list in order of time. What is due at once
// goes to the front: all that may stand behind it and be due as well runs in the same turn.
void Worker::State::set_timer(FlowNumber number, TimerKind kind, std::uint64_t at_ns) {
    clear_timer(number);
    Flow& flow = flows[number];
    TimerList& list = timer_list(kind);
    flow.timer = kind;
    flow.timer_ns = at_ns;
    const bool at_once = at_ns <= now.ns;
    flow.timer_previous = at_once ? no_flow : list.last;
    flow.timer_next = at_once ? list.first : no_flow;
    (flow.timer_previous == no_flow ? list.first : flows[flow.timer_previous].timer_next) = number;
    (flow.timer_next == no_flow ? list.last : flows[flow.timer_next].timer_previous) = number;
}

void Worker::State::clear_timer(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.timer == TimerKind::none) return;
    TimerList& list = timer_list(flow.timer);
    const FlowNumber before = flow.timer_previous;
    const FlowNumber after = flow.timer_next;
    (before == no_flow ? list.first : flows[before].timer_next) = after;
    (after == no_flow ? list.last : flows[after].timer_previous) = before;
    flow.timer = TimerKind::none;
}

bool Worker::State::is_due(const TimerList& list) const {
    return list.first != no_flow && flows[list.first].timer_ns <= now.ns;
}

void Worker::State::run_timers() {
    while (is_due(TimerKind::tail)) {
        const FlowNumber number = timer_list(TimerKind::tail).first;
        clear_timer(number);
        tail_due(number);
    }
    while (is_due(TimerKind::quiet)) {
        const FlowNumber number = timer_list(TimerKind::quiet).first;
        clear_timer(number);
        retire_if_quiet(number);
    }
    while (is_due(TimerKind::sever)) {
        const FlowNumber number = timer_list(TimerKind::sever).first;
        clear_timer(number);
        sever_again(number);
    }
    for (const TimerKind kind : {TimerKind::record, TimerKind::answer}) {
        while (is_due(kind))  // each sets its timer anew, later than now
            run_answer(timer_list(kind).first);
    }
    if (now.ns >= fragments.next_deadline_ns()) {
        fragments.expire(now.ns);
        count_lost_fragments();
    }
    if (now.ns >= sweep_at_ns) sweep();
}

// Looks at a few flows at a time, so that no turn takes long.
void Worker::State::sweep() {
    sweep_at_ns = now.ns + lifetime::sweep_every_ns;
    const std::size_t step = std::max<std::size_t>(sweep_step, options.flows_max / 1024);
    for (std::size_t n = 0; n < step; ++n) {
        sweep_next = (sweep_next + 1) % options.flows_max;
        if (flows[sweep_next].phase != FlowPhase::free) expire(sweep_next);
    }
    watch_shunts();
    relieve_messages(step);
    counters.count(Outcome::assembly_expired, assembly.expire(now));
}

void Worker::State::expire(FlowNumber number) {
    const Flow& flow = flows[number];
    const std::uint64_t idle = now.ns - std::min(now.ns, table.touched_ns(number));
    // A storage that has closed forgets what its client does not close (in Linux after a minute).
    const bool over = flow.storage.fin_seen;
    switch (flow.phase) {
        case FlowPhase::free:
        case FlowPhase::recording:
        case FlowPhase::answering:  // its own timer ends it
            return;
        case FlowPhase::syn_seen:
            if (idle <= lifetime::embryonic_ns) return;
            break;
        case FlowPhase::closed:
            if (idle <= lifetime::closed_ns) return;
            break;
        case FlowPhase::established:
            if (!flow.client_confirmed && idle > lifetime::unconfirmed_ns) {
                if (mode(flow) == ServiceMode::enforce) reset_both(number);
                break;
            }
            [[fallthrough]];
        case FlowPhase::uninspected:
            if (idle <= (over ? lifetime::evictable_ns : lifetime::idle_ns)) return;
            counters.count(Outcome::flow_expired);
            if (flow.phase == FlowPhase::established && !(over && flow.client.fin_seen) &&
                mode(flow) == ServiceMode::enforce)
                reset_both(number);
            break;
    }
    free_flow(number);
}

}  // namespace cordon
