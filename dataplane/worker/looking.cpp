#include "dataplane/worker/looking.h"

#include <algorithm>

#include "dataplane/worker/line.h"

namespace cordon {

// In rounds: what stands in its stream behind an object that was judged may end in the next one.
void Worker::State::settle() {
    fingerprinter.flush();
    while (!judgements.empty()) {
        if (judgements.next_is_fresh()) look_ahead();
        LookedAhead* looked;
        const FlowNumber number = judgements.next(&looked);
        flows[number].verdict_due = false;
        judge(number, looked);
    }
    // What stood behind those objects: the storage may acknowledge it before the next turn.
    fingerprinter.flush();
}

// Of each message the first object that is open, which is nearly always the only one. A piece has
// its digests saved before its end, and is looked up with what is before it.
void Worker::State::look_ahead() {
    if (index == nullptr) return;
    const std::uint64_t now_s = now.unix_ns / ns_per_s;
    judgements.look_ahead(*index, [this, now_s](FlowNumber number, LookedAhead* place) {
        const Exchange& exchange = exchanges[flows[number].exchange];
        const auto first =
            std::find_if(exchange.objects.begin(), exchange.objects.end(),
                         [](const OpenObject& object) { return object.slot != no_object; });
        if (first == exchange.objects.end()) return false;
        place->object = static_cast<std::uint8_t>(first - exchange.objects.begin());
        if (is_piece(exchange, place->object)) return false;
        fingerprinter.peek(first->slot, &place->digests);
        place->asked.prepare(*index, place->digests, now_s);
        return true;
    });
}

bool Worker::State::matches_anything(const Digests& digests) const {
    if (index == nullptr) return false;
    const std::uint64_t now_s = now.unix_ns / ns_per_s;
    LookUps asked;
    asked.prepare(*index, digests, now_s);
    asked.compare(*index);
    for (std::size_t n = 0; n < asked.count; ++n) {
        Match match;
        if (index->lookup(&asked.probes[n], now_s, &match, 1) != 0) return true;
    }
    return false;
}

}  // namespace cordon
