// What the feed needs of cryptography, in the words of the feed: libsodium for signatures and keys,
// OpenSSL for SHA-256.
//
// Owns:       nothing; SecretKey wipes its bytes.
// Invariants: every call starts libsodium if nobody has. A signature is over the bytes given, and
//             verify() refuses keys and points of small order as libsodium does.
// Thread:     any.
// Limits:     none of its own.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"

namespace cordon::feed {

using Hash = std::array<std::uint8_t, 32>;
using PublicKey = std::array<std::uint8_t, 32>;  // Ed25519 or X25519
using Signature = std::array<std::uint8_t, 64>;

// 32 secret bytes: the seed of a signing key, an epoch key, a node's X25519 key.
struct SecretKey {
    std::array<std::uint8_t, 32> bytes = {};

    SecretKey() = default;
    SecretKey(const SecretKey&) = default;
    SecretKey& operator=(const SecretKey&) = default;
    ~SecretKey();
    static SecretKey random();
};

Hash sha256(Bytes bytes);

std::string to_hex(Bytes bytes);
// Lower-case digits of exactly out.size() bytes, nothing else.
bool from_hex(std::string_view text, MutableBytes out);

PublicKey signing_public(const SecretKey& seed);
Signature sign(const SecretKey& seed, Bytes message);
bool verify(const PublicKey& key, Bytes message, const Signature& signature);

PublicKey box_public(const SecretKey& secret);
std::string seal_for(const PublicKey& box, Bytes message);
std::optional<std::string> unseal(const SecretKey& box, Bytes sealed);

// BLAKE2b-256 keyed with K over "cordon feed target" ‖ 0x00 ‖ name.
SecretKey target_key(const SecretKey& epoch_key, std::string_view name);
// BLAKE2b-256 keyed with K over "cordon feed part".
SecretKey part_key(const SecretKey& epoch_key);
// BLAKE2b-256 of the message, keyed.
Hash keyed_digest(const SecretKey& key, Bytes message);

void wipe(void* memory, std::size_t bytes);
void fill_random(MutableBytes bytes);

}  // namespace cordon::feed
