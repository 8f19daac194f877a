// One [[service]] of the configuration.
//
// Owns:       nothing.
// Invariants: a service is added only when all of it is right; names are unique, and so are
//             (address, port, VLAN).
#pragma once

#include "control/config/toml_section.h"
#include "control/config/verifier_config.h"
#include "dataplane/contract/options.h"

namespace cordon {

void read_service(TomlSection* section, Options* options, VerifierOptions* verifier);

}  // namespace cordon
