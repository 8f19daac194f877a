// Gaps and mode changes on their way into the journal: rare records that must be durable, from the
// main thread (gaps) and the control thread (modes).
//
// Owns:       the gap records that are not durable yet.
// Invariants: a gap is kept until it is durable; a mode change that could not be recorded is
//             reported as refused, so that nothing weakens without a trace.
// Thread:     any of the two; a mutex keeps them apart.
// Limits:     as many pending gaps as there are services: gaps of one service are joined.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"
#include "dataplane/shell/journal_thread.h"

namespace cordon {

class EventLog {
  public:
    EventLog(EventRecorder& recorder, std::uint32_t wait_ms_max)
        : recorder_(recorder), wait_ms_max_(wait_ms_max) {}

    // Records a gap as soon as the journal takes it.
    void add_gap(const GapRecord& gap);
    // Hands over what is pending and drops what has become durable. Call now and then.
    void tend();
    // Waits until the change is durable.
    Result<void> record_mode(const ModeRecord& change);

  private:
    struct Pending {
        GapRecord gap;
        std::optional<RecordTicket> ticket;  // none: to be handed over (again)
    };

    EventRecorder& recorder_;
    std::uint32_t wait_ms_max_;
    std::mutex mutex_;
    std::vector<Pending> pending_;
};

}  // namespace cordon
