// Digest → keyed tag: the form in which indicators stand in an index. Used when an index is built
// and when an object is looked up, so both sides cannot drift apart.
//
//   tag   = first 16 bytes of HMAC-SHA-256(K, kind byte ‖ digest)
//   head  = first  8 bytes of HMAC-SHA-256(K, "head" ‖ XXH3-128 of the first min(size, 4096) bytes)
//   check = first 16 bytes of HMAC-SHA-256(K, "check"), tells whether K is the right key
//
// A kind byte is below 8, "head" and "check" start with letters: no message of one form is one of
// another. XXH3-128 stands in its canonical form, most significant byte first.
//
// Owns:       TagKey holds the two hash states that follow from K (never K itself) and wipes them.
// Invariants: an index without its K is no list of digests; heads are keyed here and nowhere else.
// Worker:     no allocation, no lock; a const TagKey may be read by many threads.
// Limits:     K has exactly 32 bytes.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED  // the EVP interface allocates for every digest
#endif
#include <openssl/sha.h>

#include "dataplane/base/bytes.h"

namespace cordon {

// The order is fixed: it numbers the bits of MatchRecord::kinds and goes into every tag.
enum class IndicatorKind : std::uint8_t {
    sha256 = 0,
    sha1 = 1,
    md5 = 2,
    sha256_tree = 3,
    head = 4,     // dismissal only, never a verdict: no index holds it as a tag
    pattern = 5,  // a text found in content or in a name: stands in a part of its own, not as a tag
    pdq = 6,      // 256 bits of a picture, compared by distance: a feed may hold it, no index does
};
inline constexpr std::size_t indicator_kind_count = 7;

constexpr std::size_t digest_length(IndicatorKind kind) {
    constexpr std::uint8_t lengths[indicator_kind_count] = {32, 20, 16, 32, 16, 0, 32};
    return lengths[static_cast<std::size_t>(kind)];
}

constexpr const char* indicator_kind_name(IndicatorKind kind) {
    constexpr const char* names[indicator_kind_count] = {"sha256", "sha1",    "md5", "sha256-tree",
                                                         "head",   "pattern", "pdq"};
    return names[static_cast<std::size_t>(kind)];
}

// A set of kinds; bit n is IndicatorKind n.
struct KindSet {
    std::uint8_t bits = 0;

    constexpr KindSet() = default;
    constexpr explicit KindSet(std::uint8_t raw) : bits(raw) {}
    constexpr KindSet(std::initializer_list<IndicatorKind> kinds) {
        for (const IndicatorKind kind : kinds)
            add(kind);
    }
    constexpr bool has(IndicatorKind kind) const {
        return (bits >> static_cast<unsigned>(kind) & 1U) != 0;
    }
    constexpr void add(IndicatorKind kind) {
        bits = static_cast<std::uint8_t>(bits | 1U << static_cast<unsigned>(kind));
    }
    constexpr bool empty() const { return bits == 0; }
    constexpr KindSet without(KindSet others) const {
        return KindSet(static_cast<std::uint8_t>(bits & ~others.bits));
    }
    friend constexpr KindSet operator|(KindSet a, KindSet b) {
        return KindSet(static_cast<std::uint8_t>(a.bits | b.bits));
    }
    friend constexpr KindSet operator&(KindSet a, KindSet b) {
        return KindSet(static_cast<std::uint8_t>(a.bits & b.bits));
    }
    friend constexpr bool operator==(KindSet, KindSet) = default;
};

// The kinds an index may hold as tags, those that nobody can forge first.
inline constexpr std::array exact_kind_list{IndicatorKind::sha256, IndicatorKind::sha256_tree,
                                            IndicatorKind::sha1, IndicatorKind::md5};
inline constexpr KindSet exact_kinds = [] {
    KindSet kinds;
    for (const IndicatorKind kind : exact_kind_list)
        kinds.add(kind);
    return kinds;
}();

// 16 bytes as two little-endian words. All zero means "empty slot" in an index.
struct Tag {
    std::uint64_t high;  // bytes 0 to 7: chooses the bucket, leads the order
    std::uint64_t low;   // bytes 8 to 15

    friend constexpr auto operator<=>(const Tag&, const Tag&) = default;
    constexpr bool empty() const { return (high | low) == 0; }
};
static_assert(sizeof(Tag) == 16);

using HeadFingerprint = std::array<std::uint8_t, 8>;
using KeyCheck = std::array<std::uint8_t, 16>;

inline constexpr std::size_t tag_key_bytes = 32;
inline constexpr std::size_t head_bytes = 4096;  // of an object, that its head covers
inline constexpr std::size_t head_digest_bytes = 16;

class TagKey {
  public:
    TagKey() = default;  // unset: must not be used until assigned
    explicit TagKey(std::span<const std::uint8_t, tag_key_bytes> key);
    TagKey(const TagKey&) = default;
    TagKey& operator=(const TagKey&) = default;
    ~TagKey();

    // First bytes of HMAC-SHA-256(K, prefix ‖ message).
    void mac(Bytes prefix, Bytes message, std::uint8_t (*out)[32]) const;

  private:
    SHA256_CTX inner_{};  // after the block K xor ipad
    SHA256_CTX outer_{};  // after the block K xor opad
};

// The digest has digest_length(kind) bytes.
Tag keyed_tag(const TagKey& key, IndicatorKind kind, Bytes digest);

HeadFingerprint keyed_head(const TagKey& key,
                           std::span<const std::uint8_t, head_digest_bytes> xxh3_128);

KeyCheck key_check(const TagKey& key);

}  // namespace cordon
