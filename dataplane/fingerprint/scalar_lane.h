// The vector type of rounds.h (see there) with one lane: plain integers. Local to the file that
// includes it, like all of rounds.h.
//
// Owns:       nothing.
// Worker:     any.
#pragma once

#include "dataplane/fingerprint/rounds.h"

namespace cordon::kernels {
namespace {

struct Scalar {
    using Word = uint32_t;
    static constexpr size_t lanes = 1;

    CORDON_INLINE Word load(const uint32_t* p) { return *p; }
    CORDON_INLINE void store(uint32_t* p, Word word) { *p = word; }
    CORDON_INLINE Word add_all(Word x, uint32_t value) { return x + value; }
    CORDON_INLINE Word add(Word x, Word y) { return x + y; }
    CORDON_INLINE Word xor2(Word x, Word y) { return x ^ y; }
    CORDON_INLINE Word xor3(Word x, Word y, Word z) { return x ^ y ^ z; }
    CORDON_INLINE Word choose(Word x, Word y, Word z) { return z ^ (x & (y ^ z)); }
    // As a sum, whoever waits for `y` waits for one step less.
    CORDON_INLINE Word add_choose(Word sum, Word x, Word y, Word z) {
        return sum + (z & ~x) + (y & x);
    }
    CORDON_INLINE Word majority(Word x, Word y, Word z) { return (x & y) | (z & (x | y)); }
    CORDON_INLINE Word md5_i(Word x, Word y, Word z) { return y ^ (x | ~z); }
    template <unsigned n>
    CORDON_INLINE Word rotate_left(Word x) {
        return x << n | x >> (32 - n);
    }
    template <unsigned n>
    CORDON_INLINE Word shift_right(Word x) {
        return x >> n;
    }
    template <bool swap>
    CORDON_INLINE void blocks(const uint8_t* const* data, size_t at, Word* words) {
        __builtin_memcpy(words, data[0] + at, block_bytes);
        if constexpr (swap)
            for (size_t n = 0; n < 16; ++n)
                words[n] = __builtin_bswap32(words[n]);
    }
};

}  // namespace
}  // namespace cordon::kernels
