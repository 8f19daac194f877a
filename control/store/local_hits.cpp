#include "control/store/local_hits.h"

#include "control/store/database.h"
#include "control/store/store.h"

namespace cordon {

// By way of the index local_match.
Result<std::vector<LocalHits>> read_local_hits(Database& database, const std::string& node) {
    Statement row(database,
                  "SELECT source, reference, count(*), max(time_ns)"
                  " FROM incident_match JOIN incident ON incident = id"
                  " WHERE (flags & 2) <> 0 AND " +
                      database.own_rows() + " GROUP BY source, reference");
    row.bind(node);
    std::vector<LocalHits> list;
    while (row.row())
        list.push_back({static_cast<std::uint32_t>(row.integer(0)), row.number(1), row.number(2),
                        iso_time(row.number(3))});
    if (database.failed()) return Failure(database.take_error());
    return list;
}

}  // namespace cordon
