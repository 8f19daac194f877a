#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

// With all messages taken: ends one that stands still or crawls, among the next `look`. Nobody can
// keep others out by beginning messages and not going on with them, and nobody who moves his bytes
// is given up for others: with messages_max honest uploads under way the next one waits, and its
// segment is repeated.
bool Worker::State::end_slow_message(std::size_t look) {
    bool ended = false;
    for (std::size_t n = 0; n < look && n < exchanges.count(); ++n) {
        message_next = (message_next + 1) % exchanges.count();
        Exchange& exchange = exchanges[message_next];
        if (exchange.flow == no_flow || !is_slow(exchange)) continue;
        end_message(exchange.flow);
        ended = true;
    }
    return ended;
}

// What a message earned by moving fast is good for no longer than it has lasted: a client that
// uploads a while at full speed and then stops cannot stay for hours.
bool Worker::State::is_slow(Exchange& exchange) const {
    const Flow& flow = flows[exchange.flow];
    if (flow.phase != FlowPhase::established || flow.verdict_due) return false;
    const RequestParser& parser = exchange.parser;
    std::uint64_t patience = lifetime::head_patience_ns;
    if (parser.in_body()) {
        patience = lifetime::body_patience_ns;
    } else if (parser.between_messages() && !exchange.tracker.idle()) {
        patience = lifetime::answer_patience_ns;
    }
    const std::uint64_t age = now.ns - exchange.begun_ns;
    const std::uint64_t moved = bytes_moved(flow);
    exchange.earned_ns += (moved - exchange.moved) * (ns_per_s / limits::slow_bytes_per_s);
    exchange.earned_ns = std::min(exchange.earned_ns, age);
    exchange.moved = moved;
    return age > patience + exchange.earned_ns;
}

// What was uploaded so far is looked up before the connection goes, as whenever an upload ends
// early; the rest of it never reaches the storage. Then policy decides, as about any limit.
void Worker::State::end_message(FlowNumber number) {
    Flow& flow = flows[number];
    counters.count(Outcome::message_slow);
    if (!judge_tail(number, true)) return;
    const Exchange& exchange = exchanges[flow.exchange];
    const bool awaits = exchange.parser.between_messages() && !exchange.tracker.idle();
    const bool asked = awaits || exchange.parser.in_body();
    abort_object(number);
    if (mode(flow) != ServiceMode::enforce) return pass_rest(number, UninspectedReason::limit);
    switch (service(flow).on_limit) {
        case UninspectedAction::pass:
            return pass_rest(number, UninspectedReason::limit);
        case UninspectedAction::reset:
            reset_client(flow);
            return sever(number);
        case UninspectedAction::refuse:
            return refuse(number, awaits ? ErrorStatus::unavailable : ErrorStatus::request_timeout,
                          asked);
    }
}

// What a flow may keep: no more than is left. A storage that stops acknowledging fills the shares of
// its own flows, and the pool has room for those of others.
std::uint64_t Worker::State::kept_share() const {
    return std::min<std::uint64_t>(options.kept_bytes_flow_max,
                                   std::uint64_t{pieces.available()} * limits::kept_block_bytes);
}

std::uint64_t Worker::State::bytes_moved(const Flow& flow) {
    return flow.up.received() + flow.down.received();
}

}  // namespace cordon
