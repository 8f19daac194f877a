#include "dataplane/replay/replay.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "dataplane/base/limits.h"
#include "dataplane/replay/json_lines.h"
#include "dataplane/replay/resegment.h"

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
    const Side side = roles_.side_of(captured.frame);
    run_timers_until(clock_.at_capture(captured.unix_ns));
    clock_.advance_to_capture(captured.unix_ns);
    if (side == Side::storage) settle();
    resegment(captured.frame, settings_.checksums, limits::frame_bytes_max, [&](Bytes piece) {
        const std::size_t length = std::min(piece.size(), PcapPort::frame_bytes_max);
        const bool stays = !captured.place.empty() && piece.data() == captured.place.data();
        deliver(side, stays ? PcapPort::in_place(captured.place.first(length))
                            : port_.copy(piece.first(length)));
    });
}

void Replay::deliver(Side side, const Frame& frame) {
    port_.push(side, {&frame, 1});
    poll();
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

// In the capture nothing was held, so the storage's next packet may acknowledge what we still hold
// as a rolling tail: it is let go first.
void Replay::settle() {
    run_timers_until(clock_.now().ns + options_.tail_release_us * ns_per_us);
}

// The capture is over. What is due soon is still sent; then time runs until every flow has ended,
// so that objects under way are reported as what they are. Nobody would have waited for what is
// sent then, so it is not written.
void Replay::finish() {
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
