// An index is tried before it comes into force: it must find what it should, nothing else, and no
// file of the system itself.
//
// Owns:       nothing.
// Invariants: looks up as contract/index_format.h says, in the bytes that the dataplane will have.
// Thread:     one.
// Limits:     answers_max records of each list are asked for, evenly spread. Files are looked up by
//             their digests alone: a list may be wrong about a size or a head as well.
#pragma once

#include "control/feed/known_files.h"
#include "control/sync/follower.h"

namespace cordon::sync {

inline constexpr std::size_t answers_max = 100'000;

// Refused: integrity, with what was wrong.
Result<void> try_index(Bytes image, const std::vector<FeedInForce>& feeds, feed::KnownFiles& files);

}  // namespace cordon::sync
