#include "control/daemon/request_roles.h"

#include <string>

namespace cordon {

namespace {

constexpr RequestRole rows[] = {
    {"version", Role::viewer, false},
    {"status", Role::viewer, false},
    {"coverage", Role::viewer, false},
    {"unlisted", Role::viewer, false},
    {"feed.status", Role::viewer, false},
    {"feed.history", Role::viewer, false},
    {"feed.verify", Role::viewer, false},
    {"mode.show", Role::viewer, false},
    {"audit.show", Role::viewer, false},
    {"audit.verify", Role::viewer, false},
    {"audit.check", Role::viewer, false},
    {"pending", Role::viewer, false},
    {"config.diff", Role::viewer, false},
    {"config.history", Role::viewer, false},
    {"incidents.list", Role::viewer, false},
    {"incidents.after", Role::viewer, false},
    {"incidents.show", Role::viewer, false},
    {"explain", Role::viewer, false},
    {"list.show", Role::viewer, false},
    {"list.trial", Role::viewer, false},
    // Addresses, accounts and names of files.
    {"incidents.reveal", Role::operating, true},
    {"incidents.hold", Role::operating, true},
    {"verify.list", Role::operating, false},
    {"verify.show", Role::operating, false},
    {"verify.retry", Role::operating, true},
    {"selftest.show", Role::viewer, false},
    {"selftest.start", Role::operating, true},
    {"feed.sync", Role::operating, true},
    {"feed.hold", Role::operating, true},
    {"feed.import", Role::operating, true},
    {"feed.enrol", Role::operating, true},
    {"feed.confirm", Role::operating, true},
    {"feed.trust", Role::operating, true},
    {"suspend", Role::operating, true},
    {"mode.set", Role::operating, true},
    {"bypass.set", Role::operating, true},
    {"bypass.end", Role::operating, true},
    {"reload", Role::operating, true},
    {"config.propose", Role::operating, true},
    {"config.confirm", Role::operating, true},
    {"config.rollback", Role::operating, true},
    {"list.add", Role::operating, true},
    {"list.remove", Role::operating, true},
    {"reject", Role::operating, true},
    {"list.approve", Role::admin, true},
    {"approve", Role::admin, true},
};

}  // namespace

std::span<const RequestRole> request_roles() {
    return rows;
}

RequestRole role_of_request(std::string_view request) {
    for (const RequestRole& row : rows)
        if (request == row.request) return row;
    return {"", Role::admin, true};
}

std::string role_socket_path(std::string_view run_dir, Role role) {
    return std::string(run_dir) + "/" + std::string(role_names[static_cast<std::size_t>(role)]) +
           ".sock";
}

}  // namespace cordon
