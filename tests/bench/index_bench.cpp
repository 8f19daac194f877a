// Look-up and build of the index, by number of indicators. `find` is the memory part alone (tags
// are at hand, in batches of 16), `key` the HMAC alone: what a look-up costs is their sum.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <map>
#include <memory>
#include <random>

#include "dataplane/index/index_view.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::size_t batch = 16;

Digest random_digest(std::mt19937_64* random) {
    Digest digest;
    for (std::size_t i = 0; i < digest.size(); i += 8) {
        const std::uint64_t word = (*random)();
        std::memcpy(digest.data() + i, &word, sizeof word);
    }
    return digest;
}

std::unique_ptr<IndexBuilder> filled(std::uint64_t count, std::uint64_t seed) {
    auto builder = std::make_unique<IndexBuilder>(IndexOptions{.lab = true});
    const std::uint32_t section = *builder->add_section({.name = "bench"}, key_of(1));
    std::mt19937_64 random(seed);
    for (std::uint64_t n = 0; n < count; ++n) {
        const Digest digest = random_digest(&random);
        builder->add(section, indicator(IndicatorKind::sha256, digest, n));
    }
    return builder;
}

// Built once for each count, in memory that may use huge pages, as the dataplane has it.
const IndexView& view_of(std::uint64_t count) {
    static std::map<std::uint64_t, std::unique_ptr<IndexView>> views;
    std::unique_ptr<IndexView>& view = views[count];
    if (view) return *view;
    const AlignedBytes image = built(filled(count, 1).get());
    const std::size_t size = image.bytes().size();
    void* own = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own == MAP_FAILED) std::abort();
    ::madvise(own, size, MADV_HUGEPAGE);
    view = std::make_unique<IndexView>();
    const char* why = "";
    if (IndexView::copy_and_verify(image.bytes(), {static_cast<std::uint8_t*>(own), size}, true,
                                   view.get(), &why) != IndexStatus::ok)
        std::abort();
    return *view;
}

void build(benchmark::State& state) {
    const auto count = static_cast<std::uint64_t>(state.range(0));
    std::uint64_t seed = 1;
    for (auto _ : state) {
        const AlignedBytes image = built(filled(count, ++seed).get());
        state.counters["bytes_per_indicator"] =
            static_cast<double>(image.bytes().size()) / static_cast<double>(count);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void verify(benchmark::State& state) {
    const AlignedBytes image = built(filled(static_cast<std::uint64_t>(state.range(0)), 1).get());
    const char* why = "";
    for (auto _ : state)
        benchmark::DoNotOptimize(verify_index(image.bytes(), &why));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(image.bytes().size()));
}

void key(benchmark::State& state) {
    const TagKey tag_key(key_of(1));
    std::mt19937_64 random(3);
    const Digest digest = random_digest(&random);
    for (auto _ : state)
        benchmark::DoNotOptimize(keyed_tag(tag_key, IndicatorKind::sha256, digest));
    state.SetItemsProcessed(state.iterations());
}

// Digests that are not listed, as nearly all are.
void look_up(benchmark::State& state) {
    const IndexView& view = view_of(static_cast<std::uint64_t>(state.range(0)));
    std::mt19937_64 random(2);
    Digest digests[1024];
    for (Digest& digest : digests)
        digest = random_digest(&random);
    std::size_t at = 0;
    Match match;
    for (auto _ : state) {
        // Another word each time: no line is in a cache because it was asked for before.
        const std::uint64_t word = random();
        std::memcpy(digests[at].data(), &word, sizeof word);
        benchmark::DoNotOptimize(view.lookup(IndicatorKind::sha256, digests[at], 0, &match, 1));
        at = (at + 1) % 1024;
    }
    state.SetItemsProcessed(state.iterations());
}

void find(benchmark::State& state) {
    const IndexView& view = view_of(static_cast<std::uint64_t>(state.range(0)));
    std::mt19937_64 random(2);
    IndexView::Probe probes[batch];
    Match match;
    std::size_t found = 0;
    for (auto _ : state) {
        for (IndexView::Probe& probe : probes) {
            probe.kind = IndicatorKind::sha256;
            probe.tags[0] = {random(), random()};
            view.prefetch(probe);
        }
        for (const IndexView::Probe& probe : probes)
            found += view.lookup(probe, 0, &match, 1);
    }
    benchmark::DoNotOptimize(found);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

BENCHMARK(key);
BENCHMARK(find)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(look_up)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(verify)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(build)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
