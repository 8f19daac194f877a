// What a check of an audit trail found, as JSON with stable names.
//
// Owns:       nothing.
// Invariants: "problem" is null where the chain is whole, ends with a record and has the head that
//             was asked for.
#pragma once

#include <nlohmann/json.hpp>

#include "control/audit/audit_check.h"

namespace cordon {

// `wanted`: the head that was asked for, empty: none.
nlohmann::json audit_check_json(const AuditCheck& check, const std::string& wanted);
nlohmann::json audit_record_json(const AuditRecord& record);

}  // namespace cordon
