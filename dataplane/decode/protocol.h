// What may carry TCP where we do not see it: the numbers of protocols and of UDP ports. The
// kernel's programs keep the same lists (ebpf/packet.bpf.h).
//
// Owns:       nothing; pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace cordon {

namespace ip_protocol {
inline constexpr std::uint8_t tcp = 6, udp = 17, authentication = 51;
}

// Known, and known to carry neither TCP nor IP. Every other number may be a tunnel (IP in IP, GRE,
// ESP, EtherIP, L2TP …) or is unknown, which is no better.
inline bool cannot_carry_tcp(std::uint8_t protocol) {
    constexpr std::uint8_t harmless[] = {
        1,    // ICMP
        2,    // IGMP
        17,   // UDP; but see is_tunnel_port
        58,   // ICMPv6
        59,   // no next header
        88,   // EIGRP
        89,   // OSPF
        103,  // PIM
        112,  // VRRP, CARP
        132,  // SCTP
        136,  // UDP-Lite
    };
    return std::find(std::begin(harmless), std::end(harmless), protocol) != std::end(harmless);
}

// Assigned destination ports of UDP whose payload is a packet of its own. A tunnel on a port that
// its two ends agreed on, or one that is encrypted, cannot be told from any other UDP.
inline bool is_tunnel_port(std::uint16_t port) {
    constexpr std::uint16_t tunnels[] = {
        1701,  // L2TP
        2152,  // GTP-U
        3544,  // Teredo
        4754,  // GRE
        4789,  // VXLAN
        4790,  // VXLAN-GPE
        6080,  // GUE
        6081,  // Geneve
        6635,  // MPLS
        8472,  // VXLAN, as Linux has it by default
    };
    return std::find(std::begin(tunnels), std::end(tunnels), port) != std::end(tunnels);
}

}  // namespace cordon
