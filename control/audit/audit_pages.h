// Records of an audit trail from its end backwards, without a look at all of it.
//
// Owns:       nothing.
// Invariants: a record is given out when it is exactly what was written, and what is told of its
//             neighbours when they do not fit together: the whole chain is audit_check.h's.
// Thread:     any.
// Limits:     look_bytes of the trail are looked at for one page, or one file.
#pragma once

#include <string>
#include <vector>

#include "control/audit/audit_record.h"
#include "control/audit/audit_segments.h"

namespace cordon {

struct AuditQuery {
    std::size_t limit = 50;
    std::uint64_t before = 0;  // only with a smaller number; 0: from the end
    std::string since;         // only as new as this time; empty: any
    std::string name;          // only of this user; empty: any
    std::string action;        // only these, or those that begin with "action."; empty: any
    std::string about;         // only whose `what` is this, or begins with it and a space
    std::uint64_t look_bytes = 16u << 20;
};

struct AuditPage {
    std::vector<AuditRecord> records;  // oldest first
    std::uint64_t before = 0;          // of the next page; 0: there is none
    std::string broken;                // what does not fit together; empty: all that was looked at
};

Result<AuditPage> read_audit_page(const AuditTrail& trail, const AuditQuery& query);

}  // namespace cordon
