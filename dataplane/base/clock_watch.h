// Steps of the wall clock. Grants, suspensions and the age of a list end at times of that clock, so
// whoever moves it moves them: a step is said, and small corrections are not.
//
// Owns:       the distance between the wall clock and the time since boot.
// Invariants: a step is told once. What a clock drifts or is slewed between two looks is no step.
// Thread:     one; the clocks are arguments.
// Limits:     step_s_max, DESIGN §11.
#pragma once

#include <cstdint>

namespace cordon {

class ClockWatch {
  public:
    static constexpr std::int64_t step_s_max = 600;

    // Of the wall clock, and since boot with time asleep. How far the clock stepped; 0: it did not.
    std::int64_t look(std::uint64_t unix_s, std::uint64_t boot_s) {
        const auto distance = static_cast<std::int64_t>(unix_s - boot_s);
        if (!begun_) {
            begun_ = true;
            distance_ = distance;
        }
        const std::int64_t moved = distance - distance_;
        if (moved <= step_s_max && moved >= -step_s_max) return 0;
        distance_ = distance;
        return moved;
    }

  private:
    bool begun_ = false;
    std::int64_t distance_ = 0;
};

}  // namespace cordon
