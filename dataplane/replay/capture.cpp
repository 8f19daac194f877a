#include "dataplane/replay/capture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "dataplane/base/descriptor.h"

namespace cordon::replay {
namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800, ethertype_ipv6 = 0x86dd;

// The ethertype of a bare IP packet, by its version; 0 when it is none.
std::uint16_t ethertype_of(Bytes ip) {
    if (ip.empty()) return 0;
    if (ip[0] >> 4 == 4) return ethertype_ipv4;
    return ip[0] >> 4 == 6 ? ethertype_ipv6 : std::uint16_t{0};
}

std::uint16_t ppp_ethertype(std::uint16_t protocol) {
    if (protocol == 0x0021) return ethertype_ipv4;
    return protocol == 0x0057 ? ethertype_ipv6 : std::uint16_t{0};
}

struct LinkHeader {
    std::size_t bytes;
    std::uint16_t ethertype;  // of what follows
};

LinkHeader read_link_header(int link, Bytes packet) {
    constexpr std::size_t too_short = SIZE_MAX;
    const auto has = [&](std::size_t bytes) { return packet.size() >= bytes; };
    switch (link) {
        case DLT_NULL:
        case DLT_LOOP:
            // The family's number differs between systems; the version of IP does not.
            if (!has(4)) return {too_short, 0};
            return {4, ethertype_of(packet.subspan(4))};
        case DLT_LINUX_SLL:
            if (!has(16)) return {too_short, 0};
            return {16, load_be16(packet.data() + 14)};
        case DLT_LINUX_SLL2:
            if (!has(20)) return {too_short, 0};
            return {20, load_be16(packet.data())};
        case DLT_PPP: {
            // In HDLC-like framing or bare (RFC 1662 §3.1); a protocol number that begins with an
            // odd byte is that byte (RFC 1661 §6.5).
            const bool framed = has(2) && packet[0] == 0xff && packet[1] == 0x03;
            const std::size_t at = framed ? 2 : 0;
            if (has(at + 1) && (packet[at] & 1) != 0) return {at + 1, ppp_ethertype(packet[at])};
            if (!has(at + 2)) return {too_short, 0};
            return {at + 2, ppp_ethertype(load_be16(packet.data() + at))};
        }
        default:  // raw IP of three numbers
            return {0, ethertype_of(packet)};
    }
}

}  // namespace

bool link_supported(int link) {
    // libpcap gives raw IP the number of the system it runs on, files may hold any of them.
    constexpr int links[] = {DLT_EN10MB, DLT_RAW,       DLT_IPV4,       DLT_IPV6, DLT_NULL,
                             DLT_LOOP,   DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_PPP};
    return std::find(std::begin(links), std::end(links), link) != std::end(links);
}

bool to_ethernet(int link, Bytes packet, std::vector<std::uint8_t>* buffer, Bytes* frame) {
    if (link == DLT_EN10MB) {
        *frame = packet;
        return true;
    }
    const LinkHeader header = read_link_header(link, packet);
    if (header.bytes > packet.size()) return false;
    const std::uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    const Bytes rest = packet.subspan(header.bytes);
    buffer->assign(macs, macs + 12);
    buffer->push_back(static_cast<std::uint8_t>(header.ethertype >> 8));
    buffer->push_back(static_cast<std::uint8_t>(header.ethertype));
    buffer->insert(buffer->end(), rest.begin(), rest.end());
    *frame = *buffer;
    return true;
}

Capture::~Capture() {
    for (const MutableBytes mapping : mappings_)
        ::munmap(mapping.data(), mapping.size());
}

ReadResult Capture::fail(std::string text) {
    error_ = std::move(text);
    pcap_.reset();
    is_mapped_ = false;
    opened_ = paths_.size();
    return ReadResult::error;
}

// What the worker overwrites of a frame becomes a page of ours, and that is little: no memory is
// set aside for the whole of a file.
bool Capture::map(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status = {};
    if (!file.valid() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size == 0)
        return false;
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.get(), 0);
    if (memory == MAP_FAILED) return false;
    ::madvise(memory, size, MADV_SEQUENTIAL);
    const MutableBytes mapping(static_cast<std::uint8_t*>(memory), size);
    is_mapped_ = view_.open(mapping);
    if (is_mapped_)
        mappings_.push_back(mapping);
    else
        ::munmap(memory, size);
    return is_mapped_;
}

std::string Capture::place() const {
    return paths_[opened_ - 1] + ": packet " + std::to_string(file_packets_) + ": ";
}

bool Capture::open_next() {
    const std::string& path = paths_[opened_++];
    file_packets_ = 0;
    if (map(path)) return true;
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_.reset(
        ::pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, why));
    if (pcap_ == nullptr) {
        // libpcap names the file itself in some messages and not in others.
        std::string text = why;
        if (text.rfind(path, 0) != 0) text = path + ": " + text;
        fail(text);
        return false;
    }
    link_ = ::pcap_datalink(pcap_.get());
    if (link_supported(link_)) return true;
    const char* name = ::pcap_datalink_val_to_name(link_);
    fail(path + ": packet 1: link type " + (name != nullptr ? name : std::to_string(link_)) +
         " is not supported");
    return false;
}

ReadResult Capture::next_mapped(CapturedFrame* out) {
    ++file_packets_;
    switch (view_.next(&out->frame, &out->unix_ns)) {
        case PcapView::Read::packet: {
            ++packets_;
            const MutableBytes mapping = mappings_.back();
            const auto at = static_cast<std::size_t>(out->frame.data() - mapping.data());
            out->place = mapping.subspan(at, out->frame.size());
            return ReadResult::frame;
        }
        case PcapView::Read::end:
            is_mapped_ = false;
            return ReadResult::end;
        case PcapView::Read::cut_short:
            return fail(place() + "the file ends in it");
        case PcapView::Read::too_long:
            return fail(place() + "longer than a packet can be");
    }
    __builtin_unreachable();
}

ReadResult Capture::next(CapturedFrame* out) {
    for (;;) {
        if (pcap_ == nullptr && !is_mapped_) {
            if (opened_ == paths_.size()) return ReadResult::end;
            if (!open_next()) return ReadResult::error;
        }
        if (is_mapped_) {
            const ReadResult result = next_mapped(out);
            if (result == ReadResult::end) continue;
            return result;
        }
        pcap_pkthdr* header;
        const u_char* data;
        const int got = ::pcap_next_ex(pcap_.get(), &header, &data);
        if (got == PCAP_ERROR_BREAK) {
            pcap_.reset();
            continue;
        }
        ++file_packets_;
        if (got != 1) return fail(place() + ::pcap_geterr(pcap_.get()));
        ++packets_;
        // With the nanosecond precision asked for above, tv_usec holds nanoseconds.
        out->unix_ns = static_cast<std::uint64_t>(header->ts.tv_sec) * 1000000000u +
                       static_cast<std::uint64_t>(header->ts.tv_usec);
        out->place = {};
        if (!to_ethernet(link_, {data, header->caplen}, &buffer_, &out->frame)) {
            return fail(place() + "shorter than its link header");
        }
        return ReadResult::frame;
    }
}

}  // namespace cordon::replay
