// Any bytes as a frame. What is read must lie inside the frame; what is read without the checksum
// rule and then given right checksums must be read the same with it; what is altered or rebuilt
// must still be a right segment.
#include <vector>

#include "dataplane/base/invariant.h"
#include "dataplane/decode/build.h"

using namespace cordon;

namespace {

Segment read_again(Bytes frame) {
    Segment segment;
    Outcome why;
    INVARIANT(decode(frame, ChecksumRule::strict, &segment, &why) == DecodeResult::tcp);
    return segment;
}

void expect_inside(Bytes frame, const Segment& segment) {
    INVARIANT(segment.network_offset >= 14 && segment.network_offset <= 22);
    INVARIANT(segment.transport_offset >= segment.network_offset + 20u);
    INVARIANT(segment.payload_offset >= segment.transport_offset + 20u);
    INVARIANT(segment.payload_offset + segment.payload.size() <= frame.size());
    INVARIANT(segment.payload.data() == frame.data() + segment.payload_offset);
    INVARIANT(segment.window_scale <= 14);
}

void rebuild(Bytes frame, const Segment& segment) {
    const SegmentTemplate like = template_of(frame, segment);
    std::vector<std::uint8_t> built(frame.size() + 128);
    const std::size_t length = build_segment(built, like, segment.sequence, 7, segment.flags, 9,
                                             Timestamps{1, 2}, segment.payload);
    if (length == 0) return;  // longer than an IP datagram with its timestamps
    const Segment again = read_again(Bytes(built).first(length));
    INVARIANT(again.source == segment.source && again.destination == segment.destination);
    INVARIANT(again.vlan == segment.vlan && again.payload.size() == segment.payload.size());
}

void alter(MutableBytes frame, Segment segment) {
    if ((segment.flags & tcp_flag::syn) != 0) {
        normalise_syn(frame, &segment);
        INVARIANT(!read_again(frame).foreign_option);
    }
    clear_urgent(frame, &segment);
    INVARIANT((read_again(frame).flags & tcp_flag::urg) == 0);
    const std::size_t length = strip_payload(frame, &segment);
    INVARIANT(read_again(frame.first(length)).payload.empty());
}

// Of a checksum that is due, what comes of it is what comes of one that is checked at once.
void expect_due_is_strict(Bytes frame) {
    Segment strict, due;
    Outcome why, due_why;
    const DecodeResult result = decode(frame, ChecksumRule::strict, &strict, &why);
    const DecodeResult with_due = decode(frame, ChecksumRule::due, &due, &due_why);
    if (with_due != DecodeResult::tcp || !due.checksum_due) {
        // Of two faults either may be named.
        INVARIANT(with_due == result);
        return;
    }
    const bool right = checksum_is_right(due, payload_sum(due.payload));
    INVARIANT(right == (result == DecodeResult::tcp));
    if (!right) INVARIANT(why == Outcome::tcp_bad_checksum);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::uint8_t> frame(data, data + size);
    Segment segment;
    Outcome why;
    expect_due_is_strict(frame);
    if (decode(frame, ChecksumRule::off, &segment, &why) != DecodeResult::tcp) return 0;
    expect_inside(frame, segment);
    write_checksums(frame.data(), segment.ip_version, segment.network_offset,
                    segment.transport_offset, segment.payload_offset + segment.payload.size());
    const Segment strict = read_again(frame);
    INVARIANT(strict.payload.size() == segment.payload.size());
    rebuild(frame, segment);
    alter(frame, segment);
    return 0;
}
