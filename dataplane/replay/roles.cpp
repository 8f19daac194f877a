#include "dataplane/replay/roles.h"

#include <xxhash.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "dataplane/decode/protocol.h"

namespace cordon::replay {

bool begins_with_method(Bytes payload) {
    constexpr std::string_view methods[] = {"GET",    "HEAD",    "POST",   "PUT",      "PATCH",
                                            "DELETE", "OPTIONS", "MOVE",   "PROPFIND", "COPY",
                                            "LOCK",   "MKCOL",   "UNLOCK", "CONNECT",  "TRACE"};
    const std::string_view text = as_text(payload);
    return std::any_of(std::begin(methods), std::end(methods), [&](std::string_view method) {
        return text.starts_with(method) && text.size() > method.size() &&
               text[method.size()] == ' ';
    });
}

std::size_t Roles::HashKey::operator()(const FlowKey& key) const {
    return XXH3_64bits(&key, sizeof key);
}

bool Roles::is_service(const SegmentEnd& end) const {
    return std::find(services_.begin(), services_.end(), end) != services_.end();
}

Roles::End Roles::decide(const FlowKey& key, const Evidence& evidence) const {
    if (evidence.syn != End::unknown) return evidence.syn;
    const bool low_serves = is_service(key.low());
    if (low_serves != is_service(key.high())) return low_serves ? End::high : End::low;
    if (evidence.syn_ack != End::unknown) return evidence.syn_ack;
    if (evidence.method != End::unknown) return evidence.method;
    return key.low().port > key.high().port ? End::low : End::high;
}

void Roles::note(const Segment& segment, End sender, Evidence* evidence) const {
    const End receiver = sender == End::low ? End::high : End::low;
    constexpr std::uint8_t both = tcp_flag::syn | tcp_flag::ack;
    const int handshake = segment.flags & both;
    if (handshake == tcp_flag::syn && evidence->syn == End::unknown) evidence->syn = sender;
    if (handshake == both && evidence->syn_ack == End::unknown) evidence->syn_ack = receiver;
    if (evidence->method == End::unknown && begins_with_method(segment.payload)) {
        evidence->method = sender;
    }
}

namespace {

// What a first fragment shows of its segment: ports, and flags when they are there.
bool first_of_segment(Bytes frame, Segment* segment) {
    constexpr std::size_t ports_bytes = 4, flags_at = 13;
    const std::uint8_t* header = frame.data() + segment->transport_offset;
    const bool v4 = segment->ip_version == 4;
    const std::uint16_t place =
        v4 ? load_be16(frame.data() + segment->network_offset + 6) & 0x1fff : load_be16(header + 2);
    const std::uint8_t protocol = v4 ? frame[segment->network_offset + 9U] : header[0];
    if ((v4 ? place : place & 0xfff8) != 0 || protocol != ip_protocol::tcp) return false;
    const Bytes tcp = segment->payload;
    if (tcp.size() < ports_bytes) return false;
    segment->source.port = load_be16(tcp.data());
    segment->destination.port = load_be16(tcp.data() + 2);
    segment->flags = tcp.size() > flags_at ? tcp[flags_at] : std::uint8_t{0};
    segment->payload = {};
    return true;
}

FlowKey pair_key(Segment segment) {
    segment.source.port = segment.destination.port = 0;
    return flow_key(segment);
}

}  // namespace

Roles::Entry& Roles::entry_of(const FlowKey& key) {
    const auto [found, is_new] = flows_.try_emplace(key);
    if (is_new) found->second.number = static_cast<std::uint32_t>(flows_.size() - 1);
    return *found;
}

void Roles::see(Bytes frame) {
    Segment segment;
    Outcome why;
    const DecodeResult result = decode(frame, checksums_, &segment, &why);
    const bool shows = result == DecodeResult::tcp ||
                       (result == DecodeResult::fragment && first_of_segment(frame, &segment));
    if (!shows) return;
    const FlowKey key = flow_key(segment);
    note(segment, segment.source == key.low() ? End::low : End::high, &entry_of(key).second);
}

void Roles::survey_once() {
    if (surveyed_) return;
    surveyed_ = true;
    survey_();
}

Side Roles::side_of(Bytes frame) {
    Segment segment;
    Outcome why;
    KnownFlow flow;
    const DecodeResult decoded = decode(frame, ChecksumRule::off, &segment, &why);
    return side_of(frame, decoded, segment, &flow);
}

Side Roles::side_of(Bytes frame, DecodeResult decoded, const Segment& segment, KnownFlow* flow) {
    *flow = {};
    switch (decoded) {
        case DecodeResult::tcp: {
            Entry* const entry = decided(segment, [&] {
                Segment again;
                Outcome why;
                return decode(frame, checksums_, &again, &why) == DecodeResult::tcp;
            });
            if (entry == nullptr) return Side::client;
            *flow = {&entry->first, entry->second.number};
            return side_of_segment(segment, entry);
        }
        case DecodeResult::fragment:
            return side_of_fragment(frame, segment);
        case DecodeResult::other:
        case DecodeResult::tunnel:
            return side_of_other(segment);
        case DecodeResult::malformed:
            break;
    }
    return Side::client;
}

Side Roles::side_of_other(const Segment& segment) const {
    const bool served =
        std::any_of(services_.begin(), services_.end(), [&](const SegmentEnd& service) {
            return segment.ip_version != 0 && service.address == segment.source.address;
        });
    return served ? Side::storage : Side::client;
}

Side Roles::side_of_fragment(Bytes frame, const Segment& segment) {
    Segment first = segment;
    if (first_of_segment(frame, &first))
        return side_of_segment(first, decided(first, [] { return true; }));
    const FlowKey pair = pair_key(segment);
    auto found = pairs_.find(pair);
    if (found == pairs_.end()) {
        // It came before the first of its datagram, which stands further on.
        survey_once();
        for (const auto& [key, evidence] : flows_) {
            if (!(key.low().address == pair.low().address &&
                  key.high().address == pair.high().address))
                continue;
            found = pairs_.emplace(pair, decide(key, evidence)).first;
            break;
        }
    }
    if (found == pairs_.end()) return side_of_other(segment);
    const End sender = segment.source.address == pair.low().address ? End::low : End::high;
    return sender == found->second ? Side::client : Side::storage;
}

// The client of this segment's flow is decided, and stays it. Null: this is its first, and will be
// dropped for its checksums, so that it decides nothing.
Roles::Entry* Roles::decided(const Segment& segment, const std::function<bool()>& is_right) {
    const FlowKey key = flow_key(segment);
    const auto found = flows_.find(key);
    if (found != flows_.end() && found->second.client != End::unknown) return &*found;
    if (!is_right()) return nullptr;
    Entry& entry = entry_of(key);
    note(segment, segment.source == key.low() ? End::low : End::high, &entry.second);
    if (entry.second.syn == End::unknown) survey_once();
    entry.second.client = decide(key, entry.second);
    return &entry;
}

Side Roles::side_of_segment(const Segment& segment, Entry* entry) {
    auto& [key, evidence] = *entry;
    const End sender = segment.source == key.low() ? End::low : End::high;
    const Side side = sender == evidence.client ? Side::client : Side::storage;
    if (evidence.pair == nullptr) {
        evidence.pair = &pairs_[pair_key(segment)];
        evidence.speaks_to_itself = key.low().address == key.high().address;
    }
    *evidence.pair = evidence.client;
    // Both ends of the pair are one: it has the side of its last packet.
    if (evidence.speaks_to_itself) *evidence.pair = side == Side::client ? End::low : End::high;
    return side;
}

}  // namespace cordon::replay
