// Looks after the two kernel interfaces while the dataplane runs: carries the loss of a link over
// to the other port (link_pair.h), and tells when an MTU was set that no buffer here is made for.
//
// Owns:       one socket.
// Invariants: a port that it took down is brought up again at its end. After a kill the next start
//             does it (net_device.h): a held port never outlives an appliance that works.
// Worker/thread: tend() in the main thread; state() from any.
// Limits:     a loss shorter than look_every_ns may go unseen.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/contract/link.h"
#include "dataplane/contract/options.h"
#include "dataplane/shell/link_pair.h"

namespace cordon {

class LinkWatch {
  public:
    static constexpr std::uint64_t look_every_ns = 200 * ns_per_ms;

    // `mtu`: what the buffers were made for.
    LinkWatch(const Options& options, std::uint32_t mtu);
    ~LinkWatch();
    LinkWatch(const LinkWatch&) = delete;
    LinkWatch& operator=(const LinkWatch&) = delete;

    void tend(std::uint64_t now_ns);
    PortState state(Side side) const {
        return states_[index_of(side)].load(std::memory_order_relaxed);
    }

  private:
    LinkState look(Side side);
    void look_at_mtu(Side side);
    bool set_up(Side side, bool up);
    void tell(Side side, LinkState link);

    std::string names_[2];
    std::uint32_t mtu_;
    std::uint32_t mtu_told_[2];
    bool propagates_;
    Descriptor socket_;
    LinkPair pair_;
    std::uint64_t due_ns_ = 0;
    std::atomic<PortState> states_[2] = {PortState::up, PortState::up};
};

}  // namespace cordon
