// Sixteen lanes in 512-bit registers, with the rotates and three-way logic of AVX-512.
#include <immintrin.h>

#include "dataplane/fingerprint/kernels.h"
#include "dataplane/fingerprint/rounds.h"

namespace cordon::kernels {
namespace {

struct Avx512 {
    using Word = __m512i;
    static constexpr size_t lanes = 16;

    CORDON_INLINE Word load(const uint32_t* p) { return _mm512_load_si512(p); }
    CORDON_INLINE void store(uint32_t* p, Word word) { _mm512_store_si512(p, word); }
    CORDON_INLINE Word all(uint32_t value) { return _mm512_set1_epi32(static_cast<int>(value)); }
    CORDON_INLINE Word add(Word x, Word y) { return _mm512_add_epi32(x, y); }
    CORDON_INLINE Word xor2(Word x, Word y) { return _mm512_xor_si512(x, y); }
    // The last argument is the table of truth: bit 4x + 2y + z.
    CORDON_INLINE Word xor3(Word x, Word y, Word z) {
        return _mm512_ternarylogic_epi32(x, y, z, 0x96);
    }
    CORDON_INLINE Word choose(Word x, Word y, Word z) {
        return _mm512_ternarylogic_epi32(x, y, z, 0xca);
    }
    CORDON_INLINE Word majority(Word x, Word y, Word z) {
        return _mm512_ternarylogic_epi32(x, y, z, 0xe8);
    }
    CORDON_INLINE Word md5_i(Word x, Word y, Word z) {
        return _mm512_ternarylogic_epi32(x, y, z, 0x39);
    }
    template <unsigned n>
    CORDON_INLINE Word rotate_left(Word x) {
        return _mm512_rol_epi32(x, n);
    }
    template <unsigned n>
    CORDON_INLINE Word shift_right(Word x) {
        return _mm512_srli_epi32(x, n);
    }

    // Sixteen rows of sixteen words become sixteen columns.
    CORDON_INLINE void transpose(Word* rows) {
        Word pairs[16], fours[16];
        for (size_t n = 0; n < 16; n += 2) {
            pairs[n] = _mm512_unpacklo_epi32(rows[n], rows[n + 1]);
            pairs[n + 1] = _mm512_unpackhi_epi32(rows[n], rows[n + 1]);
        }
        for (size_t n = 0; n < 16; n += 4) {
            for (size_t half = 0; half < 2; ++half) {
                fours[n + 2 * half] = _mm512_unpacklo_epi64(pairs[n + half], pairs[n + half + 2]);
                fours[n + 2 * half + 1] =
                    _mm512_unpackhi_epi64(pairs[n + half], pairs[n + half + 2]);
            }
        }
        // fours[4r + c] has in its quarter q column 4q + c of rows 4r to 4r + 3.
        for (size_t c = 0; c < 4; ++c) {
            const Word low01 = _mm512_shuffle_i32x4(fours[c], fours[4 + c], 0x44);
            const Word high01 = _mm512_shuffle_i32x4(fours[c], fours[4 + c], 0xee);
            const Word low23 = _mm512_shuffle_i32x4(fours[8 + c], fours[12 + c], 0x44);
            const Word high23 = _mm512_shuffle_i32x4(fours[8 + c], fours[12 + c], 0xee);
            rows[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
            rows[4 + c] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
            rows[8 + c] = _mm512_shuffle_i32x4(high01, high23, 0x88);
            rows[12 + c] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
        }
    }

    template <bool swap>
    CORDON_INLINE void blocks(const uint8_t* const* data, size_t at, Word* words) {
        const Word order = _mm512_broadcast_i32x4(
            _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
        for (size_t n = 0; n < 16; ++n)
            words[n] = _mm512_loadu_si512(data[n] + at);
        transpose(words);
        if constexpr (swap)
            for (size_t n = 0; n < 16; ++n)
                words[n] = _mm512_shuffle_epi8(words[n], order);
    }
};

}  // namespace

void avx512::sha256(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx512, Sha256, 1>(words, data, blocks);
}

void avx512::sha1(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx512, Sha1, 1>(words, data, blocks);
}

void avx512::md5(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx512, Md5, 1>(words, data, blocks);
}

void avx512::md5_two(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx512, Md5, 2>(words, data, blocks);
}

}  // namespace cordon::kernels
