// Bytes of the wire as text that is safe to store and to print.
//
// Owns:       nothing.
// Invariants: the result is valid UTF-8 without control characters, line or direction controls;
//             every byte of those, of what is no UTF-8, and every backslash stands as \xNN: the
//             original can be read back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/store/personal.h"
#include "dataplane/base/bytes.h"
#include "dataplane/contract/journal_format.h"

namespace cordon {

std::string clean_text(std::string_view bytes);

// A fixed field of a record: up to its NUL, or whole when there is none.
template <std::size_t N>
std::string clean_field(const char (&field)[N]) {
    const std::string_view all(field, N);
    return clean_text(all.substr(0, all.find('\0')));
}

// IPv6, or IPv4 as ::ffff:a.b.c.d.
std::string address_text(const std::uint8_t (&address)[16]);
std::string hex_text(Bytes bytes);
PeerAddress peer_of(const Endpoint& endpoint);

}  // namespace cordon
