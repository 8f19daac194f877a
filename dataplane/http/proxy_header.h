// The PROXY protocol header, versions 1 and 2, that a terminator puts before the first byte of a
// connection to say who its client is.
//
//   v1   "PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n"        at most 107 bytes
//   v2   signature (12) | version and command | family and protocol | length (2) | addresses | TLVs
//
// LOCAL, UNKNOWN and families other than TCP over IPv4 and IPv6 are valid and name nobody: the
// peer's own address stands. TLVs are skipped; the CRC32c among them is not checked, as TCP has its
// checksum and the specification leaves it to the receiver.
//
// Owns:       nothing.
// Invariants: `absent` is final: no further byte can make the connection begin with a header;
//             `incomplete` turns into something else within proxy_header_bytes_max bytes.
// Worker:     a pure function.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/http/address.h"

namespace cordon {

enum class ProxyHeaderStatus : std::uint8_t { incomplete, absent, malformed, ok };

struct ProxyHeader {
    ProxyHeaderStatus status = ProxyHeaderStatus::incomplete;
    std::uint16_t consumed = 0;  // bytes of the header, with ok
    bool local = true;           // nobody is named: source is not set
    ClientAddress source;
};

// `bytes` are all bytes of the connection so far.
ProxyHeader parse_proxy_header(Bytes bytes);

}  // namespace cordon
