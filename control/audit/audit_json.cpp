#include "control/audit/audit_json.h"

namespace cordon {

using nlohmann::json;

namespace {

json problem_of(const AuditCheck& check, const std::string& wanted) {
    const std::string last = std::to_string(check.head.sequence);
    if (!check.broken.empty()) return "the chain is broken: " + check.broken;
    if (check.open_end_bytes != 0)
        return std::to_string(check.open_end_bytes) + " bytes behind record " + last +
               " are no record: a crash left them, or the last record was changed";
    if (!check.has_wanted)
        return "records are missing: none has the hash " + wanted + "; the last one is " + last;
    return nullptr;
}

}  // namespace

json audit_check_json(const AuditCheck& check, const std::string& wanted) {
    return {{"records", check.records}, {"sequence", check.head.sequence},
            {"head", check.head.hash},  {"torn", check.torn},
            {"files", check.files},     {"problem", problem_of(check, wanted)}};
}

json audit_record_json(const AuditRecord& r) {
    return {{"sequence", r.sequence},
            {"time", r.time},
            {"uid", r.entry.actor.uid},
            {"name", r.entry.actor.name},
            {"role", r.entry.actor.role},
            {"action", r.entry.action},
            {"what", r.entry.what},
            {"reason", r.entry.reason},
            {"hash", r.hash}};
}

}  // namespace cordon
