// Makes TCP segments of our own, and alters those of others in place: what decode reads, written.
//
// Owns:       nothing. Writes into a frame of the caller.
// Invariants: every frame that leaves here has right lengths and checksums; an altered segment
//             keeps its length in sequence space unless the function's name says otherwise.
// Worker:     pure; no state.
// Limits:     a built segment carries no IP options and only the timestamp option of TCP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/decode/decode.h"

namespace cordon {

// All that is the same in every segment of one direction of a flow. It stands twice in every flow.
struct SegmentTemplate {
    std::uint8_t link[22];  // MACs, up to two VLAN tags, ethertype
    std::uint8_t link_length;
    std::uint8_t hop_limit;  // or TTL
    SegmentEnd source;
    SegmentEnd destination;
    std::uint32_t traffic;  // first word of the IP header: version, class, IPv6 flow label

    std::uint8_t ip_version() const { return static_cast<std::uint8_t>(traffic >> 28); }
};
static_assert(sizeof(SegmentTemplate) == 64);

// REQUIRES: decode(frame) gave `tcp` and `segment`.
SegmentTemplate template_of(Bytes frame, const Segment& segment);

// The other direction: ends and MACs swapped. Its TTL is not known and becomes 64.
SegmentTemplate reversed(const SegmentTemplate& forward);

// The sender of this frame, or its next hop, has got another MAC: what is built in either direction
// follows. The way back follows only where it led to the MAC that the sender had; a router that
// answers under a virtual one keeps that.
// REQUIRES: decode(frame) gave `tcp` and `segment`, of the flow of both templates.
void follow_link(Bytes frame, const Segment& segment, SegmentTemplate* forward,
                 SegmentTemplate* back);

struct Timestamps {
    std::uint32_t value;
    std::uint32_t echo;
};

// Bytes in front of the payload.
std::size_t header_bytes(const SegmentTemplate& like, bool timestamps);

// Writes one segment to the start of `frame` and returns its length; 0 when it does not fit.
std::size_t build_segment(MutableBytes frame, const SegmentTemplate& like, std::uint32_t sequence,
                          std::uint32_t acknowledgement, std::uint8_t flags, std::uint16_t window,
                          std::optional<Timestamps> timestamps, Bytes payload);

// Writes a part of a segment that is too long for a frame: the bytes [from, from + count) of its
// payload under a plain IP header and its own TCP header. SYN, CWR and the urgent pointer stand in
// the first part, FIN and PSH in the last. Returns its length; 0 when it does not fit.
// REQUIRES: decode(whole) gave `tcp` and `segment`.
std::size_t build_part(MutableBytes frame, Bytes whole, const Segment& segment, std::size_t from,
                       std::size_t count);

// Makes every option of a SYN but MSS, window scale, SACK-permitted and timestamps a NOP (DESIGN
// §3.4), and a window scale above 14 one of 14. True when something was changed.
bool normalise_syn(MutableBytes frame, Segment* segment);

// The same for any other segment: all but SACK blocks, and timestamps when they were negotiated,
// become NOPs.
void normalise_options(MutableBytes frame, Segment* segment, bool timestamps);

// Cuts the payload off. Returns the new length of the frame.
std::size_t strip_payload(MutableBytes frame, Segment* segment);

// The urgent byte becomes one like the others, as inspected.
void clear_urgent(MutableBytes frame, Segment* segment);

}  // namespace cordon
