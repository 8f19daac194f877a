// Looks at a configuration before the TOML parser does, and refuses what that parser takes for
// granted without looking: an assertion in debug builds, undefined behaviour in release ones.
//
// Owns:       nothing.
// Invariants: after true, every line is short, every table header has a name, and outside of quotes
//             and comments there is plain ASCII only, and beyond ASCII in values only.
// Limits:     config_line_bytes_max. Texts over several lines are refused: no key takes one.
#pragma once

#include <string_view>

#include "control/config/toml_section.h"

namespace cordon {

// Nesting costs stack in the TOML parser; a line bounds how deep one key can go.
inline constexpr std::size_t config_line_bytes_max = 4096;

// False when a problem was found and added.
bool parser_may_see(std::string_view text, Problems* problems);

}  // namespace cordon
