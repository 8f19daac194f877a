#include "control/config/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace cordon {

namespace {

constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t mapped_bits = 96;

bool is_ipv4(const std::uint8_t* address) {
    return std::memcmp(address, mapped, sizeof mapped) == 0;
}

// The width of the address family in bits, 0 when the text is no address.
unsigned parse_address(const std::string& text, std::uint8_t* address) {
    if (::inet_pton(AF_INET, text.c_str(), address + sizeof mapped) == 1) {
        std::memcpy(address, mapped, sizeof mapped);
        return 32;
    }
    return ::inet_pton(AF_INET6, text.c_str(), address) == 1 ? 128 : 0;
}

bool clear_host_bits(AddressPrefix* prefix) {
    bool any = false;
    for (unsigned bit = prefix->bits; bit < 128; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
        std::uint8_t& byte = prefix->address[bit / 8];
        any = any || (byte & mask) != 0;
        byte = static_cast<std::uint8_t>(byte & ~mask);
    }
    return any;
}

bool contains_ipv4(const AddressPrefix& prefix) {
    if (prefix.bits >= mapped_bits) return false;
    for (unsigned bit = 0; bit < prefix.bits; ++bit) {
        const unsigned shift = 7 - bit % 8;
        if ((prefix.address[bit / 8] >> shift & 1) != (mapped[bit / 8] >> shift & 1)) return false;
    }
    return true;
}

}  // namespace

AddressResult parse_prefix(std::string_view text, AddressPrefix* prefix) {
    *prefix = {};
    const std::size_t slash = text.find('/');
    const std::string address(text.substr(0, slash));
    // inet_pton stops at a NUL; what stands behind it must not be taken for checked.
    if (address.find('\0') != std::string::npos) return AddressResult::not_an_address;
    const unsigned width = parse_address(address, prefix->address);
    if (width == 0) return AddressResult::not_an_address;

    unsigned bits = width;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (error != std::errc() || end != digits.data() + digits.size() || bits > width) {
            return AddressResult::bad_length;
        }
    }
    prefix->bits = static_cast<std::uint8_t>(bits + (128 - width));
    if (clear_host_bits(prefix)) return AddressResult::host_bits;
    return contains_ipv4(*prefix) ? AddressResult::covers_ipv4 : AddressResult::ok;
}

std::string format_address(const std::uint8_t (&address)[16]) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (is_ipv4(address)) {
        ::inet_ntop(AF_INET, address + sizeof mapped, text, sizeof text);
    } else {
        ::inet_ntop(AF_INET6, address, text, sizeof text);
    }
    return text;
}

std::string format_prefix(const AddressPrefix& prefix) {
    const bool ipv4 = prefix.bits >= mapped_bits && is_ipv4(prefix.address);
    const int bits = ipv4 ? prefix.bits - mapped_bits : prefix.bits;
    return format_address(prefix.address) + "/" + std::to_string(bits);
}

std::string format_endpoint(const std::uint8_t (&address)[16], std::uint16_t port) {
    const std::string text = format_address(address);
    const std::string where = is_ipv4(address) ? text : "[" + text + "]";
    return where + ":" + std::to_string(port);
}

}  // namespace cordon
