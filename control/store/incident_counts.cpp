#include "control/store/incident_counts.h"

namespace cordon {

// From the index incident_counts alone.
void count_incidents(Database& database, const std::string& node, StoreStatistics* s) {
    const std::string own = database.own_rows();
    Statement row(database,
                  "SELECT service, action, count(*), count(*) FILTER (WHERE enforced_ns IS NULL),"
                  " count(*) FILTER (WHERE enforced_ns IS NOT NULL"
                  "                  AND (storage_reset = 0 OR client_answered = 0))"
                  " FROM incident WHERE test = 0 AND " +
                      own + " GROUP BY service, action");
    row.bind(node);
    while (row.row()) {
        const auto action = static_cast<MatchAction>(row.integer(1));
        const std::uint64_t count = row.number(2);
        s->services.push_back({row.text(0), action, count});
        s->incidents += count;
        if (action == MatchAction::report) s->reported += count;
        if (action == MatchAction::observe) s->observed += count;
        if (action == MatchAction::suspended) s->suspended += count;
        if (action != MatchAction::block) continue;
        s->blocked += count;
        s->decided += row.number(3);
        s->unconfirmed += row.number(4);
        s->enforced += count - row.number(3) - row.number(4);
    }
    Statement tests(database, "SELECT count(*) FROM incident WHERE test <> 0 AND " + own);
    tests.bind(node);
    if (tests.row()) s->tests = tests.number(0);
}

}  // namespace cordon
