#include "dataplane/fingerprint/blocks.h"

#include <openssl/md5.h>

#include <algorithm>

// OpenSSL's code for whole blocks is reached through contexts that hold no unfinished block.
namespace cordon::blocks {

void start_sha256(std::uint32_t (&words)[8]) {
    constexpr std::uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::copy_n(first, 8, words);
}

void start_sha1(std::uint32_t (&words)[5]) {
    constexpr std::uint32_t first[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    std::copy_n(first, 5, words);
}

void start_md5(std::uint32_t (&words)[4]) {
    constexpr std::uint32_t first[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    std::copy_n(first, 4, words);
}

void sha256(std::uint32_t (&words)[8], const std::uint8_t* data, std::size_t blocks) {
    SHA256_CTX context{};
    context.md_len = SHA256_DIGEST_LENGTH;
    std::copy_n(words, 8, context.h);
    SHA256_Update(&context, data, blocks * digest_block_bytes);
    std::copy_n(context.h, 8, words);
}

void sha1(std::uint32_t (&words)[5], const std::uint8_t* data, std::size_t blocks) {
    SHA_CTX context{};
    context.h0 = words[0];
    context.h1 = words[1];
    context.h2 = words[2];
    context.h3 = words[3];
    context.h4 = words[4];
    SHA1_Update(&context, data, blocks * digest_block_bytes);
    words[0] = context.h0;
    words[1] = context.h1;
    words[2] = context.h2;
    words[3] = context.h3;
    words[4] = context.h4;
}

void md5(std::uint32_t (&words)[4], const std::uint8_t* data, std::size_t blocks) {
    MD5_CTX context{};
    context.A = words[0];
    context.B = words[1];
    context.C = words[2];
    context.D = words[3];
    MD5_Update(&context, data, blocks * digest_block_bytes);
    words[0] = context.A;
    words[1] = context.B;
    words[2] = context.C;
    words[3] = context.D;
}

Closing closing(const std::uint8_t* rest, std::uint64_t size, LengthOrder order) {
    constexpr std::size_t length_bytes = 8;
    Closing made{};
    const std::size_t left = size % digest_block_bytes;
    made.blocks = left + 1 + length_bytes > digest_block_bytes ? 2 : 1;
    if (left != 0) std::memcpy(made.bytes, rest, left);
    made.bytes[left] = 0x80;
    std::uint64_t bits = size * 8;
    if (order == LengthOrder::big_endian) bits = __builtin_bswap64(bits);
    std::memcpy(made.bytes + made.blocks * digest_block_bytes - length_bytes, &bits, sizeof bits);
    return made;
}

void store_sha256(const std::uint32_t (&words)[8], std::uint8_t (&out)[32]) {
    for (std::size_t n = 0; n < 8; ++n)
        store_be32(out + 4 * n, words[n]);
}

void store_sha1(const std::uint32_t (&words)[5], std::uint8_t (&out)[20]) {
    for (std::size_t n = 0; n < 5; ++n)
        store_be32(out + 4 * n, words[n]);
}

void store_md5(const std::uint32_t (&words)[4], std::uint8_t (&out)[16]) {
    std::memcpy(out, words, sizeof out);
}

void close_sha256(const std::uint32_t (&words)[8], const std::uint8_t* rest, std::uint64_t size,
                  std::uint8_t (&out)[32]) {
    std::uint32_t copy[8];
    std::copy_n(words, 8, copy);
    const Closing end = closing(rest, size, LengthOrder::big_endian);
    sha256(copy, end.bytes, end.blocks);
    store_sha256(copy, out);
}

}  // namespace cordon::blocks
