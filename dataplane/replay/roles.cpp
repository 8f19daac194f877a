#include "dataplane/replay/roles.h"

#include <xxhash.h>

#include <algorithm>
#include <string_view>
#include <utility>

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
    const bool low_serves = is_service(key.low);
    if (low_serves != is_service(key.high)) return low_serves ? End::high : End::low;
    if (evidence.syn_ack != End::unknown) return evidence.syn_ack;
    if (evidence.method != End::unknown) return evidence.method;
    return key.low.port > key.high.port ? End::low : End::high;
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

void Roles::see(Bytes frame) {
    Segment segment;
    Outcome why;
    if (decode(frame, checksums_, &segment, &why) != DecodeResult::tcp) return;
    const FlowKey key = flow_key(segment);
    note(segment, segment.source == key.low ? End::low : End::high, &flows_[key]);
}

Side Roles::side_of(Bytes frame) {
    Segment segment;
    Outcome why;
    const DecodeResult result = decode(frame, ChecksumRule::off, &segment, &why);
    if (result == DecodeResult::malformed) return Side::client;
    if (result != DecodeResult::tcp) {
        const auto same_address = [&](const SegmentEnd& service) {
            return segment.ip_version != 0 && service.address == segment.source.address;
        };
        return std::any_of(services_.begin(), services_.end(), same_address) ? Side::storage
                                                                             : Side::client;
    }
    const FlowKey key = flow_key(segment);
    const End sender = segment.source == key.low ? End::low : End::high;
    auto found = flows_.find(key);
    if (found == flows_.end() || found->second.client == End::unknown) {
        // A segment that will be dropped decides nothing.
        if (decode(frame, checksums_, &segment, &why) != DecodeResult::tcp) return Side::client;
        if (found == flows_.end()) found = flows_.emplace(key, Evidence{}).first;
        note(segment, sender, &found->second);
        if (found->second.syn == End::unknown && !surveyed_) {
            surveyed_ = true;
            survey_();
            found = flows_.find(key);
        }
        found->second.client = decide(key, found->second);
    }
    return sender == found->second.client ? Side::client : Side::storage;
}

}  // namespace cordon::replay
