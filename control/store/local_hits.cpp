#include "control/store/local_hits.h"

#include "control/store/sqlite.h"
#include "control/store/store.h"

namespace cordon {

// From the index local_match alone, but for the times.
Result<std::vector<LocalHits>> read_local_hits(Database& database) {
    Statement row(database,
                  "SELECT source, reference, hits, (SELECT time_ns FROM incident WHERE id = last)"
                  " FROM (SELECT source, reference, count(*) AS hits, max(incident) AS last"
                  "       FROM incident_match WHERE (flags & 2) <> 0 GROUP BY source, reference)"
                  " AS entry");
    std::vector<LocalHits> list;
    while (row.row())
        list.push_back({static_cast<std::uint32_t>(row.integer(0)), row.number(1), row.number(2),
                        iso_time(row.number(3))});
    if (database.failed()) return Failure(database.take_error());
    return list;
}

}  // namespace cordon
