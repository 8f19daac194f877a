#include "control/config/metrics_config.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

#include "control/config/text_rules.h"

namespace cordon {

namespace {

constexpr std::size_t socket_path_max = 107;  // of the kernel, without its NUL

bool parse_port(std::string_view text, in_port_t* port) {
    std::uint16_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    *port = htons(value);
    return error == std::errc() && stop == end && value != 0;
}

bool is_loopback(const in_addr& address) {
    constexpr std::uint32_t loopback_net = 127;
    return ntohl(address.s_addr) >> 24 == loopback_net;
}

template <typename Address>
ListenAddress of_socket(const Address& address) {
    ListenAddress result;
    std::memcpy(&result.address, &address, sizeof address);
    result.length = sizeof address;
    return result;
}

bool fits(std::string_view text) {
    return text.empty() || parse_listen_address(text).has_value();
}

constexpr TextRule listen_rule = {
    fits,
    "an address of the loopback with its port, like \"127.0.0.1:9748\" or \"[::1]:9748\", or the "
    "path of a Unix socket: what is told there is not encrypted, so a proxy carries it further"};

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
    if (text.starts_with('/')) {
        ListenAddress result;
        result.path = text;
        const bool fitting = path_rule.fits(text) && text.size() <= socket_path_max;
        return fitting ? std::optional(result) : std::nullopt;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string host(text.substr(0, colon));
    sockaddr_in four = {};
    sockaddr_in6 six = {};
    if (!parse_port(text.substr(colon + 1), &four.sin_port)) return std::nullopt;
    if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1 && is_loopback(four.sin_addr)) {
        four.sin_family = AF_INET;
        return of_socket(four);
    }
    if (host != "[::1]") return std::nullopt;
    six.sin6_family = AF_INET6;
    six.sin6_port = four.sin_port;
    six.sin6_addr = in6addr_loopback;
    return of_socket(six);
}

void read_metrics(TomlSection section, MetricsOptions* o) {
    section.text("listen", &o->listen, socket_path_max, listen_rule);
    section.finish();
}

}  // namespace cordon
