// Drives a Worker through a capture, at the capture's own time: its segments in bursts, as
// DeliveryOrder has them, and what is no TCP segment for itself.
//
// A burst is worked off at the time of its last packet, as by a worker that finds all of them in
// its ring. It ends before a timer is due, and before one could be that its first packet sets.
//
// Owns:       the port, the worker, the clock.
// Invariants: the clock never goes back. Every report is written before run() returns. Timers fire
//             at their own time, between the packets of the capture.
// Thread:     one.
#pragma once

#include <memory>
#include <string>

#include "dataplane/replay/capture.h"
#include "dataplane/replay/clock.h"
#include "dataplane/replay/delivery_order.h"
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

class Replay : private Receiver {
  public:
    Replay(const Settings& settings, const IndexView* index, PatternScanner* patterns = nullptr);

    // Exit status; *why is one line when it is not 0.
    int run(std::string* why);

  private:
    void survey();
    void feed(const CapturedFrame& captured);
    void feed_frame(const CapturedFrame& captured);
    void feed_segment(const Packet& packet, const FlowKey& key);
    void feed_other(Side side, const Frame& frame, bool is_fragment);
    void end_burst(std::uint64_t ns);
    void run_timers_until(std::uint64_t ns);
    void settle();
    void finish();

    void deliver(Side side, std::span<const Frame> frames) override;
    bool forwarded(const FlowKey& key, Forwarded* where) const override;
    void let_go(const FlowKey& key) override;

    void poll();
    void write_out(bool all);

    const Settings& settings_;
    Options options_;
    InstantRecorder recorder_;
    PcapPort port_;
    Worker worker_;
    Roles roles_;
    Clock clock_;
    DeliveryOrder order_;
    std::uint64_t burst_until_ns_ = 0;  // a packet of then or later is not of this burst
    std::string output_;
    std::unique_ptr<ObjectReport> report_;
    bool output_failed_ = false;
    bool outputs_written_ = true;
};

}  // namespace cordon::replay
