// What the process itself must be before it sees a byte: no core dumps, memory locked, signals
// blocked until somebody waits for them.
//
// Owns:       nothing.
// Invariants: content and keys never reach a disk through a dump or the swap.
// Thread:     start-up, before any other thread is made (signal masks are inherited).
#pragma once

#include <string>

#include "dataplane/base/result.h"

namespace cordon {

// No core dump, not traceable by the same user, memory locked as it is touched.
Result<void> guard_process();

// One dataplane for one run_dir: a second one would take the ports, the XDP programs and the
// journal away from the first before it noticed.
Result<void> claim_place(const std::string& run_dir);

// SIGTERM and SIGINT wait until next_signal asks; SIGPIPE and SIGHUP are ignored.
void block_signals();
// The next of them, 0 when none came within the time.
int next_signal(int wait_ms);

// Tells systemd, when it is there, that the service is ready or stopping.
void notify_service_manager(const char* state);

}  // namespace cordon
