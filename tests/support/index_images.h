// Synthetic indicators and small index images for tests and fuzz targets.
#pragma once

#include <openssl/sha.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "control/index/index_builder.h"
#include "dataplane/fingerprint/digest_state.h"

namespace cordon::test {

inline constexpr std::uint64_t index_now_s = 1'800'000'000;

using Digest = std::array<std::uint8_t, 32>;

inline TagKeyBytes key_of(std::uint8_t first) {
    TagKeyBytes key;
    for (std::size_t i = 0; i < key.size(); ++i)
        key[i] = static_cast<std::uint8_t>(first + i);
    return key;
}

// The n-th synthetic digest.
inline Digest digest_of(std::uint64_t n) {
    Digest digest;
    const std::string text = "synthetic indicator " + std::to_string(n);
    SHA256(as_bytes(text).data(), text.size(), digest.data());
    return digest;
}

inline Bytes cut(const Digest& digest, IndicatorKind kind) {
    return Bytes(digest).first(digest_length(kind));
}

inline Indicator indicator(IndicatorKind kind, const Digest& digest, std::uint64_t reference) {
    return {.kind = kind, .digest = cut(digest, kind), .reference = reference};
}

inline AlignedBytes built(IndexBuilder* builder) {
    AlignedBytes image;
    if (!builder->build_image(&image)) std::abort();
    return image;
}

// One file, by its tree fingerprint. `also_others`: and another one by its SHA-256.
inline AlignedBytes index_of_tree(std::string_view content, bool also_others = false) {
    DigestState state;
    state.start({IndicatorKind::sha256_tree});
    state.take(as_bytes(content));
    Digests digests;
    state.finish(&digests);
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    const std::uint32_t section = *builder.add_section(
        {.name = "lab", .ceiling = RightsCeiling::block, .generation = 4}, key_of(1));
    builder.add(section, {.kind = IndicatorKind::sha256_tree,
                          .digest = digests.of(IndicatorKind::sha256_tree),
                          .reference = 4711});
    if (also_others) builder.add(section, indicator(IndicatorKind::sha256, digest_of(1), 1));
    return built(&builder);
}

// A small index with everything in it: two sections, three kinds, sizes, a head, flags, a continued
// bucket. Section 0 ends at index_now_s + 100.
inline AlignedBytes small_index() {
    IndexBuilder builder({.lab = true, .generation = 7, .created_s = index_now_s});
    const std::uint32_t first = *builder.add_section(
        {.name = "first", .generation = 3, .terms = terms_until(index_now_s + 100)}, key_of(1));
    const std::uint32_t second = *builder.add_section({.name = "second",
                                                       .kind = SectionKind::local,
                                                       .ceiling = RightsCeiling::report,
                                                       .generation = 4},
                                                      key_of(99));
    for (std::uint64_t n = 0; n < 40; ++n) {
        const Digest digest = digest_of(n);
        Indicator one = indicator(IndicatorKind::sha256, digest, 100 + n);
        one.size = 1000 + n;
        one.source = 5;
        one.category = 2;
        builder.add(first, one);
    }
    const Digest digests[] = {digest_of(50), digest_of(0), digest_of(60)};
    Indicator one = indicator(IndicatorKind::md5, digests[0], 150);
    one.head = std::array<std::uint8_t, 16>{1, 2, 3};
    one.flags = record_flag::weak;
    builder.add(first, one);
    builder.add(second, indicator(IndicatorKind::sha256, digests[1], 200));
    builder.add(second, indicator(IndicatorKind::sha1, digests[2], 201));
    return built(&builder);
}

// Literal patterns with references from 900 on, in a section that may block; but a pattern may only
// where its flags say so.
inline AlignedBytes index_of_patterns(const std::vector<std::string>& texts,
                                      std::uint8_t flags = record_flag::report_only,
                                      const char* name = "addresses") {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    const std::uint32_t section = *builder.add_section({.name = name}, key_of(1));
    std::uint64_t reference = 900;
    for (const std::string& text : texts) {
        std::string why;
        const AddOutcome outcome = builder.add_pattern(
            section, {.text = text, .reference = reference++, .flags = flags}, &why);
        if (outcome != AddOutcome::added) std::abort();
    }
    return built(&builder);
}

// Makes all checksums right again, as far as the image says where they belong.
inline void reseal(MutableBytes image) {
    IndexHead head;
    if (image.size() < sizeof head) return;
    std::memcpy(&head, image.data(), sizeof head);
    const auto seal = [](Bytes bytes, std::uint64_t(&sum)[2]) {
        const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
        sum[0] = hash.low64;
        sum[1] = hash.high64;
    };
    for (SectionDescriptor& section : head.sections) {
        for (std::size_t p = 0; p < index_part_count; ++p) {
            PartDescriptor& part = section.parts[p];
            if (part.offset == 0) continue;  // no such section
            if (part.offset <= image.size() && part.bytes <= image.size() - part.offset)
                seal(image.subspan(part.offset, part.bytes), part.checksum);
        }
    }
    std::memcpy(image.data(), &head, sizeof head);
    seal(image.first(offsetof(IndexHead, checksum)), head.checksum);
    std::memcpy(image.data(), &head, sizeof head);
}

}  // namespace cordon::test
