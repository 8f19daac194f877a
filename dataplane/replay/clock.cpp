#include "dataplane/replay/clock.h"

#include <algorithm>

namespace cordon::replay {

std::uint64_t Clock::at_capture(std::uint64_t unix_ns) const {
    if (!begun_ || unix_ns < origin_ || unix_ns + ns_per_s < last_capture_) return ns_;
    return std::max(ns_, unix_ns - origin_);
}

void Clock::advance_to_capture(std::uint64_t unix_ns) {
    const std::uint64_t ns = at_capture(unix_ns);
    if (!begun_ || unix_ns < origin_ || unix_ns + ns_per_s < last_capture_) {
        // Unsigned arithmetic: a capture may begin at the epoch itself.
        origin_ = unix_ns < ns_ ? 0 : unix_ns - ns_;
        begun_ = true;
    }
    last_capture_ = unix_ns;
    unix_ns_ = std::max(unix_ns, unix_ns_ + (ns - ns_));
    ns_ = ns;
}

void Clock::advance_to(std::uint64_t ns) {
    if (ns <= ns_) return;
    unix_ns_ += ns - ns_;
    ns_ = ns;
}

}  // namespace cordon::replay
