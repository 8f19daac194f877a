// The pair of ports on DPDK: two ethdevs, and one rx/tx queue pair of each for every worker.
//
//   PortPair   both devices with their buffer pools; opened once
//   DpdkPort   what one worker sees of them (worker/port.h)
//
// Owns:       devices and pools. A Frame's handle is its mbuf.
// Invariants: a transmitted mbuf has one segment (the AF_XDP driver ignores nb_segs and would send
//             foreign memory); a frame is given to the worker that owns its flow, through a ring
//             when it came in by another one's queue; each port has a pool of its own, so that with
//             one side's buffers used up the other still receives.
// Worker:     a DpdkPort belongs to one worker; PortPair is used at start and for statistics.
// Limits:     Options::mbufs_per_port; limits::burst_frames at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/contract/counters.h"
#include "dataplane/contract/options.h"
#include "dataplane/shell/doorbell.h"
#include "dataplane/shell/steer_shunts.h"
#include "dataplane/worker/port.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

namespace cordon {

// What a port lost by itself, before or after the worker.
struct PortDrops {
    std::uint64_t missed = 0;   // arrived while the queue or the pool was full
    std::uint64_t errors = 0;   // refused by the driver or the kernel, both ways
    std::uint64_t chained = 0;  // larger than the MTU
    std::uint64_t handed = 0;   // lost on the way to the worker that owns their flow
};

// Bytes of one buffer object in a pool for frames of this MTU.
std::size_t buffer_bytes(PortKind kind, std::uint32_t mtu);

class PortPair {
  public:
    // Opens both devices. For AF_XDP any XDP program must have been detached before, and
    // `steer_object` is loaded on both.
    static Result<std::unique_ptr<PortPair>> open(const Options& options, std::uint32_t mtu);
    // Leaves the devices as they are: closing them would detach XDP, and XDP is what carries the
    // traffic from here on. The kernel takes the sockets back when the process ends.
    ~PortPair() = default;
    PortPair(const PortPair&) = delete;
    PortPair& operator=(const PortPair&) = delete;

    PortDrops drops(Side side) const;

    // What is readable when something waits for one worker: the kernel sockets behind its queues
    // and its bell. Empty for a port without sockets.
    std::vector<int> wake_descriptors(std::uint32_t worker) const;
    // Rung when another worker has handed it a frame.
    Doorbell& bell(std::uint32_t worker) { return bells_[worker]; }

  private:
    friend class DpdkPort;
    struct Device {
        std::uint16_t id = 0;
        rte_mempool* pool = nullptr;
        std::uint32_t frame_bytes_max = 0;
        std::atomic<std::uint64_t> chained{0};  // workers write, control reads
        std::vector<int> sockets;               // by queue
        // By worker: frames that came in by another worker's queue. Empty with one worker.
        std::vector<rte_ring*> handed;
        std::atomic<std::uint64_t> handed_lost{0};  // workers write, control reads
    };

    PortPair() = default;
    Result<void> open_device(const Options& options, Side side, std::uint32_t mtu);
    Result<void> make_rings(const Options& options, Side side);
    Result<void> start_device(const Options& options, Side side, const std::string& name);

    Device devices_[2];
    std::deque<Doorbell> bells_;  // by worker
    std::uint32_t queues_ = 0;
};

class DpdkPort final : public Port {
  public:
    DpdkPort(PortPair* pair, std::uint16_t queue) : pair_(pair), queue_(queue) {}

    std::size_t receive(Side side, Frame* frames, std::size_t count) override;
    std::size_t transmit(Side side, Frame* frames, std::size_t count) override;
    bool allocate(Side side, Frame* frame) override;
    void release(Frame* frame) override;
    bool hand_to_owner(Side side, Frame* frame) override;
    ShuntGrant shunt(const ShuntRange& range, std::uint32_t* place) override {
        return shunts_ == nullptr ? ShuntGrant::not_supported : shunts_->shunt(range, place);
    }
    ShuntPassed passed(std::uint32_t place) const override { return shunts_->passed(place); }
    void revoke(std::uint32_t place) override { shunts_->revoke(place); }
    void unshunt(const ShuntRange& range, std::uint32_t place) override {
        shunts_->unshunt(range, place);
    }

    // AF_XDP ports whose program bridges; they live as long as the port.
    void use_shunts(SteerShunts* shunts) { shunts_ = shunts; }

    // Takes and frees what waits to be received on `side`; returns how many frames.
    std::size_t discard(Side side);

    // Frames that would be sent later than this (CLOCK_MONOTONIC) are dropped instead: the process
    // stood still in the middle of a turn, and XDP has bridged newer ones meanwhile.
    void set_valid_until(std::uint64_t ns) { valid_until_ns_ = ns; }
    std::uint64_t stale() const { return stale_.read(); }
    // Frames that came in by this worker's queues and were given to the worker that owns them.
    std::uint64_t handed_over() const { return handed_over_.read(); }

  private:
    std::size_t receive_own(Side side, rte_mbuf** buffers, std::size_t count);
    void hand_over(Side side, std::uint32_t owner, rte_mbuf* buffer);

    PortPair* pair_;
    std::uint16_t queue_;
    SteerShunts* shunts_ = nullptr;
    std::uint64_t valid_until_ns_ = UINT64_MAX;
    Counter stale_;
    Counter handed_over_;
};

}  // namespace cordon
