#include "dataplane/replay/resegment.h"

#include <algorithm>
#include <vector>

namespace cordon::replay {
namespace {

void write_length(std::uint8_t* ip, std::uint8_t ip_version, std::size_t datagram) {
    constexpr std::size_t ipv6_bytes = 40;
    if (ip_version == 4) {
        store_be16(ip + 2, static_cast<std::uint16_t>(datagram));
    } else {
        store_be16(ip + 4, static_cast<std::uint16_t>(datagram - ipv6_bytes));
    }
}

// The bytes [from, from + count) of the payload under the headers of `frame`.
void make_piece(Bytes frame, const Segment& segment, std::size_t from, std::size_t count,
                std::vector<std::uint8_t>* piece) {
    const Bytes payload = segment.payload.subspan(from, count);
    piece->assign(frame.begin(), frame.begin() + segment.payload_offset);
    piece->insert(piece->end(), payload.begin(), payload.end());
    write_length(piece->data() + segment.network_offset, segment.ip_version,
                 piece->size() - segment.network_offset);
    std::uint8_t* tcp = piece->data() + segment.transport_offset;
    store_be32(tcp + 4, segment.sequence + static_cast<std::uint32_t>(from));
    if (from + count < segment.payload.size()) {
        tcp[13] = static_cast<std::uint8_t>(segment.flags & ~(tcp_flag::fin | tcp_flag::psh));
    }
    write_checksums(piece->data(), segment.ip_version, segment.network_offset,
                    segment.transport_offset, piece->size());
}

}  // namespace

void resegment(Bytes frame, ChecksumRule rule, std::size_t frame_bytes,
               const std::function<void(Bytes)>& give) {
    Segment segment;
    Outcome why;
    if (frame.size() <= frame_bytes || decode(frame, rule, &segment, &why) != DecodeResult::tcp ||
        segment.payload.empty() || segment.payload_offset >= frame_bytes) {
        give(frame);
        return;
    }
    const std::size_t step = frame_bytes - segment.payload_offset;
    std::vector<std::uint8_t> piece;
    for (std::size_t from = 0; from < segment.payload.size(); from += step) {
        make_piece(frame, segment, from, std::min(step, segment.payload.size() - from), &piece);
        give(piece);
    }
}

}  // namespace cordon::replay
