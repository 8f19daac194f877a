// What a segment costs that lands anywhere in the kept bytes of its flow: the receiver lost one
// (SACK), or a hostile sender chooses the offsets.
#include <benchmark/benchmark.h>

#include <random>
#include <string>

#include "dataplane/stream/stream.h"

namespace {

using namespace cordon;

// A stream that keeps `kept` segments of one MSS, in order.
struct Kept {
    static constexpr std::size_t mss = 1448;
    PiecePool pool;
    Stream stream;
    std::string segment = std::string(mss, 'x');

    explicit Kept(std::size_t kept) : pool(static_cast<std::uint32_t>(4 * kept + 64)) {
        stream.open(1);
        for (std::size_t n = 0; n < kept; ++n)
            offer(n * mss);
    }
    ~Kept() { stream.close(pool); }
    Offered offer(std::uint64_t offset) {
        return stream.offer(offset, as_bytes(segment), pool, UINT32_MAX);
    }
};

void repeat_anywhere(benchmark::State& state) {
    const auto kept = static_cast<std::size_t>(state.range(0));
    Kept flow(kept);
    std::mt19937 random(1);
    for (auto _ : state)
        benchmark::DoNotOptimize(flow.offer(random() % kept * Kept::mss));
    state.SetItemsProcessed(state.iterations());
}

// What nearly every segment does: it is taken, sent and some time later acknowledged.
void in_order(benchmark::State& state) {
    const auto kept = static_cast<std::size_t>(state.range(0));
    Kept flow(kept);
    std::uint64_t offset = kept * Kept::mss;
    std::uint64_t begin;
    Bytes chunk;
    for (auto _ : state) {
        flow.offer(offset);
        offset += Kept::mss;
        while (flow.stream.take(flow.pool, &begin, &chunk))
            benchmark::DoNotOptimize(chunk);
        flow.stream.clear_to(offset);
        while (flow.stream.next_to_send(flow.pool, &begin, &chunk))
            flow.stream.mark_sent(begin + chunk.size(), flow.pool);
        flow.stream.acknowledge(offset - kept * Kept::mss, flow.pool);
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(repeat_anywhere)->Arg(45)->Arg(1024)->Arg(4096);
BENCHMARK(in_order)->Arg(45)->Arg(1024)->Arg(4096);

}  // namespace

BENCHMARK_MAIN();
