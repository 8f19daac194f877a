// The running dataplane: every part in the order in which it starts, and the way it ends.
//
//   devices ► memory ► journal ► DPDK ► tc below ► XDP away ► ports ► XDP ► index ► workers
//                                       └── the wire is never without one of them ──┘
//
// Owns:       everything that lives as long as the process.
// Invariants: start() either returns a running appliance or one Error; whatever it had begun then
//             leaves the wire to the kernel layers. Stopping never detaches them.
// Thread:     the main thread starts, tends and stops; one thread a worker, one for the journal,
//             one for the control socket.
// Limits:     what MemoryPlan prints.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/assembly/assembly.h"
#include "dataplane/base/clock_watch.h"
#include "dataplane/base/files.h"
#include "dataplane/content/type_scanner.h"
#include "dataplane/shell/appliance_link.h"
#include "dataplane/shell/control_socket.h"
#include "dataplane/shell/direction_alarm.h"
#include "dataplane/shell/link_watch.h"
#include "dataplane/shell/net_device.h"

namespace cordon {

// What --check and every start look at first; touches nothing but the interfaces' settings.
Result<std::uint32_t> check_machine(const Options& options);  // the ports' MTU

// The net below alone, without a process: at boot, before a dataplane starts. Neither the number of
// queues nor the memory matters to it. AF_XDP ports only; no dataplane may run.
Result<void> attach_bridge(const Options& options);

class Appliance {
  public:
    static Result<std::unique_ptr<Appliance>> start(const Options& options);
    // Stops the workers and hands the wire to the kernel at once.
    ~Appliance();
    Appliance(const Appliance&) = delete;
    Appliance& operator=(const Appliance&) = delete;

    // Housekeeping; call about five times a second. True when every worker has moved on since the
    // last call: what the service manager's watchdog is fed with. Never again once a canary found
    // that what is known passes: only another process may be trusted then.
    bool tend();

  private:
    // Puts a flow into the deny map before its record is written, takes it out at its end.
    class Deny final : public DenyHook {
      public:
        explicit Deny(const SteerLoader* steer) : steer_(steer) {}
        bool deny(const DenyKey& key) override;
        void undeny(const DenyKey& key) override;

      private:
        const SteerLoader* steer_;
    };

    explicit Appliance(const Options& options);
    Result<void> open_journal();
    Result<void> open_ports(std::uint32_t mtu);
    Result<void> open_xdp_ports(std::uint32_t mtu);
    void load_first_index();
    Result<void> start_workers();
    void collect_gaps(GapReason reason);
    void watch_directions();
    void watch_ends();
    static int run_worker(void* loop);

    Options options_;
    std::uint64_t started_s_;
    PosixFiles files_;
    std::unique_ptr<SteerLoader> steer_;  // null: no kernel layers
    Deny deny_;
    std::unique_ptr<JournalThread> journal_;
    std::unique_ptr<EventLog> events_;
    std::unique_ptr<PortPair> ports_;
    TypeDatabases types_;
    IndexHolder index_;
    SuspensionHolder suspensions_;
    ClockWatch clock_;
    std::atomic<std::int64_t> clock_step_s_{0};  // main writes, control thread reads
    std::atomic<bool> distrusted_{false};        // control thread writes, main reads
    ModeBoard modes_;
    RollCall roll_;
    std::atomic<bool> stop_{false};
    std::unique_ptr<Assembly> assembly_;  // pieces of an upload come on any worker
    std::vector<std::unique_ptr<WorkerLoop>> workers_;
    std::vector<std::uint64_t> turns_seen_;
    DirectionAlarm directions_;
    std::unique_ptr<LinkWatch> watch_;  // null: the ports have no kernel interface
    std::unique_ptr<ApplianceLink> link_;
    std::unique_ptr<ControlSocket> socket_;
    std::uint64_t gaps_due_ns_ = 0;
    std::uint64_t expiry_due_ns_ = 0;
};

}  // namespace cordon
