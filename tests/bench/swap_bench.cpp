#include "tests/bench/swap_bench.h"

#include <atomic>
#include <cstdio>
#include <thread>

#include "dataplane/base/invariant.h"
#include "dataplane/worker/worker.h"
#include "tests/bench/bench_port.h"
#include "tests/bench/large_index.h"
#include "tests/bench/line_bench.h"
#include "tests/support/memory_recorder.h"

namespace cordon::bench {

namespace {

constexpr std::uint32_t flows = 64;
constexpr std::uint64_t object_bytes = 64 << 10;
constexpr double seconds_before = 2;
constexpr std::size_t turns_max = 20'000'000;

enum class Phase : int { warm, before, during, end };

// The thread around the worker, as shell/worker_loop.h has it.
class Loop {
  public:
    explicit Loop(IndexHolder* index) : index_(index), options_(bench_options(flows)) {
        for (std::vector<float>& turns : turns_)
            turns.reserve(turns_max / 2);
    }

    void run(const std::atomic<Phase>& phase) {
        port_.start(UINT32_MAX);
        for (Phase now; (now = phase.load(std::memory_order_relaxed)) != Phase::end;)
            turn(now);
        index_->acknowledge(0, nullptr);
    }

    Turns told(Phase phase) {
        std::vector<float>& turns = turns_[static_cast<std::size_t>(phase)];
        std::sort(turns.begin(), turns.end());
        INVARIANT(!turns.empty());
        double sum = 0;
        for (const float one : turns)
            sum += static_cast<double>(one);
        const auto at = [&](double part) {
            return static_cast<double>(
                turns[static_cast<std::size_t>(part * static_cast<double>(turns.size() - 1))]);
        };
        const auto bytes = static_cast<double>(bytes_[static_cast<std::size_t>(phase)]);
        return {turns.size(), at(0.5), at(0.999), at(1), bytes * 8 / sum / 1e3};
    }

    std::uint64_t dropped() const {
        return worker_.counters().frames[frame_class(FrameClass::dropped)].count.read() +
               worker_.counters().read(Outcome::transmit_full);
    }

  private:
    void turn(Phase phase) {
        const double from = cpu_seconds();
        const IndexImage* newest = index_->current();
        if (newest != used_) {
            worker_.use_index(&newest->view(), newest->scanner(0));
            used_ = newest;
            index_->acknowledge(0, newest);
        }
        now_ns_ += 10'000;
        worker_.poll({now_ns_, now_ns_});
        const auto took = static_cast<float>((cpu_seconds() - from) * 1e6);
        const auto n = static_cast<std::size_t>(phase);
        if (turns_[n].size() < turns_[n].capacity()) turns_[n].push_back(took);
        const std::uint64_t bytes = worker_.counters().body_bytes.read();
        bytes_[n] += bytes - bytes_seen_;
        bytes_seen_ = bytes;
    }

    WorkerOptions worker_options() const {
        WorkerOptions made;
        made.options = &options_;
        return made;
    }

    IndexHolder* index_;
    Options options_;
    BenchPort port_{flows, object_bytes};
    test::MemoryRecorder recorder_;
    Worker worker_{worker_options(), &port_, &recorder_};
    const IndexImage* used_ = nullptr;
    std::uint64_t now_ns_ = 1'000'000'000;
    std::uint64_t bytes_seen_ = 0;
    std::uint64_t bytes_[3] = {};
    std::vector<float> turns_[3];  // microseconds, by Phase
};

void sleep_seconds(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

}  // namespace

std::optional<SwapResult> run_swap(const SwapSettings& settings) {
    const LargeIndex made = build_large_index(settings.indicators, settings.sections);
    IndexHolder index(1, true);
    if (const Result<void> loaded = index.load(made.path(), 0); !loaded) {
        std::fprintf(stderr, "cordon-bench: %s\n", loaded.error().message().c_str());
        return std::nullopt;
    }
    Loop loop(&index);
    std::atomic<Phase> phase{Phase::warm};
    std::thread worker([&] { loop.run(phase); });
    sleep_seconds(0.5);
    phase = Phase::before;
    sleep_seconds(seconds_before);
    phase = Phase::during;
    std::vector<double> loads, settles;
    for (std::uint32_t n = 0; n < settings.swaps; ++n) {
        const double from = seconds_of(CLOCK_MONOTONIC);
        const auto unix_seconds = static_cast<std::uint64_t>(seconds_of(CLOCK_REALTIME));
        INVARIANT(index.load(made.path(), unix_seconds).has_value());
        const double loaded = seconds_of(CLOCK_MONOTONIC);
        while (!index.settled())
            sleep_seconds(0.001);
        loads.push_back(loaded - from);
        settles.push_back(seconds_of(CLOCK_MONOTONIC) - loaded);
    }
    phase = Phase::end;
    worker.join();
    return SwapResult{loop.told(Phase::before), loop.told(Phase::during), spread_of(loads),
                      spread_of(settles), loop.dropped()};
}

}  // namespace cordon::bench
