// That somebody moved the clock of this machine, as an alarm: grants, suspensions and the age of a
// list go by it. Nobody can say from here which of the two times was right, so it stands for a day
// and then ends by itself.
//
// Owns:       the distance between the wall clock and the time since boot, and the words.
// Invariants: a step is told once by look(); text() has it for stands_s of the time since boot,
//             which nobody sets.
// Thread:     one; the clocks are arguments.
// Limits:     ClockWatch::step_s_max. A step while nobody looked is for the next look where the
//             process lived, else for the dataplane, which looks as well.
#pragma once

#include <string>

#include "control/feed/metadata.h"
#include "dataplane/base/clock_watch.h"

namespace cordon::sync {

class ClockAlarm {
  public:
    static constexpr std::uint64_t stands_s = feed::day_s;

    // True when it stepped since the last look.
    bool look(std::uint64_t unix_s, std::uint64_t boot_s) {
        const std::int64_t step = watch_.look(unix_s, boot_s);
        if (step != 0) {
            text_ = "clock: it stepped by " + std::to_string(step) + " s, to " +
                    feed::write_time(unix_s) +
                    "; grants, suspensions and the age of lists go by it";
            ends_s_ = boot_s + stands_s;
        } else if (boot_s >= ends_s_) {
            text_.clear();
        }
        return step != 0;
    }
    const std::string& text() const { return text_; }  // empty: no alarm

  private:
    ClockWatch watch_;
    std::string text_;
    std::uint64_t ends_s_ = 0;  // of the time since boot
};

}  // namespace cordon::sync
