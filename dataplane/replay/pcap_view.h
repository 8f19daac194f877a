// The packets of a classic pcap file of Ethernet frames, read where the file lies in memory: no
// call and no copy for each of them.
//
//   24 bytes: magic, version 2.4, two unused words, the longest packet, the link type
//   then for each packet: seconds, µs or ns, bytes here, bytes on the wire | the bytes here
//
// Owns:       nothing; the file belongs to the caller.
// Invariants: a packet lies wholly inside the file. Both orders of bytes are read, as the magic
//             says; what libpcap reads of such a file is the same.
// Thread:     one.
// Limits:     packet_bytes_max a packet, as in libpcap.
#pragma once

#include "dataplane/base/bytes.h"

namespace cordon::replay {

class PcapView {
  public:
    static constexpr std::uint32_t packet_bytes_max = 262144;

    // False: it is something else (pcapng, another link, another version).
    bool open(Bytes file);

    enum class Read : std::uint8_t { packet, end, cut_short, too_long };
    Read next(Bytes* packet, std::uint64_t* unix_ns);

  private:
    std::uint32_t word(std::size_t at) const;

    Bytes file_;
    std::size_t at_ = 0;
    std::uint32_t shown_max_ = 0;  // of a packet
    bool swapped_ = false;
    bool nanoseconds_ = false;
};

}  // namespace cordon::replay
