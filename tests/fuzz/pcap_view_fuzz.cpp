// Capture files as an enemy would write them: what libpcap reads of a file that is read where it
// lies must be the same.

#include <pcap/pcap.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dataplane/base/time.h"
#include "dataplane/replay/pcap_view.h"

using namespace cordon;
using replay::PcapView;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void compare_with_libpcap(Bytes file, PcapView* view) {
    std::FILE* stream = ::fmemopen(const_cast<std::uint8_t*>(file.data()), file.size(), "rb");
    require(stream != nullptr);
    char why[PCAP_ERRBUF_SIZE];
    pcap_t* other =
        ::pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why);
    require(other != nullptr && ::pcap_datalink(other) == DLT_EN10MB);
    for (;;) {
        Bytes packet;
        std::uint64_t unix_ns = 0;
        const PcapView::Read read = view->next(&packet, &unix_ns);
        pcap_pkthdr* header;
        const u_char* data;
        const int got = ::pcap_next_ex(other, &header, &data);
        require((got == 1) == (read == PcapView::Read::packet));
        require((got == PCAP_ERROR_BREAK) == (read == PcapView::Read::end));
        if (got != 1) break;
        require(packet.data() >= file.data() && packet.data() + packet.size() <= &file.back() + 1);
        require(packet.size() == header->caplen);
        require(packet.empty() || std::memcmp(packet.data(), data, packet.size()) == 0);
        // libpcap takes both words of a time for signed ones.
        if (header->ts.tv_sec < 0 || header->ts.tv_usec < 0) continue;
        require(unix_ns == static_cast<std::uint64_t>(header->ts.tv_sec) * ns_per_s +
                               static_cast<std::uint64_t>(header->ts.tv_usec));
    }
    ::pcap_close(other);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    PcapView view;
    if (view.open({bytes, size})) compare_with_libpcap({bytes, size}, &view);
    return 0;
}
