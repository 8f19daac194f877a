// Reads the headers of one frame: Ethernet, up to two VLAN tags, IPv4 and IPv6 with extension
// headers (of which IPv4 knows one, the authentication header), TCP with its options.
//
// Owns:       nothing. A Segment points into the frame.
// Invariants: every offset and view of a Segment lies inside the frame; the TCP payload is what the
//             length field of IP says, without Ethernet padding.
// Worker:     pure; no state.
// Limits:     two VLAN tags (0x8100, 0x88a8, and 0x9100 to 0x9300 of old switches), whose addresses
//             are read behind up to four; limits::extension_headers_max; one buffer.
#pragma once

#include <cstdint>

#include "dataplane/base/byte_pair.h"
#include "dataplane/base/bytes.h"
#include "dataplane/contract/counters.h"

namespace cordon {

namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10,
                              urg = 0x20, ece = 0x40, cwr = 0x80;
}

struct Address {  // IPv6, or IPv4 as ::ffff:a.b.c.d
    std::uint8_t bytes[16];
    // Two words: comparing bytes is a call of memcmp, several for each segment.
    bool operator==(const Address& other) const {
        return ((load_le64(bytes) ^ load_le64(other.bytes)) |
                (load_le64(bytes + 8) ^ load_le64(other.bytes + 8))) == 0;
    }
};

struct SegmentEnd {
    Address address;
    std::uint16_t port;
    bool operator==(const SegmentEnd&) const = default;
};

// Offsets into the frame; 0 when absent. What is the same in nearly all of them stands together.
struct Segment {
    SegmentEnd source;
    SegmentEnd destination;
    std::int16_t vlan;  // id of the outermost tag that names a VLAN (id 0 does not), −1: none
    std::uint16_t network_offset;    // of the IP header
    std::uint16_t transport_offset;  // of the TCP header; in a fragment: of the fragment header
    std::uint8_t ip_version;         // 4 or 6, 0: not IP
    bool foreign_option;             // one that may not pass: see normalise_options()
    // Only in a SYN:
    bool has_mss;
    bool has_window_scale;
    bool sack_permitted;
    std::uint8_t window_scale;  // at most 14 (RFC 7323 §2.3)
    std::uint16_t mss;

    std::uint8_t hop_limit;  // or TTL
    std::uint8_t flags;
    std::uint16_t window;  // as in the header, not scaled
    std::uint32_t sequence;
    std::uint32_t acknowledgement;
    std::uint16_t urgent;
    std::uint16_t payload_offset;  // or (IPv6) where a fragment's part of the datagram begins
    std::uint32_t timestamp_value;
    std::uint32_t timestamp_echo;
    bool has_timestamp;
    bool checksum_due;  // ChecksumRule::due: nothing of it may be believed before it is checked
    std::uint16_t checksum_so_far;  // of all but the payload, as payload_sum() has it
    Bytes payload;
};

// Of all but `tcp`, addresses and vlan are right where ip_version ≠ 0.
enum class DecodeResult : std::uint8_t {
    tcp,        // *segment is filled
    other,      // not TCP, and known not to carry it: bridged
    fragment,   // of TCP (IPv4) or of anything (IPv6); offsets and payload are filled
    tunnel,     // may carry TCP unseen; the addresses are the inner ones behind MPLS, PPPoE, SNAP
    malformed,  // *why names the outcome
};

// `due`: as strict, but the TCP checksum of a segment with a payload worth it is left to whoever
// reads those bytes anyway (copy_payload()).
enum class ChecksumRule : std::uint8_t { strict, due, off };
inline constexpr std::size_t checksum_due_bytes_least = 512;

// Decodes one frame. Checks the IPv4 header checksum and the TCP checksum unless `rule` is off.
DecodeResult decode(Bytes frame, ChecksumRule rule, Segment* segment, Outcome* why);

// Internet checksum helpers (RFC 1071), used by whoever builds or alters a segment. A sum is one of
// big-endian 16-bit words, so lengths and protocol numbers may be added to it as they are. A piece
// of odd length must be the last one.
std::uint32_t checksum_add(Bytes bytes, std::uint32_t sum);
std::uint16_t checksum_fold(std::uint32_t sum);  // the complement, as it stands in a header

// Of a payload, folded, as the machine loads its words.
std::uint16_t payload_sum(Bytes payload);

// Copies a payload and tells in the same pass, while its bytes are at hand, what else is asked of
// each of them.
struct CopiedPayload {
    std::uint16_t sum;   // payload_sum()
    bool may_have_pair;  // false: the two bytes stand nowhere in it one behind the other
};
// REQUIRES: pair.second is not 0.
CopiedPayload copy_payload(std::uint8_t* to, Bytes payload, const BytePair& pair);

// Of a segment whose checksum is due, with the sum of its payload.
inline bool checksum_is_right(const Segment& segment, std::uint16_t payload_sum) {
    const std::uint32_t sum = std::uint32_t{segment.checksum_so_far} + payload_sum;
    return (sum & 0xffff) + (sum >> 16) == 0xffff;
}
// Of all of it but its payload: what is due.
std::uint16_t checksum_before_payload(const std::uint8_t* frame, std::uint8_t ip_version,
                                      std::size_t network_offset, std::size_t transport_offset,
                                      std::size_t payload_offset, std::size_t end);

// The TCP checksum of the segment at the given offsets: 0 when the one that stands in it is right.
std::uint16_t tcp_checksum(const std::uint8_t* frame, std::uint8_t ip_version,
                           std::size_t network_offset, std::size_t transport_offset,
                           std::size_t end);

// Recomputes the IPv4 header checksum and the TCP checksum of a frame whose headers stand at the
// given offsets; `end` is where the IP datagram ends.
void write_checksums(std::uint8_t* frame, std::uint8_t ip_version, std::size_t network_offset,
                     std::size_t transport_offset, std::size_t end);

}  // namespace cordon
