// The tables of the SQLite store and the steps that led to them.
//
// Owns:       nothing.
// Invariants: a step that was released never changes; a new shape is a new step at the end. All
//             steps that are due happen in one transaction.
#pragma once

#include <cstdint>

#include "control/store/case_keys.h"
#include "control/store/sqlite.h"

namespace cordon {

std::uint32_t newest_schema();

// Refuses a database that is not ours or is newer; else sets it up or carries it forward. `keys`
// are open: what older incidents tell of persons is sealed with new ones.
Result<void> prepare_schema(Database& database, CaseKeys* keys);

}  // namespace cordon
