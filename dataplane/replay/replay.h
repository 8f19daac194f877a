// Drives a Worker through a capture: frames in their order, at the capture's own time.
//
// Owns:       the port, the worker, the clock.
// Invariants: the clock never goes back. Every report is written before run() returns.
// Thread:     one.
#pragma once

#include <memory>
#include <string>

#include "dataplane/replay/capture.h"
#include "dataplane/replay/clock.h"
#include "dataplane/replay/pcap_port.h"
#include "dataplane/replay/roles.h"
#include "dataplane/replay/settings.h"
#include "dataplane/worker/worker.h"

namespace cordon::replay {

// What a worker hands over to be recorded is durable at once: nothing outlives a replay.
class InstantRecorder : public Recorder {
  public:
    bool decided(const IncidentRecord&, const DenyKey&, RecordTicket* ticket) override {
        ticket->number = ++last_;
        return true;
    }
    RecordState state(RecordTicket ticket, std::uint64_t* sequence) override {
        *sequence = ticket.number;
        return RecordState::durable;
    }
    bool verify(const VerifyRecord&, RecordTicket* ticket) override {
        ticket->number = ++last_;
        return true;
    }
    bool enforced(const EnforcedRecord&) override { return true; }
    bool over(const DenyKey&) override { return true; }

  private:
    std::uint64_t last_ = 0;
};

class Replay {
  public:
    Replay(const Settings& settings, const IndexView* index, PatternScanner* patterns = nullptr);

    // Exit status; *why is one line when it is not 0.
    int run(std::string* why);

  private:
    void survey();
    void feed(const CapturedFrame& captured);
    void deliver(Side side, const Frame& frame);
    void run_timers_until(std::uint64_t ns);
    void settle();
    void finish();
    void poll();
    void write_out(bool all);

    const Settings& settings_;
    Options options_;
    InstantRecorder recorder_;
    PcapPort port_;
    Worker worker_;
    Roles roles_;
    Clock clock_;
    std::string output_;
    std::unique_ptr<ObjectReport> report_;
    bool output_failed_ = false;
    bool outputs_written_ = true;
};

}  // namespace cordon::replay
