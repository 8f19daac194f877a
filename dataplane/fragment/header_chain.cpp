#include "dataplane/fragment/header_chain.h"

#include "dataplane/base/limits.h"
#include "dataplane/decode/protocol.h"

namespace cordon {
namespace {

constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment = 44, destination_options = 60,
                       mobility = 135;

bool is_extension(std::uint8_t ip_version, std::uint8_t next) {
    if (next == ip_protocol::authentication) return true;
    return ip_version == 6 && (next == hop_by_hop || next == routing ||
                               next == destination_options || next == mobility);
}

bool upper_header_whole(std::uint8_t ip_version, std::uint8_t next, Bytes payload) {
    constexpr std::size_t tcp_bytes = 20, udp_bytes = 8, least = 8;
    if (next == ip_protocol::udp) return payload.size() >= udp_bytes;
    if (next != ip_protocol::tcp) return true;
    if (ip_version == 4) return payload.size() >= least;
    return payload.size() >= tcp_bytes &&
           payload.size() >= static_cast<std::size_t>(payload[12] >> 4) * 4;
}

}  // namespace

HeaderChain header_chain(std::uint8_t ip_version, std::uint8_t next, Bytes payload) {
    for (std::size_t n = 0; n <= limits::extension_headers_max; ++n) {
        if (ip_version == 6 && next == fragment) return HeaderChain::nested;
        if (!is_extension(ip_version, next)) {
            return upper_header_whole(ip_version, next, payload) ? HeaderChain::whole
                                                                 : HeaderChain::cut;
        }
        if (payload.size() < 2) return HeaderChain::cut;
        std::size_t length = (static_cast<std::size_t>(payload[1]) + 1) * 8;
        if (next == ip_protocol::authentication) {
            length = (static_cast<std::size_t>(payload[1]) + 2) * 4;
        }
        if (length > payload.size()) return HeaderChain::cut;
        next = payload[0];
        payload = payload.subspan(length);
    }
    return HeaderChain::cut;
}

}  // namespace cordon
