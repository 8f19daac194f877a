#include "dataplane/decode/build.h"

#include <algorithm>
#include <utility>

namespace cordon {
namespace {

constexpr std::size_t ipv4_bytes = 20, ipv6_bytes = 40, tcp_bytes = 20, timestamp_bytes = 12;
constexpr std::uint8_t protocol_tcp = 6, default_hop_limit = 64;
constexpr std::uint8_t option_end = 0, option_nop = 1, option_mss = 2, option_window_scale = 3,
                       option_sack_permitted = 4, option_sack = 5, option_timestamps = 8;
// The low two bits of the traffic class are ECN marks of one packet, not of a flow;
// acknowledgements and retransmissions must carry none (RFC 3168 §6.1.4, §6.1.5).
constexpr std::uint32_t ecn_bits = 0x00300000;

std::size_t ip_bytes(const SegmentTemplate& like) {
    return like.ip_version() == 4 ? ipv4_bytes : ipv6_bytes;
}

void write_ipv4(std::uint8_t* ip, const SegmentTemplate& like, std::size_t transport_bytes) {
    constexpr std::uint16_t dont_fragment = 0x4000;
    ip[0] = 0x45;
    ip[1] = static_cast<std::uint8_t>(like.traffic >> 20);
    store_be16(ip + 2, static_cast<std::uint16_t>(ipv4_bytes + transport_bytes));
    store_be16(ip + 4, 0);  // an atomic datagram needs no id (RFC 6864 §4.1)
    store_be16(ip + 6, dont_fragment);
    ip[8] = like.hop_limit;
    ip[9] = protocol_tcp;
    std::memcpy(ip + 12, like.source.address.bytes + 12, 4);
    std::memcpy(ip + 16, like.destination.address.bytes + 12, 4);
}

void write_ipv6(std::uint8_t* ip, const SegmentTemplate& like, std::size_t transport_bytes) {
    store_be32(ip, like.traffic);
    store_be16(ip + 4, static_cast<std::uint16_t>(transport_bytes));
    ip[6] = protocol_tcp;
    ip[7] = like.hop_limit;
    std::memcpy(ip + 8, like.source.address.bytes, 16);
    std::memcpy(ip + 24, like.destination.address.bytes, 16);
}

void rewrite_checksums(MutableBytes frame, const Segment& segment) {
    write_checksums(frame.data(), segment.ip_version, segment.network_offset,
                    segment.transport_offset, segment.payload_offset + segment.payload.size());
}

bool passes_in_syn(std::uint8_t kind) {
    return kind == option_mss || kind == option_window_scale || kind == option_sack_permitted ||
           kind == option_timestamps;
}

// Overwrites the option if it must not pass. True when something was changed.
bool normalise_syn_option(MutableBytes option) {
    constexpr std::uint8_t largest_scale = 14;  // RFC 7323 §2.3
    if (!passes_in_syn(option[0])) {
        std::fill(option.begin(), option.end(), option_nop);
        return true;
    }
    if (option[0] != option_window_scale || option[2] <= largest_scale) return false;
    option[2] = largest_scale;
    return true;
}

// Calls `alter` with every option but NOPs; true when it or what stands behind the end changed.
template <typename Alter>
bool alter_options(MutableBytes frame, const Segment& segment, Alter alter) {
    const std::size_t begin = segment.transport_offset + tcp_bytes;
    MutableBytes rest = frame.subspan(begin, segment.payload_offset - begin);
    bool changed = false;
    while (!rest.empty()) {
        if (rest[0] == option_end) {
            // What stands behind the end is padding (RFC 9293 §3.1), whoever may read on.
            changed |= std::any_of(rest.begin(), rest.end(), [](std::uint8_t b) { return b != 0; });
            std::fill(rest.begin(), rest.end(), option_end);
            break;
        }
        const std::size_t length = rest[0] == option_nop ? 1 : rest[1];
        if (rest[0] != option_nop) changed |= alter(rest.first(length));
        rest = rest.subspan(length);
    }
    return changed;
}

}  // namespace

SegmentTemplate template_of(Bytes frame, const Segment& segment) {
    SegmentTemplate like{};
    const std::uint8_t* ip = frame.data() + segment.network_offset;
    like.link_length = static_cast<std::uint8_t>(segment.network_offset);
    std::memcpy(like.link, frame.data(), segment.network_offset);
    like.source = segment.source;
    like.destination = segment.destination;
    if (segment.ip_version == 4) {
        like.traffic = 4u << 28 | static_cast<std::uint32_t>(ip[1]) << 20;
        like.traffic &= ~ecn_bits;
        like.hop_limit = ip[8];
    } else {
        like.traffic = load_be32(ip) & ~ecn_bits;
        like.hop_limit = ip[7];
    }
    return like;
}

SegmentTemplate reversed(const SegmentTemplate& forward) {
    SegmentTemplate back = forward;
    std::swap_ranges(back.link, back.link + 6, back.link + 6);
    std::swap(back.source, back.destination);
    back.hop_limit = default_hop_limit;
    return back;
}

void follow_link(Bytes frame, const Segment& segment, SegmentTemplate* forward,
                 SegmentTemplate* back) {
    constexpr std::size_t mac = 6;
    std::uint8_t* ours = forward->link;
    if (std::memcmp(ours, frame.data(), 2 * mac) == 0) return;
    if (segment.network_offset != forward->link_length) return;
    if (std::memcmp(back->link, ours + mac, mac) == 0)
        std::memcpy(back->link, frame.data() + mac, mac);
    std::memcpy(ours, frame.data(), 2 * mac);
}

std::size_t header_bytes(const SegmentTemplate& like, bool timestamps) {
    return like.link_length + ip_bytes(like) + tcp_bytes + (timestamps ? timestamp_bytes : 0);
}

std::size_t build_segment(MutableBytes frame, const SegmentTemplate& like, std::uint32_t sequence,
                          std::uint32_t acknowledgement, std::uint8_t flags, std::uint16_t window,
                          std::optional<Timestamps> timestamps, Bytes payload) {
    const std::size_t headers = header_bytes(like, timestamps.has_value());
    const std::size_t length = headers + payload.size();
    if (length > frame.size() || length - like.link_length > UINT16_MAX) return 0;

    std::uint8_t* ip = frame.data() + like.link_length;
    std::uint8_t* tcp = ip + ip_bytes(like);
    const std::size_t tcp_header = tcp_bytes + (timestamps ? timestamp_bytes : 0);
    std::memcpy(frame.data(), like.link, like.link_length);
    if (like.ip_version() == 4) {
        write_ipv4(ip, like, tcp_header + payload.size());
    } else {
        write_ipv6(ip, like, tcp_header + payload.size());
    }
    store_be16(tcp, like.source.port);
    store_be16(tcp + 2, like.destination.port);
    store_be32(tcp + 4, sequence);
    store_be32(tcp + 8, acknowledgement);
    tcp[12] = static_cast<std::uint8_t>(tcp_header / 4 << 4);
    tcp[13] = flags;
    store_be16(tcp + 14, window);
    store_be16(tcp + 18, 0);
    if (timestamps) {
        store_be32(tcp + tcp_bytes, 0x0101080a);  // NOP NOP, kind 8, length 10
        store_be32(tcp + tcp_bytes + 4, timestamps->value);
        store_be32(tcp + tcp_bytes + 8, timestamps->echo);
    }
    if (!payload.empty()) std::memcpy(tcp + tcp_header, payload.data(), payload.size());
    write_checksums(frame.data(), like.ip_version(), like.link_length,
                    static_cast<std::size_t>(tcp - frame.data()), length);
    return length;
}

std::size_t build_part(MutableBytes frame, Bytes whole, const Segment& segment, std::size_t from,
                       std::size_t count) {
    SegmentTemplate like = template_of(whole, segment);
    const std::uint8_t* ip = whole.data() + segment.network_offset;
    // Other than a segment of our own it carries the marks of the packet it came in.
    like.traffic |=
        (segment.ip_version == 4 ? static_cast<std::uint32_t>(ip[1]) << 20 : load_be32(ip)) &
        ecn_bits;
    const auto tcp_header =
        static_cast<std::size_t>(segment.payload_offset - segment.transport_offset);
    const std::size_t tcp_at = like.link_length + ip_bytes(like);
    const std::size_t length = tcp_at + tcp_header + count;
    if (length > frame.size() || length - like.link_length > UINT16_MAX) return 0;
    std::memcpy(frame.data(), like.link, like.link_length);
    if (segment.ip_version == 4) {
        write_ipv4(frame.data() + like.link_length, like, tcp_header + count);
    } else {
        write_ipv6(frame.data() + like.link_length, like, tcp_header + count);
    }
    std::uint8_t* tcp = frame.data() + tcp_at;
    std::memcpy(tcp, whole.data() + segment.transport_offset, tcp_header);
    if (count > 0) std::memcpy(tcp + tcp_header, segment.payload.data() + from, count);
    unsigned flags = segment.flags;
    if (from > 0) {
        const std::uint32_t syn = (flags & tcp_flag::syn) != 0 ? 1 : 0;
        store_be32(tcp + 4, segment.sequence + syn + static_cast<std::uint32_t>(from));
        flags &= ~static_cast<unsigned>(tcp_flag::syn | tcp_flag::cwr | tcp_flag::urg);
        store_be16(tcp + 18, 0);
    }
    if (from + count < segment.payload.size())
        flags &= ~static_cast<unsigned>(tcp_flag::fin | tcp_flag::psh);
    tcp[13] = static_cast<std::uint8_t>(flags);
    write_checksums(frame.data(), segment.ip_version, like.link_length, tcp_at, length);
    return length;
}

bool normalise_syn(MutableBytes frame, Segment* segment) {
    const bool changed = alter_options(frame, *segment, normalise_syn_option);
    segment->foreign_option = false;
    if (changed) rewrite_checksums(frame, *segment);
    return changed;
}

void normalise_options(MutableBytes frame, Segment* segment, bool timestamps) {
    alter_options(frame, *segment, [timestamps](MutableBytes option) {
        if (option[0] == option_sack || (timestamps && option[0] == option_timestamps))
            return false;
        std::fill(option.begin(), option.end(), option_nop);
        return true;
    });
    segment->foreign_option = false;
    segment->has_timestamp = segment->has_timestamp && timestamps;
    rewrite_checksums(frame, *segment);
}

std::size_t strip_payload(MutableBytes frame, Segment* segment) {
    std::uint8_t* ip = frame.data() + segment->network_offset;
    const std::size_t datagram = static_cast<std::size_t>(segment->payload_offset) -
                                 static_cast<std::size_t>(segment->network_offset);
    if (segment->ip_version == 4) {
        store_be16(ip + 2, static_cast<std::uint16_t>(datagram));
    } else {
        store_be16(ip + 4, static_cast<std::uint16_t>(datagram - ipv6_bytes));
    }
    segment->payload = segment->payload.first(0);
    rewrite_checksums(frame, *segment);
    return segment->payload_offset;
}

void clear_urgent(MutableBytes frame, Segment* segment) {
    std::uint8_t* tcp = frame.data() + segment->transport_offset;
    segment->flags = static_cast<std::uint8_t>(segment->flags & ~tcp_flag::urg);
    segment->urgent = 0;
    tcp[13] = segment->flags;
    store_be16(tcp + 18, 0);
    rewrite_checksums(frame, *segment);
}

}  // namespace cordon
