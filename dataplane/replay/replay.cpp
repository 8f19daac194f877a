#include "dataplane/replay/replay.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "dataplane/base/limits.h"
#include "dataplane/replay/json_lines.h"
#include "dataplane/replay/resegment.h"
#include "dataplane/worker/lifetime.h"

namespace cordon::replay {
namespace {

WorkerOptions worker_options(const Settings& settings, const Options* options) {
    WorkerOptions worker{};
    worker.options = options;
    worker.checksums = settings.checksums;
    worker.midstream_inspect = settings.midstream_inspect;
    worker.report_objects = true;
    worker.digests = settings.digests.bits;
    worker.seed = 0x5eed;  // the same capture gives the same output
    return worker;
}

// Nothing that a packet makes a worker do at a later time is due sooner, but for the work that it
// puts off to its next turn: a decision is looked at for its record after this time.
constexpr std::uint64_t burst_ns_max = lifetime::record_look_ns;

// What is due within this time is work put off, and not a wait for anything.
constexpr std::uint64_t soon_ns = 20 * ns_per_us;

// The bytes of a mapped file come from memory while the rest of the burst is gathered (10.2 → 11.5
// Gbit/s per processor second with 1 MiB and SHA-256; before its headers are read they would wait
// behind these, 9.6).
void fetch(Bytes frame) {
    constexpr std::size_t line_bytes = 64;
    for (std::size_t at = 0; at < frame.size(); at += line_bytes)
        __builtin_prefetch(frame.data() + at, 0, 2);
}

bool can_be_read_twice(const std::string& path) {
    struct stat status = {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

Replay::Replay(const Settings& settings, const IndexView* index, PatternScanner* patterns)
    : settings_(settings),
      options_(make_options(settings, index != nullptr)),
      worker_(worker_options(settings, &options_), &port_, &recorder_),
      roles_(settings.services, settings.checksums, [this] { survey(); }),
      order_(this, options_.tail_release_us * ns_per_us),
      report_(new ObjectReport) {
    if (index != nullptr) worker_.use_index(index, patterns);
}

int Replay::run(std::string* why) {
    if (!port_.open_outputs(settings_.client_out, settings_.storage_out, why)) return 1;
    Capture capture(settings_.inputs);
    CapturedFrame captured;
    ReadResult result;
    while ((result = capture.next(&captured)) == ReadResult::frame)
        feed(captured);
    finish();
    append_summary_line(capture.packets(), worker_.counters(), &output_);
    write_out(true);
    if (result == ReadResult::error) {
        *why = capture.error();
    } else if (!outputs_written_) {
        *why = "--client-out, --storage-out: could not be written";
    } else if (output_failed_) {
        *why = "standard output: could not be written";
    }
    return why->empty() ? 0 : 1;
}

// A flow without its SYN: only the rest of the capture can tell who its client is.
void Replay::survey() {
    if (!std::all_of(settings_.inputs.begin(), settings_.inputs.end(), can_be_read_twice)) return;
    Capture ahead(settings_.inputs);
    CapturedFrame captured;
    while (ahead.next(&captured) == ReadResult::frame)
        roles_.see(captured.frame);
}

void Replay::feed(const CapturedFrame& captured) {
    resegment(captured.frame, settings_.checksums, limits::frame_bytes_max, [&](Bytes piece) {
        const bool whole = piece.data() == captured.frame.data();
        feed_frame(whole ? captured : CapturedFrame{piece, captured.unix_ns, {}});
    });
}

void Replay::feed_frame(const CapturedFrame& captured) {
    Segment segment;
    Outcome why;
    Roles::KnownFlow flow;
    const DecodeResult decoded = decode(captured.frame, ChecksumRule::off, &segment, &why);
    const Side side = roles_.side_of(captured.frame, decoded, segment, &flow);
    const std::size_t length = std::min(captured.frame.size(), PcapPort::frame_bytes_max);
    const Frame frame = captured.place.empty() ? port_.copy(captured.frame.first(length))
                                               : PcapPort::in_place(captured.place.first(length));
    fetch(captured.place);
    const std::uint64_t ns = clock_.at_capture(captured.unix_ns);
    if (flow.key == nullptr) {
        end_burst(ns);
        clock_.advance_to_capture(captured.unix_ns);
        return feed_other(side, frame, decoded == DecodeResult::fragment);
    }
    const Packet packet{frame,
                        ns,
                        flow.number,
                        segment.sequence,
                        segment.acknowledgement,
                        static_cast<std::uint32_t>(segment.payload.size()),
                        segment.flags,
                        side};
    if (order_.empty() || ns >= burst_until_ns_ || !order_.takes(packet)) end_burst(ns);
    clock_.advance_to_capture(captured.unix_ns);
    feed_segment(packet, *flow.key);
}

void Replay::feed_segment(const Packet& packet, const FlowKey& key) {
    const bool begins = order_.empty();
    order_.add(packet, key);
    if (begins)
        burst_until_ns_ = std::min(worker_.next_deadline_ns(), clock_.now().ns + burst_ns_max);
}

// Alone. Whose segment a fragment is a part of is not known, so that nothing may be held of any.
void Replay::feed_other(Side side, const Frame& frame, bool is_fragment) {
    if (is_fragment) order_.end_waiting();
    if (is_fragment && side == Side::storage) {
        worker_.expire_tails();
        settle();
    }
    deliver(side, {&frame, 1});
}

// What came before the packet of this time is worked off, and the timers that are due by then.
void Replay::end_burst(std::uint64_t ns) {
    order_.flush();
    run_timers_until(ns);
    order_.expire(ns);
}

void Replay::deliver(Side side, std::span<const Frame> frames) {
    port_.push(side, frames);
    poll();
}

bool Replay::forwarded(const FlowKey& key, Forwarded* where) const {
    return worker_.forwarded(key, where);
}

void Replay::let_go(const FlowKey& key) {
    worker_.expire_tail(key);
    settle();
}

// Timers fire at their own time, not at that of the next packet. The count bounds what a worker
// that is never content could cost.
void Replay::run_timers_until(std::uint64_t ns) {
    constexpr int turns_max = 4096;
    for (int turn = 0; turn < turns_max; ++turn) {
        const std::uint64_t deadline = worker_.next_deadline_ns();
        if (deadline > ns) return;
        clock_.advance_to(deadline);
        poll();
    }
}

// What the worker put off is done; it is given no time to wait for anything.
void Replay::settle() {
    run_timers_until(clock_.now().ns + soon_ns);
}

// The capture is over. What is due soon is still sent; then time runs until every flow has ended,
// so that objects under way are reported as what they are. Nobody would have waited for what is
// sent then, so it is not written.
void Replay::finish() {
    order_.flush();
    order_.end_waiting();
    run_timers_until(clock_.now().ns + ns_per_s);
    outputs_written_ = port_.close_outputs();
    constexpr std::uint64_t day_ns = 24 * 3600 * ns_per_s, step_ns = 60 * ns_per_s;
    // The worker looks at a small part of its flows at each turn.
    const std::uint32_t turns_max = 16 * 1024;
    clock_.advance_to(clock_.now().ns + day_ns);
    poll();  // fragments may wait where no flow is
    for (std::uint32_t turn = 0; turn < turns_max && worker_.flows() > 0; ++turn) {
        poll();
        clock_.advance_to(clock_.now().ns + step_ns);
    }
}

void Replay::poll() {
    port_.set_time(clock_.now().unix_ns);
    worker_.poll(clock_.now());
    while (worker_.next_report(report_.get()))
        append_object_line(*report_, &output_);
    write_out(false);
}

void Replay::write_out(bool all) {
    constexpr std::size_t enough = 1u << 16;
    if (output_.size() < enough && !all) return;
    if (std::fwrite(output_.data(), 1, output_.size(), stdout) != output_.size() ||
        (all && std::fflush(stdout) != 0)) {
        output_failed_ = true;
    }
    output_.clear();
}

}  // namespace cordon::replay
