#include <algorithm>
#include <cstring>

#include "dataplane/http/proxy_header.h"
#include "dataplane/worker/line.h"

namespace cordon {

bool Worker::State::need_exchange(Flow& flow) {
    if (flow.exchange != no_exchange) return true;
    flow.exchange = exchanges.allocate();
    if (flow.exchange == no_exchange && end_slow_message(message_look))
        flow.exchange = exchanges.allocate();
    if (flow.exchange == no_exchange) return false;
    Exchange& exchange = exchanges[flow.exchange];
    exchange.begun_ns = now.ns;
    exchange.earned_ns = 0;
    exchange.moved = bytes_moved(flow);
    exchange.flow = static_cast<FlowNumber>(&flow - flows.get());
    exchange.parser.open(exchange.head_storage, !flow.had_request, flow.up.taken());
    exchange.tracker.open();
    exchange.slot = no_object;
    exchange.object_open = exchange.expect_waiting = false;
    exchange.proxy_bytes = 0;
    return true;
}

void Worker::State::end_exchange(Flow& flow) {
    if (flow.exchange == no_exchange) return;
    Exchange& exchange = exchanges[flow.exchange];
    if (exchange.object_open) fingerprinter.drop(exchange.slot);
    exchange.flow = no_flow;
    exchanges.release(flow.exchange);
    flow.exchange = no_exchange;
    if (flow.verdict_due) {
        flow.verdict_due = false;
        std::erase(judgements, static_cast<FlowNumber>(&flow - flows.get()));
    }
}

void Worker::State::end_exchange_if_idle(Flow& flow) {
    if (flow.exchange == no_exchange || flow.verdict_due || flow.expect_refused) return;
    Exchange& exchange = exchanges[flow.exchange];
    if (exchange.parser.between_messages() && exchange.tracker.idle() && !exchange.object_open &&
        flow.up.taken() == flow.up.received() && !flow.proxy_due)
        end_exchange(flow);
}

// Reads what has become contiguous, until an object ends: its verdict comes before another byte is
// read, because the head of the next request takes the place of this one.
void Worker::State::inspect(FlowNumber number) {
    Flow& flow = flows[number];
    std::uint64_t begin;
    Bytes chunk;
    while (flow.phase == FlowPhase::established && !flow.verdict_due &&
           flow.up.take(pieces, &begin, &chunk)) {
        exchanges[flow.exchange].chunk_begin = begin;
        if (flow.proxy_due && !read_proxy_header(number, begin, &chunk)) continue;
        if (chunk.empty()) continue;
        exchanges[flow.exchange].parser.feed(chunk);
        parse(number);
    }
}

void Worker::State::parse(FlowNumber number) {
    Flow& flow = flows[number];
    RequestEvent event;
    while (flow.phase == FlowPhase::established && !flow.verdict_due &&
           exchanges[flow.exchange].parser.next(&event))
        request_event(number, event);
}

// Gathers a PROXY header at the head of the connection. False: all of the chunk was part of it, or
// the flow was cut; else *chunk is what comes after it.
bool Worker::State::read_proxy_header(FlowNumber number, std::uint64_t begin, Bytes* chunk) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    const std::size_t before = exchange.proxy_bytes;
    const std::size_t room = limits::proxy_header_bytes_max - before;
    const std::size_t take = std::min(room, chunk->size());
    std::memcpy(exchange.head_storage + before, chunk->data(), take);
    exchange.proxy_bytes = static_cast<std::uint16_t>(before + take);
    const ProxyHeader header = parse_proxy_header({exchange.head_storage, before + take});
    switch (header.status) {
        case ProxyHeaderStatus::incomplete:
            if (take == chunk->size()) return false;
            break;
        case ProxyHeaderStatus::ok:
            flow.proxy_due = false;
            if (!header.local) {
                flow.has_forwarded = true;
                flow.forwarded = header.source;
            }
            *chunk = chunk->subspan(header.consumed - before);
            exchange.parser.open(exchange.head_storage, true, header.consumed);
            return true;
        case ProxyHeaderStatus::absent:
            if (service(flow).proxy_protocol == ProxyProtocol::accept)
                return begin_without_proxy_header(number, begin, before);
            break;
        case ProxyHeaderStatus::malformed:
            break;
    }
    request_error(number, Outcome::proxy_header_bad);
    return false;
}

// The first bytes could have become a PROXY header ("P" of PUT): the parser gets them after all.
bool Worker::State::begin_without_proxy_header(FlowNumber number, std::uint64_t begin,
                                               std::size_t gathered) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    std::uint8_t early[limits::proxy_header_bytes_max];
    std::memcpy(early, exchange.head_storage, gathered);
    flow.proxy_due = false;
    exchange.parser.open(exchange.head_storage, true, begin - gathered);
    if (gathered == 0) return true;
    exchange.parser.feed({early, gathered});
    parse(number);
    return flow.phase == FlowPhase::established;
}

void Worker::State::request_event(FlowNumber number, const RequestEvent& event) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    switch (event.kind) {
        case RequestEvent::Kind::head:
            return request_head(number);
        case RequestEvent::Kind::body:
            exchange.expect_waiting = false;
            if (!exchange.object_open) return;
            exchange.object_bytes += event.body.size();
            fingerprinter.submit(exchange.slot, event.body);
            flow.hold.object_bytes(exchange.chunk_begin);
            return;
        case RequestEvent::Kind::end:
            if (!exchange.object_open) return;
            if (exchange.object_bytes == 0) {  // a chunked body without a byte
                fingerprinter.drop(exchange.slot);
                exchange.object_open = false;
                return;
            }
            // The end stays with the bytes that are held before it: a terminator in a chunk of its
            // own must not free them. When they went by timer it is held alone.
            if (!flow.hold.holding()) flow.hold.object_bytes(exchange.chunk_begin);
            flow.verdict_due = true;
            judgements.push_back(number);
            return;
        case RequestEvent::Kind::error:
            return request_error(number, event.outcome);
        case RequestEvent::Kind::not_http:
            return request_foreign(number, UninspectedReason::protocol);
        case RequestEvent::Kind::tls:
            return request_foreign(number, UninspectedReason::tls);
    }
}

void Worker::State::request_head(FlowNumber number) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    const Head& head = exchange.parser.head();
    counters.count(Outcome::http_request);
    flow.had_request = true;
    if (!exchange.tracker.expect(method_kind(head)))
        return request_error(number, Outcome::http_pipeline_full);
    if (!carries_object(head)) return;
    exchange.expect_waiting = head.expect_continue;
    open_object(number);
}

void Worker::State::open_object(FlowNumber number) {
    Exchange& exchange = exchanges[flows[number].exchange];
    exchange.slot = fingerprinter.open(planned_kinds());
    INVARIANT(exchange.slot != no_object);  // as many slots as exchanges
    exchange.form = form_of(exchange.parser.head());
    exchange.object_open = true;
    exchange.object_bytes = 0;
    counters.count(Outcome::object_opened);
}

// The upload ended before its end was seen.
void Worker::State::abort_object(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.exchange == no_exchange || !exchanges[flow.exchange].object_open) return;
    Exchange& exchange = exchanges[flow.exchange];
    Digests digests;
    fingerprinter.close(exchange.slot, &digests);
    exchange.object_open = false;
    if (exchange.object_bytes == 0) return;
    counters.count(Outcome::object_aborted);
    counters.objects[object_class(UninspectedReason::incomplete)].add(exchange.object_bytes);
    report(flow, digests, ObjectVerdict::uninspected, false, UninspectedReason::incomplete, 0);
}

// In `observe` nothing is refused: what cannot be read goes on uninspected, and is counted so.
void Worker::State::request_error(FlowNumber number, Outcome why) {
    counters.count(why);
    const bool in_body = exchanges[flows[number].exchange].object_open;
    if (!judge_tail(number, true)) return;
    abort_object(number);
    if (mode(flows[number]) != ServiceMode::enforce)
        return pass_rest(number, UninspectedReason::protocol);
    refuse(
        number,
        why == Outcome::http_head_too_long ? ErrorStatus::head_too_long : ErrorStatus::bad_request,
        in_body);
}

void Worker::State::request_foreign(FlowNumber number, UninspectedReason reason) {
    Flow& flow = flows[number];
    const ServiceOptions& wanted = service(flow);
    const UninspectedAction action =
        reason == UninspectedReason::tls ? wanted.on_tls : wanted.on_unparsable;
    if (action != UninspectedAction::pass && mode(flow) == ServiceMode::enforce)
        return cut(number, Outcome::protocol_refused);
    pass_rest(number, reason);
}

// From here on the connection is not inspected: what was received goes on as it is.
void Worker::State::pass_rest(FlowNumber number, UninspectedReason reason) {
    Flow& flow = flows[number];
    std::uint64_t begin;
    Bytes chunk;
    counters.objects[object_class(reason)].bytes.add(flow.up.received() - flow.up.sent());
    while (flow.up.take(pieces, &begin, &chunk)) {}
    flow.hold.release_at(flow.up.taken());
    pump(number);
    become_uninspected(number, reason);
}

}  // namespace cordon
