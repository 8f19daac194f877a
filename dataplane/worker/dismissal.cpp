#include "dataplane/worker/line.h"

namespace cordon {

// No digest is computed of it any more, its type is known, nothing is searched for in it, and
// nothing was found in its name that would stop it at its end.
bool Worker::State::is_done_with(const OpenObject& object) const {
    return object.slot != no_object && fingerprinter.is_dismissed(object.slot) &&
           object.content.decided && object.content.stream == PatternScanner::no_stream &&
           object.content.hits.count == 0;
}

std::uint64_t Worker::State::unneeded_bytes(FlowNumber number) {
    const Flow& flow = flows[number];
    if (flow.phase != FlowPhase::established || flow.exchange == no_exchange || flow.verdict_due)
        return 0;
    const Exchange& exchange = exchanges[flow.exchange];
    const bool may_hold_archive = exchange.decoder != no_decoder || exchange.sniff_due ||
                                  service(flow).embedded_archives == EmbeddedArchives::search;
    if (!exchange.object_open || may_hold_archive || !is_done_with(exchange.objects[0])) return 0;
    if (fingerprinter.size(exchange.objects[0].slot) < head_bytes) return 0;
    // A whole object is the first piece of what later requests make of it, and has no bytes kept.
    if (exchange.assembling != no_assembling &&
        assemblings[exchange.assembling].request.act != PieceAct::object)
        return 0;
    return exchange.parser.skippable();
}

void Worker::State::pass_unneeded(FlowNumber number, std::uint64_t bytes) {
    INVARIANT(bytes <= unneeded_bytes(number));
    Flow& flow = flows[number];
    Exchange& exchange = exchanges[flow.exchange];
    exchange.parser.pass_over(bytes);
    fingerprinter.pass_over(exchange.objects[0].slot, bytes);
    exchange.body_bytes += bytes;
    object_bytes_open += bytes;
    counters.body_bytes.add(bytes);
    flow.hold.nothing_open();
}

}  // namespace cordon
