#include "tests/bench/lookup_bench.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstring>

#include "tests/bench/large_index.h"

namespace cordon::bench {

namespace {

constexpr std::size_t batch = 16;
constexpr std::size_t digests_at_hand = 1024;
constexpr std::uint64_t now_s = 1'800'000'000;
// Digests from here on are in no index.
constexpr std::uint64_t unlisted = std::uint64_t{1} << 40;

// A word at the price of a multiplication: what is measured is not how they are made.
class Words {
  public:
    std::uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ * 0x9e3779b97f4a7c15;
    }

  private:
    std::uint64_t state_ = 0x2545f4914f6cdd1d;
};

template <typename T>
void keep(const T& value) {
    asm volatile("" : : "g"(&value) : "memory");
}

std::vector<RandomDigest> unlisted_digests() {
    std::vector<RandomDigest> digests;
    for (std::size_t n = 0; n < digests_at_hand; ++n)
        digests.push_back(random_digest(unlisted + n));
    return digests;
}

// Another digest each time, so that no line is in a cache because it was asked for before.
class Stream {
  public:
    const RandomDigest& next() {
        RandomDigest& digest = digests_[at_];
        at_ = (at_ + 1) % digests_.size();
        const std::uint64_t word = words_.next();
        std::memcpy(digest.data(), &word, sizeof word);
        return digest;
    }

  private:
    std::vector<RandomDigest> digests_ = unlisted_digests();
    Words words_;
    std::size_t at_ = 0;
};

Spread cold(const IndexView& view, std::uint32_t runs) {
    Stream stream;
    return nanoseconds(runs, 1, [&] {
        Match matches[limits::sections_max];
        keep(view.lookup(IndicatorKind::sha256, stream.next(), now_s, matches,
                         limits::sections_max));
    });
}

Spread keyed_batch(const IndexView& view, std::uint32_t runs) {
    Stream stream;
    IndexView::Probe probes[batch];
    return nanoseconds(runs, batch, [&] {
        Match matches[limits::sections_max];
        for (IndexView::Probe& probe : probes)
            view.prepare(IndicatorKind::sha256, stream.next(), &probe);
        for (IndexView::Probe& probe : probes)
            view.compare(&probe);
        for (IndexView::Probe& probe : probes)
            keep(view.lookup(&probe, now_s, matches, limits::sections_max));
    });
}

Spread key(const IndexView& view, std::uint32_t runs) {
    Stream stream;
    return nanoseconds(runs, 1, [&] {
        const RandomDigest& digest = stream.next();
        for (std::size_t n = 0; n < view.section_count(); ++n)
            keep(keyed_tag(view.section_key(n), IndicatorKind::sha256, digest));
    });
}

Spread batches(const IndexView& view, std::uint32_t runs) {
    Words words;
    IndexView::Probe probes[batch];
    return nanoseconds(runs, batch, [&] {
        Match matches[limits::sections_max];
        for (IndexView::Probe& probe : probes) {
            probe.kind = IndicatorKind::sha256;
            for (std::size_t n = 0; n < view.section_count(); ++n)
                probe.tags[n] = {words.next(), 1};
            view.prefetch(&probe);
        }
        for (IndexView::Probe& probe : probes)
            view.compare(&probe);
        for (IndexView::Probe& probe : probes)
            keep(view.lookup(&probe, now_s, matches, limits::sections_max));
    });
}

// Tags are keyed beforehand, more of them than the caches hold lines.
Spread hits(const IndexView& view, std::uint64_t indicators, std::uint32_t runs) {
    constexpr std::size_t probes_at_hand = 1 << 16;
    Words words;
    std::vector<IndexView::Probe> probes(probes_at_hand);
    for (IndexView::Probe& probe : probes)
        view.prepare(IndicatorKind::sha256, random_digest(words.next() % indicators), &probe);
    std::size_t at = 0;
    std::uint64_t looked = 0;
    std::uint64_t found = 0;
    const Spread made = nanoseconds(runs, batch, [&] {
        Match matches[limits::sections_max];
        for (std::size_t n = 0; n < batch; ++n)
            view.prefetch(&probes[at + n]);
        for (std::size_t n = 0; n < batch; ++n)
            view.compare(&probes[at + n]);
        for (std::size_t n = 0; n < batch; ++n)
            found += view.lookup(&probes[at + n], now_s, matches, limits::sections_max);
        looked += batch;
        at = (at + batch) % probes_at_hand;
    });
    if (found != looked) std::abort();
    return made;
}

Spread memory_alone(std::uint64_t bytes, std::uint32_t runs) {
    void* const memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    ::madvise(memory, bytes, MADV_HUGEPAGE);
    std::memset(memory, 1, bytes);
    const auto* lines = static_cast<const TagBucket*>(memory);
    const std::uint64_t count = bytes / sizeof(TagBucket);
    Words words;
    const Spread made = nanoseconds(runs, batch, [&] {
        std::uint64_t at[batch];
        std::uint64_t sum = 0;
        for (std::uint64_t& one : at) {
            one = words.next() % count;
            __builtin_prefetch(&lines[one]);
        }
        for (const std::uint64_t one : at)
            sum += lines[one].tags[0].high;
        keep(sum);
    });
    ::munmap(memory, bytes);
    return made;
}

}  // namespace

std::optional<LookupResult> run_lookup(const LookupSettings& settings) {
    const LargeIndex made = build_large_index(settings.indicators, settings.sections);
    const double from = cpu_seconds();
    const Result<std::unique_ptr<IndexImage>> image = IndexImage::read(made.path(), true);
    if (!image) {
        std::fprintf(stderr, "cordon-bench: %s\n", image.error().message().c_str());
        return std::nullopt;
    }
    LookupResult result{};
    result.load_cpu_seconds = cpu_seconds() - from;
    result.build_seconds = made.build_seconds;
    result.build_cpu_seconds = made.build_cpu_seconds;
    result.bytes_each = static_cast<double>(made.bytes) / static_cast<double>(settings.indicators);
    result.table_bytes_each = made.table_bytes_each;
    result.pages = (*image)->pages();
    const IndexView& view = (*image)->view();
    result.cold_ns = cold(view, settings.runs);
    result.batch_ns = batches(view, settings.runs);
    result.hit_ns = hits(view, settings.indicators, settings.runs);
    result.key_ns = key(view, settings.runs);
    result.keyed_batch_ns = keyed_batch(view, settings.runs);
    constexpr double tags_part =
        static_cast<double>(sizeof(TagBucket)) / (sizeof(TagBucket) + sizeof(NumberBucket));
    result.limit_ns =
        memory_alone(static_cast<std::uint64_t>(made.table_bytes_each * tags_part *
                                                static_cast<double>(settings.indicators)),
                     settings.runs);
    return result;
}

}  // namespace cordon::bench
