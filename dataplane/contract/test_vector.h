// The vector of a self-test: a harmless, public text that lists carry as a test indicator, so that
// an upload of it is refused as a known file is. Anybody can make it:
//
//   what it is (ASCII) | 1024 lines of 7 words of 8 hex digits | one last line
//
// The words are the halves, high first, of the numbers of splitmix64 seeded with 1. The control
// object is the same but for its last line, which holds a nonce: it is in no list and must pass.
//
// Owns:       nothing.
// Invariants: the vector never changes: lists and appliances of all releases mean the same.
// Thread:     any; pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace cordon {

inline constexpr std::size_t test_vector_bytes = 64778;

// Of the vector.
inline constexpr std::array<std::uint8_t, 32> test_vector_sha256 = {
    0x21, 0xa1, 0x09, 0x73, 0x92, 0xcd, 0x3c, 0x01, 0xf2, 0xb5, 0x92, 0x8b, 0x49, 0xb8, 0xc3, 0xea,
    0x5a, 0x89, 0x68, 0xb4, 0x07, 0x40, 0xf9, 0x2f, 0x3b, 0x9a, 0x47, 0x9e, 0x1a, 0xcc, 0xc9, 0xea};

std::string test_vector();
std::string test_control(std::uint64_t nonce);

}  // namespace cordon
