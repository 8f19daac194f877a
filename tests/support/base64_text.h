// Base64 for tests, as OpenSSL encodes it.
#pragma once

#include <openssl/evp.h>

#include <string>
#include <string_view>

namespace cordon::test {

inline std::string base64_of(std::string_view file) {
    std::string text((file.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(file.data()),
                                     static_cast<int>(file.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

}  // namespace cordon::test
