#include "control/feed/sealed_part.h"

#include <sodium.h>

#include <algorithm>

#include "control/feed/records.h"
#include "dataplane/base/invariant.h"

namespace cordon::feed {
namespace {

static_assert(part_mac_bytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);

using Nonce = std::array<std::uint8_t, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES>;

Nonce nonce_of(const std::array<std::uint8_t, 16>& tag) {
    Nonce nonce = {};
    std::copy(tag.begin(), tag.end(), nonce.begin());
    return nonce;
}

std::uint8_t* writable(std::string* text) {
    return reinterpret_cast<std::uint8_t*>(text->data());
}

bool is_part(IndicatorKind kind, std::string_view plain) {
    PatternSyntax syntax = {};
    std::string_view text;
    return kind == IndicatorKind::pdq ? plain.size() == pdq_bytes
                                      : read_pattern_part(plain, &syntax, &text);
}

}  // namespace

std::string pattern_part(PatternSyntax syntax, std::string_view text) {
    return static_cast<char>(syntax) + std::string(text);
}

bool read_pattern_part(std::string_view part, PatternSyntax* syntax, std::string_view* text) {
    if (part.size() < 1 + limits::pattern_bytes_min || part.size() > 1 + limits::pattern_bytes_max)
        return false;
    *syntax = static_cast<PatternSyntax>(part[0]);
    *text = part.substr(1);
    if (text->find('\0') != std::string_view::npos) return false;
    return *syntax == PatternSyntax::literal || *syntax == PatternSyntax::expression;
}

PartSealer::PartSealer(const SecretKey& epoch_key)
    : tags_(epoch_key.bytes), key_(part_key(epoch_key)) {}

std::array<std::uint8_t, 16> PartSealer::tag_of(IndicatorKind kind, Bytes plain) const {
    const Hash digest = kind == IndicatorKind::pattern ? sha256(plain) : Hash();
    const auto kind_byte = static_cast<std::uint8_t>(kind);
    std::uint8_t mac[32];
    tags_.mac({&kind_byte, 1}, kind == IndicatorKind::pattern ? Bytes(digest) : plain, &mac);
    std::array<std::uint8_t, 16> tag;
    std::copy_n(mac, tag.size(), tag.begin());
    return tag;
}

void PartSealer::seal(IndicatorKind kind, Bytes plain, FeedRecord* record) const {
    INVARIANT(is_part(kind, as_text(plain)));
    record->kind = kind;
    record->tag = tag_of(kind, plain);
    const Nonce nonce = nonce_of(record->tag);
    std::string sealed(plain.size() + part_mac_bytes, '\0');
    crypto_aead_xchacha20poly1305_ietf_encrypt(writable(&sealed), nullptr, plain.data(),
                                               plain.size(), nullptr, 0, nullptr, nonce.data(),
                                               key_.bytes.data());
    record->sealed = SealedBytes(as_bytes(sealed));
}

Result<std::string> PartSealer::open(const FeedRecord& record) const {
    const Bytes sealed = record.sealed.bytes();
    const Nonce nonce = nonce_of(record.tag);
    std::string plain(sealed.size() - std::min(sealed.size(), part_mac_bytes), '\0');
    const bool opens = sealed.size() > part_mac_bytes &&
                       crypto_aead_xchacha20poly1305_ietf_decrypt(
                           writable(&plain), nullptr, nullptr, sealed.data(), sealed.size(),
                           nullptr, 0, nonce.data(), key_.bytes.data()) == 0;
    // The tag is what removals and suspensions go by: it must be that of the text.
    if (opens && is_part(record.kind, plain) && tag_of(record.kind, as_bytes(plain)) == record.tag)
        return plain;
    return failure(ErrorCode::integrity, "what is sealed in reference " +
                                             std::to_string(record.reference) +
                                             " is not what its tag says");
}

}  // namespace cordon::feed
