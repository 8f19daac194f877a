#include <algorithm>
#include <cstring>

#include "dataplane/http/proxy_header.h"
#include "dataplane/worker/line.h"

namespace cordon {

// `first`: the bytes for which a place is needed.
bool Worker::State::need_exchange(Flow& flow, Bytes first) {
    if (flow.exchange != no_exchange) return true;
    flow.exchange = exchanges.allocate();
    if (flow.exchange == no_exchange &&
        (end_slow_messages(1, message_look) != 0 || take_place_of_head(flow, first)))
        flow.exchange = exchanges.allocate();
    if (flow.exchange == no_exchange) {
        ++messages_wanted;
        return false;
    }
    flow.waits_ms = 0;
    Exchange& exchange = exchanges[flow.exchange];
    exchange.begun_ns = now.ns;
    exchange.earned_ns = exchange.end_ns = 0;
    exchange.moved = bytes_moved(flow);
    exchange.flow = static_cast<FlowNumber>(&flow - flows.get());
    exchange.parser.open(exchange.head_storage, !flow.had_request, flow.up.taken());
    exchange.tracker.open();
    exchange.decoder = no_decoder;
    exchange.assembling = exchange.creation = no_assembling;
    exchange.answered = {};
    exchange.change = {};
    exchange.following = {};
    exchange.early_status = 0;
    exchange.object_open = exchange.expect_waiting = exchange.sniff_due = false;
    exchange.has_unjudged = false;
    exchange.proxy_bytes = 0;
    return true;
}

void Worker::State::end_exchange(Flow& flow) {
    if (flow.exchange == no_exchange) return;
    Exchange& exchange = exchanges[flow.exchange];
    end_shunt(&flow);
    close_message(&exchange);
    forget_creation(&exchange);
    end_change(&exchange, NameChange::Outcome::unknown);
    end_source(&exchange, SourceAnswer::unknown);
    end_copied(&exchange, PieceAnswer::unknown);
    exchange.flow = no_flow;
    exchanges.release(flow.exchange);
    flow.exchange = no_exchange;
    flow.stalled = false;
    if (is_put_off(flow)) clear_timer(static_cast<FlowNumber>(&flow - flows.get()));
    if (flow.verdict_due) {
        flow.verdict_due = false;
        judgements.forget(static_cast<FlowNumber>(&flow - flows.get()));
    }
}

void Worker::State::end_exchange_if_idle(Flow& flow) {
    if (flow.exchange == no_exchange || flow.verdict_due || flow.expect_refused || flow.stalled)
        return;
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
           flow.up.taken() != flow.up.received() && !stalls(number) &&
           flow.up.take(pieces, &begin, &chunk)) {
        exchanges[flow.exchange].chunk_begin = begin;
        if (flow.proxy_due && !read_proxy_header(number, begin, &chunk)) continue;
        if (chunk.empty()) continue;
        if (exchanges[flow.exchange].parser.feed_inner(chunk)) {
            read_body(number, chunk);
            continue;
        }
        exchanges[flow.exchange].parser.feed(chunk);
        parse(number);
    }
}

void Worker::State::parse(FlowNumber number) {
    Flow& flow = flows[number];
    RequestEvent event;
    while (flow.phase == FlowPhase::established && !flow.verdict_due && !stalls(number) &&
           exchanges[flow.exchange].parser.next(&event))
        request_event(number, event);
}

// A client may send requests ahead of their answers, but only pipeline_max are followed: the next
// one is read, and leaves for the storage, when an answer has ended. What came of it is kept as
// bytes behind a hole are, so the storage does not acknowledge it, and the client slows down.
bool Worker::State::stalls(FlowNumber number) {
    Flow& flow = flows[number];
    if (flow.stalled || is_put_off(flow)) return true;
    Exchange& exchange = exchanges[flow.exchange];
    const std::uint64_t read = exchange.parser.consumed();
    if (unpack_left == 0 && read < flow.up.received() && unpacks(exchange)) {
        put_off(number);
        return true;
    }
    if (!exchange.tracker.full() || !exchange.parser.between_messages() ||
        read == flow.up.received())
        return false;
    flow.stalled = true;
    counters.count(Outcome::http_pipeline_full);
    if (read < flow.up.taken()) flow.hold.object_bytes(read);
    return true;
}

// Reads on after a verdict, or after an answer that made room for the next request.
void Worker::State::go_on(FlowNumber number) {
    Flow& flow = flows[number];
    flow.stalled = false;
    flow.hold.release_at(exchanges[flow.exchange].parser.consumed());
    read_on(number);
}

void Worker::State::read_on(FlowNumber number) {
    Flow& flow = flows[number];
    parse(number);
    inspect(number);
    if (flow.phase != FlowPhase::established) return;
    end_exchange_if_idle(flow);
    if (flow.client.fin_seen && !reading_waits(flow) && !end_of_client_bytes(number)) return;
    pump(number);
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
    Exchange& exchange = exchanges[flows[number].exchange];
    switch (event.kind) {
        case RequestEvent::Kind::head:
            return request_head(number);
        case RequestEvent::Kind::body:
            return read_body(number, event.body);
        case RequestEvent::Kind::end:
            if (exchange.object_open) end_of_body(number);
            return;
        case RequestEvent::Kind::error:
            return request_error(number, event.outcome);
        case RequestEvent::Kind::not_http:
            return request_foreign(number, UninspectedReason::protocol);
        case RequestEvent::Kind::tls:
            return request_foreign(number, UninspectedReason::tls);
    }
}

void Worker::State::read_body(FlowNumber number, Bytes bytes) {
    Exchange& exchange = exchanges[flows[number].exchange];
    exchange.expect_waiting = false;
    count_body(&exchange, bytes.size());
    if (exchange.object_open) body_bytes(number, bytes);
}

void Worker::State::request_head(FlowNumber number) {
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    const Head& head = exchange.parser.head();
    counters.count(Outcome::http_request);
    flow.had_request = true;
    const bool followed = exchange.tracker.expect(method_kind(head));
    INVARIANT(followed);         // stalls()
    exchange.undecoded = false;  // also where there is no body: an upload may end by this message
    if (carries_object(head)) {
        exchange.expect_waiting = head.expect_continue;
        open_message(number);
    }
    begin_assembling(number);
}

// Framing that servers could read in different ways, or a limit that was reached.
void Worker::State::request_error(FlowNumber number, Outcome why) {
    counters.count(why);
    Flow& flow = flows[number];
    const bool in_body = exchanges[flow.exchange].object_open;
    if (!judge_tail(number, true)) return;
    abort_object(number);
    flow.answer_seen = true;  // bad HTTP is HTTP: such an answer contradicts nothing
    const ServiceOptions& wanted = service(flow);
    const bool too_long = why == Outcome::http_head_too_long;
    if (too_long || why == Outcome::http_chunk_too_long)
        return end_inspection(
            number, {PolicyCase::limit, UninspectedReason::limit, wanted.on_limit,
                     too_long ? ErrorStatus::head_too_long : ErrorStatus::bad_request, in_body});
    end_inspection(number, {PolicyCase::unparsable, UninspectedReason::protocol,
                            wanted.on_unparsable, ErrorStatus::bad_request, in_body});
}

// Another protocol.
void Worker::State::request_foreign(FlowNumber number, UninspectedReason reason) {
    const ServiceOptions& wanted = service(flows[number]);
    const bool tls = reason == UninspectedReason::tls;
    const UninspectedAction action = tls ? wanted.on_tls : wanted.on_unparsable;
    if (action != UninspectedAction::pass && mode(flows[number]) == ServiceMode::enforce)
        counters.count(Outcome::protocol_refused);
    end_inspection(number, {tls ? PolicyCase::tls : PolicyCase::unparsable, reason, action,
                            ErrorStatus::unavailable, false});
}

// Only `enforce` refuses or resets. What passes is counted by its reason.
void Worker::State::end_inspection(FlowNumber number, const Uninspectable& what) {
    const std::size_t service_number = flows[number].service;
    const bool enforces = mode(flows[number]) == ServiceMode::enforce;
    switch (enforces ? what.action : UninspectedAction::pass) {
        case UninspectedAction::pass:
            counters.decided(service_number, what.about, PolicyResult::passed);
            return pass_rest(number, what.reason);
        case UninspectedAction::reset:
            counters.decided(service_number, what.about, PolicyResult::reset);
            return reset_and_sever(number);
        case UninspectedAction::refuse:
            counters.decided(service_number, what.about, PolicyResult::refused);
            return refuse(number, what.status, what.in_body);
    }
}

// From here on the connection is not inspected: what was received goes on as it is, but for a tail
// that would complete a match.
void Worker::State::pass_rest(FlowNumber number, UninspectedReason reason) {
    Flow& flow = flows[number];
    leave_shunt(number);
    if (!judge_tail(number, true)) return;
    if (flow.exchange != no_exchange) taint_held(exchanges[flow.exchange]);
    const std::uint64_t read =
        flow.exchange == no_exchange ? flow.up.taken() : exchanges[flow.exchange].parser.consumed();
    count_unframed(flow.service, reason, flow.up.received() - read);
    std::uint64_t begin;
    Bytes chunk;
    while (flow.up.take(pieces, &begin, &chunk)) {}
    flow.hold.release_at(flow.up.taken());
    pump(number);
    become_uninspected(number, reason);
}

void Worker::State::count_unframed(std::size_t service_number, UninspectedReason reason,
                                   std::uint64_t bytes) {
    counters.unframed_bytes.add(bytes);
    counters.classed_bytes(service_number, object_class(reason), bytes);
}

}  // namespace cordon
