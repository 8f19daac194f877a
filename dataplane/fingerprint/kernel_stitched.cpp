// Several digests of one object at once: four rounds of MD5, which wait for each other, and between
// them four of SHA-256 and five of SHA-1, which other parts of the processor do. Of two objects at
// once it would be a tenth more: SHA-NI has no more to give then.
#include "dataplane/fingerprint/kernels.h"
#include "dataplane/fingerprint/scalar_lane.h"
#include "dataplane/fingerprint/shani.h"

namespace cordon::kernels {
namespace {

using Md5Lane = Md5<Scalar>;

// `shas` counts the states of SHA-256 of the same bytes: a leaf's is one.
template <size_t shas, bool sha1, bool md5>
struct Stitch {
    Sha256Ni<shas == 0 ? 1 : shas, 1> sha256_state;
    Sha1Ni<1> sha1_state;
    uint32_t md5_state[Md5Lane::words];
    uint32_t s[Md5Lane::words], w[16];  // of MD5 in this block

    CORDON_METHOD void set(uint32_t* const* sha256_words, const WordsOfOne& words) {
        for (size_t n = 0; n < shas; ++n)
            sha256_state.set(n, sha256_words[n], 1);
        if constexpr (sha1) sha1_state.set(0, words.sha1, 1);
        if constexpr (md5) __builtin_memcpy(md5_state, words.md5, sizeof md5_state);
    }
    CORDON_METHOD void get(uint32_t* const* sha256_words, const WordsOfOne& words) const {
        for (size_t n = 0; n < shas; ++n)
            sha256_state.get(n, sha256_words[n], 1);
        if constexpr (sha1) sha1_state.get(0, words.sha1, 1);
        if constexpr (md5) __builtin_memcpy(words.md5, md5_state, sizeof md5_state);
    }
    CORDON_METHOD void begin(const uint8_t* data) {
        if constexpr (shas != 0) sha256_state.begin(0, data);
        if constexpr (sha1) sha1_state.begin(0, data);
        if constexpr (md5) {
            Scalar::blocks<false>(&data, 0, w);
            __builtin_memcpy(s, md5_state, sizeof s);
        }
    }
    template <size_t t>
    CORDON_METHOD void md5_round() {
        if constexpr (md5) Md5Lane::round<t>(s, w);
    }
    template <size_t t>
    CORDON_METHOD void step() {
        constexpr size_t sha1_from = t * 5 / 4, sha1_to = (t + 1) * 5 / 4;
        if constexpr (shas != 0) sha256_state.template four<t>();
        if constexpr (sha1) sha1_state.template four<sha1_from>();
        md5_round<4 * t>();
        md5_round<4 * t + 1>();
        if constexpr (sha1 && sha1_to - sha1_from == 2) sha1_state.template four<sha1_to - 1>();
        md5_round<4 * t + 2>();
        md5_round<4 * t + 3>();
    }
    template <size_t... t>
    CORDON_METHOD void steps(Steps<t...>) {
        (step<t>(), ...);
    }
    CORDON_METHOD void end() {
        if constexpr (shas != 0) sha256_state.end();
        if constexpr (sha1) sha1_state.end();
        if constexpr (md5)
            for (size_t n = 0; n < Md5Lane::words; ++n)
                md5_state[n] += s[n];
    }
};

template <size_t shas, bool sha1, bool md5>
void stitch(uint32_t* const* sha256_words, const WordsOfOne& words, const uint8_t* data,
            size_t blocks) {
    Stitch<shas, sha1, md5> all;
    all.set(sha256_words, words);
    for (size_t block = 0; block < blocks; ++block) {
        all.begin(data + block * block_bytes);
        all.steps(StepsTo<16>{});
        all.end();
    }
    all.get(sha256_words, words);
}

template <size_t shas>
void stitch_shas(uint32_t* const* sha256_words, const WordsOfOne& words, const uint8_t* data,
                 size_t blocks) {
    if (words.sha1 != nullptr && words.md5 != nullptr)
        stitch<shas, true, true>(sha256_words, words, data, blocks);
    else if (words.sha1 != nullptr)
        stitch<shas, true, false>(sha256_words, words, data, blocks);
    else if (words.md5 != nullptr)
        stitch<shas, false, true>(sha256_words, words, data, blocks);
    else
        stitch<shas, false, false>(sha256_words, words, data, blocks);
}

}  // namespace

void shani::stitched(const WordsOfOne& words, const uint8_t* data, size_t blocks) {
    uint32_t* sha256_words[2];
    size_t shas = 0;
    if (words.sha256 != nullptr) sha256_words[shas++] = words.sha256;
    if (words.leaf != nullptr) sha256_words[shas++] = words.leaf;
    if (shas == 2)
        stitch_shas<2>(sha256_words, words, data, blocks);
    else if (shas == 1)
        stitch_shas<1>(sha256_words, words, data, blocks);
    else
        stitch_shas<0>(sha256_words, words, data, blocks);
}

}  // namespace cordon::kernels
