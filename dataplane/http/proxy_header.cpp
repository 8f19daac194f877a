#include "dataplane/http/proxy_header.h"

#include <algorithm>

#include "dataplane/base/limits.h"

namespace cordon {

namespace {

constexpr std::string_view v1_start = "PROXY ";
constexpr std::string_view v2_signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v1_bytes_max = 107;
constexpr std::size_t v2_head_bytes = 16;

constexpr ProxyHeader malformed{ProxyHeaderStatus::malformed, 0, true, {}};

bool begins_like(std::string_view text, std::string_view start) {
    const std::size_t known = std::min(text.size(), start.size());
    return text.substr(0, known) == start.substr(0, known);
}

// The word up to the next blank, which must be there unless the word is the last.
bool take_word(std::string_view* text, bool last, std::string_view* word) {
    const std::size_t blank = text->find(' ');
    if ((blank == std::string_view::npos) != last) return false;
    *word = text->substr(0, blank);
    text->remove_prefix(last ? text->size() : blank + 1);
    return true;
}

// `rest` follows "TCP4 " or "TCP6 ": source, destination and both ports, one blank between them.
ProxyHeader parse_v1_addresses(std::string_view rest, bool is_ipv6, std::uint16_t consumed) {
    ProxyHeader header{ProxyHeaderStatus::ok, consumed, false, {}};
    std::string_view source, destination, source_port, destination_port;
    if (!take_word(&rest, false, &source) || !take_word(&rest, false, &destination) ||
        !take_word(&rest, false, &source_port) || !take_word(&rest, true, &destination_port)) {
        return malformed;
    }
    AddressBytes unused;
    std::uint16_t unused_port = 0;
    const auto parse = is_ipv6 ? parse_ipv6 : parse_ipv4;
    const bool good = parse(source, &header.source.address) && parse(destination, &unused) &&
                      parse_port(source_port, &header.source.port) &&
                      parse_port(destination_port, &unused_port);
    return good ? header : malformed;
}

ProxyHeader parse_v1(std::string_view text) {
    const std::string_view window = text.substr(0, v1_bytes_max);
    const std::size_t lf = window.find('\n');
    if (lf == std::string_view::npos)
        return window.size() < v1_bytes_max ? ProxyHeader() : malformed;
    if (window[lf - 1] != '\r') return malformed;
    const std::string_view line = window.substr(v1_start.size(), lf - 1 - v1_start.size());
    const auto consumed = static_cast<std::uint16_t>(lf + 1);
    if (line.starts_with("TCP4 ")) return parse_v1_addresses(line.substr(5), false, consumed);
    if (line.starts_with("TCP6 ")) return parse_v1_addresses(line.substr(5), true, consumed);
    // What follows UNKNOWN has to be ignored up to the line end.
    if (line != "UNKNOWN" && !line.starts_with("UNKNOWN ")) return malformed;
    return {ProxyHeaderStatus::ok, consumed, true, {}};
}

ProxyHeader parse_v2(Bytes bytes) {
    constexpr std::uint8_t local = 0x20, proxy = 0x21, tcp_ipv4 = 0x11, tcp_ipv6 = 0x21;
    if (bytes.size() > 12 && bytes[12] != local && bytes[12] != proxy) return malformed;
    if (bytes.size() < v2_head_bytes) return {};
    const std::size_t length = load_be16(bytes.data() + 14);
    if (length > limits::proxy_header_bytes_max - v2_head_bytes) return malformed;
    const std::uint8_t family = bytes[13];
    const std::size_t needed = family == tcp_ipv4 ? 12 : family == tcp_ipv6 ? 36 : 0;
    if (bytes[12] == proxy && length < needed) return malformed;
    if (bytes.size() < v2_head_bytes + length) return {};

    ProxyHeader header;
    header.status = ProxyHeaderStatus::ok;
    header.consumed = static_cast<std::uint16_t>(v2_head_bytes + length);
    header.local = bytes[12] == local || needed == 0;
    if (header.local) return header;
    const std::uint8_t* at = bytes.data() + v2_head_bytes;
    const std::size_t address_bytes = family == tcp_ipv4 ? 4 : 16;
    if (family == tcp_ipv4) header.source.address[10] = header.source.address[11] = 0xff;
    std::memcpy(header.source.address.data() + 16 - address_bytes, at, address_bytes);
    header.source.port = load_be16(at + 2 * address_bytes);
    return header;
}

}  // namespace

ProxyHeader parse_proxy_header(Bytes bytes) {
    const std::string_view text = as_text(bytes);
    if (begins_like(text, v1_start)) {
        return text.size() < v1_start.size() ? ProxyHeader() : parse_v1(text);
    }
    if (begins_like(text, v2_signature)) {
        return text.size() < v2_signature.size() ? ProxyHeader() : parse_v2(bytes);
    }
    return {ProxyHeaderStatus::absent, 0, true, {}};
}

}  // namespace cordon
