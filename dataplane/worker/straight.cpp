// Nearly every segment of an upload, read straight on: the general way (up.cpp, exchange.cpp,
// objects.cpp, release.cpp) asks of each what may be wrong with it, or what may come next.
#include "dataplane/worker/line.h"

namespace cordon {

namespace {

// It acknowledges, may push, and says nothing else that would have to be looked at.
bool is_plain(const Segment& segment, const Flow& flow) {
    constexpr std::uint8_t telling =
        tcp_flag::syn | tcp_flag::fin | tcp_flag::rst | tcp_flag::urg | tcp_flag::ack;
    return (segment.flags & telling) == tcp_flag::ack && !segment.foreign_option &&
           segment.has_timestamp == flow.has_timestamps &&
           segment.hop_limit >= limits::hop_limit_least;
}

// What it acknowledges and when it was sent is as new as what came before, or newer.
bool is_in_order(const Segment& segment, const Flow& flow) {
    const std::int64_t acked = flow.down.offset_of(segment.acknowledgement);
    const bool is_late =
        segment.has_timestamp &&
        static_cast<std::int32_t>(segment.timestamp_value - flow.client.ts_recent) < 0;
    return !is_late && acked >= static_cast<std::int64_t>(flow.client.acked) &&
           acked <= static_cast<std::int64_t>(flow.down.received());
}

// Nothing is under way on the connection but this upload.
bool is_quiet(const Flow& flow) {
    return flow.exchange != no_exchange &&
           !(flow.shunted || flow.verdict_due || flow.stalled || flow.proxy_due ||
             flow.expect_refused || flow.client.fin_seen || flow.client.fin_ahead ||
             flow.storage.fin_seen || is_put_off(flow));
}

// The body is one object, of which nothing is looked at but its digests and whether a zip begins.
bool is_simple(const Exchange& exchange) {
    const ObjectContent& content = exchange.objects[0].content;
    return exchange.object_open && exchange.decoder == no_decoder &&
           exchange.assembling == no_assembling && !exchange.sniff_due && !exchange.left_alone &&
           content.decided && content.stream == PatternScanner::no_stream;
}

}  // namespace

// The next bytes in the middle of a plain body, which stand in a piece already. What comes of them
// is what from_client() would make of the segment. False: it is not so simple, and nothing was
// done.
bool Worker::State::straight_on(Arrival& arrival, FlowNumber number) {
    Flow& flow = flows[number];
    const Segment& segment = arrival.segment;
    if (!is_plain(segment, flow) || !is_quiet(flow) || !is_in_order(segment, flow)) return false;
    if (!flow.client.has_like || !(segment.source == flow.client.like.source)) return false;
    Exchange& exchange = exchanges[flow.exchange];
    const std::uint64_t begin = flow.up.received();
    const std::uint64_t end = begin + segment.payload.size();
    if (end > flow.storage.window_end || !is_simple(exchange)) return false;
    ZipSearch search = exchange.search;
    const bool searches = service(flow).embedded_archives == EmbeddedArchives::search;
    const bool is_clear = !searches || (!arrival.may_have_mark && search.pass(segment.payload));
    std::size_t at;
    if (!is_clear && search.find(segment.payload, &at)) return false;
    if (exchange.parser.body_remaining() <= segment.payload.size()) return false;
    if (!flow.up.take_copy(arrival.copy, pieces, kept_share())) return false;
    const Bytes bytes = pieces.bytes_of(arrival.copy);
    arrival.copy = no_piece;

    note_client(arrival, flow);
    flow.last_was_storage = false;
    exchange.search = search;
    exchange.chunk_begin = begin;
    const bool is_inner = exchange.parser.feed_inner(bytes);
    INVARIANT(is_inner);
    count_body(&exchange, bytes.size());
    hash(number, 0, bytes);
    hold_plain(number);
    const bool is_dismissed = fingerprinter.is_dismissed(exchange.objects[0].slot);
    account(arrival, frame_class(is_dismissed ? FrameClass::dismissed : FrameClass::inspected));
    pump(number, &arrival, begin, end);
    if (!searches) offer_shunt(number);
    return true;
}

}  // namespace cordon
