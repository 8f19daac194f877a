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
#include "control/sync/index_of_feeds.h"

namespace cordon::sync {

inline constexpr std::size_t answers_max = 100'000;

// Refused: integrity, with what was wrong. `local`: null, or the operator's own list. Its entries
// were looked for among the files when each was asked for; one that a file of the system has got
// since then does not refuse the feeds beside it, because it only reports.
Result<void> try_index(Bytes image, const std::vector<FeedInForce>& feeds,
                       const LocalInForce* local, feed::KnownFiles& files);

// Whether a file of the system has this digest: then it must not be listed.
Result<void> refuse_known_file(IndicatorKind kind, Bytes digest, feed::KnownFiles& files);

}  // namespace cordon::sync
