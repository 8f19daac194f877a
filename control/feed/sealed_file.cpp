#include "control/feed/sealed_file.h"

#include <sodium.h>
#include <zstd.h>

#include <algorithm>

namespace cordon::feed {
namespace {

constexpr std::size_t piece = 64 * 1024;
constexpr std::size_t sealed_piece = piece + crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr std::size_t header = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr int level = 3;  // tags do not compress; references, kinds and flags do at any level

std::uint8_t* writable(std::string* text) {
    return reinterpret_cast<std::uint8_t*>(text->data());
}

Failure refused(const char* why) {
    return failure(ErrorCode::integrity, std::string("sealed records: ") + why);
}

// Decrypts all pieces; the last one, and only that, carries the tag of the end.
Result<std::string> decrypt(const SecretKey& key, Bytes sealed) {
    crypto_secretstream_xchacha20poly1305_state state;
    if (sealed.size() < header ||
        crypto_secretstream_xchacha20poly1305_init_pull(&state, sealed.data(), key.bytes.data()))
        return refused("truncated");
    sealed = sealed.subspan(header);
    std::string plain(sealed.size(), '\0');
    std::size_t written = 0;
    bool ended = false;
    while (!sealed.empty() && !ended) {
        const Bytes part = sealed.first(std::min(sealed.size(), sealed_piece));
        std::uint8_t tag = 0;
        unsigned long long got = 0;
        if (crypto_secretstream_xchacha20poly1305_pull(&state, writable(&plain) + written, &got,
                                                       &tag, part.data(), part.size(), nullptr,
                                                       0) != 0)
            return refused("another key, or damaged");
        written += got;
        ended = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
        sealed = sealed.subspan(part.size());
    }
    sodium_memzero(&state, sizeof state);
    if (!ended) return refused("truncated");
    if (!sealed.empty()) return refused("bytes behind the end");
    plain.resize(written);
    return plain;
}

}  // namespace

Result<std::string> seal_target(const SecretKey& epoch_key, std::string_view name, Bytes plain) {
    std::string packed(ZSTD_compressBound(plain.size()), '\0');
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), level);
    if (ZSTD_isError(size) != 0) return failure(ErrorCode::memory, "cannot compress records");
    packed.resize(size);
    const SecretKey key = target_key(epoch_key, name);
    const std::size_t pieces = size / piece + 1;
    std::string out(header + size + pieces * crypto_secretstream_xchacha20poly1305_ABYTES, '\0');
    crypto_secretstream_xchacha20poly1305_state state;
    crypto_secretstream_xchacha20poly1305_init_push(&state, writable(&out), key.bytes.data());
    std::uint8_t* to = writable(&out) + header;
    // The last piece is shorter than the others, empty at worst: it alone is final.
    for (std::size_t i = 0; i < pieces; ++i) {
        const Bytes part = as_bytes(packed).subspan(i * piece, std::min(piece, size - i * piece));
        unsigned long long written = 0;
        crypto_secretstream_xchacha20poly1305_push(
            &state, to, &written, part.data(), part.size(), nullptr, 0,
            i + 1 == pieces ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
        to += written;
    }
    sodium_memzero(&state, sizeof state);
    return out;
}

Result<std::string> open_target(const SecretKey& epoch_key, std::string_view name, Bytes sealed,
                                std::uint64_t plain_bytes) {
    const Result<std::string> packed = decrypt(target_key(epoch_key, name), sealed);
    if (!packed) return packed;
    std::string plain(plain_bytes, '\0');
    const std::size_t size =
        ZSTD_decompress(plain.data(), plain.size(), packed->data(), packed->size());
    if (ZSTD_isError(size) != 0 || size != plain_bytes)
        return refused("another number of bytes than announced");
    return plain;
}

}  // namespace cordon::feed
