// What the control socket is answered: read out of the parts of the running appliance.
//
// Owns:       nothing; the parts outlive it.
// Invariants: every number is one that a part published for others to read; no worker waits for a
//             reader.
// Thread:     the control socket's two: load_index() waits, in the one for loads, for files and
//             workers; nothing else waits for it.
// Limits:     an index that no worker takes over within index_wait_ms is reported as a time-out.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/shell/direction_alarm.h"
#include "dataplane/shell/event_log.h"
#include "dataplane/shell/link_frames.h"
#include "dataplane/shell/link_watch.h"
#include "dataplane/shell/worker_loop.h"

namespace cordon {

class ApplianceLink final : public LinkTarget {
  public:
    static constexpr int index_wait_ms = 5000;

    struct Parts {
        const Options* options;
        IndexHolder* index;
        const SuspensionHolder* suspensions;
        const std::atomic<std::int64_t>* clock_step_s;
        ModeBoard* modes;
        const SteerLoader* steer;  // null: no kernel layers
        const PortPair* ports;
        const JournalThread* journal;
        EventLog* events;
        const LinkWatch* watch;  // null: nothing is known of the links
        const std::vector<std::unique_ptr<WorkerLoop>>* workers;
        const DirectionAlarm* directions;
        std::atomic<bool>* distrusted;
        std::uint64_t started_s;
    };

    explicit ApplianceLink(const Parts& parts) : parts_(parts) {}

    void status(LinkStatus* status) override;
    void counters(LinkCounters* counters) override;
    void unlisted(LinkUnlisted* unlisted) override;
    Result<void> load_index(const std::string& path) override;
    Result<void> set_mode(std::string_view service, ServiceMode mode,
                          std::uint64_t bypass_until_s) override;
    void distrust(std::string_view why) override;

  private:
    void index_status(LinkStatus* status) const;
    void suspension_status(LinkStatus* status) const;
    void add_section(const SectionView& section, LinkStatus* status) const;
    VectorStanding vector_standing(const IndexView& view) const;
    void service_status(LinkStatus* status) const;
    void policy_status(std::uint32_t number, LinkService* service) const;
    void add_worker(const Counters& from, LinkCounters* sum) const;
    void add_service(std::uint32_t number, LinkServiceCounters* sum) const;
    void add_kernel(LinkCounters* sum) const;

    Parts parts_;
};

}  // namespace cordon
