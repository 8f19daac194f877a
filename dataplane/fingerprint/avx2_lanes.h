// The vector type of rounds.h (see there) with eight lanes in 256-bit registers. Local to the file
// that includes it, like all of rounds.h.
//
// Owns:       nothing.
// Worker:     any.
#pragma once

#include <immintrin.h>

#include "dataplane/fingerprint/rounds.h"

namespace cordon::kernels {
namespace {

struct Avx2 {
    using Word = __m256i;
    static constexpr size_t lanes = 8;

    CORDON_INLINE Word load(const uint32_t* p) {
        return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
    }
    CORDON_INLINE void store(uint32_t* p, Word word) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(p), word);
    }
    CORDON_INLINE Word all(uint32_t value) { return _mm256_set1_epi32(static_cast<int>(value)); }
    CORDON_INLINE Word add(Word x, Word y) { return _mm256_add_epi32(x, y); }
    CORDON_INLINE Word add_all(Word x, const uint32_t& value) { return add(x, all(value)); }
    CORDON_INLINE Word xor2(Word x, Word y) { return _mm256_xor_si256(x, y); }
    CORDON_INLINE Word xor3(Word x, Word y, Word z) { return xor2(xor2(x, y), z); }
    CORDON_INLINE Word choose(Word x, Word y, Word z) {
        return xor2(z, _mm256_and_si256(x, xor2(y, z)));
    }
    CORDON_INLINE Word add_choose(Word sum, Word x, Word y, Word z) {
        return add(sum, choose(x, y, z));
    }
    CORDON_INLINE Word majority(Word x, Word y, Word z) {
        return _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(z, _mm256_or_si256(x, y)));
    }
    CORDON_INLINE Word md5_i(Word x, Word y, Word z) {
        return xor2(y, _mm256_or_si256(x, xor2(z, all(UINT32_MAX))));
    }
    template <unsigned n>
    CORDON_INLINE Word rotate_left(Word x) {
        return _mm256_or_si256(_mm256_slli_epi32(x, n), _mm256_srli_epi32(x, 32 - n));
    }
    template <unsigned n>
    CORDON_INLINE Word shift_right(Word x) {
        return _mm256_srli_epi32(x, n);
    }

    // Half h of a row is four words of the lane 4h + the row's number.
    CORDON_INLINE Word halves(const uint8_t* const* data, size_t at) {
        const auto half = [&](size_t h) {
            return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data[4 * h] + at));
        };
        return _mm256_inserti128_si256(_mm256_castsi128_si256(half(0)), half(1), 1);
    }

    template <bool swap>
    CORDON_INLINE void blocks(const uint8_t* const* data, size_t at, Word* words) {
        const Word order = _mm256_broadcastsi128_si256(
            _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
        for (size_t four = 0; four < 4; ++four) {
            Word rows[4];
            for (size_t n = 0; n < 4; ++n) {
                rows[n] = halves(data + n, at + 16 * four);
                if constexpr (swap) rows[n] = _mm256_shuffle_epi8(rows[n], order);
            }
            const Word low01 = _mm256_unpacklo_epi32(rows[0], rows[1]);
            const Word high01 = _mm256_unpackhi_epi32(rows[0], rows[1]);
            const Word low23 = _mm256_unpacklo_epi32(rows[2], rows[3]);
            const Word high23 = _mm256_unpackhi_epi32(rows[2], rows[3]);
            words[4 * four] = _mm256_unpacklo_epi64(low01, low23);
            words[4 * four + 1] = _mm256_unpackhi_epi64(low01, low23);
            words[4 * four + 2] = _mm256_unpacklo_epi64(high01, high23);
            words[4 * four + 3] = _mm256_unpackhi_epi64(high01, high23);
        }
    }
};

}  // namespace
}  // namespace cordon::kernels
