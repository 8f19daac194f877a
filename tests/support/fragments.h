// Cuts frames into IP fragments, for tests.
//
//   fragment(frame, {24, 48})     the piece [24, 48) of what the IP header carries; with an end of
//                                 0 all the rest, which makes it the last
#pragma once

#include <vector>

#include "tests/support/packet_builder.h"

namespace cordon::test {

struct Cut {
    std::size_t begin;
    std::size_t end;    // 0: to the end
    int more = -1;      // −1: what is true
    int fill = -1;      // ≥ 0: these bytes instead of those of the frame
    int protocol = -1;  // ≥ 0: what the fragment says it is (IPv6: its Next Header)
};

// The length of the link header in front of IP.
inline std::size_t link_bytes(Bytes frame) {
    std::size_t at = 12;
    while (load_be16(frame.data() + at) != 0x0800 && load_be16(frame.data() + at) != 0x86dd)
        at += 4;
    return at + 2;
}

inline void put_ipv4_checksum(std::uint8_t* ip) {
    const std::size_t header = static_cast<std::size_t>(ip[0] & 15) * 4;
    store_be16(ip + 10, 0);
    store_be16(ip + 10, plain_checksum({ip, header}));
}

// `unfragmentable`: extension headers in front of the fragment header (IPv6).
inline FrameBytes fragment(const FrameBytes& frame, const Cut& cut, std::uint32_t id = 77,
                           std::size_t unfragmentable = 0) {
    const std::size_t ip_at = link_bytes(frame);
    const bool v4 = frame[ip_at] >> 4 == 4;
    const std::size_t header = v4 ? static_cast<std::size_t>(frame[ip_at] & 15) * 4 : 40;
    const std::size_t body_at = ip_at + header + unfragmentable;
    const std::size_t end = cut.end == 0 ? frame.size() - body_at : cut.end;
    const bool more = cut.more < 0 ? cut.end != 0 : cut.more != 0;
    FrameBytes out(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(body_at));
    FrameBytes body(end - cut.begin, static_cast<std::uint8_t>(cut.fill));
    for (std::size_t at = cut.begin; cut.fill < 0 && at < end; ++at)
        body[at - cut.begin] = body_at + at < frame.size() ? frame[body_at + at] : std::uint8_t{0};
    if (v4) {
        out.insert(out.end(), body.begin(), body.end());
        std::uint8_t* ip = out.data() + ip_at;
        store_be16(ip + 2, static_cast<std::uint16_t>(out.size() - ip_at));
        store_be16(ip + 4, static_cast<std::uint16_t>(id));
        store_be16(ip + 6, static_cast<std::uint16_t>((more ? 0x2000U : 0U) | cut.begin / 8));
        if (cut.protocol >= 0) ip[9] = static_cast<std::uint8_t>(cut.protocol);
        put_ipv4_checksum(ip);
        return out;
    }
    std::size_t next_at = ip_at + 6;
    for (std::size_t at = ip_at + 40; at < body_at; at += (frame[at + 1] + std::size_t{1}) * 8)
        next_at = at;
    std::uint8_t extension[8] = {out[next_at], 0};
    if (cut.protocol >= 0) extension[0] = static_cast<std::uint8_t>(cut.protocol);
    store_be16(extension + 2, static_cast<std::uint16_t>(cut.begin | (more ? 1U : 0U)));
    store_be32(extension + 4, id);
    out[next_at] = 44;
    out.insert(out.end(), extension, extension + 8);
    out.insert(out.end(), body.begin(), body.end());
    store_be16(out.data() + ip_at + 4, static_cast<std::uint16_t>(out.size() - ip_at - 40));
    return out;
}

inline std::vector<FrameBytes> fragments(const FrameBytes& frame, const std::vector<Cut>& cuts,
                                         std::uint32_t id = 77) {
    std::vector<FrameBytes> out;
    for (const Cut& cut : cuts)
        out.push_back(fragment(frame, cut, id));
    return out;
}

// Even pieces of `size` bytes.
inline std::vector<FrameBytes> fragments_of(const FrameBytes& frame, std::size_t size,
                                            std::uint32_t id = 77) {
    const std::size_t ip_at = link_bytes(frame);
    const bool v4 = frame[ip_at] >> 4 == 4;
    const std::size_t body =
        frame.size() - ip_at - (v4 ? static_cast<std::size_t>(frame[ip_at] & 15) * 4 : 40);
    std::vector<Cut> cuts;
    for (std::size_t at = 0; at < body; at += size)
        cuts.push_back({at, at + size < body ? at + size : 0});
    return fragments(frame, cuts, id);
}

}  // namespace cordon::test
