// What the entries of the operator's own list met: of each, how often and when last.
//
// Owns:       nothing.
// Invariants: counts matches that were recorded as of a local list, whatever else matched; an entry
//             that ended goes on to count.
// Thread:     that of the database.
// Limits:     one row for each entry that ever matched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace cordon {

class Database;

struct LocalHits {
    std::uint32_t origin = 0;  // the source of the match: LocalOrigin
    std::uint64_t entry = 0;   // its reference
    std::uint64_t hits = 0;
    std::string last;  // time; ISO 8601, UTC
};

Result<std::vector<LocalHits>> read_local_hits(Database& database, const std::string& node);

}  // namespace cordon
