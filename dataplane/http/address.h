// IP addresses as text, as proxies write them: one form for both families, 16 bytes, IPv4 as
// ::ffff:a.b.c.d.
//
// Owns:       nothing.
// Invariants: accepts what inet_pton accepts (and no zone, no octal, no shortened IPv4).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/contract/options.h"

namespace cordon {

using AddressBytes = std::array<std::uint8_t, 16>;

struct ClientAddress {
    AddressBytes address{};
    std::uint16_t port = 0;  // 0: not told
};

bool parse_ipv4(std::string_view text, AddressBytes* address);
bool parse_ipv6(std::string_view text, AddressBytes* address);

// Decimal without leading zeros, 0…65535.
bool parse_port(std::string_view text, std::uint16_t* port);

// a.b.c.d[:port] | [v6][:port] | v6 without port.
bool parse_endpoint(std::string_view text, ClientAddress* endpoint);

bool is_within(const AddressBytes& address, const AddressPrefix& prefix);
bool is_within_any(const AddressBytes& address, std::span<const AddressPrefix> prefixes);

}  // namespace cordon
