// An IncidentFilter as a condition of SQL.
//
// Owns:       nothing.
// Invariants: what is filtered by is bound, never written into the text.
#pragma once

#include <string>

#include "control/store/sqlite.h"
#include "control/store/store.h"

namespace cordon {

// " WHERE …", for the columns of the table incident.
std::string conditions(const IncidentFilter& filter);

// The parameters of that text, in its order.
void bind_conditions(const IncidentFilter& filter, Statement* statement);

}  // namespace cordon
