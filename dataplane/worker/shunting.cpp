#include <algorithm>
#include <cstring>

#include "dataplane/worker/line.h"

// Ranges of a body that nobody needs pass beside the worker (DESIGN §5, §10).
//
//      inspected as ever          nobody looks at these       inspected
//   ──────────────────────────┬────────────────────────────┬───────────────
//   what the client may have  │ begin                  end │ the body's last bytes, then the
//   under way at the grant    │                            │ next request
//
// The range lies wholly in the body as it was declared, so that nothing in it can be a request. The
// stream stands still at its begin until something comes that does not lie in it, and then goes on
// at its end: what of the range the storage lacks is passed on when the client repeats it, unseen
// like the rest. The port is only the faster way for the same bytes: what of the range comes here
// all the same (it has an odd option, or was revoked) is passed on as well.

namespace cordon {

namespace {

ShuntRange range_of(const Flow& flow) {
    ShuntRange range{};
    const SegmentEnd& client = flow.client.like.source;
    const SegmentEnd& storage = flow.client.like.destination;
    std::memcpy(range.client, client.address.bytes, sizeof range.client);
    std::memcpy(range.storage, storage.address.bytes, sizeof range.storage);
    range.client_port = client.port;
    range.storage_port = storage.port;
    range.timestamps = flow.has_timestamps;
    return range;
}

}  // namespace

// After the bytes of a segment were read. What the client may have sent by now is below the end of
// the window, and comes here still: nothing overtakes it.
void Worker::State::offer_shunt(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.shunted || flow.phase != FlowPhase::established || flow.exchange == no_exchange)
        return;
    Exchange& exchange = exchanges[flow.exchange];
    const std::uint64_t unneeded = unneeded_bytes(number);
    if (unneeded < limits::shunt_bytes_min + limits::shunt_margin_bytes) {
        exchange.unneeded_at = UINT64_MAX;
        return;
    }
    const std::uint64_t read = exchange.parser.consumed();
    // By what was read up to here it was found out. Until the storage has acknowledged all that,
    // other bytes in its place are an attack that is noticed; afterwards it is past.
    exchange.unneeded_at = std::min(exchange.unneeded_at, read);
    if (flow.up.acknowledged() < exchange.unneeded_at) return;
    const bool quiet = flow.up.in_step() && !flow.stalled && !flow.verdict_due && !flow.has_resyn &&
                       !flow.client.fin_seen && !flow.client.fin_ahead && !flow.expect_refused &&
                       !flow.leaves_http && flow.client_confirmed && exchange.parser.in_body();
    if (!quiet) return;
    const std::uint64_t begin = std::max(flow.storage.window_end, flow.up.received());
    const std::uint64_t last = read + unneeded - limits::shunt_margin_bytes;
    const std::uint64_t end = std::min(last, flow.up.received() + limits::shunt_bytes_max);
    if (end < begin + limits::shunt_bytes_min) return;
    grant_shunt(number, begin, end);
}

void Worker::State::grant_shunt(FlowNumber number, std::uint64_t begin, std::uint64_t end) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    ShuntRange range = range_of(flow);
    range.from = flow.up.sequence_of(begin);
    range.to = flow.up.sequence_of(end);
    range.client_ack = flow.client.ack;
    range.storage_ack = flow.up.sequence_of(flow.storage.acked);
    switch (port.shunt(range, &exchange.shunt.place)) {
        case ShuntGrant::granted:
            break;
        case ShuntGrant::full:
            return counters.count(Outcome::shunt_full);
        case ShuntGrant::not_supported:
            return;
    }
    counters.count(Outcome::shunt_granted);
    exchange.shunt.begin = exchange.shunt.reach = begin;
    exchange.shunt.end = end;
    exchange.shunt.frames = 0;
    exchange.shunt.listed = static_cast<std::uint32_t>(shunted.size());
    shunted.push_back(number);
    flow.shunted = true;
}

// What the port has noted of both ends since the last look, as if their segments had come here.
void Worker::State::note_passed(FlowNumber number) {
    Flow& flow = flows[number];
    Shunt& shunt = exchanges[flow.exchange].shunt;
    const ShuntPassed passed = port.passed(shunt.place);
    if (passed.client.frames + passed.storage.frames == shunt.frames) return;
    shunt.frames = passed.client.frames + passed.storage.frames;
    table.touch(number, now.ns, rank_of(flow));
    if (passed.client.frames != 0) note_client_passed(flow, passed);
    if (passed.storage.frames != 0) note_storage_passed(flow, passed.storage);
}

void Worker::State::note_client_passed(Flow& flow, const ShuntPassed& passed) {
    Shunt& shunt = exchanges[flow.exchange].shunt;
    const std::int64_t reach = flow.up.offset_of(passed.reach);
    if (reach > static_cast<std::int64_t>(shunt.reach))
        shunt.reach = std::min(static_cast<std::uint64_t>(reach), shunt.end);
    const std::int64_t acked = flow.down.offset_of(passed.client.ack);
    const auto sent =
        static_cast<std::int64_t>(flow.down.received()) + (flow.storage.fin_seen ? 1 : 0);
    if (acked >= static_cast<std::int64_t>(flow.client.acked) && acked <= sent) {
        flow.client.acked = static_cast<std::uint64_t>(acked);
        flow.client.ack = passed.client.ack;
        flow.client.window = passed.client.window;
        flow.client.window_end =
            flow.client.acked + (std::uint64_t{passed.client.window} << flow.client.scale);
    }
    if (flow.has_timestamps) note_timestamp(passed.client.timestamp, &flow.client);
}

void Worker::State::note_storage_passed(Flow& flow, const ShuntHeard& heard) {
    const Shunt& shunt = exchanges[flow.exchange].shunt;
    const std::int64_t acked = flow.up.offset_of(heard.ack);
    if (acked < static_cast<std::int64_t>(flow.storage.acked) ||
        acked > static_cast<std::int64_t>(shunt.end))
        return;
    flow.storage.acked = static_cast<std::uint64_t>(acked);
    flow.storage.ack = heard.ack;
    flow.storage.window = heard.window;
    const std::uint64_t end =
        flow.storage.acked + (std::uint64_t{heard.window} << flow.storage.scale);
    flow.storage.window_end = std::max(flow.storage.window_end, end);
    flow.up.acknowledge(std::min(flow.storage.acked, flow.up.sent()), pieces);
    if (flow.has_timestamps) note_timestamp(heard.timestamp, &flow.storage);
}

// A segment of a shunted flow that came here all the same. True: it was dealt with.
bool Worker::State::client_beside_shunt(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Shunt& shunt = exchanges[flow.exchange].shunt;
    Segment& segment = arrival.segment;
    const std::int64_t offset = flow.up.offset_of(segment.sequence);
    const std::int64_t last = offset + static_cast<std::int64_t>(segment.payload.size());
    const auto begin = static_cast<std::int64_t>(shunt.begin);
    const bool fin = (segment.flags & tcp_flag::fin) != 0;
    if (last < begin || (last == begin && !(fin && shunt.reach > shunt.begin))) return false;
    if (segment.payload.empty() && !fin) return false;
    if (last > static_cast<std::int64_t>(shunt.end)) {
        if (flow.up.received() >= shunt.begin && flow.up.in_step()) {
            return_from_shunt(number, shunt.end);
            return false;
        }
        // Bytes before the range are missing yet, and this is more than a window behind them.
        drop(arrival, Outcome::gaps_full);
        return true;
    }
    if (fin) {
        arrival.altered = true;
        segment.flags = static_cast<std::uint8_t>(segment.flags & ~tcp_flag::fin);
    }
    pass_beside(arrival, number, offset, last);
    if (fin && flow.shunted) end_in_shunt(number, static_cast<std::uint64_t>(last));
    return true;
}

// What of the segment lies before the range is inspected, the rest goes on.
void Worker::State::pass_beside(Arrival& arrival, FlowNumber number, std::int64_t offset,
                                std::int64_t last) {
    Flow& flow = flows[number];
    Segment& segment = arrival.segment;
    const auto begin = static_cast<std::int64_t>(exchanges[flow.exchange].shunt.begin);
    Bytes inside = segment.payload;
    if (offset < begin) {
        const auto before = static_cast<std::size_t>(begin - offset);
        inside = segment.payload.subspan(before);
        segment.payload = segment.payload.first(before);
        arrival.altered = true;
        client_payload(arrival, number);
        if (!flow.shunted) return;
        offset = begin;
    }
    flow.last_was_storage = false;
    Shunt& shunt = exchanges[flow.exchange].shunt;
    shunt.reach = std::max(shunt.reach, static_cast<std::uint64_t>(last));
    if (!arrival.altered) return forward(arrival, FrameClass::dismissed);
    account(arrival, frame_class(inside.empty() ? FrameClass::control : FrameClass::dismissed));
    emit_bytes(flow, flow.up.sequence_of(static_cast<std::uint64_t>(offset)), inside);
}

// The client ends before its body does. Below what passed it is a lie, and beyond the window
// nothing; with bytes missing before the range it is repeated.
void Worker::State::end_in_shunt(FlowNumber number, std::uint64_t end) {
    const Flow& flow = flows[number];
    const Shunt& shunt = exchanges[flow.exchange].shunt;
    const bool whole = flow.up.received() >= shunt.begin && flow.up.in_step();
    if (!whole || end < shunt.reach || end > flow.storage.window_end)
        return counters.count(Outcome::segment_unexpected);
    return_from_shunt(number, end);
    client_fin_at(number, end);
}

// The stream goes on at `at`. What passed is of the body, and of nobody's object.
void Worker::State::return_from_shunt(FlowNumber number, std::uint64_t at) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    end_shunt(&flow);
    pass_unneeded(number, at - flow.up.received());
    flow.up.pass_over(at);
    flow.up.acknowledge(std::min(flow.storage.acked, at), pieces);
    flow.hold.release_at(at);
    exchange.unneeded_at = at;  // another range only when the storage has all of this one
    parse(number);
}

// The flow is about to end, or leaves inspection: it stands where its client is, as far as we know.
void Worker::State::leave_shunt(FlowNumber number) {
    Flow& flow = flows[number];
    if (!flow.shunted) return;
    note_passed(number);
    const Shunt& shunt = exchanges[flow.exchange].shunt;
    const std::uint64_t at = std::clamp(flow.storage.acked, shunt.reach, shunt.end);
    const bool passed = at > shunt.begin && flow.up.received() >= shunt.begin && flow.up.in_step();
    // A verdict may have closed the object before.
    if (passed && unneeded_bytes(number) >= at - flow.up.received())
        return return_from_shunt(number, at);
    end_shunt(&flow);
}

void Worker::State::end_shunt(Flow* flow) {
    if (!flow->shunted) return;
    Shunt& shunt = exchanges[flow->exchange].shunt;
    port.unshunt(range_of(*flow), shunt.place);
    flow->shunted = false;
    const FlowNumber moved = shunted.back();
    exchanges[flows[moved].exchange].shunt.listed = shunt.listed;
    shunted[shunt.listed] = moved;
    shunted.pop_back();
}

// Another index may need what is still to come. What the client may have sent by now is below the
// end of the window; from there on everything is read again.
void Worker::State::revoke_shunts() {
    for (std::size_t n = shunted.size(); n-- != 0;) {
        const FlowNumber number = shunted[n];
        Flow& flow = flows[number];
        Shunt& shunt = exchanges[flow.exchange].shunt;
        port.revoke(shunt.place);
        note_passed(number);
        counters.count(Outcome::shunt_revoked);
        const std::uint64_t least = std::max(shunt.begin, shunt.reach);
        shunt.end = std::clamp(flow.storage.window_end, least, shunt.end);
        if (shunt.end == shunt.begin) end_shunt(&flow);
    }
}

// A shunted flow lives by what passed of it, and what it keeps is forgotten as it is acknowledged.
void Worker::State::watch_shunts() {
    const std::size_t step = std::min<std::size_t>(shunted.size(), shunt_look);
    for (std::size_t n = 0; n < step; ++n) {
        shunt_next = shunt_next + 1 < shunted.size() ? shunt_next + 1 : 0;
        note_passed(shunted[shunt_next]);
    }
}

}  // namespace cordon
