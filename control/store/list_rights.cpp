#include "control/store/list_rights.h"

namespace cordon {

void put_list_rights(Database& database, const ListRights& rights, std::uint64_t now_ns) {
    Statement last(database,
                   "SELECT curator, legal_basis FROM list_rights WHERE section = ?"
                   " ORDER BY since_ns DESC LIMIT 1");
    last.bind(rights.section);
    const bool known = last.row();
    const bool same = known ? last.text(0) == rights.curator && last.text(1) == rights.legal_basis
                            : rights.curator.empty() && rights.legal_basis.empty();
    if (same) return;
    Statement insert(database, "INSERT OR REPLACE INTO list_rights VALUES (?, ?, ?, ?)");
    insert.bind(rights.section)
        .bind_unsigned(now_ns)
        .bind(rights.curator)
        .bind(rights.legal_basis)
        .run();
}

std::vector<ListRights> read_list_rights(Database& database) {
    Statement row(database,
                  "SELECT section, curator, legal_basis, max(since_ns),"
                  " (SELECT count(*) FROM incident_match m WHERE m.section = r.section)"
                  " FROM list_rights r GROUP BY section");
    std::vector<ListRights> lists;
    while (row.row())
        lists.push_back({row.text(0), row.text(1), row.text(2), row.number(4)});
    return lists;
}

}  // namespace cordon
