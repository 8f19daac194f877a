// How many incidents there are, by service, action and what is known of their enforcement.
//
// Owns:       nothing; errors stay with the database.
// Invariants: vectors of self-tests are counted apart.
// Thread:     that of its store.
#pragma once

#include <string>

#include "control/store/database.h"
#include "control/store/store.h"

namespace cordon {

// Those of this box.
void count_incidents(Database& database, const std::string& node, StoreStatistics* s);

}  // namespace cordon
