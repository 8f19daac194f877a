// `cordon-bench decoders`: bodies in every form an upload takes, taken apart segment by segment as
// a worker does, beside the digest of as many bytes: what a form costs above a plain body.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/line_bench.h"

namespace cordon::bench {

struct DecodersResult {
    std::string form;
    Spread gb_per_s;         // of body bytes, through the decoder alone
    double found;            // bytes of all objects in it over those of the body
    double sha256_gb_per_s;  // one stream of OpenSSL over the body
};

std::vector<DecodersResult> run_decoders(std::uint32_t runs);

}  // namespace cordon::bench
