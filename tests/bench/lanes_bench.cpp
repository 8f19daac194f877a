#include "tests/bench/lanes_bench.h"

#include <algorithm>

#include "dataplane/fingerprint/blocks.h"
#include "dataplane/fingerprint/fingerprinter.h"
#include "tests/bench/rates.h"

namespace cordon::bench {

namespace {

using kernels::Digest;
using kernels::Kernel;
using kernels::KernelSet;

constexpr std::size_t segment = 1460;
constexpr std::size_t blocks = segment / digest_block_bytes;
constexpr std::size_t objects_max = 64;

constexpr Digest digests[] = {Digest::sha256, Digest::sha1, Digest::md5};

IndicatorKind kind_of(Digest digest) {
    switch (digest) {
        case Digest::sha256:
            return IndicatorKind::sha256;
        case Digest::sha1:
            return IndicatorKind::sha1;
        case Digest::md5:
            return IndicatorKind::md5;
    }
    return IndicatorKind::sha256;
}

// Segments in the first-level cache, each at an odd place, as packets have them.
const std::uint8_t* segment_of(std::size_t object) {
    static const std::vector<std::uint8_t> bytes(32 * segment + 64, 0x5a);
    return bytes.data() + object % 32 * segment + 3;
}

Spread bare(const Kernel& kernel, std::uint32_t runs) {
    alignas(64) static std::uint32_t words[kernels::words_max * kernels::lanes_max];
    const std::uint8_t* data[kernels::lanes_max];
    const std::size_t count = std::size_t{kernel.lanes} * kernel.groups;
    for (std::size_t lane = 0; lane < count; ++lane)
        data[lane] = segment_of(lane);
    return rates(runs, count * blocks * digest_block_bytes,
                 [&] { kernel.run(words, data, blocks); });
}

Spread through_flush(const KernelSet& set, KindSet kinds, std::uint32_t objects,
                     std::uint32_t runs) {
    Fingerprinter fingerprinter(objects, 256, &set);
    std::vector<ObjectSlot> slots(objects);
    for (ObjectSlot& slot : slots)
        slot = fingerprinter.open(kinds);
    return rates(runs, objects * segment, [&] {
        for (std::uint32_t n = 0; n < objects; ++n)
            fingerprinter.submit(slots[n], {segment_of(n), segment});
        fingerprinter.flush();
    });
}

double openssl_rate(Digest digest, std::uint32_t runs) {
    const KernelSet& one = *kernels::kernels_named("openssl");
    return bare(one.widths[static_cast<std::size_t>(digest)][0], runs).median;
}

void add_bare(const KernelSet& set, const double* openssl, std::uint32_t runs,
              std::vector<LanesResult>* results) {
    for (const Digest digest : digests) {
        const auto n = static_cast<std::size_t>(digest);
        for (const Kernel& kernel : set.widths[n]) {
            if (kernel.run == nullptr) break;
            results->push_back({indicator_kind_name(kind_of(digest)), set.name,
                                std::uint32_t{kernel.lanes} * kernel.groups, false,
                                bare(kernel, runs), openssl[n]});
        }
    }
}

void add_flushed(const KernelSet& set, const double* openssl, std::uint32_t runs,
                 std::vector<LanesResult>* results) {
    for (const Digest digest : digests) {
        for (const std::uint32_t objects : {1u, 2u, 4u, 6u, 8u, 10u, 12u, 16u, 24u, 32u, 64u})
            results->push_back({indicator_kind_name(kind_of(digest)), set.name, objects, true,
                                through_flush(set, {kind_of(digest)}, objects, runs),
                                openssl[static_cast<std::size_t>(digest)]});
    }
    // One stream of all three takes the sum of their times.
    const double all = 1 / (1 / openssl[0] + 1 / openssl[1] + 1 / openssl[2]);
    for (const std::uint32_t objects : {1u, 2u, 3u, 4u, 8u, 16u, 32u, 64u}) {
        const KindSet kinds{IndicatorKind::sha256, IndicatorKind::sha1, IndicatorKind::md5};
        results->push_back({"md5,sha1,sha256", set.name, objects, true,
                            through_flush(set, kinds, objects, runs), all});
    }
}

}  // namespace

std::vector<LanesResult> run_lanes(const LanesSettings& settings) {
    double openssl[kernels::digest_count];
    for (const Digest digest : digests)
        openssl[static_cast<std::size_t>(digest)] = openssl_rate(digest, settings.runs);
    std::vector<LanesResult> results;
    for (const char* name : {"scalar", "shani", "avx2", "avx512"}) {
        const KernelSet* set = kernels::kernels_named(name);
        if (set != nullptr) add_bare(*set, openssl, settings.runs, &results);
    }
    add_flushed(*kernels::at_start(), openssl, settings.runs, &results);
    return results;
}

}  // namespace cordon::bench
