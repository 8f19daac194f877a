#include "control/store/incident_filter.h"

namespace cordon {

namespace {

constexpr const char* condition_of(IncidentStatus status) {
    switch (status) {
        case IncidentStatus::decided:
            return " AND enforced_ns IS NULL";
        case IncidentStatus::unconfirmed:
            return " AND enforced_ns IS NOT NULL AND (storage_reset = 0 OR client_answered = 0)";
        case IncidentStatus::enforced:
            return " AND enforced_ns IS NOT NULL AND storage_reset = 1 AND client_answered = 1";
    }
    return "";
}

}  // namespace

std::string conditions(const std::string& own, const IncidentFilter& filter) {
    std::string sql = " WHERE " + own;
    if (filter.service) sql += " AND service = ?";
    if (filter.action) sql += " AND action = ?";
    if (filter.from_ns) sql += " AND time_ns >= ?";
    if (filter.to_ns) sql += " AND time_ns < ?";
    if (filter.test) sql += *filter.test ? " AND test <> 0" : " AND test = 0";
    if (filter.status) sql += condition_of(*filter.status);
    return sql;
}

void bind_conditions(const std::string& node, const IncidentFilter& filter, Statement* statement) {
    statement->bind(node);
    if (filter.service) statement->bind(*filter.service);
    if (filter.action) statement->bind_unsigned(static_cast<std::uint8_t>(*filter.action));
    if (filter.from_ns) statement->bind_unsigned(*filter.from_ns);
    if (filter.to_ns) statement->bind_unsigned(*filter.to_ns);
}

}  // namespace cordon
