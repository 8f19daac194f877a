// SHA-256 and SHA-1 by the processor's own instructions, in steps of four rounds, so that other
// work can stand between them: they leave the processor idle half of the time, waiting for their
// own results. Only kernel_*.cpp files include this; everything here is local to them.
//
//   Sha256Ni<states, texts> sha;  sha.set(n, words, stride)…
//   each block: sha.begin(text, data)…  sha.four<0>() … sha.four<15>()  sha.end()
//   sha.get(n, words, stride)…
//
// State n takes text n % texts: states of the same text share its schedule. Word w of a state is
// words[w × stride]. Sha1Ni is the same with twenty fours.
//
// Owns:       nothing.
// Worker:     any.
#pragma once

#include <immintrin.h>

#include "dataplane/fingerprint/rounds.h"

#define CORDON_METHOD [[gnu::always_inline]] inline

namespace cordon::kernels {
namespace {

CORDON_INLINE __m128i load_four(const uint8_t* p, __m128i order) {
    return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), order);
}

CORDON_INLINE __m128i four_words(const uint32_t* words, size_t stride, size_t high, size_t second,
                                 size_t third, size_t low) {
    const auto word = [&](size_t of) { return static_cast<int>(words[of * stride]); };
    return _mm_set_epi32(word(high), word(second), word(third), word(low));
}

template <size_t states, size_t texts>
struct Sha256Ni {
    static_assert(states % texts == 0);
    static constexpr size_t fours = 16;

    __m128i abef[states], cdgh[states];
    __m128i abef_before[states], cdgh_before[states];
    __m128i w[4][texts];

    CORDON_METHOD void set(size_t n, const uint32_t* words, size_t stride) {
        abef[n] = four_words(words, stride, 0, 1, 4, 5);
        cdgh[n] = four_words(words, stride, 2, 3, 6, 7);
    }
    CORDON_METHOD void get(size_t n, uint32_t* words, size_t stride) const {
        alignas(16) uint32_t high[4], low[4];
        _mm_store_si128(reinterpret_cast<__m128i*>(high), abef[n]);
        _mm_store_si128(reinterpret_cast<__m128i*>(low), cdgh[n]);
        const uint32_t in_order[8] = {high[3], high[2], low[3], low[2],
                                      high[1], high[0], low[1], low[0]};
        for (size_t of = 0; of < 8; ++of)
            words[of * stride] = in_order[of];
    }
    CORDON_METHOD void begin(size_t text, const uint8_t* data) {
        const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
#pragma GCC unroll 4
        for (size_t q = 0; q < 4; ++q)
            w[q][text] = load_four(data + q * 16, order);
#pragma GCC unroll 2
        for (size_t n = text; n < states; n += texts) {
            abef_before[n] = abef[n];
            cdgh_before[n] = cdgh[n];
        }
    }
    // Four rounds; w[t & 3] are their words. The words of four rounds later follow from the last
    // sixteen.
    template <size_t t>
    CORDON_METHOD void four() {
        const __m128i constants =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(sha256_constants + 4 * t));
#pragma GCC unroll 4
        for (size_t n = 0; n < states; ++n) {
            const __m128i with = _mm_add_epi32(w[t & 3][n % texts], constants);
            cdgh[n] = _mm_sha256rnds2_epu32(cdgh[n], abef[n], with);
            abef[n] = _mm_sha256rnds2_epu32(abef[n], cdgh[n], _mm_shuffle_epi32(with, 0x0e));
        }
        if constexpr (t < 12) {
#pragma GCC unroll 2
            for (size_t n = 0; n < texts; ++n) {
                const __m128i late = w[(t + 3) & 3][n];
                const __m128i middle = _mm_alignr_epi8(late, w[(t + 2) & 3][n], 4);
                const __m128i early = _mm_sha256msg1_epu32(w[t & 3][n], w[(t + 1) & 3][n]);
                w[t & 3][n] = _mm_sha256msg2_epu32(_mm_add_epi32(early, middle), late);
            }
        }
    }
    CORDON_METHOD void end() {
#pragma GCC unroll 4
        for (size_t n = 0; n < states; ++n) {
            abef[n] = _mm_add_epi32(abef[n], abef_before[n]);
            cdgh[n] = _mm_add_epi32(cdgh[n], cdgh_before[n]);
        }
    }
};

// The instruction that makes the next `e` from this `a` stands with the next four: `before` holds
// abcd as it was.
template <size_t states>
struct Sha1Ni {
    static constexpr size_t fours = 20;

    __m128i abcd[states], before[states];
    __m128i abcd_before[states], e_before[states];
    __m128i w[4][states];

    CORDON_METHOD void set(size_t n, const uint32_t* words, size_t stride) {
        abcd[n] = four_words(words, stride, 0, 1, 2, 3);
        before[n] = _mm_set_epi32(static_cast<int>(words[4 * stride]), 0, 0, 0);
    }
    CORDON_METHOD void get(size_t n, uint32_t* words, size_t stride) const {
        alignas(16) uint32_t high[4];
        _mm_store_si128(reinterpret_cast<__m128i*>(high), abcd[n]);
        for (size_t of = 0; of < 4; ++of)
            words[of * stride] = high[3 - of];
        words[4 * stride] = static_cast<uint32_t>(_mm_extract_epi32(before[n], 3));
    }
    CORDON_METHOD void begin(size_t n, const uint8_t* data) {
        const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#pragma GCC unroll 4
        for (size_t q = 0; q < 4; ++q)
            w[q][n] = load_four(data + q * 16, order);
        abcd_before[n] = abcd[n];
        e_before[n] = before[n];
    }
    template <size_t t>
    CORDON_METHOD void four() {
#pragma GCC unroll 2
        for (size_t n = 0; n < states; ++n) {
            const __m128i with = t == 0 ? _mm_add_epi32(before[n], w[0][n])
                                        : _mm_sha1nexte_epu32(before[n], w[t & 3][n]);
            before[n] = abcd[n];
            abcd[n] = _mm_sha1rnds4_epu32(abcd[n], with, t / 5);
            if constexpr (t < 16) {
                const __m128i early = _mm_sha1msg1_epu32(w[t & 3][n], w[(t + 1) & 3][n]);
                w[t & 3][n] =
                    _mm_sha1msg2_epu32(_mm_xor_si128(early, w[(t + 2) & 3][n]), w[(t + 3) & 3][n]);
            }
        }
    }
    CORDON_METHOD void end() {
#pragma GCC unroll 2
        for (size_t n = 0; n < states; ++n) {
            before[n] = _mm_sha1nexte_epu32(before[n], e_before[n]);
            abcd[n] = _mm_add_epi32(abcd[n], abcd_before[n]);
        }
    }
};

}  // namespace
}  // namespace cordon::kernels
