#include "dataplane/contract/keyed_tag.h"

#include <openssl/crypto.h>

#include "dataplane/base/invariant.h"

namespace cordon {

TagKey::TagKey(std::span<const std::uint8_t, tag_key_bytes> key) {
    std::uint8_t block[SHA256_CBLOCK];
    for (std::size_t i = 0; i < sizeof block; ++i) {
        block[i] = static_cast<std::uint8_t>((i < key.size() ? key[i] : 0) ^ 0x36);
    }
    SHA256_Init(&inner_);
    SHA256_Update(&inner_, block, sizeof block);
    for (std::uint8_t& byte : block)
        byte = static_cast<std::uint8_t>(byte ^ 0x36 ^ 0x5c);
    SHA256_Init(&outer_);
    SHA256_Update(&outer_, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

TagKey::~TagKey() {
    OPENSSL_cleanse(&inner_, sizeof inner_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
}

void TagKey::mac(Bytes prefix, Bytes message, std::uint8_t (*out)[32]) const {
    DEBUG_INVARIANT(inner_.md_len == SHA256_DIGEST_LENGTH);
    SHA256_CTX state = inner_;
    SHA256_Update(&state, prefix.data(), prefix.size());
    SHA256_Update(&state, message.data(), message.size());
    SHA256_Final(*out, &state);
    state = outer_;
    SHA256_Update(&state, *out, sizeof *out);
    SHA256_Final(*out, &state);
}

Tag keyed_tag(const TagKey& key, IndicatorKind kind, Bytes digest) {
    INVARIANT(digest.size() == digest_length(kind));
    const auto kind_byte = static_cast<std::uint8_t>(kind);
    std::uint8_t mac[32];
    key.mac({&kind_byte, 1}, digest, &mac);
    return {load_le64(mac), load_le64(mac + 8)};
}

HeadFingerprint keyed_head(const TagKey& key,
                           std::span<const std::uint8_t, head_digest_bytes> xxh3_128) {
    std::uint8_t mac[32];
    key.mac(as_bytes("head"), xxh3_128, &mac);
    HeadFingerprint head;
    std::memcpy(head.data(), mac, head.size());
    return head;
}

KeyCheck key_check(const TagKey& key) {
    std::uint8_t mac[32];
    key.mac(as_bytes("check"), {}, &mac);
    KeyCheck check;
    std::memcpy(check.data(), mac, check.size());
    return check;
}

}  // namespace cordon
