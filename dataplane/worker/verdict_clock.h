// How long messages wait for their verdict, by service: from the turn that read their end to the
// end of the turn in which what was held may leave.
//
// A room has no clock but the time at which its turn began. So those that end and are judged in
// one turn, which are nearly all, are only numbered; whoever has a clock says how long it was.
//
// Owns:       the numbers of this turn.
// Invariants: every verdict is counted once, at the latest by turn_ended().
// Worker:     used by one worker only.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/contract/counters.h"

namespace cordon {

class VerdictClock {
  public:
    // A verdict in the turn that began at `turn_ns`, on a message whose end was read at `end_ns`.
    void judged(std::size_t service, std::uint64_t end_ns, std::uint64_t turn_ns,
                Counters* counters) {
        if (end_ns < turn_ns)
            return counters->services[service].verdict_latency.add(turn_ns - end_ns);
        ++in_turn_[service];
        any_ = true;
    }

    void turn_ended(std::uint64_t took_ns, Counters* counters) {
        if (!any_) return;
        any_ = false;
        for (std::size_t service = 0; service < in_turn_.size(); ++service) {
            if (in_turn_[service] == 0) continue;
            counters->services[service].verdict_latency.add(took_ns, in_turn_[service]);
            in_turn_[service] = 0;
        }
    }

  private:
    std::array<std::uint32_t, services_max> in_turn_{};
    bool any_ = false;
};

}  // namespace cordon
