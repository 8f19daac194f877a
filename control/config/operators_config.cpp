#include "control/config/operators_config.h"

#include "control/config/text_rules.h"

namespace cordon {

void read_operators(TomlSection section, bool lab, OperatorsOptions* o) {
    constexpr std::size_t group_bytes_max = 31;  // of useradd and its like
    if (lab) o->approvers = 1;
    section.number("approvers", &o->approvers, 1, 2);
    section.text("viewer_group", &o->viewer_group, group_bytes_max, service_name_rule);
    section.text("operator_group", &o->operator_group, group_bytes_max, service_name_rule);
    section.text("admin_group", &o->admin_group, group_bytes_max, service_name_rule);
    section.finish();
}

}  // namespace cordon
