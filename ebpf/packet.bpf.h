/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
// Bounded parsing of Ethernet, VLAN tags, IPv4, IPv6 and TCP, for XDP and for tc.
//
// Owns:       nothing.
// Invariants: `packet_not_tcp` and `packet_tcp` are positive findings; whatever could hide TCP from
//             us is odd (addresses known) or unclear (addresses unknown), never "not TCP".
// Limits:     4 tags, 6 IPv6 extension headers, headers within the first 512 bytes.
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum packet_kind {
    packet_not_ip,   // ARP, LLDP, LACP, STP: cannot carry a service
    packet_not_tcp,  // ICMP, UDP and others that cannot carry TCP
    packet_tcp,      // one whole segment: ports, flags and payload length are known
    packet_odd,      // IP, but fragment, option, extension header, tunnel, deep tags, malformed
    packet_unclear,  // too short or too nested to know its addresses
};

struct packet {
    __u8 src[16];
    __u8 dst[16];
    __u32 payload;  // of TCP; for an odd packet 1: it may carry some
    __u16 src_port;
    __u16 dst_port;
    __u16 vlan;  // id of the outermost tag, 0 when there is none (or only priority tags)
    __u8 tags;
    __u8 kind;
    __u8 syn;  // SYN without ACK
    __u8 ports_known;
    __u8 protocol;
    __u8 syn_ack;
    __u8 hop_limit;
    __u8 reserved;
    __u16 tcp_at;  // offset of the TCP header, of a whole segment
};

struct frame {
    const void* data;
    const void* data_end;
    __u32 length;  // of the whole frame, also where not all of it is readable
};

enum {
    packet_tags_max = 4,
    packet_tags_plain = 2,
    packet_extensions_max = 6,
    packet_header_offset_max = 512,
};

static __always_inline const void* frame_view(const struct frame* f, __u32 offset, __u32 bytes) {
    if (offset > packet_header_offset_max) return 0;
    const void* p = f->data + offset;
    if (p + bytes > f->data_end) return 0;
    return p;
}

static __always_inline int is_tag(__u16 type) {
    return type == ETH_P_8021Q || type == ETH_P_8021AD || type == ETH_P_QINQ1 ||
           type == ETH_P_QINQ2 || type == ETH_P_QINQ3;
}

// Ethernet types that wrap other frames or IP packets: MPLS, PPPoE, PBB, MACsec, NSH, TRILL.
static __always_inline int wraps_ip(__u16 type) {
    return type == ETH_P_MPLS_UC || type == ETH_P_MPLS_MC || type == ETH_P_PPP_SES ||
           type == ETH_P_8021AH || type == ETH_P_MACSEC || type == ETH_P_NSH || type == 0x22f3;
}

// UDP whose payload is a packet of its own, by its assigned destination port: VXLAN and its like.
// The worker has the same list (dataplane/decode/protocol.h).
static __always_inline int is_tunnel_port(__u16 port) {
    switch (port) {
        case 1701:  // L2TP
        case 2152:  // GTP-U
        case 3544:  // Teredo
        case 4754:  // GRE
        case 4789:  // VXLAN
        case 4790:  // VXLAN-GPE
        case 6080:  // GUE
        case 6081:  // Geneve
        case 6635:  // MPLS
        case 8472:  // VXLAN, as Linux has it by default
            return 1;
        default:
            return 0;
    }
}

// A protocol that is known, and known to carry neither TCP nor IP.
static __always_inline int cannot_carry_tcp(__u8 protocol) {
    switch (protocol) {
        case IPPROTO_ICMP:
        case IPPROTO_IGMP:
        case IPPROTO_UDP:
        case IPPROTO_ICMPV6:
        case IPPROTO_NONE:
        case IPPROTO_SCTP:
        case IPPROTO_UDPLITE:
        case 88:   // EIGRP
        case 89:   // OSPF
        case 103:  // PIM
        case 112:  // VRRP, CARP
            return 1;
        default:
            return 0;
    }
}

// 802.2 frames are STP, CDP and the like; SNAP with OUI 0 is Ethernet in disguise and may be IP.
static __always_inline __u8 parse_llc(const struct frame* f, __u32 offset) {
    const __u8* llc = frame_view(f, offset, 8);
    if (!llc) return packet_not_ip;
    if (llc[0] == 0xaa && llc[1] == 0xaa && !(llc[3] | llc[4] | llc[5])) return packet_unclear;
    return packet_not_ip;
}

// `l4_bytes` is what the IP header leaves for TCP. `odd` was found in the layers below.
static __always_inline __u8 parse_tcp(const struct frame* f, __u32 offset, __u32 l4_bytes, int odd,
                                      struct packet* p) {
    const __be16* ports = frame_view(f, offset, 4);
    if (!ports) return packet_odd;
    p->src_port = bpf_ntohs(ports[0]);
    p->dst_port = bpf_ntohs(ports[1]);
    p->ports_known = 1;
    if (odd) return packet_odd;

    const struct tcphdr* tcp = frame_view(f, offset, sizeof *tcp);
    if (!tcp) return packet_odd;
    const __u32 header = tcp->doff * 4u;
    if (header < sizeof *tcp || header > l4_bytes) return packet_odd;
    p->tcp_at = offset;
    p->payload = l4_bytes - header;
    p->syn = tcp->syn && !tcp->ack;
    p->syn_ack = tcp->syn && tcp->ack;
    return packet_tcp;
}

static __always_inline int udp_tunnel(const struct frame* f, __u32 offset) {
    const __be16* ports = frame_view(f, offset, 4);
    return ports && is_tunnel_port(bpf_ntohs(ports[1]));
}

static __always_inline void map_ipv4(__u8* to, __be32 address) {
    __builtin_memset(to, 0, 10);
    to[10] = to[11] = 0xff;
    __builtin_memcpy(to + 12, &address, 4);
}

static __always_inline __u8 parse_ipv4(const struct frame* f, __u32 offset, int odd,
                                       struct packet* p) {
    const struct iphdr* ip = frame_view(f, offset, sizeof *ip);
    if (!ip) return packet_unclear;
    map_ipv4(p->src, ip->saddr);
    map_ipv4(p->dst, ip->daddr);
    p->protocol = ip->protocol;
    p->hop_limit = ip->ttl;

    const __u32 header = ip->ihl * 4u;
    const __u32 total = bpf_ntohs(ip->tot_len);
    if (ip->version != 4 || header < sizeof *ip || total < header || offset + total > f->length)
        return packet_odd;
    const __u16 fragment = bpf_ntohs(ip->frag_off) & 0x3fff;
    // The protocol is part of an IPv4 datagram's reassembly key: each of its fragments tells it.
    if (cannot_carry_tcp(ip->protocol)) {
        const int begins = ip->protocol == IPPROTO_UDP && !(fragment & 0x1fff);
        return begins && udp_tunnel(f, offset + header) ? packet_odd : packet_not_tcp;
    }
    if (ip->protocol != IPPROTO_TCP) return packet_odd;

    if (fragment & 0x1fff) return packet_odd;  // not the first: no ports
    if (fragment || header != sizeof *ip) odd = 1;
    return parse_tcp(f, offset + header, total - header, odd, p);
}

// Walks the chain so that the ports are found, for `deny`, even behind extension headers.
static __always_inline __u8 parse_ipv6(const struct frame* f, __u32 offset, int odd,
                                       struct packet* p) {
    const struct ipv6hdr* ip = frame_view(f, offset, sizeof *ip);
    if (!ip) return packet_unclear;
    __builtin_memcpy(p->src, &ip->saddr, 16);
    __builtin_memcpy(p->dst, &ip->daddr, 16);
    p->hop_limit = ip->hop_limit;
    const __u32 end = offset + sizeof *ip + bpf_ntohs(ip->payload_len);
    if (ip->version != 6 || end > f->length) return packet_odd;

    __u8 next = ip->nexthdr;
    int fragment = 0;
    offset += sizeof *ip;
    for (int i = 0; i < packet_extensions_max; i++) {
        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
            next != IPPROTO_FRAGMENT && next != IPPROTO_AH && next != IPPROTO_MH)
            break;
        const __u8* extension = frame_view(f, offset, 8);
        if (!extension) return packet_odd;
        __u32 bytes = (extension[1] + 1u) * 8;
        if (next == IPPROTO_AH) bytes = (extension[1] + 2u) * 4;
        if (next == IPPROTO_FRAGMENT) {
            // Only the first fragment's next header counts for the receiver: no other is believed.
            fragment = 1;
            bytes = 8;
            if (extension[2] | (extension[3] & 0xf8)) return packet_odd;
        }
        odd = 1;
        next = extension[0];
        offset += bytes;
    }
    p->protocol = next;
    if (!fragment && cannot_carry_tcp(next)) {
        return next == IPPROTO_UDP && udp_tunnel(f, offset) ? packet_odd : packet_not_tcp;
    }
    if (next != IPPROTO_TCP || offset > end) return packet_odd;
    return parse_tcp(f, offset, end - offset, odd, p);
}

static __always_inline __u8 parse_layers(const struct frame* f, struct packet* p) {
    const struct ethhdr* eth = frame_view(f, 0, sizeof *eth);
    if (!eth) return packet_unclear;
    __u16 type = bpf_ntohs(eth->h_proto);
    __u32 offset = sizeof *eth;
#pragma unroll
    for (int i = 0; i < packet_tags_max; i++) {
        if (!is_tag(type)) break;
        const __be16* tag = frame_view(f, offset, 4);
        if (!tag) return packet_unclear;
        if (!p->vlan) p->vlan = bpf_ntohs(tag[0]) & 0x0fff;
        p->tags++;
        type = bpf_ntohs(tag[1]);
        offset += 4;
    }
    const int odd = p->tags > packet_tags_plain;
    if (type == ETH_P_IP) return parse_ipv4(f, offset, odd, p);
    if (type == ETH_P_IPV6) return parse_ipv6(f, offset, odd, p);
    if (is_tag(type) || wraps_ip(type)) return packet_unclear;
    if (type < ETH_P_802_3_MIN) return parse_llc(f, offset);
    return packet_not_ip;
}

// `stripped_tci` is a tag that the kernel has already taken off (tc), or −1.
static __always_inline void parse_packet(const struct frame* f, int stripped_tci,
                                         struct packet* p) {
    __builtin_memset(p, 0, sizeof *p);
    if (stripped_tci >= 0) {
        p->vlan = stripped_tci & 0x0fff;
        p->tags = 1;
    }
    p->kind = parse_layers(f, p);
    if (p->kind == packet_odd) p->payload = 1;
}
