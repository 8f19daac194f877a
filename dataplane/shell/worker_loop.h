// The thread around one Worker: turns it, tells it what changed outside, beats for XDP, sleeps.
//
//   turn:  late? discard what is stale ─► beat ─► epochs, index, modes ─► poll ─► sleep or not
//
// Owns:       the worker's Port and the Worker.
// Invariants: the heartbeat is written before frames are taken, unless another worker is absent
//             (roll_call.h). Every frame that XDP may have overtaken while no heartbeat was written
//             is discarded, not sent (DESIGN §10).
// Worker:     run() in the worker's own thread; published values may be read from others.
// Limits:     a turn is at most one burst from each side; sleeps are those of Pacing.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "dataplane/shell/dpdk_port.h"
#include "dataplane/shell/index_holder.h"
#include "dataplane/shell/mode_board.h"
#include "dataplane/shell/pacing.h"
#include "dataplane/shell/roll_call.h"
#include "dataplane/shell/steer_loader.h"
#include "dataplane/shell/suspension_holder.h"
#include "dataplane/worker/worker.h"

namespace cordon {

// What all workers look at. Lives longer than they do.
struct Surroundings {
    const Options* options;
    IndexHolder* index;
    SuspensionHolder* suspensions;
    const ModeBoard* modes;
    const TypeDatabases* types;
    const SteerLoader* steer;  // null: no XDP below (af_packet, pci)
    RollCall* roll;
    std::atomic<bool>* stop;
    Assembly* assembly;
};

class WorkerLoop {
  public:
    WorkerLoop(std::uint32_t number, const Surroundings& around, PortPair* ports,
               Recorder* recorder, std::uint64_t seed);

    void run();

    // Worker writes, control reads.
    const Counters& counters() const { return worker_.counters(); }
    std::uint32_t flows() const { return flows_.load(std::memory_order_relaxed); }
    std::uint32_t flows_midstream() const { return midstream_.load(std::memory_order_relaxed); }
    std::uint64_t object_bytes_open() const { return open_bytes_.load(std::memory_order_relaxed); }
    std::uint64_t kept_bytes() const { return kept_bytes_.load(std::memory_order_relaxed); }
    std::uint64_t stale_frames() const { return stale_.read() + port_.stale(); }
    std::uint64_t handed_over() const { return port_.handed_over(); }
    // Grows as long as the worker is alive and well.
    std::uint64_t turns() const { return turns_.read(); }

  private:
    void turn();
    void beat(std::uint64_t now_ns);
    bool epochs_moved() const;
    void notice_bypass();
    void notice_index();
    void notice_suspensions();
    void notice_modes();
    void publish();
    void nap(std::uint64_t ns);

    std::uint32_t number_;
    Surroundings around_;
    std::unique_ptr<SteerShunts> shunts_;  // null: the ports have none
    DpdkPort port_;
    Worker worker_;
    Doorbell& bell_;
    std::vector<pollfd> wake_on_;  // empty: nothing ends a sleep but its time
    Pacing pacing_;
    Punctuality punctuality_;
    std::array<std::uint64_t, services_max> epochs_{};
    std::array<ServiceState, services_max> states_{};
    std::uint64_t mode_changes_ = 0;
    const IndexImage* index_ = nullptr;
    const Suspensions* suspensions_ = nullptr;
    Counter stale_;
    Counter turns_;
    std::atomic<std::uint32_t> flows_{0};
    std::atomic<std::uint32_t> midstream_{0};
    std::atomic<std::uint64_t> open_bytes_{0};
    std::atomic<std::uint64_t> kept_bytes_{0};
};

}  // namespace cordon
