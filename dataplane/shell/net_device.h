// A kernel network interface as Cordon needs it: up, and handing over frames as they are on the
// wire.
//
// Owns:       nothing; every call opens and closes its own socket.
// Invariants: after prepare_device, received frames carry their VLAN tag and are not merged.
// Thread:     start-up only.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"

namespace cordon {

// AF_XDP keeps a frame, the kernel's 256 bytes and DPDK's headers in one page (see DpdkPort).
inline constexpr std::uint32_t af_xdp_mtu_max = 3400;

struct Device {
    std::string name;
    unsigned index = 0;
    std::uint32_t mtu = 0;
    std::uint32_t queues = 1;  // receive queues in use
    bool combined = false;     // queues are rx/tx pairs, as DPDK's AF_XDP driver wants them
};

// Finds the interface, brings it up, turns off rxvlan, LRO and GRO: the inspected frame must be the
// frame on the wire.
Result<Device> prepare_device(const std::string& name);

// Both ports of a pair must be able to carry the same frames; AF_XDP also has a largest one.
Result<void> check_pair(const Device& client, const Device& storage, PortKind kind,
                        std::uint32_t workers);

}  // namespace cordon
