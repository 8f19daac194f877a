#include "control/store/list_rights.h"

namespace cordon {

void put_list_rights(Database& database, const std::string& node, const ListRights& rights,
                     std::uint64_t now_ns) {
    Statement last(database, "SELECT curator, legal_basis FROM list_rights WHERE section = ? AND " +
                                 database.own_rows() + " ORDER BY since_ns DESC LIMIT 1");
    last.bind(rights.section).bind(node);
    const bool known = last.row();
    const bool same = known ? last.text(0) == rights.curator && last.text(1) == rights.legal_basis
                            : rights.curator.empty() && rights.legal_basis.empty();
    last.reset();
    if (same) return;
    Statement insert(database,
                     "INSERT INTO list_rights (node, section, since_ns, curator, legal_basis)"
                     " VALUES (?, ?, ?, ?, ?) ON CONFLICT (node, section, since_ns)"
                     " DO UPDATE SET curator = excluded.curator,"
                     " legal_basis = excluded.legal_basis");
    insert.bind(node)
        .bind(rights.section)
        .bind_unsigned(now_ns)
        .bind(rights.curator)
        .bind(rights.legal_basis)
        .run();
}

std::vector<ListRights> read_list_rights(Database& database, const std::string& node) {
    const std::string own = database.own_rows();
    Statement row(database,
                  "SELECT section, curator, legal_basis,"
                  " (SELECT count(*) FROM incident_match m JOIN incident ON id = m.incident"
                  "   WHERE m.section = r.section AND " +
                      own + ") FROM list_rights r WHERE " + own +
                      " AND since_ns = (SELECT max(since_ns) FROM list_rights l"
                      " WHERE l.section = r.section AND " +
                      own + ")");
    row.bind(node).bind(node).bind(node);
    std::vector<ListRights> lists;
    while (row.row())
        lists.push_back({row.text(0), row.text(1), row.text(2), row.number(3)});
    return lists;
}

}  // namespace cordon
