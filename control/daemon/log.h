// What cordond says while it runs: one line each to standard error, with the level in front where
// the journal of systemd reads along.
//
// Owns:       nothing.
// Invariants: a line feed ends a line, any other control character is shown as '?'.
#pragma once

#include <string_view>

namespace cordon {

enum class LogLevel : int { error = 3, warning = 4, notice = 5, info = 6 };

void log_line(LogLevel level, std::string_view text);

}  // namespace cordon
