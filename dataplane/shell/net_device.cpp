#include "dataplane/shell/net_device.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace cordon {
namespace {

class InterfaceCall {
  public:
    explicit InterfaceCall(const std::string& name) : fd_(socket(AF_INET, SOCK_DGRAM, 0)) {
        name.copy(request_.ifr_name, sizeof request_.ifr_name - 1);
    }
    ~InterfaceCall() { close(fd_); }
    InterfaceCall(const InterfaceCall&) = delete;
    InterfaceCall& operator=(const InterfaceCall&) = delete;

    bool ask(unsigned long what) { return ioctl(fd_, what, &request_) == 0; }

    bool ethtool(void* value) {
        request_.ifr_data = static_cast<char*>(value);
        return ask(SIOCETHTOOL);
    }

    ifreq& request() { return request_; }

  private:
    int fd_;
    ifreq request_{};
};

Failure device_failure(const std::string& name, const std::string& what) {
    const int code = errno;
    const bool privilege = code == EPERM || code == EACCES;
    return failure(privilege ? ErrorCode::permission : ErrorCode::interface,
                   "interface " + name + ": " + what +
                       (privilege ? " (needs CAP_NET_ADMIN: run as root or by the unit)" : ""),
                   code);
}

// LRO and GRO merge segments into frames that were never on the wire; rxvlan takes the tag out of
// the frame. A feature the driver does not have is already off.
bool turn_merging_off(InterfaceCall& call) {
    ethtool_value value{ETHTOOL_GFLAGS, 0};
    if (call.ethtool(&value)) {
        const std::uint32_t unwanted = ETH_FLAG_LRO | ETH_FLAG_RXVLAN;
        if ((value.data & unwanted) != 0) {
            value = {ETHTOOL_SFLAGS, value.data & ~unwanted};
            if (!call.ethtool(&value)) return false;
        }
    }
    value = {ETHTOOL_GGRO, 0};
    if (!call.ethtool(&value) || value.data == 0) return true;
    value = {ETHTOOL_SGRO, 0};
    return call.ethtool(&value);
}

// Frames are spread over this many receive queues; a queue without a worker would be a hole.
void count_queues(InterfaceCall& call, Device* device) {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    if (!call.ethtool(&channels)) return;
    device->queues = std::max(1u, std::max(channels.combined_count, channels.rx_count));
    device->combined = channels.max_combined != 0;
}

}  // namespace

Result<Device> prepare_device(const std::string& name) {
    InterfaceCall call(name);
    Device device{name, if_nametoindex(name.c_str())};
    if (name.empty() || device.index == 0) {
        return failure(ErrorCode::interface,
                       "interface \"" + name + "\" does not exist; `ip link` lists those that do");
    }
    if (!call.ask(SIOCGIFFLAGS)) return device_failure(name, "cannot read its flags");
    if ((call.request().ifr_flags & IFF_UP) == 0) {
        call.request().ifr_flags = static_cast<short>(call.request().ifr_flags | IFF_UP);
        if (!call.ask(SIOCSIFFLAGS)) return device_failure(name, "cannot bring it up");
    }
    if (!call.ask(SIOCGIFMTU)) return device_failure(name, "cannot read its MTU");
    device.mtu = static_cast<std::uint32_t>(call.request().ifr_mtu);
    if (!turn_merging_off(call)) {
        return device_failure(name, "cannot turn off rxvlan, lro and gro (ethtool -K)");
    }
    count_queues(call, &device);
    return device;
}

Result<void> check_pair(const Device& client, const Device& storage, PortKind kind,
                        std::uint32_t workers) {
    if (client.index == storage.index) {
        return failure(ErrorCode::interface, "client and storage port are both " + client.name);
    }
    if (client.mtu != storage.mtu) {
        return failure(ErrorCode::interface, "the ports' MTUs differ (" + client.name + " " +
                                                 std::to_string(client.mtu) + ", " + storage.name +
                                                 " " + std::to_string(storage.mtu) +
                                                 "): set both alike with `ip link set … mtu`");
    }
    if (kind != PortKind::af_xdp) return {};
    if (client.mtu > af_xdp_mtu_max) {
        return failure(ErrorCode::interface,
                       "MTU " + std::to_string(client.mtu) + " is more than AF_XDP carries (" +
                           std::to_string(af_xdp_mtu_max) +
                           "): lower it, or use port = \"af_packet\" or a PCI port");
    }
    for (const Device* device : {&client, &storage}) {
        if (workers > 1 && !device->combined) {
            return failure(ErrorCode::interface,
                           "interface " + device->name +
                               " has no combined queues (`ethtool -l`), and DPDK's AF_XDP driver "
                               "serves one queue of such an interface: set workers = 1");
        }
        if (device->queues == workers) continue;
        return failure(ErrorCode::interface,
                       "interface " + device->name + " has " + std::to_string(device->queues) +
                           " receive queues and there are " + std::to_string(workers) +
                           " workers: `ethtool -L " + device->name + " combined " +
                           std::to_string(workers) + "`, or change workers");
    }
    return {};
}

}  // namespace cordon
