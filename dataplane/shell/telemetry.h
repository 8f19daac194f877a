// What the appliance counts, as commands of DPDK's own telemetry beside those of its libraries:
//
//   /cordon/status            flows, indicators, generation, journal
//   /cordon/frames            frames and bytes by class
//   /cordon/objects           objects and bytes by class
//   /cordon/outcomes          every outcome that is not zero
//   /cordon/services          the names of the services
//   /cordon/service,NAME      its verdicts, and how long they took
//   /cordon/workers           of each worker: turns, frames and those it gave to others, flows
//
// `dpdk-telemetry.py -f dataplane` asks by hand, collectd and Telegraf have readers. The socket is
// run_dir/dpdk/dataplane/dpdk_telemetry.v2; who may enter that folder may ask.
//
// Owns:       nothing; end_telemetry() before what it reads goes.
// Invariants: answers are read out of what was published anyway: no worker waits for a reader, and
//             nothing can be changed here.
// Thread:     register_telemetry() and end_telemetry() in the main thread, the answers in those of
//             DPDK, one at a time.
// Limits:     a dictionary has at most 256 entries: the tables of the contract fit.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/shell/link_frames.h"
#include "dataplane/shell/worker_loop.h"

namespace cordon {

Result<void> register_telemetry(LinkTarget* target,
                                const std::vector<std::unique_ptr<WorkerLoop>>* workers);
void end_telemetry();

}  // namespace cordon
