// Content in brotli for tests, which link the encoder (tests/include.mk).
#pragma once

#include <brotli/encode.h>

#include <string>
#include <string_view>

#include "dataplane/base/invariant.h"

namespace cordon::test {

inline std::string brotli_file(std::string_view text, int window = BROTLI_DEFAULT_WINDOW) {
    std::size_t size = BrotliEncoderMaxCompressedSize(text.size()) + 64;
    std::string out(size, '\0');
    INVARIANT(BrotliEncoderCompress(5, window, BROTLI_MODE_GENERIC, text.size(),
                                    reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                                    reinterpret_cast<std::uint8_t*>(out.data())));
    out.resize(size);
    return out;
}

}  // namespace cordon::test
