// What a record says beside its tag of what cannot be looked up by a digest: the text of a pattern,
// the hash of a picture. docs/feed-format.md, "Records".
//
//   plain   pattern: syntax (1) ‖ text         pdq: the 32 bytes of the hash
//   tag     first 16 bytes of HMAC-SHA-256(K, kind ‖ SHA-256(plain) of a pattern, plain of a hash)
//   sealed  XChaCha20-Poly1305(part_key(K), nonce = tag ‖ 8 zero bytes, plain)
//
// The tag follows from what is sealed, so that the same text has the same bytes in every file, and
// one nonce never seals two texts; a set on a disk is no list of them.
//
// Owns:       PartSealer the keys, which it wipes.
// Invariants: what open() gives back has the record's tag, and is a text or hash within its limits.
// Thread:     any.
// Limits:     limits::pattern_bytes_min to pattern_bytes_max of a text.
#pragma once

#include "control/feed/crypto.h"
#include "dataplane/base/limits.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/index_format.h"

namespace cordon::feed {

struct FeedRecord;

inline constexpr std::size_t pdq_bytes = 32;
inline constexpr std::size_t part_mac_bytes = 16;
inline constexpr std::size_t sealed_hash_bytes = pdq_bytes + part_mac_bytes;
inline constexpr std::size_t sealed_text_bytes_min = 1 + limits::pattern_bytes_min + part_mac_bytes;
inline constexpr std::size_t sealed_text_bytes_max = 1 + limits::pattern_bytes_max + part_mac_bytes;

// The plain part of a pattern, and the same backwards: false when it is none.
std::string pattern_part(PatternSyntax syntax, std::string_view text);
bool read_pattern_part(std::string_view part, PatternSyntax* syntax, std::string_view* text);

class PartSealer {
  public:
    explicit PartSealer(const SecretKey& epoch_key);

    // Gives the record of this kind its tag and its sealed part.
    void seal(IndicatorKind kind, Bytes plain, FeedRecord* record) const;
    Result<std::string> open(const FeedRecord& record) const;

  private:
    std::array<std::uint8_t, 16> tag_of(IndicatorKind kind, Bytes plain) const;

    TagKey tags_;
    SecretKey key_;
};

}  // namespace cordon::feed
