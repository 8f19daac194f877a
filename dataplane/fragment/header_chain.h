// Whether a first fragment holds the whole chain of headers, up to that of TCP with its options.
// What it lacks would come from another fragment, which a receiver may take otherwise than we do
// (RFC 1858, RFC 3128 for IPv4; RFC 7112 for IPv6).
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
