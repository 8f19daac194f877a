#include "dataplane/http/address.h"

#include <cstring>

#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

// One decimal number without leading zeros, at most `max`, from the front of *text.
bool take_number(std::string_view* text, unsigned max, unsigned* value) {
    std::size_t digits = 0;
    *value = 0;
    while (digits < text->size() && is_digit((*text)[digits])) {
        *value = *value * 10 + static_cast<unsigned>((*text)[digits] - '0');
        if (++digits > 5 || *value > max) return false;
    }
    if (digits == 0 || (digits > 1 && text->front() == '0')) return false;
    text->remove_prefix(digits);
    return true;
}

bool take_ipv4(std::string_view text, std::uint8_t* bytes) {
    for (int i = 0; i < 4; ++i) {
        unsigned value = 0;
        if (i > 0) {
            if (text.empty() || text.front() != '.') return false;
            text.remove_prefix(1);
        }
        if (!take_number(&text, 255, &value)) return false;
        bytes[i] = static_cast<std::uint8_t>(value);
    }
    return text.empty();
}

// 1 to 4 hex digits from the front of *text.
bool take_group(std::string_view* text, std::uint8_t* bytes) {
    unsigned value = 0;
    std::size_t digits = 0;
    for (; digits < text->size() && hex_digit((*text)[digits]) >= 0; ++digits) {
        if (digits == 4) return false;
        value = value << 4 | static_cast<unsigned>(hex_digit((*text)[digits]));
    }
    text->remove_prefix(digits);
    bytes[0] = static_cast<std::uint8_t>(value >> 8);
    bytes[1] = static_cast<std::uint8_t>(value);
    return digits != 0;
}

}  // namespace

bool parse_ipv4(std::string_view text, AddressBytes* address) {
    AddressBytes mapped{};
    mapped[10] = mapped[11] = 0xff;
    if (!take_ipv4(text, mapped.data() + 12)) return false;
    *address = mapped;
    return true;
}

bool parse_ipv6(std::string_view text, AddressBytes* address) {
    constexpr std::size_t none = 17;
    AddressBytes bytes{};
    std::size_t used = 0;
    std::size_t gap = none;  // where "::" stands
    if (text.starts_with("::")) {
        gap = 0;
        text.remove_prefix(2);
    }
    while (!text.empty()) {
        if (used == 16) return false;
        const std::size_t colon = text.find(':');
        if (colon == std::string_view::npos && text.find('.') != std::string_view::npos) {
            if (used > 12 || !take_ipv4(text, bytes.data() + used)) return false;
            used += 4;
            break;
        }
        if (!take_group(&text, bytes.data() + used)) return false;
        used += 2;
        if (text.empty()) break;
        if (text.front() != ':') return false;
        text.remove_prefix(1);
        if (text.empty()) return false;
        if (text.front() != ':') continue;
        if (gap != none) return false;
        gap = used;
        text.remove_prefix(1);
    }
    if (gap == none ? used != 16 : used > 14) return false;
    if (gap != none) {
        const std::size_t after = used - gap;
        std::memmove(bytes.data() + 16 - after, bytes.data() + gap, after);
        std::memset(bytes.data() + gap, 0, 16 - used);
    }
    *address = bytes;
    return true;
}

bool parse_port(std::string_view text, std::uint16_t* port) {
    unsigned value = 0;
    if (!take_number(&text, 65535, &value) || !text.empty()) return false;
    *port = static_cast<std::uint16_t>(value);
    return true;
}

bool parse_endpoint(std::string_view text, ClientAddress* endpoint) {
    ClientAddress parsed;
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return false;
        if (!parse_ipv6(text.substr(1, close - 1), &parsed.address)) return false;
        port = text.substr(close + 1);
    } else if (const std::size_t colon = text.find(':');
               colon == std::string_view::npos || text.find('.') < colon) {
        if (!parse_ipv4(text.substr(0, colon), &parsed.address)) return false;
        port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    } else if (!parse_ipv6(text, &parsed.address)) {
        return false;
    }
    if (!port.empty() && (port[0] != ':' || !parse_port(port.substr(1), &parsed.port)))
        return false;
    *endpoint = parsed;
    return true;
}

bool is_within(const AddressBytes& address, const AddressPrefix& prefix) {
    const unsigned bits = prefix.bits > 128 ? 128 : prefix.bits;
    const unsigned whole = bits / 8;
    if (std::memcmp(address.data(), prefix.address, whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const unsigned mask = 0xffu << (8 - bits % 8) & 0xffu;
    return ((address[whole] ^ prefix.address[whole]) & mask) == 0;
}

bool is_within_any(const AddressBytes& address, std::span<const AddressPrefix> prefixes) {
    for (const AddressPrefix& prefix : prefixes) {
        if (is_within(address, prefix)) return true;
    }
    return false;
}

}  // namespace cordon
