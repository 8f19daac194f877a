// An IncidentFilter as a condition of SQL.
//
// Owns:       nothing.
// Invariants: what is filtered by is bound, never written into the text.
#pragma once

#include <string>

#include "control/store/database.h"
#include "control/store/store.h"

namespace cordon {

// " WHERE …", for the columns of the table incident; `own`: the condition for rows of this box.
std::string conditions(const std::string& own, const IncidentFilter& filter);

// The parameters of that text, in its order.
void bind_conditions(const std::string& node, const IncidentFilter& filter, Statement* statement);

}  // namespace cordon
