// What the texts of the configuration must look like.
//
// Owns:       nothing; static rules.
// Invariants: every rule says in words what it checks.
#pragma once

#include "control/config/toml_section.h"

namespace cordon {

extern const TextRule any_text_rule;
extern const TextRule case_prefix_rule;
extern const TextRule complaint_rule;
extern const TextRule header_name_rule;
extern const TextRule interface_rule;
extern const TextRule path_rule;
extern const TextRule pci_rule;
extern const TextRule service_name_rule;
extern const TextRule storage_name_rule;

}  // namespace cordon
