// Whole blocks of one object into a digest's words, and what closes a digest.
//
// Owns:       nothing.
// Invariants: words are those of the standards (FIPS 180-4, RFC 1321), not bytes.
// Worker:     any; no allocation, lock or clock.
#pragma once

#include <cstdint>

#include "dataplane/fingerprint/digest_state.h"

namespace cordon::blocks {

void start_sha256(std::uint32_t (&words)[8]);
void start_sha1(std::uint32_t (&words)[5]);
void start_md5(std::uint32_t (&words)[4]);

void sha256(std::uint32_t (&words)[8], const std::uint8_t* data, std::size_t blocks);
void sha1(std::uint32_t (&words)[5], const std::uint8_t* data, std::size_t blocks);
void md5(std::uint32_t (&words)[4], const std::uint8_t* data, std::size_t blocks);

// The last block or two of a message of `size` bytes: what is left of it, the mark, the length.
struct Closing {
    std::uint8_t bytes[2 * digest_block_bytes];
    std::size_t blocks;
};
enum class LengthOrder { big_endian, little_endian };
Closing closing(const std::uint8_t* rest, std::uint64_t size, LengthOrder order);

// Words as the digest's bytes.
void store_sha256(const std::uint32_t (&words)[8], std::uint8_t (&out)[32]);
void store_sha1(const std::uint32_t (&words)[5], std::uint8_t (&out)[20]);
void store_md5(const std::uint32_t (&words)[4], std::uint8_t (&out)[16]);

// SHA-256 of a message whose whole blocks are already in the words.
void close_sha256(const std::uint32_t (&words)[8], const std::uint8_t* rest, std::uint64_t size,
                  std::uint8_t (&out)[32]);

}  // namespace cordon::blocks
