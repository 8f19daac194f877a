#include "dataplane/shell/xdp_features.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/shell/steer_maps.h"

namespace cordon {

namespace {

// From the kernel's netdev.yaml; Debian 12 has no header for it.
constexpr std::uint8_t netdev_dev_get = 1;
constexpr std::uint16_t netdev_dev_ifindex = 1;
constexpr std::uint16_t netdev_dev_xdp_features = 3;
constexpr std::uint64_t netdev_ndo_xmit = 4;

constexpr std::size_t aligned(std::size_t bytes) {
    return (bytes + 3) & ~std::size_t{3};
}
constexpr std::size_t head_bytes = sizeof(nlmsghdr) + sizeof(genlmsghdr);

std::vector<std::uint8_t> make_request(std::uint16_t family, std::uint8_t command,
                                       std::uint16_t attribute, const void* value,
                                       std::size_t bytes) {
    std::vector<std::uint8_t> request(head_bytes + aligned(sizeof(nlattr) + bytes));
    nlmsghdr head{};
    head.nlmsg_len = static_cast<std::uint32_t>(request.size());
    head.nlmsg_type = family;
    head.nlmsg_flags = NLM_F_REQUEST;
    genlmsghdr generic{};
    generic.cmd = command;
    generic.version = 1;
    nlattr attr{};
    attr.nla_type = attribute;
    attr.nla_len = static_cast<std::uint16_t>(sizeof attr + bytes);
    std::memcpy(request.data(), &head, sizeof head);
    std::memcpy(request.data() + sizeof head, &generic, sizeof generic);
    std::memcpy(request.data() + head_bytes, &attr, sizeof attr);
    std::memcpy(request.data() + head_bytes + sizeof attr, value, bytes);
    return request;
}

// The first attribute of that type in an answer; none for an error answer or a malformed one.
template <typename T>
std::optional<T> find_attribute(std::span<const std::uint8_t> answer, std::uint16_t wanted) {
    nlmsghdr head{};
    if (answer.size() < head_bytes) return {};
    std::memcpy(&head, answer.data(), sizeof head);
    if (head.nlmsg_type == NLMSG_ERROR || head.nlmsg_len > answer.size()) return {};
    std::size_t at = head_bytes;
    while (at + sizeof(nlattr) <= head.nlmsg_len) {
        nlattr attr{};
        std::memcpy(&attr, answer.data() + at, sizeof attr);
        if (attr.nla_len < sizeof attr || at + attr.nla_len > head.nlmsg_len) return {};
        if (attr.nla_type == wanted && attr.nla_len >= sizeof attr + sizeof(T)) {
            T value;
            std::memcpy(&value, answer.data() + at + sizeof attr, sizeof value);
            return value;
        }
        at += aligned(attr.nla_len);
    }
    return {};
}

template <typename T>
std::optional<T> ask(int socket, const std::vector<std::uint8_t>& request, std::uint16_t wanted) {
    std::vector<std::uint8_t> answer(16 * 1024);
    if (::send(socket, request.data(), request.size(), 0) < 0) return {};
    const ssize_t got = ::recv(socket, answer.data(), answer.size(), 0);
    if (got < 0) return {};
    return find_attribute<T>(std::span(answer).first(static_cast<std::size_t>(got)), wanted);
}

}  // namespace

XdpTransmit xdp_transmit(int ifindex) {
    const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
    if (!socket.valid()) return XdpTransmit::unknown;
    const timeval patience{1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    constexpr std::string_view name("netdev\0", 7);
    const auto family =
        ask<std::uint16_t>(socket.get(),
                           make_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
                                        name.data(), name.size()),
                           CTRL_ATTR_FAMILY_ID);
    if (!family) return XdpTransmit::unknown;
    const auto features = ask<std::uint64_t>(
        socket.get(),
        make_request(*family, netdev_dev_get, netdev_dev_ifindex, &ifindex, sizeof ifindex),
        netdev_dev_xdp_features);
    if (!features) return XdpTransmit::unknown;
    return (*features & netdev_ndo_xmit) != 0 ? XdpTransmit::yes : XdpTransmit::no;
}

}  // namespace cordon
