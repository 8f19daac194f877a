// For whose list two persons answer, from when on: a table of the store, said with each match.
//
// Owns:       nothing; errors stay with the database.
// Invariants: a row is never changed; what is said of an incident is what held when it was decided.
// Thread:     that of its store.
#pragma once

#include "control/store/database.h"
#include "control/store/store.h"

namespace cordon {

// From `now_ns` on; nothing when it says so already.
void put_list_rights(Database& database, const std::string& node, const ListRights& rights,
                     std::uint64_t now_ns);
// Of those lists for which somebody ever answered, as it is now.
std::vector<ListRights> read_list_rights(Database& database, const std::string& node);

}  // namespace cordon
