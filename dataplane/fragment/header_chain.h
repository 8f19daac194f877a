// Whether a first fragment holds the chain of headers up to the ports, in IPv6 all of TCP's header.
//
// In IPv6 what it lacks is refused by receivers as well (RFC 7112); otherwise the fragments of two
// datagrams that we bridged could be put together, when one of each gets lost, to one that begins
// elsewhere. In IPv4 the ports always stand in the first eight bytes, and no fragment is shorter.
// That the rest of the header may follow (RFC 1858, RFC 3128) deceives who decides by the first
// fragment: here nothing is decided before the datagram is whole.
//
// Owns:       nothing; pure.
// Limits:     limits::extension_headers_max.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace cordon {

enum class HeaderChain : std::uint8_t {
    whole,
    cut,     // goes on behind these bytes, or is longer than any
    nested,  // a fragment header behind the fragment header
};

// `next`: what stands at the beginning of `payload`, the fragment's part of the datagram.
HeaderChain header_chain(std::uint8_t ip_version, std::uint8_t next, Bytes payload);

}  // namespace cordon
