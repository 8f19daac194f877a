// The reference: one lane, plain integers. What every other set must equal.
#include "dataplane/fingerprint/kernels.h"
#include "dataplane/fingerprint/scalar_lane.h"

namespace cordon::kernels {

void scalar::sha256(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Scalar, Sha256, 1>(words, data, blocks);
}

void scalar::sha1(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Scalar, Sha1, 1>(words, data, blocks);
}

void scalar::md5(uint32_t* words, const uint8_t* const* data, size_t blocks) {
    run<Scalar, Md5, 1>(words, data, blocks);
}

}  // namespace cordon::kernels
