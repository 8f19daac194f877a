// DPDK's environment, started in this process without files, hugepages or a command line of its
// own.
//
// Owns:       the words DPDK said while starting, so that a failure is one line.
// Invariants: started once in a process; lcore 0 is the caller, worker n runs on lcore n + 1.
// Thread:     start-up only.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"

namespace cordon {

// Starts DPDK with `memory_mib` for its pools.
Result<void> start_eal(const Options& options, std::uint32_t memory_mib);

// The last line DPDK logged, for the error that made it stop. Empty when it said nothing.
std::string last_dpdk_words();

}  // namespace cordon
