#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED  // the EVP interface allocates for every digest
#endif

#include "control/feed/crypto.h"

#include <openssl/sha.h>
#include <sodium.h>

#include "dataplane/base/invariant.h"

namespace cordon::feed {
namespace {

void start() {
    static const int started = sodium_init();  // 1 when it was already
    INVARIANT(started >= 0);
}

// Expanded from its seed for one use.
struct SigningPair {
    PublicKey public_key;
    std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret;

    explicit SigningPair(const SecretKey& seed) {
        start();
        crypto_sign_seed_keypair(public_key.data(), secret.data(), seed.bytes.data());
    }
    ~SigningPair() { sodium_memzero(secret.data(), secret.size()); }
};

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

}  // namespace

SecretKey::~SecretKey() {
    sodium_memzero(bytes.data(), bytes.size());
}

SecretKey SecretKey::random() {
    SecretKey key;
    fill_random(key.bytes);
    return key;
}

// Not SHA256(), which looks the algorithm up by its name at each call: a set has millions of
// records, each with a hash.
Hash sha256(Bytes bytes) {
    Hash hash;
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, bytes.data(), bytes.size());
    SHA256_Final(hash.data(), &state);
    return hash;
}

std::string to_hex(Bytes bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::uint8_t byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

bool from_hex(std::string_view text, MutableBytes out) {
    if (text.size() != 2 * out.size()) return false;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

PublicKey signing_public(const SecretKey& seed) {
    return SigningPair(seed).public_key;
}

Signature sign(const SecretKey& seed, Bytes message) {
    const SigningPair pair(seed);
    Signature signature;
    crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                         pair.secret.data());
    return signature;
}

bool verify(const PublicKey& key, Bytes message, const Signature& signature) {
    start();
    return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                       key.data()) == 0;
}

PublicKey box_public(const SecretKey& secret) {
    start();
    PublicKey key;
    crypto_scalarmult_base(key.data(), secret.bytes.data());
    return key;
}

std::string seal_for(const PublicKey& box, Bytes message) {
    start();
    std::string sealed(message.size() + crypto_box_SEALBYTES, '\0');
    crypto_box_seal(reinterpret_cast<std::uint8_t*>(sealed.data()), message.data(), message.size(),
                    box.data());
    return sealed;
}

std::optional<std::string> unseal(const SecretKey& box, Bytes sealed) {
    if (sealed.size() < crypto_box_SEALBYTES) return std::nullopt;
    const PublicKey own = box_public(box);
    std::string message(sealed.size() - crypto_box_SEALBYTES, '\0');
    if (crypto_box_seal_open(reinterpret_cast<std::uint8_t*>(message.data()), sealed.data(),
                             sealed.size(), own.data(), box.bytes.data()) != 0)
        return std::nullopt;
    return message;
}

SecretKey target_key(const SecretKey& epoch_key, std::string_view name) {
    start();
    constexpr std::string_view prefix("cordon feed target\0", 19);
    crypto_generichash_state state;
    SecretKey key;
    crypto_generichash_init(&state, epoch_key.bytes.data(), epoch_key.bytes.size(),
                            key.bytes.size());
    crypto_generichash_update(&state, as_bytes(prefix).data(), prefix.size());
    crypto_generichash_update(&state, as_bytes(name).data(), name.size());
    crypto_generichash_final(&state, key.bytes.data(), key.bytes.size());
    sodium_memzero(&state, sizeof state);
    return key;
}

SecretKey part_key(const SecretKey& epoch_key) {
    SecretKey key;
    key.bytes = keyed_digest(epoch_key, as_bytes("cordon feed part"));
    return key;
}

Hash keyed_digest(const SecretKey& key, Bytes message) {
    start();
    Hash digest;
    crypto_generichash(digest.data(), digest.size(), message.data(), message.size(),
                       key.bytes.data(), key.bytes.size());
    return digest;
}

void wipe(void* memory, std::size_t bytes) {
    sodium_memzero(memory, bytes);
}

void fill_random(MutableBytes bytes) {
    start();
    randombytes_buf(bytes.data(), bytes.size());
}

}  // namespace cordon::feed
