// [operators]: who may do what, and how many persons it takes to weaken the appliance.
//
// Owns:       nothing.
// Invariants: approvers is 1 or 2. A lab has one by default: there is nobody to protect, and tests
//             and the demo are one person.
#pragma once

#include <cstdint>
#include <string>

#include "control/config/toml_section.h"

namespace cordon {

struct OperatorsOptions {
    std::uint32_t approvers = 2;
    std::string viewer_group = "cordon-viewer";
    std::string operator_group = "cordon-operator";
    std::string admin_group = "cordon-admin";
};

void read_operators(TomlSection section, bool lab, OperatorsOptions* o);

}  // namespace cordon
