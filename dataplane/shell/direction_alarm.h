// The alarm about connections of which only one direction passes here: routing goes around the
// appliance, and what it cannot follow it cannot inspect.
//
// Owns:       for each service, how many there were and when the last came.
// Invariants: a service's first line comes at once; after that one a minute tells of all since.
// Thread:     note() by the main thread, last_s() by any.
// Limits:     one line a minute and service: a client can provoke what is counted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "dataplane/contract/options.h"

namespace cordon {

class DirectionAlarm {
  public:
    static constexpr std::uint64_t line_every_s = 60;

    // `count` of them so far, now. The line for the log; empty: nothing to say.
    std::string note(std::size_t service, const char* name, std::uint64_t count,
                     std::uint64_t now_s) {
        Seen& seen = seen_[service];
        if (count != seen.count) last_s_[service].store(now_s, std::memory_order_relaxed);
        seen.count = count;
        if (count == seen.told || (seen.told_s != 0 && now_s - seen.told_s < line_every_s))
            return {};
        const std::uint64_t fresh = count - seen.told;
        seen.told = count;
        seen.told_s = now_s;
        return "alarm: service " + std::string(name) + ": only one direction of " +
               std::to_string(fresh) + (fresh == 1 ? " connection" : " connections") +
               " passes here, so they are not inspected; on_midstream decides about "
               "them (asymmetric routing?)";
    }

    // Unix seconds; 0: never.
    std::uint64_t last_s(std::size_t service) const {
        return last_s_[service].load(std::memory_order_relaxed);
    }

  private:
    struct Seen {
        std::uint64_t count = 0;
        std::uint64_t told = 0;
        std::uint64_t told_s = 0;
    };
    std::array<Seen, services_max> seen_;
    std::array<std::atomic<std::uint64_t>, services_max> last_s_{};
};

}  // namespace cordon
