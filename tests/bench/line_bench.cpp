#include "tests/bench/line_bench.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

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

double gbit_per_s(double bytes, double cycles) {
    return bytes * 8 / (cycles / cycles_per_second()) / 1e9;
}

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

struct Measured {
    double gbit_per_s;
    double cycles_per_packet;
};

class Line {
  public:
    Line(const LineSettings& settings)
        : settings_(settings),
          options_(bench_options(settings.flows)),
          port_(settings.flows, settings.object_bytes),
          worker_(worker_options(), &port_, &recorder_) {}

    Measured run(std::uint64_t objects) {
        port_.start(objects);
        const std::uint64_t port_before = port_.port_cycles();
        const std::uint64_t packets_before = port_.packets();
        const std::uint64_t from = read_cycles();
        while (!port_.done()) {
            now_ns_ += 10'000;
            worker_.poll({now_ns_, now_ns_});
        }
        const std::uint64_t took = read_cycles() - from - (port_.port_cycles() - port_before);
        const double bytes = static_cast<double>(objects * settings_.flows) *
                             static_cast<double>(settings_.object_bytes);
        const auto cycles = static_cast<double>(took);
        return {gbit_per_s(bytes, cycles),
                cycles / static_cast<double>(port_.packets() - packets_before)};
    }

    const Counters& counters() const { return worker_.counters(); }

  private:
    WorkerOptions worker_options() const {
        WorkerOptions options;
        options.options = &options_;
        options.digests = settings_.digests.bits;
        return options;
    }

    LineSettings settings_;
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
    const std::uint64_t from = read_cycles();
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
    const auto cycles = static_cast<double>(read_cycles() - from);
    return gbit_per_s(
        static_cast<double>(objects * settings.flows) * static_cast<double>(settings.object_bytes),
        cycles);
}

Spread spread_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return {values[values.size() / 2], values.front(), values.back()};
}

}  // namespace

LineResult run_line(const LineSettings& settings) {
    Line line(settings);
    line.run(1);  // connects, warms up
    const double first = line.run(1).gbit_per_s;
    const double bytes_per_round =
        static_cast<double>(settings.flows) * static_cast<double>(settings.object_bytes);
    const auto objects =
        static_cast<std::uint64_t>(std::max(1.0, first * 1e9 / 8 * run_seconds / bytes_per_round));
    std::vector<double> rates, limits, ratios, cycles;
    for (std::uint32_t n = 0; n < settings.runs; ++n) {
        const Measured measured = line.run(objects);
        const double limit = run_limit(settings, objects);
        rates.push_back(measured.gbit_per_s);
        limits.push_back(limit);
        ratios.push_back(measured.gbit_per_s / limit);
        cycles.push_back(measured.cycles_per_packet);
    }
    // What was measured must have been the work: every object judged, none lost.
    const std::uint64_t expected = (2 + objects * settings.runs) * settings.flows;
    INVARIANT(line.counters().read(Outcome::object_clean) == expected);
    return {spread_of(rates), spread_of(limits), spread_of(ratios), spread_of(cycles)};
}

}  // namespace cordon::bench
