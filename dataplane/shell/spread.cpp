#include "dataplane/shell/spread.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "dataplane/decode/decode.h"

namespace cordon {
namespace {

struct Ends {
    std::uint8_t bytes[2 * (16 + 2)];
};

Ends ordered(const SegmentEnd& a, const SegmentEnd& b) {
    SegmentEnd low = a;
    SegmentEnd high = b;
    const int order = std::memcmp(a.address.bytes, b.address.bytes, sizeof a.address.bytes);
    if (order > 0 || (order == 0 && a.port > b.port)) std::swap(low, high);
    Ends ends;
    std::memcpy(ends.bytes, low.address.bytes, 16);
    std::memcpy(ends.bytes + 16, high.address.bytes, 16);
    store_be16(ends.bytes + 32, low.port);
    store_be16(ends.bytes + 34, high.port);
    return ends;
}

}  // namespace

std::uint32_t flow_owner(Bytes frame, std::uint32_t workers, std::uint32_t self) {
    Segment segment{};
    Outcome why;
    // Checksums are the owner's business.
    switch (decode(frame, ChecksumRule::off, &segment, &why)) {
        case DecodeResult::tcp:
            break;
        case DecodeResult::fragment:
            segment.source.port = segment.destination.port = 0;
            break;
        case DecodeResult::other:
        case DecodeResult::tunnel:
        case DecodeResult::malformed:
            return self;
    }
    const Ends ends = ordered(segment.source, segment.destination);
    return static_cast<std::uint32_t>(XXH3_64bits(ends.bytes, sizeof ends.bytes) % workers);
}

}  // namespace cordon
