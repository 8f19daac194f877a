// The tables of a store and the steps that led to them: those of a file in schema.cpp, those of a
// server in schema_postgres.cpp. The two have the same shape under the same number.
//
// Owns:       nothing.
// Invariants: a step that was released never changes; a new shape is a new step at the end, in
//             both. All steps that are due happen in one transaction, by one cordond at a time.
#pragma once

#include <cstdint>

#include "control/store/case_keys.h"
#include "control/store/database.h"
#include "control/store/store.h"

namespace cordon {

std::uint32_t newest_schema();
Failure refuse_newer(std::int64_t version);

// The keys, and the file or the server, ready to be used.
Result<void> open_store_database(const StoreOptions& options, Database* database, CaseKeys* keys);

// Refuses a database that is not ours or is newer; else sets it up or carries it forward. `keys`
// are open: what older rows tell of persons is sealed with new ones.
Result<void> prepare_schema(Database& database, CaseKeys* keys);

// The same of a server, at every new connection. Refuses as well when another box has the name
// `node` there: the two would take each other's rows for their own.
Result<void> prepare_shared_schema(Database& database, const std::string& node, CaseKeys* keys);

}  // namespace cordon
