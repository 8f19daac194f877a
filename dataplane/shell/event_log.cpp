#include "dataplane/shell/event_log.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

namespace cordon {

void EventLog::add_gap(const GapRecord& gap) {
    const std::lock_guard lock(mutex_);
    for (Pending& waiting : pending_) {
        const bool same = std::strcmp(waiting.gap.service, gap.service) == 0 &&
                          waiting.gap.reason == gap.reason && !waiting.ticket;
        if (!same) continue;
        waiting.gap.from_ns = std::min(waiting.gap.from_ns, gap.from_ns);
        waiting.gap.to_ns = std::max(waiting.gap.to_ns, gap.to_ns);
        waiting.gap.bytes += gap.bytes;
        waiting.gap.packets += gap.packets;
        return;
    }
    pending_.push_back({gap, std::nullopt});
}

void EventLog::tend() {
    const std::lock_guard lock(mutex_);
    for (Pending& waiting : pending_) {
        if (waiting.ticket) {
            std::uint64_t sequence = 0;
            const RecordState state = recorder_.state(*waiting.ticket, &sequence);
            if (state == RecordState::durable) waiting.gap.packets = 0;
            if (state == RecordState::failed) waiting.ticket.reset();
        }
        RecordTicket ticket;
        if (!waiting.ticket && recorder_.gap(waiting.gap, &ticket)) waiting.ticket = ticket;
    }
    // A durable one was marked above: a real gap has packets.
    std::erase_if(pending_, [](const Pending& waiting) { return waiting.gap.packets == 0; });
}

Result<void> EventLog::record_mode(const ModeRecord& change) {
    const Failure refused =
        failure(ErrorCode::io, "the mode change cannot be recorded in the journal: not changed");
    RecordTicket ticket;
    {
        const std::lock_guard lock(mutex_);
        if (!recorder_.mode(change, &ticket)) return refused;
    }
    for (std::uint32_t waited = 0; waited <= wait_ms_max_; ++waited) {
        std::uint64_t sequence = 0;
        {
            const std::lock_guard lock(mutex_);
            const RecordState state = recorder_.state(ticket, &sequence);
            if (state == RecordState::durable) return {};
            if (state == RecordState::failed) return refused;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return refused;
}

}  // namespace cordon
