// Loads, fills and reads the two kernel layers (ebpf/steer.bpf.c, ebpf/bypass.bpf.c).
//
//   attach_bypass()   maps, services, then tc on both ports     boot, and every start
//   before_ports()    takes an earlier process's XDP away       before DPDK makes its ports
//   after_ports()     puts the configured XDP program in the    after rte_eth_dev_start
//                     place of the driver's instance
//   detach_all()      removes programs, pins and mount          uninstall, tests
//
// DPDK 22.11 opens steer.bpf.o itself, once per port, with default options: pinning by name would
// always end at /sys/fs/bpf (one appliance a machine, and `ip netns exec` hides it), fails for a
// devmap, and XDP would see traffic before its maps are filled. So nothing in the object asks for a
// pin. The driver's instance passes everything to tc; after_ports() loads a second instance with
// the driver's xsks_map and the shared maps, and replaces the first atomically (XDP_FLAGS_REPLACE).
// The driver keeps writing its sockets to the same xsks_map, and detaches whatever is attached at
// its close. A restart must detach first, because the driver refuses a port that has a program.
//
// Owns:       descriptors and mappings. Programs and maps stay when the process dies; that is the
//             purpose.
// Invariants: services and settings are written before a program that reads them is attached.
// Worker/thread: start-up and control thread; beat(), epoch(), deny(), undeny() from any thread.
// Limits:     services_max services, steer_queues_max queues, steer_denied_max denied flows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"
#include "dataplane/shell/steer_maps.h"
#include "dataplane/shell/steer_plan.h"
#include "dataplane/shell/steer_shunts.h"
#include "ebpf/steer_shared.h"

namespace cordon {

// What passed without the dataplane since the last take.
struct TakenGap {
    std::uint32_t service;
    std::uint64_t from_unix_ns;
    std::uint64_t to_unix_ns;
    std::uint64_t packets;
    std::uint64_t bytes;          // of whole frames, both directions
    std::uint64_t payload_bytes;  // towards the storage
};

struct SteerCounters {
    steer_tally tally[steer_layer_count][steer_class_count][steer_direction_count];
};

struct SteerDestination {
    steer_destination destination;
    steer_tally tally;
};

class SteerLoader {
  public:
    SteerLoader() = default;
    ~SteerLoader();
    SteerLoader(const SteerLoader&) = delete;
    SteerLoader& operator=(const SteerLoader&) = delete;

    // Idempotent: a running bridge is replaced without a gap, its maps are kept. The object files
    // are options.steer_object and bypass.bpf.o beside it.
    Result<void> attach_bypass(const Options& options);
    // At every start, whatever the kind of the ports. From here to after_ports() the tc programs
    // serve the wire.
    Result<void> before_ports();
    // AF_XDP ports only.
    Result<void> after_ports();
    // Programs obey new services from the next packet on.
    Result<void> set_services(const Options& options);

    static Result<void> detach_all(const Options& options);

    // After attach_bypass(), without a system call. `now_ns` is CLOCK_MONOTONIC; 0 says at once
    // that the worker takes no more frames. With af_packet only queue 0 counts.
    void beat(std::uint32_t queue, std::uint64_t now_ns) const {
        if (heartbeats_ == nullptr) return;
        __atomic_store_n(&heartbeats_[queue].ns, now_ns, __ATOMIC_RELAXED);
    }
    // A change means that frames of the service passed beside the worker.
    std::uint64_t epoch(std::uint32_t service) const {
        return epochs_ == nullptr ? 0 : __atomic_load_n(&epochs_[service], __ATOMIC_ACQUIRE);
    }
    // The same places, null before attach_bypass(): worker writes, worker reads.
    steer_heartbeat* heartbeats() const { return heartbeats_; }  // steer_queues_max
    const std::uint64_t* epochs() const { return epochs_; }      // steer_services_max

    // One system call. A failure, a full map after expired entries were removed included, means:
    // not recorded.
    Result<void> deny(const steer_flow& flow, std::uint64_t lifetime_ns) const;
    void undeny(const steer_flow& flow) const;
    // Removes entries past their expiry; returns how many.
    std::uint32_t expire_denied() const;

    // The ranges of worker `number` of `workers`; after after_ports(), and null where XDP cannot
    // bridge. Ranges of an earlier process were forgotten before a program could obey them.
    std::unique_ptr<SteerShunts> shunts(std::uint32_t number, std::uint32_t workers) const;

    // Once at start: clears what it returns, atomically against the programs.
    std::vector<TakenGap> take_gaps() const;
    // Since the maps were made, never cleared: for status.
    steer_tally bypassed(std::uint32_t service) const;
    SteerCounters counters() const;
    // Both ports run our XDP program.
    bool xdp_attached() const;
    // False when a port's driver takes no frames from XDP: then tc does all the bridging, slower.
    // Known after after_ports().
    bool bridges_in_xdp() const { return bridges_in_xdp_; }
    // Bridged towards the storage and no service, most bytes first.
    std::vector<SteerDestination> unlisted(std::size_t count_max) const;

  private:
    struct Port {
        int ifindex = 0;
        std::uint32_t role = steer_role_none;
    };

    Result<void> open_ports(const Options& options);
    Result<Object> load(const std::string& path, std::size_t port, int xsks_fd);
    Result<void> replace_driver_program(std::size_t port);
    Result<void> write_services(const Options& options) const;
    Result<void> write_settings(const Options& options);
    Result<void> map_memory();
    Result<void> forget_shunts();

    Port ports_[2];
    std::string steer_object_;
    std::string bypass_object_;
    SteerMaps maps_;
    steer_settings settings_{};
    bool bridges_in_xdp_ = true;
    steer_gap* gaps_ = nullptr;
    steer_heartbeat* heartbeats_ = nullptr;
    const std::uint64_t* epochs_ = nullptr;
    steer_passed* passed_ = nullptr;
};

}  // namespace cordon
