// The compression functions of SHA-256, SHA-1 (FIPS 180-4) and MD5 (RFC 1321), written once over a
// vector type: every lane is another object. Only the kernel_*.cpp files include this, each with
// its own vector type, and everything here is local to the file that includes it.
//
// A vector type V has: Word, lanes, load(p), store(p, w), add, add_all(w, u32), rotate_left<n>,
// shift_right<n>, xor2, xor3, choose(x, y, z) (bits of y where x is set, else z),
// add_choose(sum, x, y, z), majority,
// md5_i(x, y, z) = y ^ (x | ~z), and blocks<swap>(data, at, words): the 16 message words of each
// lane's block, bytes swapped for the SHA family.
//
// Owns:       nothing.
// Worker:     any.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CORDON_INLINE [[gnu::always_inline]] static inline

namespace cordon::kernels {
namespace {

constexpr size_t block_bytes = 64;

template <size_t... n>
struct Steps {};

template <size_t count, size_t... n>
struct MakeSteps : MakeSteps<count - 1, count - 1, n...> {};
template <size_t... n>
struct MakeSteps<0, n...> {
    using Type = Steps<n...>;
};
template <size_t count>
using StepsTo = typename MakeSteps<count>::Type;

// --- SHA-256 ---

constexpr uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

template <class V>
struct Sha256 {
    using Word = typename V::Word;
    static constexpr size_t words = 8;
    static constexpr bool swaps = true;

    template <size_t t>
    CORDON_INLINE void round(Word* s, Word* w) {
        // The names move, not the values: `a` of round t is word -t.
        const Word a = s[(0 - t) & 7], b = s[(1 - t) & 7], c = s[(2 - t) & 7];
        const Word e = s[(4 - t) & 7], f = s[(5 - t) & 7], g = s[(6 - t) & 7];
        const Word sum1 = V::xor3(V::template rotate_left<26>(e), V::template rotate_left<21>(e),
                                  V::template rotate_left<7>(e));
        const Word sum0 = V::xor3(V::template rotate_left<30>(a), V::template rotate_left<19>(a),
                                  V::template rotate_left<10>(a));
        Word& h = s[(7 - t) & 7];
        h = V::add(V::add(h, V::add_all(w[t & 15], sha256_constants[t])), V::choose(e, f, g));
        h = V::add(h, sum1);
        s[(3 - t) & 7] = V::add(s[(3 - t) & 7], h);
        h = V::add(h, V::add(sum0, V::majority(a, b, c)));
        if constexpr (t < 48) {
            const Word early = w[(t + 1) & 15], late = w[(t + 14) & 15];
            const Word low =
                V::xor3(V::template rotate_left<25>(early), V::template rotate_left<14>(early),
                        V::template shift_right<3>(early));
            const Word high =
                V::xor3(V::template rotate_left<15>(late), V::template rotate_left<13>(late),
                        V::template shift_right<10>(late));
            w[t & 15] = V::add(V::add(w[t & 15], w[(t + 9) & 15]), V::add(low, high));
        }
    }
};

// --- SHA-1 ---

template <class V>
struct Sha1 {
    using Word = typename V::Word;
    static constexpr size_t words = 5;
    static constexpr bool swaps = true;

    template <size_t t>
    CORDON_INLINE Word mix(Word b, Word c, Word d) {
        if constexpr (t < 20)
            return V::choose(b, c, d);
        else if constexpr (t < 40 || t >= 60)
            return V::xor3(b, c, d);
        else
            return V::majority(b, c, d);
    }

    template <size_t t>
    CORDON_INLINE void round(Word* s, Word* w) {
        constexpr uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
        constexpr size_t first = (80 - t) % 5;
        const Word a = s[first], b = s[(first + 1) % 5], c = s[(first + 2) % 5],
                   d = s[(first + 3) % 5];
        Word& e = s[(first + 4) % 5];
        if constexpr (t >= 16)
            w[t & 15] = V::template rotate_left<1>(
                V::xor2(V::xor3(w[(t + 13) & 15], w[(t + 8) & 15], w[(t + 2) & 15]), w[t & 15]));
        e = V::add(V::add(e, V::add_all(w[t & 15], constants[t / 20])),
                   V::add(V::template rotate_left<5>(a), mix<t>(b, c, d)));
        s[(first + 1) % 5] = V::template rotate_left<30>(b);
    }
};

// --- MD5 ---

constexpr uint32_t md5_constants[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
constexpr uint8_t md5_shifts[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
constexpr uint8_t md5_order[4][2] = {{1, 0}, {5, 1}, {3, 5}, {7, 0}};  // word = factor × t + first

template <class V>
struct Md5 {
    using Word = typename V::Word;
    static constexpr size_t words = 4;
    static constexpr bool swaps = false;

    // `b` comes last: it is the round's before.
    template <size_t t>
    CORDON_INLINE Word add_mix(Word sum, Word b, Word c, Word d) {
        if constexpr (t < 16)
            return V::add(sum, V::choose(b, c, d));
        else if constexpr (t < 32)
            return V::add_choose(sum, d, b, c);
        else if constexpr (t < 48)
            return V::add(sum, V::xor3(b, c, d));
        else
            return V::add(sum, V::md5_i(b, c, d));
    }

    template <size_t t>
    CORDON_INLINE void round(Word* s, Word* w) {
        Word& a = s[(0 - t) & 3];
        const Word b = s[(1 - t) & 3], c = s[(2 - t) & 3], d = s[(3 - t) & 3];
        constexpr size_t word = (md5_order[t / 16][0] * t + md5_order[t / 16][1]) & 15;
        a = add_mix<t>(V::add(a, V::add_all(w[word], md5_constants[t])), b, c, d);
        a = V::add(b, V::template rotate_left<md5_shifts[t / 16][t & 3]>(a));
    }
};

// --- any of them ---

template <class D>
inline constexpr size_t rounds_of = D::words == 5 ? 80 : 64;

template <class D, size_t groups, size_t t>
CORDON_INLINE void round_of_all(typename D::Word (*s)[D::words], typename D::Word (*w)[16]) {
    for (size_t g = 0; g < groups; ++g)
        D::template round<t>(s[g], w[g]);
}

template <class D, size_t groups, size_t... t>
CORDON_INLINE void all_rounds(typename D::Word (*s)[D::words], typename D::Word (*w)[16],
                              Steps<t...>) {
    (round_of_all<D, groups, t>(s, w), ...);
}

// `groups` times V::lanes objects, their rounds interleaved: a digest whose rounds wait for each
// other leaves room for a second group between them.
template <class V, template <class> class DigestOf, size_t groups>
void run(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    using D = DigestOf<V>;
    using Word = typename V::Word;
    Word state[groups][D::words];
    for (size_t g = 0; g < groups; ++g)
        for (size_t n = 0; n < D::words; ++n)
            state[g][n] = V::load(words + (g * D::words + n) * V::lanes);
    for (size_t block = 0; block < blocks; ++block) {
        Word s[groups][D::words];
        Word w[groups][16];
        for (size_t g = 0; g < groups; ++g) {
            V::template blocks<D::swaps>(data + g * V::lanes, block * block_bytes, w[g]);
            for (size_t n = 0; n < D::words; ++n)
                s[g][n] = state[g][n];
        }
        all_rounds<D, groups>(s, w, StepsTo<rounds_of<D>>{});
        for (size_t g = 0; g < groups; ++g)
            for (size_t n = 0; n < D::words; ++n)
                state[g][n] = V::add(state[g][n], s[g][n]);
    }
    for (size_t g = 0; g < groups; ++g)
        for (size_t n = 0; n < D::words; ++n)
            V::store(words + (g * D::words + n) * V::lanes, state[g][n]);
}

}  // namespace
}  // namespace cordon::kernels
