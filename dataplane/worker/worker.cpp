#include "dataplane/worker/worker.h"

#include <algorithm>
#include <array>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

std::uint32_t piece_count(const Options& options) {
    return static_cast<std::uint32_t>(options.kept_bytes_worker_max / limits::kept_block_bytes);
}

constexpr std::size_t frames_ahead = 2;

// What comes by DMA is in memory, or far from this core.
void ask_for(const Frame& frame) {
    constexpr std::size_t line = 64;
    for (std::size_t at = 0; at < frame.length; at += line)
        __builtin_prefetch(frame.data + at);
}

// A connection that begins and ends at once: stacks differ in which of it they believe.
bool is_contradictory(const Segment& segment) {
    return (segment.flags & tcp_flag::syn) != 0 &&
           (segment.flags & (tcp_flag::fin | tcp_flag::rst)) != 0;
}

}  // namespace

Worker::State::State(const WorkerOptions& worker_options, Port* the_port, Recorder* the_recorder)
    : options(*worker_options.options),
      settings(worker_options),
      port(*the_port),
      recorder(*the_recorder),
      fragments(worker_options.seed),
      table(options.flows_max, worker_options.seed, lifetime::touch_grain_ns),
      flows(std::make_unique<Flow[]>(options.flows_max)),
      pieces(piece_count(options)),
      exchanges(options.messages_max),
      decoders(options.messages_max),
      coding_pool(limits::coding_small_blocks, limits::coding_large_blocks),
      own_assembly(worker_options.assembly != nullptr
                       ? nullptr
                       : std::make_unique<Assembly>(assembly_limits(options), settings.seed)),
      assembly(own_assembly != nullptr ? *own_assembly : *worker_options.assembly),
      assemblings(2 * options.messages_max),
      commit_places(limits::commit_lists_max),
      form_places(options.messages_max),
      archive_pool(limits::archive_stages),
      answers(answers_max),
      fingerprinter(options.messages_max * (limits::form_objects_max + 2) + limits::archive_stages),
      own_types(worker_options.types == nullptr ? std::make_unique<TypeDatabases>() : nullptr),
      contents(own_types == nullptr ? worker_options.types : own_types.get()),
      case_numbers(options.node_prefix, worker_options.seed) {
    shunted.reserve(options.messages_max);
    for (std::size_t n = 0; n < options.service_count; ++n)
        service_states[n] = {options.services[n].mode, options.services[n].bypass_until_s};
}

Worker::Worker(const WorkerOptions& options, Port* port, Recorder* recorder)
    : state_(std::make_unique<State>(options, port, recorder)) {}

Worker::~Worker() {
    State& line = *state_;
    for (FlowNumber n = 0; n < line.options.flows_max; ++n)
        if (line.flows[n].phase != FlowPhase::free) line.drop_held(line.flows[n]);
    for (const FlowNumber n : line.shunted)
        line.port.revoke(line.exchanges[line.flows[n].exchange].shunt.place);
}

std::size_t Worker::poll(Now now) {
    State& line = *state_;
    line.now = now;
    if (line.midstream_until_ns == 0) {
        line.midstream_until_ns = now.ns + lifetime::midstream_ns;
        line.assembly.reopen(now);
    }
    line.unpack_left = limits::unpack_turn_bytes;
    line.read_put_off();
    std::size_t received = line.receive_clients();
    line.settle();
    received += line.receive_burst(Side::storage);
    line.settle();
    line.run_assembling();
    line.run_timers();
    line.settle();  // what stood behind an upload in pieces, or a tail
    line.flush(Side::client);
    line.flush(Side::storage);
    return received;
}

void Worker::turn_ended(std::uint64_t now_ns) {
    state_->verdict_clock.turn_ended(now_ns - state_->now.ns, &state_->counters);
}

std::uint64_t Worker::next_deadline_ns() const {
    std::uint64_t next = std::min(state_->fragments.next_deadline_ns(), state_->assembling_due_ns);
    for (const TimerList& list : state_->timers) {
        if (list.first != no_flow) next = std::min(next, state_->flows[list.first].timer_ns);
    }
    return next;
}

void Worker::use_index(const IndexView* index, PatternScanner* patterns) {
    state_->revoke_shunts();
    state_->move_contents(patterns);
    state_->index = index;
    ++state_->index_number;
    state_->counters.count(Outcome::generation_swapped);
}

void Worker::use_suspensions(const Suspensions* suspensions) {
    state_->suspensions = suspensions;
}

void Worker::set_mode(std::size_t service, ServiceMode mode, std::uint64_t bypass_until_s) {
    INVARIANT(service < state_->options.service_count);
    // Pieces that passed meanwhile were not seen.
    if (state_->service_states[service].mode == ServiceMode::bypass)
        state_->assembly.reopen(state_->now);
    state_->service_states[service] = {mode, bypass_until_s};
}

void Worker::bypassed(std::size_t service) {
    State& line = *state_;
    line.settle();
    line.midstream_until_ns = line.now.ns + lifetime::midstream_ns;
    line.assembly.reopen(line.now);
    for (FlowNumber n = 0; n < line.options.flows_max; ++n) {
        Flow& flow = line.flows[n];
        if (flow.service != service) continue;
        flow.last_was_storage = false;  // not known any more: no quiet moment before it is seen
        if (flow.phase == FlowPhase::established || flow.phase == FlowPhase::syn_seen)
            line.become_uninspected(n, UninspectedReason::bypassed);
        // What one end acknowledges may have passed in the kernel: no sign of another path.
        else if (flow.phase == FlowPhase::uninspected &&
                 flow.reason == UninspectedReason::midstream)
            flow.reason = UninspectedReason::bypassed;
        else if (flow.phase == FlowPhase::recording || flow.phase == FlowPhase::answering)
            line.passed_beside(n);
    }
}

bool Worker::forwarded(const FlowKey& key, Forwarded* where) const {
    State& line = *state_;
    const FlowNumber number = line.table.find(key);
    if (number == no_flow || line.flows[number].phase != FlowPhase::established) return false;
    const Flow& flow = line.flows[number];
    const auto sent = static_cast<std::uint64_t>(line.sent_to_storage(flow));
    where->sent = flow.up.sequence_of(sent);
    where->holds = flow.up.sent() < flow.up.received() || (flow.client.fin_seen && !flow.fin_sent);
    where->room = flow.storage.window_end - std::min(flow.storage.window_end, sent);
    return true;
}

void Worker::expire_tail(const FlowKey& key) {
    State& line = *state_;
    const FlowNumber number = line.table.find(key);
    if (number == no_flow || line.flows[number].timer != TimerKind::tail) return;
    line.set_timer(number, TimerKind::tail, line.now.ns);
}

void Worker::expire_tails() {
    State& line = *state_;
    for (FlowNumber n = line.timer_list(TimerKind::tail).first; n != no_flow;
         n = line.flows[n].timer_next)
        line.flows[n].timer_ns = line.now.ns;
}

bool Worker::next_report(ObjectReport* report) {
    std::deque<ObjectReport>& reports = state_->reports;
    if (reports.empty()) return false;
    *report = reports.front();
    reports.pop_front();
    return true;
}

const Counters& Worker::counters() const {
    return state_->counters;
}
std::uint32_t Worker::flows() const {
    return state_->table.live();
}
std::uint32_t Worker::flows_midstream() const {
    return state_->midstream_flows;
}
std::uint64_t Worker::object_bytes_open() const {
    return state_->object_bytes_open;
}
std::uint64_t Worker::kept_bytes() const {
    return std::uint64_t{state_->pieces.used()} * limits::kept_block_bytes;
}

// Their objects share lanes, and where few clients send, each in long trains, a burst has one or
// two of them: so more is taken while there is more, until lanes are filled, or more brings no
// other object. Forwarded first, hashed after.
std::size_t Worker::State::receive_clients() {
    constexpr std::uint32_t objects_enough = 16;
    constexpr std::size_t in_vain_max = 2;
    std::size_t received = 0, in_vain = 0;
    for (std::size_t n = 0; n < bursts_max; ++n) {
        const std::uint32_t objects = fingerprinter.waiting();
        const std::size_t count = receive_burst(Side::client);
        flush(Side::storage);
        received += count;
        const std::uint32_t waiting = fingerprinter.waiting();
        if (count < limits::burst_frames || waiting == 0 || waiting >= objects_enough) break;
        in_vain = waiting > objects ? 0 : in_vain + 1;
        if (in_vain == in_vain_max) break;
    }
    return received;
}

[[gnu::always_inline]] inline void Worker::State::handle(Arrival& arrival) {
    Outcome why{};
    const ChecksumRule rule =
        settings.checksums == ChecksumRule::strict ? ChecksumRule::due : settings.checksums;
    switch (decode(arrival.frame.bytes(), rule, &arrival.segment, &why)) {
        case DecodeResult::tcp:
            handle_tcp(arrival);
            if (arrival.copy != no_piece) pieces.release(arrival.copy);
            return;
        case DecodeResult::other:
            return bridge(arrival);
        case DecodeResult::tunnel:
            return handle_tunnel(arrival);
        case DecodeResult::fragment:
            return handle_fragment(arrival);
        case DecodeResult::malformed:
            // Between others it is none of our business; where no address is known it may be.
            if (arrival.segment.ip_version != 0 && !protects(arrival.segment))
                return bridge(arrival);
            return drop(arrival, why);
    }
}

std::size_t Worker::State::receive_burst(Side side) {
    Frame frames[limits::burst_frames];
    const std::size_t count = port.receive(side, frames, limits::burst_frames);
    for (std::size_t n = 0; n < std::min(count, frames_ahead); ++n)
        ask_for(frames[n]);
    for (std::size_t n = 0; n < count; ++n) {
        if (n + frames_ahead < count) ask_for(frames[n + frames_ahead]);
        Arrival arrival(frames[n], side);
        handle(arrival);
        if (!arrival.waits) counters.received[index_of(side)].add(arrival.received_bytes);
        if (!arrival.accounted && !arrival.waits)
            account(arrival, frame_class(FrameClass::dropped));  // by a cut
        if (!arrival.consumed) port.release(&arrival.frame);
    }
    return count;
}

void Worker::State::handle_tcp(Arrival& arrival) {
    const Segment& segment = arrival.segment;
    FlowNumber number = table.find(flow_key(segment));
    const int service_number =
        number == no_flow ? service_for(segment, arrival.side) : flows[number].service;
    if (service_number < 0) return bridge(arrival);
    if (segment.checksum_due && !check_payload(arrival, number))
        return drop(arrival, Outcome::tcp_bad_checksum);
    if (arrival.copy != no_piece && straight_on(arrival, number))
        return table.touch(number, now.ns, FlowRank::busy);
    if (dies_on_the_way(arrival, service_number)) return drop(arrival, Outcome::hop_limit_low);
    if (number == no_flow) {
        if (is_contradictory(segment)) return drop(arrival, Outcome::segment_bad_flags);
        number = open_flow(arrival, service_number);
        if (number == no_flow) return;
    }
    if (is_contradictory(segment)) return drop(arrival, Outcome::segment_bad_flags);
    // What one end says where the other one is (its address is easily forged, a switch may flood)
    // is no part of either stream.
    const Peer& client = flows[number].client;
    if (client.has_like && (segment.source == client.like.source) != (arrival.side == Side::client))
        return drop(arrival, Outcome::wrong_side);
    const std::uint8_t handshake = segment.flags & (tcp_flag::syn | tcp_flag::ack);
    if (arrival.side == Side::storage) {
        from_storage(arrival, number);
    } else if (handshake == tcp_flag::syn) {
        handle_syn(arrival, number);
    } else {
        from_client(arrival, number);
    }
    table.touch(number, now.ns, rank_of(flows[number]));
}

// Nearly every segment of an upload is the next one of its flow, and is copied into the pieces of
// the stream: its checksum is taken in the same pass, and the copy is given back if it is wrong, or
// if something else comes of the segment.
bool Worker::State::check_payload(Arrival& arrival, FlowNumber number) {
    const Segment& segment = arrival.segment;
    const bool is_next = number != no_flow && arrival.side == Side::client &&
                         flows[number].phase == FlowPhase::established &&
                         segment.payload.size() <= Piece::capacity &&
                         flows[number].up.is_next(flows[number].up.offset_of(segment.sequence));
    if (is_next) arrival.copy = pieces.allocate();
    if (arrival.copy == no_piece) return checksum_is_right(segment, payload_sum(segment.payload));
    pieces[arrival.copy].length = static_cast<std::uint16_t>(segment.payload.size());
    const CopiedPayload copied = copy_payload(pieces.room(arrival.copy), segment.payload, zip_mark);
    arrival.may_have_mark = copied.may_have_pair;
    return checksum_is_right(segment, copied.sum);
}

// A segment that a router behind us may throw away is inspected, and the storage never sees it
// (Handley/Paxson 2001 §5.1). What it carries is then missing there, as if the wire had lost it.
bool Worker::State::dies_on_the_way(const Arrival& arrival, int service_number) const {
    return arrival.segment.hop_limit < limits::hop_limit_least && arrival.side == Side::client &&
           mode_of(static_cast<std::size_t>(service_number)) == ServiceMode::enforce;
}

void Worker::State::bridge(Arrival& arrival) {
    counters.count(Outcome::frame_bridged);
    forward(arrival, FrameClass::not_protected);
}

void Worker::State::drop(Arrival& arrival, Outcome why) {
    counters.count(why);
    account(arrival, frame_class(FrameClass::dropped));
}

void Worker::State::forward(Arrival& arrival, FrameClass why) {
    account(arrival, frame_class(why));
    arrival.consumed = true;
    queue(opposite(arrival.side), arrival.frame);
}

void Worker::State::forward_uninspected(Arrival& arrival, UninspectedReason reason) {
    account(arrival, frame_class(reason));
    arrival.consumed = true;
    queue(opposite(arrival.side), arrival.frame);
}

void Worker::State::flush(Side to) {
    OutQueue& waiting = out[index_of(to)];
    if (waiting.count == 0) return;
    Tally& sent = counters.transmitted[index_of(to)];
    std::uint32_t lengths[std::tuple_size_v<decltype(waiting.frames)>];
    for (std::size_t n = 0; n < waiting.count; ++n)
        lengths[n] = waiting.frames[n].length;
    const std::size_t accepted = port.transmit(to, waiting.frames.data(), waiting.count);
    for (std::size_t n = 0; n < accepted; ++n)
        sent.add(lengths[n]);
    counters.count(Outcome::transmit_full, waiting.count - accepted);
    waiting.count = 0;
}

int Worker::State::service_of(const SegmentEnd& end, std::int16_t vlan) const {
    for (std::uint32_t n = 0; n < options.service_count; ++n) {
        const ServiceOptions& one = options.services[n];
        if (one.port != 0 && one.port != end.port) continue;  // port 0: any (replay)
        if (one.vlan >= 0 && one.vlan != vlan) continue;
        if (is_within(std::to_array(end.address.bytes), one.prefix)) return static_cast<int>(n);
    }
    return -1;
}

// Of the end that may be a service, seen from the side a frame came from.
int Worker::State::service_for(const Segment& segment, Side side) const {
    return service_of(side == Side::client ? segment.destination : segment.source, segment.vlan);
}

// Either end lies in the prefix of a service.
bool Worker::State::protects(const Segment& segment) const {
    const auto source = std::to_array(segment.source.address.bytes);
    const auto destination = std::to_array(segment.destination.address.bytes);
    for (std::uint32_t n = 0; n < options.service_count; ++n) {
        const AddressPrefix& prefix = options.services[n].prefix;
        if (is_within(source, prefix) || is_within(destination, prefix)) return true;
    }
    return false;
}

// A bypass has an end, and keeps to it when nobody tells us (DESIGN §6).
ServiceMode Worker::State::mode_of(std::size_t service_number) const {
    const ServiceState& state = service_states[service_number];
    if (state.mode == ServiceMode::bypass && state.bypass_until_s != 0 &&
        now.unix_ns / ns_per_s >= state.bypass_until_s)
        return ServiceMode::enforce;
    return state.mode;
}

}  // namespace cordon
