// The version every program of Cordon reports.
//
// Owns:       nothing.
// Invariants: control and dataplane of one package carry the same text.
// Limits:     fits LinkStatus::version with its NUL.
#pragma once

namespace cordon {

inline constexpr char version[] = "0.1.0";
static_assert(sizeof version <= 32);

}  // namespace cordon
