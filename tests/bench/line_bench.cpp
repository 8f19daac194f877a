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
#include "tests/bench/large_index.h"
#include "tests/support/index_images.h"
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

// What turns of the same work take, by the clock of cycles. Others may run on this machine: a turn
// of many times the usual length was interrupted, and is left out with the work it did.
class Turns {
  public:
    void add(std::uint64_t cycles, std::uint64_t work) { turns_.push_back({cycles, work}); }
    void clear() { turns_.clear(); }
    double cycles_each() const {  // for a piece of work
        constexpr double interrupted = 8;
        std::vector<double> lengths;
        for (const Turn& turn : turns_)
            lengths.push_back(static_cast<double>(turn.cycles));
        const double longest = interrupted * spread_of(std::move(lengths)).median;
        double cycles = 0, work = 0;
        for (const Turn& turn : turns_) {
            if (static_cast<double>(turn.cycles) > longest) continue;
            cycles += static_cast<double>(turn.cycles);
            work += static_cast<double>(turn.work);
        }
        return cycles / work;
    }

  private:
    struct Turn {
        std::uint64_t cycles;
        std::uint64_t work;
    };
    std::vector<Turn> turns_;
};

class Line {
  public:
    Line(const LineSettings& settings, Assembly* assembly, const IndexView* index)
        : settings_(settings),
          assembly_(assembly),
          options_(line_options(settings)),
          port_(settings.flows, settings.object_bytes, settings.from_memory),
          worker_(worker_options(), &port_, &recorder_) {
        if (settings.dismissible) use_dismissing_index();
        if (index != nullptr) worker_.use_index(index);
    }

    Measured run(std::uint64_t objects) {
        port_.start(objects);
        turns_.clear();
        const std::uint64_t packets_before = port_.packets();
        while (!port_.done()) {
            now_ns_ += 10'000;
            const std::uint64_t packets = port_.packets();
            const std::uint64_t port_cycles = port_.port_cycles();
            const std::uint64_t from = read_cycles();
            worker_.poll({now_ns_, now_ns_});
            const std::uint64_t cycles = read_cycles() - from;
            turns_.add(cycles - (port_.port_cycles() - port_cycles), port_.packets() - packets);
        }
        const double each = turns_.cycles_each();
        const double bytes = static_cast<double>(objects * settings_.flows) *
                             static_cast<double>(settings_.object_bytes);
        const double cycles = each * static_cast<double>(port_.packets() - packets_before);
        const double us_per_cycle = 1e6 / cycles_per_second();
        return {gbit_per_s(bytes, cycles / cycles_per_second()), each, cycles / bytes,
                static_cast<double>(port_.held().median()) * us_per_cycle,
                static_cast<double>(port_.others().median()) * us_per_cycle};
    }

    const Counters& counters() const { return worker_.counters(); }

  private:
    WorkerOptions worker_options() const {
        WorkerOptions options;
        options.options = &options_;
        options.digests = settings_.dismissible ? 0 : settings_.digests.bits;
        options.assembly = assembly_;
        return options;
    }

    static Options line_options(const LineSettings& settings) {
        Options options = bench_options(settings.flows);
        if (settings.dismissible) options.services[0].dismiss = DismissBy::head;
        return options;
    }

    void use_dismissing_index() {
        IndexBuilder builder({.lab = true});
        const std::uint32_t section = *builder.add_section({.name = "bench"}, test::key_of(1));
        for (std::uint64_t n = 0; n < 1000; ++n) {
            for (const IndicatorKind kind :
                 {IndicatorKind::md5, IndicatorKind::sha1, IndicatorKind::sha256}) {
                if (!settings_.digests.has(kind)) continue;
                const test::Digest digest = test::digest_of(n);
                Indicator one = test::indicator(kind, digest, n);
                // Of the size of these objects, and larger: only the head rules them out.
                one.size = settings_.object_bytes + n;
                one.head.emplace();
                std::copy_n(digest.begin(), one.head->size(), one.head->begin());
                INVARIANT(builder.add(section, one) == AddOutcome::added);
            }
        }
        image_ = test::built(&builder);
        const char* why = "";
        INVARIANT(IndexView::open(image_.bytes(), true, &index_, &why) == IndexStatus::ok);
        worker_.use_index(&index_);
    }

    LineSettings settings_;
    Assembly* assembly_;
    Options options_;
    AlignedBytes image_;
    IndexView index_;
    BenchPort port_;
    test::MemoryRecorder recorder_;
    Worker worker_;
    Turns turns_;
    std::uint64_t now_ns_ = 1'000'000'000;
};

// The digests of as many objects, segment by segment from where the line gets them.
double run_limit(const LineSettings& settings, std::uint64_t objects) {
    Fingerprinter fingerprinter(settings.flows);
    constexpr std::size_t segment = 1460;
    std::vector<std::uint8_t> bytes(32 * segment, 0x5a);
    std::vector<ObjectSlot> slots(settings.flows);
    Turns turns;
    for (std::uint64_t object = 0; object < objects; ++object) {
        for (ObjectSlot& slot : slots)
            slot = fingerprinter.open(settings.digests);
        for (std::uint64_t at = 0; at < settings.object_bytes; at += segment) {
            const std::size_t size = std::min<std::uint64_t>(segment, settings.object_bytes - at);
            if (settings.from_memory) put_into_memory(bytes.data(), bytes.size());
            const std::uint64_t from = read_cycles();
            std::size_t place = 0;
            for (const ObjectSlot slot : slots) {
                fingerprinter.submit(slot, Bytes(bytes).subspan(place * segment, size));
                place = (place + 1) % 32;
            }
            fingerprinter.flush();
            turns.add(read_cycles() - from, size * slots.size());
        }
        Digests digests;
        for (const ObjectSlot slot : slots)
            fingerprinter.close(slot, &digests);
    }
    return gbit_per_s(cycles_per_second() / turns.cycles_each(), 1);
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
        if (settings.indicators != 0) {
            const LargeIndex made = build_large_index(settings.indicators, settings.sections);
            index_ = IndexImage::read(made.path(), true).value();
        }
        for (std::uint32_t n = 0; n < settings.workers; ++n)
            lines_.push_back(std::make_unique<Line>(settings, &assembly_,
                                                    index_ == nullptr ? nullptr : &index_->view()));
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
    std::uint64_t judged() const {
        const bool dismisses = settings_.dismissible && settings_.object_bytes >= head_bytes;
        const Outcome wanted = dismisses ? Outcome::object_dismissed : Outcome::object_clean;
        std::uint64_t count = 0;
        for (const auto& line : lines_)
            count += line->counters().read(wanted);
        return count;
    }

  private:
    LineSettings settings_;
    Assembly assembly_;
    std::unique_ptr<IndexImage> index_;  // for all of them; null: none
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
    // What was measured must have been the work: every object judged, none lost. About one head in
    // 1600 is perhaps that of an indicator (contract/value_set.h), for each digest.
    const std::uint64_t sent = (2 + objects * settings.runs) * settings.flows * settings.workers;
    const std::uint64_t perhaps = settings.dismissible ? sent / 200 + 4 : 0;
    INVARIANT(lines.judged() <= sent && lines.judged() + perhaps >= sent);
    return {spread_of(rates), spread_of(limits), spread_of(ratios), spread_of(packets),
            spread_of(bytes), spread_of(held),   spread_of(passed)};
}

}  // namespace cordon::bench
