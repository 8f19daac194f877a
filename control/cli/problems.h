// What in a status needs somebody's attention.
//
// Owns:       nothing.
// Invariants: adds "lab", "state" and "problems" to a status, and gives the exit code that fits: 0,
//             degraded, or unreachable when neither process answers.
#pragma once

#include <nlohmann/json.hpp>

#include "dataplane/base/result.h"

namespace cordon {

// The value for all is well.
inline constexpr ErrorCode all_well = ErrorCode{0};

ErrorCode judge_status(nlohmann::json* status);

}  // namespace cordon
