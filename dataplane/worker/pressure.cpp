#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// Flows whose rank has changed since their last segment are moved on the way: each once for a
// change, so this bounds one packet's work, and not what is found.
constexpr std::size_t evict_look = 16;

}  // namespace

// A segment of a connection that finds no place in the table.
void Worker::State::without_place(Arrival& arrival, std::size_t service_number) {
    if (!passes_at_limit(service_number)) return drop(arrival, Outcome::flow_table_full);
    counters.count(Outcome::flow_table_full);
    if (arrival.segment.payload.empty()) return forward(arrival, FrameClass::control);
    if (arrival.side == Side::client)
        count_unframed(service_number, UninspectedReason::limit, arrival.segment.payload.size());
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

// With all messages taken: ends `wanted` that stand still or crawl, among the next `look`. Nobody
// can keep others out by beginning messages and not going on with them, and nobody who moves his
// bytes is given up for others: with messages_max honest uploads under way the next one waits, and
// its segment is repeated.
std::size_t Worker::State::end_slow_messages(std::size_t wanted, std::size_t look) {
    std::size_t ended = 0;
    look = std::min<std::size_t>(look, exchanges.count());
    for (std::size_t n = 0; n < look && ended < wanted; ++n) {
        message_next = (message_next + 1) % exchanges.count();
        Exchange& exchange = exchanges[message_next];
        if (exchange.flow == no_flow || !is_slow(exchange)) continue;
        end_message(exchange.flow);
        ++ended;
    }
    return ended;
}

// At every sweep: as many places as were asked for in vain are made. While that is not enough
// patience shrinks.
void Worker::State::relieve_messages(std::size_t look) {
    const std::size_t ended = messages_wanted == 0 ? 0 : end_slow_messages(messages_wanted, look);
    messages_short = messages_short || messages_wanted > ended;
    messages_wanted = 0;
    if (now.ns < patience_at_ns) return;
    patience_at_ns = now.ns + lifetime::patience_every_ns;
    if (messages_short) {
        if (patience_halvings < head_halvings_max) ++patience_halvings;
    } else if (patience_halvings != 0) {
        --patience_halvings;
    }
    messages_short = false;
}

// What a message earned by moving fast is good for no longer than it has lasted: a client that
// uploads a while at full speed and then stops cannot stay for hours.
bool Worker::State::is_slow(Exchange& exchange) const {
    const Flow& flow = flows[exchange.flow];
    if (flow.phase != FlowPhase::established || flow.verdict_due) return false;
    const RequestParser& parser = exchange.parser;
    const bool awaits = parser.between_messages() && !exchange.tracker.idle();
    const std::uint32_t halvings = std::min(patience_halvings, patience_halvings_max);
    std::uint64_t patience = lifetime::head_patience_ns >> patience_halvings;
    if (awaits && !exchange.tracker.final_begun()) {
        patience = lifetime::answer_patience_ns >> halvings;
    } else if (awaits || parser.in_body()) {
        patience = lifetime::body_patience_ns >> halvings;
    }
    const std::uint64_t age = now.ns - exchange.begun_ns;
    const std::uint64_t moved = bytes_moved(flow);
    exchange.earned_ns += (moved - exchange.moved) * (ns_per_s / limits::slow_bytes_per_s);
    exchange.earned_ns = std::min(exchange.earned_ns, age);
    exchange.moved = moved;
    return age > patience + exchange.earned_ns;
}

// A place that comes free goes to whoever asks first, and an honest client asks only when it
// repeats its segment, ever more seldom. So one whose head comes whole takes the place of a head
// that is longer under way than one flight, at once: such a head leaves its place to nobody that
// way. Another one does so when it has waited, and only then gives way a head with a hole: it lacks
// a segment that found no room itself, which its client repeats.
bool Worker::State::take_place_of_head(Flow& flow, Bytes first) {
    const auto now_ms = static_cast<std::uint32_t>(now.ns / ns_per_ms);
    if (flow.waits_ms == 0) flow.waits_ms = std::max(now_ms, 1U);
    const bool is_whole = as_text(first).find("\r\n\r\n") != std::string_view::npos;
    const bool has_waited = now_ms - flow.waits_ms >= head_waiter_ms;
    if (!is_whole && !has_waited) return false;
    const std::size_t look = std::min<std::size_t>(head_look, exchanges.count());
    for (std::size_t n = 0; n < look; ++n) {
        head_next = (head_next + 1) % exchanges.count();
        const Exchange& exchange = exchanges[head_next];
        if (!is_unfinished_head(exchange)) continue;
        if (!has_waited && flows[exchange.flow].up.has_holes()) continue;
        end_message(exchange.flow);
        return true;
    }
    return false;
}

bool Worker::State::is_unfinished_head(const Exchange& exchange) const {
    if (exchange.flow == no_flow) return false;
    const Flow& flow = flows[exchange.flow];
    const RequestParser& parser = exchange.parser;
    return flow.phase == FlowPhase::established && !flow.verdict_due && !parser.in_body() &&
           exchange.tracker.idle() && now.ns - exchange.begun_ns >= head_flight_ns;
}

// What was uploaded so far is looked up before the connection goes, as whenever an upload ends
// early; the rest of it never reaches the storage. Then policy decides, as about any limit.
void Worker::State::end_message(FlowNumber number) {
    const Flow& flow = flows[number];
    counters.count(Outcome::message_slow);
    if (!judge_tail(number, true)) return;
    const Exchange& exchange = exchanges[flow.exchange];
    const bool awaits = exchange.parser.between_messages() && !exchange.tracker.idle();
    const bool asked = awaits || exchange.parser.in_body();
    abort_object(number);
    end_inspection(number,
                   {PolicyCase::limit, UninspectedReason::limit, service(flow).on_limit,
                    awaits ? ErrorStatus::unavailable : ErrorStatus::request_timeout, asked});
}

// A segment that would begin a message and finds no room for it.
void Worker::State::without_message(Arrival& arrival, FlowNumber number) {
    const Flow& flow = flows[number];
    if (!passes_at_limit(flow.service)) return drop(arrival, Outcome::messages_full);
    end_inspection(number, {PolicyCase::limit, UninspectedReason::limit, UninspectedAction::pass,
                            ErrorStatus::unavailable, false});
    uninspected_segment(arrival, number);
}

// Whether what finds no room goes on uninspected: in `observe` nothing is refused, and in `enforce`
// an operator may have chosen so.
bool Worker::State::passes_at_limit(std::size_t service_number) const {
    return mode_of(service_number) != ServiceMode::enforce ||
           options.services[service_number].on_limit == UninspectedAction::pass;
}

std::uint64_t Worker::State::bytes_moved(const Flow& flow) {
    // Of a shunted flow the storage's acknowledgements tell.
    return std::max(flow.up.received(), flow.storage.acked) + flow.down.received();
}

}  // namespace cordon
