// With the rotates and three-way logic of AVX-512: sixteen lanes in 512-bit registers, or eight in
// 256-bit ones. Of these three instructions begin in a cycle on Sapphire Rapids, of the others two.
#include "dataplane/fingerprint/avx2_lanes.h"
#include "dataplane/fingerprint/kernels.h"

namespace cordon::kernels {
namespace {

struct Avx512 {
    using Word = __m512i;
    static constexpr size_t lanes = 16;

    CORDON_INLINE Word load(const uint32_t* p) { return _mm512_load_si512(p); }
    CORDON_INLINE void store(uint32_t* p, Word word) { _mm512_store_si512(p, word); }
    CORDON_INLINE Word add(Word x, Word y) { return _mm512_add_epi32(x, y); }
    // The constant is broadcast as it is read. Left alone, clang makes vectors of all constants
    // before the first block and keeps them in memory: 4 KiB of stores for each call.
    CORDON_INLINE Word add_all(Word x, const uint32_t& value) {
        Word sum;
        __asm__("vpaddd %2%{1to16%}, %1, %0" : "=v"(sum) : "v"(x), "m"(value));
        return sum;
    }
    CORDON_INLINE Word xor2(Word x, Word y) { return _mm512_xor_si512(x, y); }
    // The last argument is the table of truth: bit 4x + 2y + z.
    CORDON_INLINE Word xor3(Word x, Word y, Word z) {
        return _mm512_ternarylogic_epi32(x, y, z, 0x96);
    }
    CORDON_INLINE Word choose(Word x, Word y, Word z) {
        return _mm512_ternarylogic_epi32(x, y, z, 0xca);
    }
    CORDON_INLINE Word add_choose(Word sum, Word x, Word y, Word z) {
        return add(sum, choose(x, y, z));
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

    // Quarter q of a row is four words of the lane 4q + the row's number. The quarters are put in
    // place as they are read, so that only half of the transposition is left to the one port that
    // shuffles: sha1 gains a sixth by it.
    CORDON_INLINE Word quarters(const uint8_t* const* data, size_t at) {
        const auto quarter = [&](size_t q) {
            return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data[4 * q] + at));
        };
        Word row = _mm512_castsi128_si512(quarter(0));
        row = _mm512_inserti32x4(row, quarter(1), 1);
        row = _mm512_inserti32x4(row, quarter(2), 2);
        return _mm512_inserti32x4(row, quarter(3), 3);
    }

    template <bool swap>
    CORDON_INLINE void blocks(const uint8_t* const* data, size_t at, Word* words) {
        const Word order = _mm512_broadcast_i32x4(
            _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
        for (size_t four = 0; four < 4; ++four) {
            Word rows[4];
            for (size_t n = 0; n < 4; ++n) {
                rows[n] = quarters(data + n, at + 16 * four);
                if constexpr (swap) rows[n] = _mm512_shuffle_epi8(rows[n], order);
            }
            const Word low01 = _mm512_unpacklo_epi32(rows[0], rows[1]);
            const Word high01 = _mm512_unpackhi_epi32(rows[0], rows[1]);
            const Word low23 = _mm512_unpacklo_epi32(rows[2], rows[3]);
            const Word high23 = _mm512_unpackhi_epi32(rows[2], rows[3]);
            words[4 * four] = _mm512_unpacklo_epi64(low01, low23);
            words[4 * four + 1] = _mm512_unpackhi_epi64(low01, low23);
            words[4 * four + 2] = _mm512_unpacklo_epi64(high01, high23);
            words[4 * four + 3] = _mm512_unpackhi_epi64(high01, high23);
        }
    }
};

// What the SHA family does with its words.
struct Avx512Half : Avx2 {
    CORDON_INLINE Word add_all(Word x, const uint32_t& value) {
        Word sum;
        __asm__("vpaddd %2%{1to8%}, %1, %0" : "=v"(sum) : "v"(x), "m"(value));
        return sum;
    }
    CORDON_INLINE Word xor3(Word x, Word y, Word z) {
        return _mm256_ternarylogic_epi32(x, y, z, 0x96);
    }
    CORDON_INLINE Word choose(Word x, Word y, Word z) {
        return _mm256_ternarylogic_epi32(x, y, z, 0xca);
    }
    CORDON_INLINE Word majority(Word x, Word y, Word z) {
        return _mm256_ternarylogic_epi32(x, y, z, 0xe8);
    }
    template <unsigned n>
    CORDON_INLINE Word rotate_left(Word x) {
        return _mm256_rol_epi32(x, n);
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

void avx512::half_sha256(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx512Half, Sha256, 1>(words, data, blocks);
}

void avx512::half_sha1(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx512Half, Sha1, 1>(words, data, blocks);
}

}  // namespace cordon::kernels
