#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

constexpr std::size_t handed_over = SIZE_MAX;  // no frame class of this worker

}  // namespace

// A fragment to or from a protected address waits until its datagram is whole; a part of it decides
// nothing, neither by its flags nor by its ports.
void Worker::State::handle_fragment(Arrival& arrival) {
    if (!protects(arrival.segment)) return bridge(arrival);
    Outcome why{};
    const bool from_storage = arrival.side == Side::storage;
    const FragmentResult result =
        fragments.add(arrival.frame.bytes(), arrival.segment, from_storage, now.ns, &why);
    count_lost_fragments();
    switch (result) {
        case FragmentResult::kept:
            arrival.waits = true;
            return;
        case FragmentResult::repeated:
            counters.count(Outcome::fragment_repeated);
            return account(arrival, frame_class(FrameClass::repeated));
        case FragmentResult::refused:
            return drop(arrival, why);
        case FragmentResult::atomic:
            return account(arrival, handle_datagram(arrival));
        case FragmentResult::whole:
            break;
    }
    counters.count(Outcome::fragment_reassembled);
    arrival.waits = true;
    const std::size_t fate = handle_datagram(arrival);
    const FragmentTally members = fragments.finish();
    // What was handed over is received, and accounted, by its owner.
    if (fate != handed_over) account_members(arrival.side, fate, members);
}

// The datagram as its sender wrote it. Returns the frame class of its fragments.
std::size_t Worker::State::handle_datagram(Arrival& arrival) {
    Segment whole;
    Outcome why{};
    switch (decode(fragments.datagram(), settings.checksums, &whole, &why)) {
        case DecodeResult::tcp: {
            const bool is_ours =
                table.find(flow_key(whole)) != no_flow || service_for(whole, arrival.side) >= 0;
            return is_ours ? deliver_parts(whole, arrival.side) : bridge_datagram(arrival);
        }
        case DecodeResult::other:
            return bridge_datagram(arrival);
        case DecodeResult::tunnel:
            if (!refuses_tunnel(whole)) {
                bridge_datagram(arrival);
                return frame_class(UninspectedReason::tunnel);
            }
            counters.count(Outcome::tunnel_refused);
            return frame_class(FrameClass::dropped);
        case DecodeResult::fragment:  // the room refuses a second fragment header
            INVARIANT(false);
        case DecodeResult::malformed:
            counters.count(why);
            return frame_class(FrameClass::dropped);
    }
    return frame_class(FrameClass::dropped);
}

// Goes on as segments that the ends could have sent each other without fragments: whatever a
// receiver makes of fragments, it gets none. A SYN or RST has no payload that anybody needs.
std::size_t Worker::State::deliver_parts(const Segment& whole, Side side) {
    const Bytes datagram = fragments.datagram();
    const bool one = (whole.flags & (tcp_flag::syn | tcp_flag::rst)) != 0;
    const std::size_t step = part_bytes_max(whole);
    const std::size_t end = one ? std::min(step, whole.payload.size()) : whole.payload.size();
    std::size_t fate = frame_class(FrameClass::dropped);
    std::size_t from = 0;
    do {
        Arrival part(Frame{}, side);
        part.is_part = true;
        const std::size_t count = std::min(step, end - from);
        if (!port.allocate(opposite(side), &part.frame)) {
            counters.count(Outcome::buffer_empty);
            return fate;
        }
        part.frame.length = static_cast<std::uint32_t>(
            build_part({part.frame.data, part.frame.capacity}, datagram, whole, from, count));
        INVARIANT(part.frame.length != 0);
        from += count;
        if (port.hand_to_owner(side, &part.frame)) {
            fate = handed_over;
            continue;
        }
        Outcome why{};
        INVARIANT(decode(part.frame.bytes(), ChecksumRule::off, &part.segment, &why) ==
                  DecodeResult::tcp);
        handle_tcp(part);
        if (part.accounted && fate == frame_class(FrameClass::dropped)) fate = part.fate;
        if (!part.consumed) port.release(&part.frame);
    } while (from < end);
    return fate;
}

std::size_t Worker::State::part_bytes_max(const Segment& whole) const {
    constexpr std::size_t tcp_bytes = 20, mss_default = 536;  // RFC 9293 §3.7.1
    const FlowNumber number = table.find(flow_key(whole));
    const std::size_t mss = number == no_flow ? mss_default : mss_of(flows[number]);
    const auto header = static_cast<std::size_t>(whole.payload_offset - whole.transport_offset);
    return mss - (header - tcp_bytes);  // RFC 6691: options count
}

// None of ours: it goes on in the fragments it came in.
std::size_t Worker::State::bridge_datagram(Arrival& arrival) {
    const Side to = opposite(arrival.side);
    for (Reassembly::Node at = fragments.first_member(); at != Reassembly::none;
         at = fragments.next_member(at))
        bridge_member(at, to);
    if (fragments.first_member() == Reassembly::none) {  // atomic
        counters.count(Outcome::frame_bridged);
        arrival.consumed = true;
        queue(to, arrival.frame);
    }
    return frame_class(FrameClass::not_protected);
}

void Worker::State::bridge_member(Reassembly::Node member, Side to) {
    Frame frame;
    if (!port.allocate(to, &frame)) return counters.count(Outcome::buffer_empty);
    const std::size_t bytes = fragments.member_bytes(member);
    if (bytes > frame.capacity) {
        counters.count(Outcome::buffer_empty);
        return port.release(&frame);
    }
    fragments.copy_member(member, frame.data);
    frame.length = static_cast<std::uint32_t>(bytes);
    counters.count(Outcome::frame_bridged);
    queue(to, frame);
}

void Worker::State::account_members(Side side, std::size_t frame_class_index,
                                    FragmentTally members) {
    for (Tally* tally : {&counters.frames[frame_class_index], &counters.received[index_of(side)]}) {
        tally->count.add(members.frames);
        tally->bytes.add(members.bytes);
    }
}

void Worker::State::count_lost_fragments() {
    const FragmentLosses lost = fragments.take_losses();
    counters.count(Outcome::fragment_evicted, lost.evicted);
    counters.count(Outcome::fragment_expired, lost.expired);
    for (const Side side : {Side::client, Side::storage})
        account_members(side, frame_class(FrameClass::dropped), lost.from[index_of(side)]);
}

// --- tunnels -------------------------------------------------------------------------------------

// A tunnel that ends at a protected address is a way in that nobody inspects, whatever its inner
// addresses say: a server listens on all of its host's. It is something else than HTTP there, and
// treated as such (on_unparsable).
void Worker::State::handle_tunnel(Arrival& arrival) {
    const Segment& segment = arrival.segment;
    const bool known = segment.ip_version != 0;
    if (known && !protects(segment)) return bridge(arrival);
    if (known && refuses_tunnel(segment)) return drop(arrival, Outcome::tunnel_refused);
    counters.count(Outcome::frame_bridged);
    forward_uninspected(arrival, UninspectedReason::tunnel);
}

bool Worker::State::refuses_tunnel(const Segment& segment) const {
    const auto source = std::to_array(segment.source.address.bytes);
    const auto destination = std::to_array(segment.destination.address.bytes);
    for (std::uint32_t n = 0; n < options.service_count; ++n) {
        const ServiceOptions& one = options.services[n];
        if (one.vlan >= 0 && one.vlan != segment.vlan) continue;
        if (!is_within(source, one.prefix) && !is_within(destination, one.prefix)) continue;
        if (mode_of(n) == ServiceMode::enforce && one.on_unparsable != UninspectedAction::pass)
            return true;
    }
    return false;
}

}  // namespace cordon
