#include "tests/bench/line_bench.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "dataplane/assembly/assembly.h"
#include "dataplane/base/invariant.h"
#include "dataplane/fingerprint/fingerprinter.h"
#include "dataplane/worker/worker.h"
#include "tests/bench/bench_port.h"
#include "tests/support/memory_recorder.h"

namespace cordon::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double run_seconds = 0.6;

double cycles_per_second() {
    static const double rate = [] {
        const auto from = Clock::now();
        const std::uint64_t cycles = read_cycles();
        while (Clock::now() - from < std::chrono::milliseconds(100)) {}
        const std::chrono::duration<double> took = Clock::now() - from;
        return static_cast<double>(read_cycles() - cycles) / took.count();
    }();
    return rate;
}

double gbit_per_s(double bytes, double seconds) {
    return bytes * 8 / seconds / 1e9;
}

struct Measured {
    double gbit_per_s;
    double cycles_per_packet;
    double cycles_per_byte;
    double held_us;
    double passed_us;
};

class Line {
  public:
    Line(const LineSettings& settings, Assembly* assembly)
        : settings_(settings),
          assembly_(assembly),
          options_(bench_options(settings.flows)),
          port_(settings.flows, settings.object_bytes),
          worker_(worker_options(), &port_, &recorder_) {}

    Measured run(std::uint64_t objects) {
        port_.start(objects);
        const std::uint64_t port_before = port_.port_cycles();
        const std::uint64_t packets_before = port_.packets();
        const double cpu_from = cpu_seconds();
        const std::uint64_t from = read_cycles();
        while (!port_.done()) {
            now_ns_ += 10'000;
            worker_.poll({now_ns_, now_ns_});
        }
        const auto passed_cycles = static_cast<double>(read_cycles() - from);
        const double cpu = cpu_seconds() - cpu_from;
        const auto port_cycles = static_cast<double>(port_.port_cycles() - port_before);
        // Processor time, because others may run on this machine; the clock of cycles, which goes
        // on for them, only tells the port's share of it.
        const double seconds = cpu * (1 - port_cycles / passed_cycles);
        const double cycles = seconds * cycles_per_second();
        const double bytes = static_cast<double>(objects * settings_.flows) *
                             static_cast<double>(settings_.object_bytes);
        const double us_per_cycle = 1e6 / cycles_per_second();
        return {gbit_per_s(bytes, seconds),
                cycles / static_cast<double>(port_.packets() - packets_before), cycles / bytes,
                static_cast<double>(port_.held().median()) * us_per_cycle,
                static_cast<double>(port_.passed().median()) * us_per_cycle};
    }

    const Counters& counters() const { return worker_.counters(); }

  private:
    WorkerOptions worker_options() const {
        WorkerOptions options;
        options.options = &options_;
        options.digests = settings_.digests.bits;
        options.assembly = assembly_;
        return options;
    }

    LineSettings settings_;
    Assembly* assembly_;
    Options options_;
    BenchPort port_;
    test::MemoryRecorder recorder_;
    Worker worker_;
    std::uint64_t now_ns_ = 1'000'000'000;
};

// The digests of as many objects, segment by segment from bytes in the cache, as the line gets
// them.
double run_limit(const LineSettings& settings, std::uint64_t objects) {
    Fingerprinter fingerprinter(settings.flows);
    constexpr std::size_t segment = 1460;
    std::vector<std::uint8_t> bytes(32 * segment, 0x5a);
    std::vector<ObjectSlot> slots(settings.flows);
    const double from = cpu_seconds();
    for (std::uint64_t object = 0; object < objects; ++object) {
        for (ObjectSlot& slot : slots)
            slot = fingerprinter.open(settings.digests);
        for (std::uint64_t at = 0; at < settings.object_bytes; at += segment) {
            const std::size_t size = std::min<std::uint64_t>(segment, settings.object_bytes - at);
            std::size_t place = 0;
            for (const ObjectSlot slot : slots) {
                fingerprinter.submit(slot, Bytes(bytes).subspan(place * segment, size));
                place = (place + 1) % 32;
            }
            fingerprinter.flush();
        }
        Digests digests;
        for (const ObjectSlot slot : slots)
            fingerprinter.close(slot, &digests);
    }
    return gbit_per_s(
        static_cast<double>(objects * settings.flows) * static_cast<double>(settings.object_bytes),
        cpu_seconds() - from);
}

// All at once, each on a thread of its own.
template <typename Work>
void on_threads(std::uint32_t count, Work work) {
    std::vector<std::thread> threads;
    for (std::uint32_t n = 1; n < count; ++n)
        threads.emplace_back([&work, n] { work(n); });
    work(0);
    for (std::thread& thread : threads)
        thread.join();
}

// Of one run of every worker.
Measured together(const std::vector<Measured>& each) {
    Measured sum{};
    const auto count = static_cast<double>(each.size());
    for (const Measured& one : each) {
        sum.gbit_per_s += one.gbit_per_s;
        sum.cycles_per_packet += one.cycles_per_packet / count;
        sum.cycles_per_byte += one.cycles_per_byte / count;
        sum.held_us += one.held_us / count;
        sum.passed_us += one.passed_us / count;
    }
    return sum;
}

class Lines {
  public:
    explicit Lines(const LineSettings& settings)
        : settings_(settings), assembly_(assembly_limits(bench_options(settings.flows)), 1) {
        for (std::uint32_t n = 0; n < settings.workers; ++n)
            lines_.push_back(std::make_unique<Line>(settings, &assembly_));
    }
    Measured run(std::uint64_t objects) {
        std::vector<Measured> each(lines_.size());
        on_threads(settings_.workers, [&](std::uint32_t n) { each[n] = lines_[n]->run(objects); });
        return together(each);
    }
    double limit(std::uint64_t objects) const {
        std::vector<double> each(lines_.size());
        on_threads(settings_.workers,
                   [&](std::uint32_t n) { each[n] = run_limit(settings_, objects); });
        return std::accumulate(each.begin(), each.end(), 0.0);
    }
    std::uint64_t clean() const {
        std::uint64_t count = 0;
        for (const auto& line : lines_)
            count += line->counters().read(Outcome::object_clean);
        return count;
    }

  private:
    LineSettings settings_;
    Assembly assembly_;
    std::vector<std::unique_ptr<Line>> lines_;
};

}  // namespace

Options bench_options(std::uint32_t flows) {
    Options options{};
    options.workers = 1;
    options.flows_max = std::max<std::uint32_t>(1024, flows * 2);
    options.messages_max = std::max<std::uint32_t>(256, flows * 2);
    options.kept_bytes_flow_max = 8u << 20;
    options.kept_bytes_worker_max = 64u << 20;
    options.tail_release_us = 500;
    options.journal_ms_max = 2000;
    options.absorb_seconds = 60;
    options.assemblies_max = 1024;
    options.assembly_seconds = 3600;
    options.spool_bytes_max = 64u << 20;
    options.service_count = 1;
    ServiceOptions& service = options.services[0];
    service.port = 80;
    service.vlan = -1;
    service.prefix.bits = 0;
    return options;
}

LineResult run_line(const LineSettings& settings) {
    Lines lines(settings);
    lines.run(1);  // connects, warms up
    const double first = lines.run(1).gbit_per_s / settings.workers;
    const double bytes_per_round =
        static_cast<double>(settings.flows) * static_cast<double>(settings.object_bytes);
    const auto objects =
        static_cast<std::uint64_t>(std::max(1.0, first * 1e9 / 8 * run_seconds / bytes_per_round));
    std::vector<double> rates, limits, ratios, packets, bytes, held, passed;
    for (std::uint32_t n = 0; n < settings.runs; ++n) {
        const Measured measured = lines.run(objects);
        const double limit = lines.limit(objects);
        rates.push_back(measured.gbit_per_s);
        limits.push_back(limit);
        ratios.push_back(measured.gbit_per_s / limit);
        packets.push_back(measured.cycles_per_packet);
        bytes.push_back(measured.cycles_per_byte);
        held.push_back(measured.held_us);
        passed.push_back(measured.passed_us);
    }
    // What was measured must have been the work: every object judged, none lost.
    INVARIANT(lines.clean() == (2 + objects * settings.runs) * settings.flows * settings.workers);
    return {spread_of(rates), spread_of(limits), spread_of(ratios), spread_of(packets),
            spread_of(bytes), spread_of(held),   spread_of(passed)};
}

}  // namespace cordon::bench
