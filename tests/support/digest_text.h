// Digests as text, and what OpenSSL's own interface makes of whole buffers: the reference.
#pragma once

#include <openssl/evp.h>

#include <cstdio>
#include <string>

#include "dataplane/base/bytes.h"

namespace cordon::test {

inline std::string hex(Bytes bytes) {
    std::string text;
    char two[3];
    for (const std::uint8_t byte : bytes) {
        std::snprintf(two, sizeof two, "%02x", byte);
        text += two;
    }
    return text;
}

inline std::string evp(const EVP_MD* type, Bytes bytes) {
    std::uint8_t out[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(bytes.data(), bytes.size(), out, &length, type, nullptr);
    return hex({out, length});
}

}  // namespace cordon::test
