// A feed's folder as a copy that can be checked, and a feed made of such a copy again.
//
//   TO/feed.db  TO/keys/  TO/sets/  TO/public/  TO/SHA256SUMS (last; `sha256sum -c` reads it)
//
// Owns:       nothing.
// Invariants: a copy without its sums is none. A feed is restored whole or not at all, and never
//             over a folder that is there. What clients have seen since is learnt from the feed as
//             it is served: versions go on behind those, so that no client takes the restored feed
//             for one that goes back. Every document of it was signed by whom our own root names.
// Thread:     one.
// Limits:     those of the formats. What was imported after the copy is not in it: it is listed
//             still, and `diff` shows it as removed until it is imported again.
#pragma once

#include "control/publisher/feed_store.h"

namespace cordon::feed {

struct BackupReport {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
};

Result<BackupReport> back_up(FeedStore& store, const std::string& to);
// Makes `directory` of the copy in `from`.
Result<BackupReport> restore(const std::string& from, const std::string& directory);

struct Caught {
    std::vector<std::string> documents;  // "releases 7": what the store did not have
    std::uint64_t generation = 0;        // in force now
};

// Takes over what `served` (public/, or a mirror's copy of it) has beyond the store.
Result<Caught> catch_up(FeedStore& store, const std::string& served);

}  // namespace cordon::feed
