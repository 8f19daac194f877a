#include "tests/bench/large_index.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "control/index/index_builder.h"
#include "dataplane/base/invariant.h"
#include "tests/bench/rates.h"

namespace cordon::bench {

namespace {

// splitmix64 (public domain constants): word n of a sequence without going through those before.
std::uint64_t mixed(std::uint64_t n) {
    std::uint64_t z = (n + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

TagKeyBytes key_of(std::uint32_t section) {
    TagKeyBytes key;
    for (std::size_t n = 0; n < key.size(); ++n)
        key[n] = static_cast<std::uint8_t>(mixed(section * 100 + n));
    return key;
}

void write_file(const Descriptor& file, Bytes bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
        INVARIANT(n > 0);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
}

}  // namespace

RandomDigest random_digest(std::uint64_t n) {
    RandomDigest digest;
    for (std::size_t word = 0; word < 4; ++word) {
        const std::uint64_t value = mixed(4 * n + word);
        std::memcpy(digest.data() + 8 * word, &value, sizeof value);
    }
    return digest;
}

LargeIndex build_large_index(std::uint64_t indicators, std::uint32_t sections) {
    LargeIndex made{};
    const double from = seconds_of(CLOCK_MONOTONIC);
    const double cpu_from = cpu_seconds();
    IndexBuilder builder({.lab = true});
    for (std::uint32_t n = 0; n < sections; ++n)
        INVARIANT(builder.add_section({.name = "part" + std::to_string(n)}, key_of(n)).has_value());
    for (std::uint64_t n = 0; n < indicators; ++n) {
        const RandomDigest digest = random_digest(n);
        const auto section = static_cast<std::uint32_t>(n % sections);
        const AddOutcome added = builder.add(
            section, {.kind = IndicatorKind::sha256, .digest = digest, .reference = n + 1});
        INVARIANT(added == AddOutcome::added);
    }
    AlignedBytes image;
    const Result<BuiltIndex> built = builder.build_image(&image);
    INVARIANT(built.has_value() && built->tags == indicators);
    made.build_seconds = seconds_of(CLOCK_MONOTONIC) - from;
    made.build_cpu_seconds = cpu_seconds() - cpu_from;
    made.bytes = image.bytes().size();
    const auto& head = *reinterpret_cast<const IndexHead*>(image.bytes().data());
    std::uint64_t buckets = 0;
    for (std::uint32_t n = 0; n < sections; ++n)
        buckets += head.sections[n].bucket_count;
    made.table_bytes_each =
        static_cast<double>(buckets * (sizeof(TagBucket) + sizeof(NumberBucket))) /
        static_cast<double>(indicators);
    made.file = Descriptor(::memfd_create("cordon-bench-index", MFD_CLOEXEC));
    INVARIANT(made.file.valid());
    write_file(made.file, image.bytes());
    return made;
}

}  // namespace cordon::bench
