#include "dataplane/contract/keyed_tag.h"

#include <openssl/crypto.h>

#include <cstring>
#include <iterator>

#include "dataplane/base/invariant.h"

namespace cordon {

namespace {

// What FIPS 180-4 §5.1.1 puts behind a message: a bit and the length, of which K's block is a part.
constexpr std::size_t message_bytes_max = SHA256_CBLOCK - 1 - sizeof(std::uint64_t);

// Ends a hash that has K's block with `length` bytes that stand in an otherwise empty block.
void compress(const SHA256_CTX& begun, std::size_t length, std::uint8_t (*block)[SHA256_CBLOCK],
              std::uint8_t (*out)[32]) {
    (*block)[length] = 0x80;
    store_be16(*block + SHA256_CBLOCK - 2,
               static_cast<std::uint16_t>((SHA256_CBLOCK + length) * 8));  // less than 2^11
    SHA256_CTX state = begun;
    SHA256_Transform(&state, *block);
    for (std::size_t n = 0; n < std::size(state.h); ++n)
        store_be32(*out + 4 * n, state.h[n]);
}

}  // namespace

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

// Every message fits into one block behind K's, so that an HMAC is two compressions: what OpenSSL's
// interface for messages of any length adds to them is as much again.
void TagKey::mac(Bytes prefix, Bytes message, std::uint8_t (*out)[32]) const {
    DEBUG_INVARIANT(inner_.md_len == SHA256_DIGEST_LENGTH);
    const std::size_t length = prefix.size() + message.size();
    INVARIANT(length <= message_bytes_max);
    std::uint8_t block[SHA256_CBLOCK] = {};
    std::memcpy(block, prefix.data(), prefix.size());
    if (!message.empty()) std::memcpy(block + prefix.size(), message.data(), message.size());
    compress(inner_, length, &block, out);
    std::memset(block, 0, sizeof block);
    std::memcpy(block, *out, sizeof *out);
    compress(outer_, sizeof *out, &block, out);
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
