// SHA-256 and SHA-1 by the processor's own instructions. One object leaves them idle half of the
// time, waiting for their own results: a second one is hashed between.
#include <immintrin.h>

#include "dataplane/fingerprint/kernels.h"
#include "dataplane/fingerprint/rounds.h"

namespace cordon::kernels {
namespace {

template <size_t objects>
using Four = __m128i[objects];

CORDON_INLINE __m128i load_four(const uint8_t* p, __m128i order) {
    return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), order);
}

// Four rounds; w[t & 3] are their words. The words of four rounds later follow from the last
// sixteen.
template <size_t objects, size_t t>
CORDON_INLINE void sha256_four(Four<objects>& abef, Four<objects>& cdgh, Four<objects> (&w)[4]) {
    const __m128i constants =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(sha256_constants + 4 * t));
    for (size_t n = 0; n < objects; ++n) {
        const __m128i with = _mm_add_epi32(w[t & 3][n], constants);
        cdgh[n] = _mm_sha256rnds2_epu32(cdgh[n], abef[n], with);
        abef[n] = _mm_sha256rnds2_epu32(abef[n], cdgh[n], _mm_shuffle_epi32(with, 0x0e));
        if constexpr (t < 12) {
            const __m128i late = w[(t + 3) & 3][n];
            const __m128i middle = _mm_alignr_epi8(late, w[(t + 2) & 3][n], 4);
            const __m128i early = _mm_sha256msg1_epu32(w[t & 3][n], w[(t + 1) & 3][n]);
            w[t & 3][n] = _mm_sha256msg2_epu32(_mm_add_epi32(early, middle), late);
        }
    }
}

template <size_t objects, size_t... t>
CORDON_INLINE void sha256_rounds(Four<objects>& abef, Four<objects>& cdgh, Four<objects> (&w)[4],
                                 Steps<t...>) {
    (sha256_four<objects, t>(abef, cdgh, w), ...);
}

template <size_t objects>
void sha256_of(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    Four<objects> abef, cdgh;
    const auto word = [words](size_t of, size_t n) {
        return static_cast<int>(words[of * objects + n]);
    };
    for (size_t n = 0; n < objects; ++n) {
        abef[n] = _mm_set_epi32(word(0, n), word(1, n), word(4, n), word(5, n));
        cdgh[n] = _mm_set_epi32(word(2, n), word(3, n), word(6, n), word(7, n));
    }
    for (size_t block = 0; block < blocks; ++block) {
        Four<objects> w[4], abef_before, cdgh_before;
        for (size_t n = 0; n < objects; ++n) {
            abef_before[n] = abef[n];
            cdgh_before[n] = cdgh[n];
            for (size_t q = 0; q < 4; ++q)
                w[q][n] = load_four(data[n] + block * block_bytes + q * 16, order);
        }
        sha256_rounds<objects>(abef, cdgh, w, StepsTo<16>{});
        for (size_t n = 0; n < objects; ++n) {
            abef[n] = _mm_add_epi32(abef[n], abef_before[n]);
            cdgh[n] = _mm_add_epi32(cdgh[n], cdgh_before[n]);
        }
    }
    for (size_t n = 0; n < objects; ++n) {
        alignas(16) uint32_t high[4], low[4];
        _mm_store_si128(reinterpret_cast<__m128i*>(high), abef[n]);
        _mm_store_si128(reinterpret_cast<__m128i*>(low), cdgh[n]);
        const uint32_t in_order[8] = {high[3], high[2], low[3], low[2],
                                      high[1], high[0], low[1], low[0]};
        for (size_t of = 0; of < 8; ++of)
            words[of * objects + n] = in_order[of];
    }
}

// Four rounds of SHA-1. The instruction that makes the next `e` from this `a` stands with the next
// four: `before` holds abcd as it was.
template <size_t objects, size_t t>
CORDON_INLINE void sha1_four(Four<objects>& abcd, Four<objects>& before, Four<objects> (&w)[4]) {
    for (size_t n = 0; n < objects; ++n) {
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

template <size_t objects, size_t... t>
CORDON_INLINE void sha1_rounds(Four<objects>& abcd, Four<objects>& before, Four<objects> (&w)[4],
                               Steps<t...>) {
    (sha1_four<objects, t>(abcd, before, w), ...);
}

template <size_t objects>
void sha1_of(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    Four<objects> abcd, e;
    const auto word = [words](size_t of, size_t n) {
        return static_cast<int>(words[of * objects + n]);
    };
    for (size_t n = 0; n < objects; ++n) {
        abcd[n] = _mm_set_epi32(word(0, n), word(1, n), word(2, n), word(3, n));
        e[n] = _mm_set_epi32(word(4, n), 0, 0, 0);
    }
    for (size_t block = 0; block < blocks; ++block) {
        Four<objects> w[4], abcd_before, before;
        for (size_t n = 0; n < objects; ++n) {
            abcd_before[n] = abcd[n];
            before[n] = e[n];
            for (size_t q = 0; q < 4; ++q)
                w[q][n] = load_four(data[n] + block * block_bytes + q * 16, order);
        }
        sha1_rounds<objects>(abcd, before, w, StepsTo<20>{});
        for (size_t n = 0; n < objects; ++n) {
            e[n] = _mm_sha1nexte_epu32(before[n], e[n]);
            abcd[n] = _mm_add_epi32(abcd[n], abcd_before[n]);
        }
    }
    for (size_t n = 0; n < objects; ++n) {
        alignas(16) uint32_t high[4];
        _mm_store_si128(reinterpret_cast<__m128i*>(high), abcd[n]);
        for (size_t of = 0; of < 4; ++of)
            words[of * objects + n] = high[3 - of];
        words[4 * objects + n] = static_cast<uint32_t>(_mm_extract_epi32(e[n], 3));
    }
}

}  // namespace

void shani::sha256(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    sha256_of<2>(words, data, blocks);
}

void shani::sha1(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    sha1_of<2>(words, data, blocks);
}

}  // namespace cordon::kernels
