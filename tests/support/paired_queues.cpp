// paired_queues.so: what a card with combined queues would say, said of a veth. Preloaded into a
// program that opens AF_XDP ports on one (`LD_PRELOAD`), it answers ETHTOOL_GCHANNELS.
//
// A veth tells its receive and its transmit queues apart, though an AF_XDP socket takes one of each
// by one number there as on a card, and DPDK's driver (22.11) serves one queue of an interface that
// says so. Nothing else is changed: XDP, sockets and queues are the kernel's own.
//
// Owns:       nothing.
// Invariants: what an interface says of combined queues is left as it is, as is every other
//             request.

#include <dlfcn.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>

#include <cstdarg>
#include <cstdint>
#include <cstring>

namespace {

using Ioctl = int (*)(int, unsigned long, ...);

void pair_queues(void* value) {
    auto* channels = static_cast<ethtool_channels*>(value);
    if (channels->cmd != ETHTOOL_GCHANNELS || channels->max_combined != 0) return;
    if (channels->rx_count != channels->tx_count) return;
    channels->combined_count = channels->rx_count;
    channels->max_combined =
        channels->max_rx < channels->max_tx ? channels->max_rx : channels->max_tx;
    channels->rx_count = channels->tx_count = channels->max_rx = channels->max_tx = 0;
}

}  // namespace

extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
    static const Ioctl next = reinterpret_cast<Ioctl>(dlsym(RTLD_NEXT, "ioctl"));
    va_list arguments;
    va_start(arguments, request);
    void* value = va_arg(arguments, void*);
    va_end(arguments);
    const int result = next(fd, request, value);
    if (result == 0 && request == SIOCETHTOOL) {
        void* asked = static_cast<ifreq*>(value)->ifr_data;
        std::uint32_t command = 0;
        std::memcpy(&command, asked, sizeof command);
        if (command == ETHTOOL_GCHANNELS) pair_queues(asked);
    }
    return result;
}
