// Two objects by SHA-NI, one between the other's steps.
#include "dataplane/fingerprint/kernels.h"
#include "dataplane/fingerprint/shani.h"

namespace cordon::kernels {
namespace {

template <class Sha, size_t... t>
CORDON_INLINE void all_fours(Sha& sha, Steps<t...>) {
    (sha.template four<t>(), ...);
}

template <class Sha>
CORDON_INLINE void pair(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    Sha sha;
    sha.set(0, words, 2);
    sha.set(1, words + 1, 2);
    for (size_t block = 0; block < blocks; ++block) {
        sha.begin(0, data[0] + block * block_bytes);
        sha.begin(1, data[1] + block * block_bytes);
        all_fours(sha, StepsTo<Sha::fours>{});
        sha.end();
    }
    sha.get(0, words, 2);
    sha.get(1, words + 1, 2);
}

}  // namespace

void shani::sha256(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    pair<Sha256Ni<2, 2>>(words, data, blocks);
}

void shani::sha1(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    pair<Sha1Ni<2>>(words, data, blocks);
}

}  // namespace cordon::kernels
