// The options file in the state directory, active.options: what the dataplane starts from.
//
// Owns:       the file.
// Invariants: at every moment, and after a crash, the file is the old or the new one.
//             policy_generation rises by one when anything but the modes of services differs: modes
//             change in flight and have records of their own, all else waits for a restart.
#pragma once

#include <string>

#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"

namespace cordon {

std::string active_options_path(std::string_view state_dir);

Result<Options> read_active_options(const std::string& path);

// Gives `options` its policy_generation and writes it, if the file does not say the same already.
Result<void> write_active_options(const std::string& path, Options* options);

// What has to be restarted for, in words of the configuration: "ports", "limits", "service photos".
// Empty when the two differ in modes only.
std::string restart_reasons(const Options& before, const Options& after);

}  // namespace cordon
