#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

constexpr std::uint16_t mss_default = 536;  // RFC 9293 §3.7.1
constexpr std::uint8_t own_hop_limit = 64;  // RFC 1700; storages are near
constexpr std::size_t sweep_step = 64;
// Flows whose rank has changed since their last segment are moved on the way: each once for a
// change, so this bounds one packet's work, and not what is found.
constexpr std::size_t evict_look = 16;

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

// A segment of a connection that finds no place in the table.
void Worker::State::without_place(Arrival& arrival, std::size_t service_number) {
    if (!passes_at_limit(service_number)) return drop(arrival, Outcome::flow_table_full);
    counters.count(Outcome::flow_table_full);
    if (arrival.segment.payload.empty()) return forward(arrival, FrameClass::control);
    if (arrival.side == Side::client)
        count_unframed(UninspectedReason::limit, arrival.segment.payload.size());
    forward_uninspected(arrival, UninspectedReason::limit);
}

// `begins`: it is a SYN, and not a segment that may be of anybody.
FlowNumber Worker::State::take_place(const FlowKey& key, bool begins) {
    FlowNumber number = table.insert(key, now.ns);
    if (number == no_flow && evict_one(begins)) number = table.insert(key, now.ns);
    return number;
}

// Gives up one flow for a new one, in the order of FlowRank. A flood of handshakes takes idle flows
// until it has its share of the table; from then on its own make room for each other. Who has shown
// to be there and sends or receives is not given up for a SYN.
bool Worker::State::evict_one(bool begins) {
    const bool flooded =
        table.live(FlowRank::embryonic) > options.flows_max / limits::embryonic_share;
    if (evict_oldest(FlowRank::over, 0)) return true;
    if (evict_oldest(FlowRank::embryonic, flooded ? 0 : lifetime::embryonic_least_ns)) return true;
    if (!begins) return evict_oldest(FlowRank::embryonic, 0);
    return evict_oldest(FlowRank::idle, lifetime::idle_least_ns) ||
           evict_oldest(FlowRank::busy, lifetime::evictable_ns) ||
           evict_oldest(FlowRank::embryonic, 0) || evict_oldest(FlowRank::severed, 0);
}

bool Worker::State::evict_oldest(FlowRank rank, std::uint64_t untouched_ns) {
    for (std::size_t looked = 0; looked < evict_look; ++looked) {
        const FlowNumber number = table.oldest(rank);
        if (number == no_flow) return false;
        const FlowRank newest = rank_of(flows[number]);
        if (newest != rank) {
            table.move_to(number, newest);
            continue;
        }
        if (now.ns - std::min(now.ns, table.touched_ns(number)) < untouched_ns) return false;
        evict(number);
        return true;
    }
    return false;
}

// In `enforce` an established one is reset at both ends: nobody gets past inspection by being
// forgotten. Should the storage miss that, its connection must not come back as one older than us.
void Worker::State::evict(FlowNumber number) {
    const Flow& flow = flows[number];
    counters.count(Outcome::flow_evicted);
    const bool seen = flow.phase == FlowPhase::established ||
                      (flow.phase == FlowPhase::uninspected && rank_of(flow) == FlowRank::idle);
    const bool enforces = mode(flow) == ServiceMode::enforce;
    if (seen && enforces) reset_both(number);
    const bool cut_before = flow.severed && rank_of(flow) != FlowRank::over;
    if (enforces && (flow.phase == FlowPhase::established || cut_before))
        midstream_until_ns = std::min(midstream_until_ns, now.ns);
    free_flow(number);
}

FlowRank Worker::State::rank_of(const Flow& flow) const {
    switch (flow.phase) {
        case FlowPhase::free:
            return FlowRank::over;
        case FlowPhase::closed:
            return flow.timer == TimerKind::none ? FlowRank::over : FlowRank::severed;
        case FlowPhase::syn_seen:
            return FlowRank::embryonic;
        case FlowPhase::established:
            // A client that never acknowledged the SYN-ACK may be an invented address.
            if (!flow.client_confirmed) return FlowRank::embryonic;
            return flow.exchange == no_exchange ? FlowRank::idle : FlowRank::busy;
        case FlowPhase::uninspected:
            return flow.client.has_like && flow.storage.has_like ? FlowRank::idle
                                                                 : FlowRank::embryonic;
        case FlowPhase::recording:
        case FlowPhase::answering:
            return FlowRank::pinned;
    }
    __builtin_unreachable();
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

void Worker::State::become_uninspected(FlowNumber number, UninspectedReason reason) {
    Flow& flow = flows[number];
    abort_object(number);
    release_inspection(number);
    // Before its first frame the storage's end is the client's, turned: what is sent in its name
    // has to find the client.
    if (!flow.storage.has_like) flow.storage.like = reversed(flow.client.like);
    flow.phase = FlowPhase::uninspected;
    flow.reason = reason;
    counters.objects[object_class(reason)].count.add();
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

// A connection that was reset and goes on: where it stands, it is reset again.
void Worker::State::after_reset(Arrival& arrival, Flow& flow) {
    drop(arrival, Outcome::segment_unexpected);
    reset_where_it_stands(flow, arrival);
}

// Ends a connection for both ends, each at the sequence number it expects.
void Worker::State::reset_both(FlowNumber number) {
    Flow& flow = flows[number];
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
        if (judge_tail(number, false)) pump(number);
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
    relieve_messages(step);
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
