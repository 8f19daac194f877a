#include "dataplane/decode/decode.h"

#include <immintrin.h>

#include <algorithm>
#include <cstddef>

#include "dataplane/base/limits.h"
#include "dataplane/decode/protocol.h"

namespace cordon {
namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800, ethertype_arp = 0x0806, ethertype_ipv6 = 0x86dd;
constexpr std::size_t ethernet_bytes = 14, vlan_bytes = 4, ipv4_bytes = 20, ipv6_bytes = 40,
                      fragment_header_bytes = 8, tcp_bytes = 20;

// Where the walk through one frame stands. Every step narrows `end` to what the header just read
// says, and moves `at` behind that header. One walk is handed on, never a copy: what was just
// written in pieces would be read in larger ones, which waits until it is in the cache.
struct Walk {
    const std::uint8_t* frame;
    std::size_t at;
    std::size_t end;
    ChecksumRule rule;
    Segment* segment;
    Outcome* why;

    const std::uint8_t* here() const { return frame + at; }
    std::size_t left() const { return end - at; }
    DecodeResult malformed(Outcome outcome) const {
        *why = outcome;
        return DecodeResult::malformed;
    }
};

// One's complement sum of 64-bit words; 2^64 is 1 here as 2^16 is.
std::uint64_t add_words(std::uint64_t sum, std::uint64_t more) {
    return __builtin_add_overflow(sum, more, &sum) ? sum + 1 : sum;
}

std::uint16_t folded(std::uint64_t sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

std::uint32_t load_word(const std::uint8_t* p) {
    std::uint32_t word;
    std::memcpy(&word, p, sizeof word);
    return word;
}

constexpr std::uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// In one piece, as it may be read.
void map_address(const std::uint8_t* ipv4, Address* address) {
    const std::uint64_t low = std::uint64_t{load_word(ipv4)} << 32 | 0xffff0000;
    _mm_storeu_si128(reinterpret_cast<__m128i_u*>(address->bytes),
                     _mm_set_epi64x(static_cast<std::int64_t>(low), 0));
}

bool is_mapped(const std::uint8_t* p) {
    return std::memcmp(p, mapped_prefix, sizeof mapped_prefix) == 0;
}

// --- TCP -----------------------------------------------------------------------------------------

enum class Option : std::uint8_t {
    end = 0,
    nop = 1,
    mss = 2,
    window_scale = 3,
    sack_permitted = 4,
    sack = 5,
    timestamps = 8,
};

bool read_syn_option(std::uint8_t kind, Bytes body, Segment* segment) {
    switch (static_cast<Option>(kind)) {
        case Option::mss:
            if (body.size() != 2 || segment->has_mss) return false;
            segment->has_mss = true;
            segment->mss = load_be16(body.data());
            return true;
        case Option::window_scale:
            if (body.size() != 1 || segment->has_window_scale) return false;
            segment->has_window_scale = true;
            segment->window_scale = body[0] > 14 ? 14 : body[0];
            return true;
        case Option::sack_permitted:
            if (!body.empty() || segment->sack_permitted) return false;
            segment->sack_permitted = true;
            return true;
        case Option::end:
        case Option::nop:
        case Option::sack:
        case Option::timestamps:
            break;
    }
    segment->foreign_option = true;
    return true;
}

constexpr std::uint32_t nop_nop_timestamps = 0x0101080a;  // of ten bytes, padded in front

bool read_timestamps(Bytes body, Segment* segment) {
    if (body.size() != 8 || segment->has_timestamp) return false;
    segment->has_timestamp = true;
    segment->timestamp_value = load_be32(body.data());
    segment->timestamp_echo = load_be32(body.data() + 4);
    return true;
}

// False when the list is malformed or says something twice: stacks differ in what they make of
// that (stop, first wins, last wins), and a filter cannot agree with all of them.
bool read_tcp_options(Bytes options, Segment* segment) {
    // What nearly every segment of a connection with timestamps carries.
    if (options.size() == 12 && load_be32(options.data()) == nop_nop_timestamps) {
        return read_timestamps(options.subspan(4), segment);
    }
    const bool syn = (segment->flags & tcp_flag::syn) != 0;
    while (!options.empty()) {
        const std::uint8_t kind = options[0];
        if (kind == static_cast<std::uint8_t>(Option::end)) {
            // Padding is zeros (RFC 9293 §3.1); whoever reads on finds something else here.
            segment->foreign_option |=
                std::any_of(options.begin(), options.end(), [](std::uint8_t b) { return b != 0; });
            return true;
        }
        if (kind == static_cast<std::uint8_t>(Option::nop)) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2) return false;
        const std::size_t length = options[1];
        if (length < 2 || length > options.size()) return false;
        const Bytes body = options.subspan(2, length - 2);
        options = options.subspan(length);
        if (kind == static_cast<std::uint8_t>(Option::timestamps)) {
            if (!read_timestamps(body, segment)) return false;
        } else if (!syn) {
            segment->foreign_option |= kind != static_cast<std::uint8_t>(Option::sack);
        } else if (!read_syn_option(kind, body, segment)) {
            return false;
        }
    }
    return true;
}

DecodeResult decode_tcp(const Walk& walk) {
    Segment& segment = *walk.segment;
    if (walk.left() < tcp_bytes) return walk.malformed(Outcome::tcp_bad_header);
    const std::uint8_t* tcp = walk.here();
    const std::size_t header = static_cast<std::size_t>(tcp[12] >> 4) * 4;
    if (header < tcp_bytes || header > walk.left()) {
        return walk.malformed(Outcome::tcp_bad_header);
    }
    const bool is_due =
        walk.rule == ChecksumRule::due && walk.left() - header >= checksum_due_bytes_least;
    if (is_due) {
        segment.checksum_due = true;
        segment.checksum_so_far =
            checksum_before_payload(walk.frame, segment.ip_version, segment.network_offset, walk.at,
                                    walk.at + header, walk.end);
    } else if (walk.rule != ChecksumRule::off &&
               tcp_checksum(walk.frame, segment.ip_version, segment.network_offset, walk.at,
                            walk.end) != 0) {
        return walk.malformed(Outcome::tcp_bad_checksum);
    }
    segment.source.port = load_be16(tcp);
    segment.destination.port = load_be16(tcp + 2);
    segment.sequence = load_be32(tcp + 4);
    segment.acknowledgement = load_be32(tcp + 8);
    segment.flags = tcp[13];
    segment.window = load_be16(tcp + 14);
    segment.urgent = load_be16(tcp + 18);
    segment.transport_offset = static_cast<std::uint16_t>(walk.at);
    segment.payload_offset = static_cast<std::uint16_t>(walk.at + header);
    segment.payload = {tcp + header, walk.left() - header};
    if (!read_tcp_options({tcp + tcp_bytes, header - tcp_bytes}, &segment)) {
        return walk.malformed(Outcome::tcp_bad_header);
    }
    return DecodeResult::tcp;
}

// --- IPv4 ----------------------------------------------------------------------------------------

// An option list that does not add up, or a source route that has not reached its end: then the
// address in the header is not where the segment goes, and no receiver at that address takes it.
bool ipv4_options_valid(Bytes options) {
    constexpr std::uint8_t loose_route = 131, strict_route = 137;
    while (!options.empty()) {
        if (options[0] == 0) return true;
        if (options[0] == 1) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) return false;
        if (options[0] == loose_route || options[0] == strict_route) {
            if (options[1] < 3 || options[2] <= options[1]) return false;
        }
        options = options.subspan(options[1]);
    }
    return true;
}

// Of all 16-bit words, the checksum's own among them (RFC 791 §3.1). Words of 32 bits and the order
// in which the machine has them do for that (RFC 1071 §2).
bool ipv4_sum_is_right(const std::uint8_t* ip, std::size_t header) {
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < header; at += 4)
        sum += load_word(ip + at);
    return folded(sum) == 0xffff;
}

DecodeResult walk_extensions(Walk& walk, std::uint8_t next, Outcome why);

// The rest of the datagram is a part of a larger one.
DecodeResult part_of_datagram(const Walk& walk, std::size_t fragment_header) {
    Segment& segment = *walk.segment;
    segment.transport_offset = static_cast<std::uint16_t>(walk.at);
    segment.payload_offset = static_cast<std::uint16_t>(walk.at + fragment_header);
    segment.payload = {walk.here() + fragment_header, walk.left() - fragment_header};
    return DecodeResult::fragment;
}

// A protocol other than TCP; `begins`: its own header is here.
DecodeResult beside_tcp(const Walk& walk, std::uint8_t protocol, bool begins) {
    const bool tunnel = protocol == ip_protocol::udp && begins && walk.left() >= 4 &&
                        is_tunnel_port(load_be16(walk.here() + 2));
    return tunnel || !cannot_carry_tcp(protocol) ? DecodeResult::tunnel : DecodeResult::other;
}

DecodeResult decode_ipv4(Walk& walk) {
    Segment& segment = *walk.segment;
    if (walk.left() < ipv4_bytes) return walk.malformed(Outcome::frame_truncated);
    const std::uint8_t* ip = walk.here();
    segment.ip_version = 4;
    segment.network_offset = static_cast<std::uint16_t>(walk.at);
    map_address(ip + 12, &segment.source.address);
    map_address(ip + 16, &segment.destination.address);
    segment.hop_limit = ip[8];
    const std::size_t header = static_cast<std::size_t>(ip[0] & 0x0f) * 4;
    const std::size_t total = load_be16(ip + 2);
    if (ip[0] >> 4 != 4 || header < ipv4_bytes || total < header) {
        return walk.malformed(Outcome::ipv4_bad_header);
    }
    if (total > walk.left()) return walk.malformed(Outcome::frame_truncated);
    if (walk.rule != ChecksumRule::off && !ipv4_sum_is_right(ip, header)) {
        return walk.malformed(Outcome::ipv4_bad_header);
    }
    if (!ipv4_options_valid({ip + ipv4_bytes, header - ipv4_bytes})) {
        return walk.malformed(Outcome::ipv4_bad_header);
    }
    walk.end = walk.at + total;
    walk.at += header;
    const std::uint16_t field = load_be16(ip + 6);
    // The protocol is a part of what a receiver puts fragments together by: each tells it.
    if (ip[9] != ip_protocol::tcp && ip[9] != ip_protocol::authentication) {
        return beside_tcp(walk, ip[9], (field & 0x1fff) == 0);
    }
    constexpr std::uint16_t more_fragments_or_offset = 0x3fff;
    if ((field & more_fragments_or_offset) != 0) return part_of_datagram(walk, 0);
    if (ip[9] == ip_protocol::tcp) return decode_tcp(walk);
    return walk_extensions(walk, ip[9], Outcome::ipv4_bad_header);
}

// --- extension headers, IPv6 ---------------------------------------------------------------------

enum class NextHeader : std::uint8_t {
    hop_by_hop = 0,
    tcp = 6,
    routing = 43,
    fragment = 44,
    authentication = 51,
    destination_options = 60,
};

enum class Step : std::uint8_t { next, tcp, other, fragment, malformed };

// Looks at the header of kind `*next` at walk->at. On `next` it has been stepped over and *next is
// the kind of the one behind it.
Step step_extension(Walk* walk, std::uint8_t* next, bool first) {
    const NextHeader kind{*next};
    const bool ipv6 = walk->segment->ip_version == 6;
    if (!ipv6 && kind != NextHeader::tcp && kind != NextHeader::authentication) return Step::other;
    std::size_t length = 0;
    if (walk->left() >= 2) length = (static_cast<std::size_t>(walk->here()[1]) + 1) * 8;
    switch (kind) {
        case NextHeader::tcp:
            return Step::tcp;
        case NextHeader::fragment:
            return walk->left() < fragment_header_bytes ? Step::malformed : Step::fragment;
        case NextHeader::hop_by_hop:
            if (!first) return Step::malformed;  // RFC 8200 §4.1
            break;
        case NextHeader::destination_options:
            break;
        case NextHeader::routing:
            // With segments left the destination in the header is not the final one.
            if (walk->left() < 4 || walk->here()[3] != 0) return Step::malformed;
            break;
        case NextHeader::authentication:  // RFC 4302 §2.2: counts four bytes, minus two
            if (walk->left() >= 2) length = (static_cast<std::size_t>(walk->here()[1]) + 2) * 4;
            break;
    }
    const bool known = kind == NextHeader::hop_by_hop || kind == NextHeader::destination_options ||
                       kind == NextHeader::routing || kind == NextHeader::authentication;
    if (!known) return Step::other;
    if (length == 0 || length > walk->left()) return Step::malformed;
    *next = walk->here()[0];
    walk->at += length;
    return Step::next;
}

DecodeResult walk_extensions(Walk& walk, std::uint8_t next, Outcome why) {
    for (std::size_t n = 0; n <= limits::extension_headers_max; ++n) {
        switch (step_extension(&walk, &next, n == 0)) {
            case Step::next:
                continue;
            case Step::tcp:
                return decode_tcp(walk);
            case Step::other:
                return beside_tcp(walk, next, true);
            case Step::fragment:
                return part_of_datagram(walk, fragment_header_bytes);
            case Step::malformed:
                return walk.malformed(why);
        }
    }
    return walk.malformed(why);
}

DecodeResult decode_ipv6(Walk& walk) {
    Segment& segment = *walk.segment;
    if (walk.left() < ipv6_bytes) return walk.malformed(Outcome::frame_truncated);
    const std::uint8_t* ip = walk.here();
    segment.ip_version = 6;
    segment.network_offset = static_cast<std::uint16_t>(walk.at);
    std::memcpy(segment.source.address.bytes, ip + 8, 16);
    std::memcpy(segment.destination.address.bytes, ip + 24, 16);
    segment.hop_limit = ip[7];
    if (ip[0] >> 4 != 6) return walk.malformed(Outcome::ipv6_bad_header);
    const std::size_t payload = load_be16(ip + 4);
    if (payload > walk.left() - ipv6_bytes) return walk.malformed(Outcome::frame_truncated);
    // A mapped address on the wire would share its flow with the real IPv4 connection.
    if (is_mapped(ip + 8) || is_mapped(ip + 24)) return walk.malformed(Outcome::ipv6_bad_header);
    walk.at += ipv6_bytes;
    walk.end = walk.at + payload;
    return walk_extensions(walk, ip[6], Outcome::ipv6_bad_header);
}

// --- Ethernet ------------------------------------------------------------------------------------

bool is_vlan(std::uint16_t ethertype) {
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100 ||
           ethertype == 0x9200 || ethertype == 0x9300;
}

// Only the addresses, of whatever IP version the first half byte says.
DecodeResult decode_inside(const Walk& walk) {
    Walk inside = walk;
    inside.rule = ChecksumRule::off;
    const int version = walk.left() == 0 ? 0 : walk.here()[0] >> 4;
    if (version == 4) decode_ipv4(inside);
    if (version == 6) decode_ipv6(inside);
    return DecodeResult::tunnel;
}

DecodeResult decode_mpls(Walk walk) {  // RFC 3032 §2.1
    constexpr std::size_t label_bytes = 4;
    while (walk.left() >= label_bytes) {
        const bool bottom = (walk.here()[2] & 1) != 0;
        walk.at += label_bytes;
        if (bottom) return decode_inside(walk);
    }
    return DecodeResult::tunnel;
}

// RFC 2516 §4; the protocol may be one byte (RFC 1661 §6.5). Those from 0x4000 on set up the link.
DecodeResult decode_pppoe(Walk walk) {
    constexpr std::size_t session_bytes = 6;
    if (walk.left() < session_bytes + 2) return DecodeResult::tunnel;
    walk.at += session_bytes;
    const bool one_byte = (walk.here()[0] & 1) != 0;
    if (!one_byte && walk.here()[0] >= 0x40) return DecodeResult::other;
    walk.at += one_byte ? 1 : 2;
    return decode_inside(walk);
}

// 802.2: STP, CDP and the like; but SNAP with OUI 0 is Ethernet in disguise (RFC 1042).
DecodeResult decode_llc(Walk walk) {
    constexpr std::size_t snap_bytes = 8;
    if (walk.left() < snap_bytes) return DecodeResult::other;
    const std::uint8_t* llc = walk.here();
    const bool ethernet = llc[0] == 0xaa && llc[1] == 0xaa && (llc[3] | llc[4] | llc[5]) == 0;
    if (!ethernet || load_be16(llc + 6) == ethertype_arp) return DecodeResult::other;
    walk.at += snap_bytes;
    return decode_inside(walk);
}

DecodeResult decode_ethertype(Walk& walk, std::uint16_t ethertype) {
    constexpr std::uint16_t least = 0x0600;  // below, it is a length
    switch (ethertype) {
        case ethertype_ipv4:
            return decode_ipv4(walk);
        case ethertype_ipv6:
            return decode_ipv6(walk);
        case 0x8847:  // MPLS
        case 0x8848:
            return decode_mpls(walk);
        case 0x8864:  // PPPoE session
            return decode_pppoe(walk);
        case 0x22f3:  // TRILL
        case 0x88e5:  // MACsec
        case 0x88e7:  // PBB
        case 0x894f:  // NSH
            return DecodeResult::tunnel;
        default:
            return ethertype < least ? decode_llc(walk) : DecodeResult::other;
    }
}

// --- nearly every frame --------------------------------------------------------------------------

// TCP over IPv4 without tags, options of IP, fragments, a SYN, or options of TCP but timestamps:
// read straight on, in one piece. False: it is something else, or something is wrong with it, and
// nothing of *segment counts.
bool decode_plain(Bytes frame, ChecksumRule rule, Segment* segment) {
    constexpr std::size_t ip_at = ethernet_bytes, tcp_at = ip_at + ipv4_bytes;
    if (frame.size() < tcp_at + tcp_bytes) return false;
    const std::uint8_t* ip = frame.data() + ip_at;
    const std::uint8_t* tcp = frame.data() + tcp_at;
    const std::size_t total = load_be16(ip + 2);
    const std::size_t header = static_cast<std::size_t>(tcp[12] >> 4) * 4;
    const bool is_plain = load_be16(frame.data() + 12) == ethertype_ipv4 && ip[0] == 0x45 &&
                          ip[9] == ip_protocol::tcp && (load_be16(ip + 6) & 0x3fff) == 0 &&
                          (tcp[13] & tcp_flag::syn) == 0 && total <= frame.size() - ip_at;
    if (!is_plain) return false;
    const bool has_timestamp = header == tcp_bytes + 12;
    if (total < ipv4_bytes + header || (header != tcp_bytes && !has_timestamp)) return false;
    if (has_timestamp && load_be32(tcp + tcp_bytes) != nop_nop_timestamps) return false;
    const Bytes payload{tcp + header, total - ipv4_bytes - header};
    const bool is_due = rule == ChecksumRule::due && payload.size() >= checksum_due_bytes_least;
    std::uint16_t so_far = 0;
    if (rule != ChecksumRule::off) {
        const std::uint64_t addresses = load_le64(ip + 12);
        std::uint64_t sum = add_words(load_le64(ip), load_word(ip + 8));
        if (folded(add_words(sum, addresses)) != 0xffff) return false;
        // RFC 9293 §3.1; the length as it stands in the machine.
        const auto length = static_cast<std::uint16_t>(total - ipv4_bytes);
        sum = add_words(addresses, std::uint64_t{ip_protocol::tcp} << 8);
        sum = add_words(sum, __builtin_bswap16(length));
        sum = add_words(add_words(sum, load_le64(tcp)), load_le64(tcp + 8));
        sum = add_words(sum, load_word(tcp + 16));
        if (has_timestamp)
            sum = add_words(add_words(sum, load_le64(tcp + 20)), load_word(tcp + 28));
        so_far = folded(sum);
        const std::uint32_t all =
            std::uint32_t{so_far} + (is_due || payload.empty() ? 0 : payload_sum(payload));
        if (!is_due && (all & 0xffff) + (all >> 16) != 0xffff) return false;
    }
    map_address(ip + 12, &segment->source.address);
    segment->source.port = load_be16(tcp);
    map_address(ip + 16, &segment->destination.address);
    segment->destination.port = load_be16(tcp + 2);
    segment->vlan = -1;
    segment->network_offset = ip_at;
    segment->transport_offset = tcp_at;
    segment->ip_version = 4;
    segment->foreign_option = false;
    segment->has_mss = segment->has_window_scale = segment->sack_permitted = false;
    segment->window_scale = 0;
    segment->mss = 0;
    segment->hop_limit = ip[8];
    segment->flags = tcp[13];
    segment->window = load_be16(tcp + 14);
    segment->sequence = load_be32(tcp + 4);
    segment->acknowledgement = load_be32(tcp + 8);
    segment->urgent = load_be16(tcp + 18);
    segment->payload_offset = static_cast<std::uint16_t>(tcp_at + header);
    segment->timestamp_value = has_timestamp ? load_be32(tcp + tcp_bytes + 4) : 0;
    segment->timestamp_echo = has_timestamp ? load_be32(tcp + tcp_bytes + 8) : 0;
    segment->has_timestamp = has_timestamp;
    segment->checksum_due = is_due;
    segment->checksum_so_far = so_far;
    segment->payload = payload;
    return true;
}

// All others.
[[gnu::noinline]] DecodeResult decode_any(Bytes frame, ChecksumRule rule, Segment* segment,
                                          Outcome* why) {
    constexpr int tags_max = 2, tags_read_max = 4;
    *segment = Segment{};
    segment->vlan = -1;
    Walk walk{frame.data(), ethernet_bytes, frame.size(), rule, segment, why};
    if (frame.size() < ethernet_bytes) return walk.malformed(Outcome::frame_truncated);

    std::uint16_t ethertype = load_be16(frame.data() + 12);
    int tags = 0;
    for (; is_vlan(ethertype); ++tags) {
        if (tags == tags_read_max) return walk.malformed(Outcome::vlan_too_deep);
        if (walk.left() < vlan_bytes) return walk.malformed(Outcome::frame_truncated);
        const std::uint16_t id = load_be16(walk.here()) & 0x0fff;
        // Id 0 carries a priority and names no VLAN (802.1Q §9.6): the same flow with and without.
        if (segment->vlan < 0 && id != 0) segment->vlan = static_cast<std::int16_t>(id);
        ethertype = load_be16(walk.here() + 2);
        walk.at += vlan_bytes;
    }
    const DecodeResult result = decode_ethertype(walk, ethertype);
    const bool too_deep = tags > tags_max && segment->ip_version != 0;
    return too_deep ? walk.malformed(Outcome::vlan_too_deep) : result;
}

}  // namespace

DecodeResult decode(Bytes frame, ChecksumRule rule, Segment* segment, Outcome* why) {
    if (decode_plain(frame, rule, segment)) return DecodeResult::tcp;
    return decode_any(frame, rule, segment, why);
}

}  // namespace cordon
