#include "dataplane/replay/pcap_view.h"

#include <algorithm>

#include "dataplane/base/time.h"

namespace cordon::replay {
namespace {

constexpr std::uint32_t magic_us = 0xa1b2c3d4, magic_ns = 0xa1b23c4d;
constexpr std::uint32_t version_2_4 = 4u << 16 | 2;  // two numbers of two bytes, major first
constexpr std::uint32_t version_2_4_swapped = 2u << 16 | 4;
constexpr std::uint32_t link_ethernet = 1;  // and no word on a check sequence behind the frames
constexpr std::size_t head_bytes = 24, packet_head_bytes = 16;

}  // namespace

bool PcapView::open(Bytes file) {
    if (file.size() < head_bytes) return false;
    file_ = file;
    at_ = head_bytes;
    swapped_ = false;
    std::uint32_t magic = word(0);
    if (magic != magic_us && magic != magic_ns) {
        swapped_ = true;
        magic = word(0);
    }
    nanoseconds_ = magic == magic_ns;
    // A longest packet of zero, or an absurd one, means none was told.
    const std::uint32_t told = word(16);
    shown_max_ = told == 0 || told > INT32_MAX ? packet_bytes_max : told;
    return (nanoseconds_ || magic == magic_us) &&
           word(4) == (swapped_ ? version_2_4_swapped : version_2_4) && word(20) == link_ethernet;
}

std::uint32_t PcapView::word(std::size_t at) const {
    std::uint32_t value;
    std::memcpy(&value, file_.data() + at, sizeof value);
    return swapped_ ? __builtin_bswap32(value) : value;
}

PcapView::Read PcapView::next(Bytes* packet, std::uint64_t* unix_ns) {
    const std::size_t left = file_.size() - at_;
    if (left == 0) return Read::end;
    if (left < packet_head_bytes) return Read::cut_short;
    const std::uint32_t length = word(at_ + 8);
    if (length > packet_bytes_max) return Read::too_long;
    if (length > left - packet_head_bytes) return Read::cut_short;
    *unix_ns = word(at_) * ns_per_s + word(at_ + 4) * (nanoseconds_ ? std::uint64_t{1} : 1000);
    *packet = file_.subspan(at_ + packet_head_bytes, std::min(length, shown_max_));
    at_ += packet_head_bytes + length;
    return Read::packet;
}

}  // namespace cordon::replay
