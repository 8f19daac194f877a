// Addresses and prefixes as text: "192.0.2.10", "2001:db8::/32".
//
// Owns:       nothing.
// Invariants: IPv4 is kept as ::ffff:a.b.c.d, bits counted from the left of all 128; a parsed
// prefix
//             has no bits set behind its length.
#pragma once

#include <string>
#include <string_view>

#include "dataplane/contract/options.h"

namespace cordon {

enum class AddressResult : std::uint8_t {
    ok,
    not_an_address,
    bad_length,   // no number, or above 32 or 128
    host_bits,    // bits set behind the length; *prefix has them cleared
    covers_ipv4,  // an IPv6 prefix so short that every IPv4 address is in it
};

// "ADDRESS" or "ADDRESS/BITS"; without bits the whole address.
AddressResult parse_prefix(std::string_view text, AddressPrefix* prefix);

std::string format_address(const std::uint8_t (&address)[16]);
std::string format_prefix(const AddressPrefix& prefix);

// "192.0.2.10:80", "[2001:db8::1]:80".
std::string format_endpoint(const std::uint8_t (&address)[16], std::uint16_t port);

}  // namespace cordon
