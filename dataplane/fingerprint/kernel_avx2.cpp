// Eight lanes in 256-bit registers.
#include "dataplane/fingerprint/avx2_lanes.h"
#include "dataplane/fingerprint/kernels.h"

namespace cordon::kernels {

void avx2::sha256(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx2, Sha256, 1>(words, data, blocks);
}

void avx2::sha1(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx2, Sha1, 1>(words, data, blocks);
}

void avx2::md5(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx2, Md5, 1>(words, data, blocks);
}

void avx2::md5_two(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Avx2, Md5, 2>(words, data, blocks);
}

}  // namespace cordon::kernels
