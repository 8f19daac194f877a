// Canonical JSON as TUF signs it (OLPC's): one way to write a value, and a strict reader of values
// that have one.
//
// Owns:       nothing.
// Invariants: canonical_json() of what parse_json() gave is the same for every spelling of the same
//             value. Members stand in the order of their names' bytes; in strings only `"` and `\`
//             are escaped, control characters stand raw; numbers are whole.
// Thread:     any. Does not throw, but for memory that runs out.
// Limits:     json_depth_max; the caller bounds the bytes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace cordon::feed {

// Metadata nests seven deep.
inline constexpr std::size_t json_depth_max = 16;

// The value may hold no fractions and no binary.
std::string canonical_json(const nlohmann::json& value);

// Refuses what has no single meaning: a member twice, a fraction or exponent, a number beyond 2^53
// (where readers that keep numbers as doubles differ), a member's name that is not printable ASCII
// (where orders by bytes and by UTF-16 differ), bytes that are no UTF-8, anything behind the value.
Result<nlohmann::json> parse_json(Bytes text);

}  // namespace cordon::feed
