// Which role each request to cordond needs, and whether it would change something: one table, for
// cordond that refuses and for cordonctl that explains.
//
// Owns:       nothing; a static table.
// Invariants: a request without a row needs an admin.
#pragma once

#include <span>
#include <string_view>

#include "control/audit/person.h"

namespace cordon {

struct RequestRole {
    const char* request;
    Role role;
    bool changes;  // a refusal is recorded
};

std::span<const RequestRole> request_roles();
RequestRole role_of_request(std::string_view request);

// Where people of a role ask: run_dir/viewer.sock.
std::string role_socket_path(std::string_view run_dir, Role role);

}  // namespace cordon
