// An index is tried before it comes into force: it must find what it should, nothing else, and no
// file of the system itself.
//
// Owns:       nothing.
// Invariants: looks up as contract/index_format.h says, in the bytes that the dataplane will have.
// Thread:     one.
// Limits:     answers_max records of each list are asked for, evenly spread.
#pragma once

#include "control/sync/follower.h"
#include "control/sync/system_files.h"

namespace cordon::sync {

inline constexpr std::size_t answers_max = 100'000;

// Refused: integrity, with what was wrong.
Result<void> try_index(Bytes image, const std::vector<FeedInForce>& feeds, SystemFiles& files);

}  // namespace cordon::sync
