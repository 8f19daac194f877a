#include "dataplane/worker/case_number.h"

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED  // the EVP interface allocates for every digest
#endif
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

namespace cordon {

namespace {

constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";  // 32 digits, 5 check signs
constexpr std::size_t digits = 12;
constexpr std::size_t group = 4;

int value_of(char c) {
    const char* at = std::strchr(alphabet, c);
    return at == nullptr || c == '\0' ? -1 : static_cast<int>(at - alphabet);
}

}  // namespace

CaseNumbers::CaseNumbers(std::string_view prefix, std::uint64_t seed) : state_{seed, 0} {
    prefix.copy(prefix_, std::min(prefix.size(), sizeof prefix_ - 1));
}

void CaseNumbers::next(char (*out)[case_number_bytes]) {
    ++state_[1];
    std::uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, state_, sizeof state_);
    SHA256_Final(digest, &sha);
    std::uint64_t number;
    std::memcpy(&number, digest, sizeof number);
    number &= (1ULL << 60) - 1;

    std::memset(*out, 0, sizeof *out);
    char* at = *out + std::string_view(prefix_).copy(*out, sizeof prefix_);
    for (std::size_t digit = 0; digit < digits; ++digit) {
        if (digit % group == 0) *at++ = '-';
        *at++ = alphabet[number >> (5 * (digits - 1 - digit)) & 31];
    }
    *at++ = '-';
    *at = alphabet[number % 37];
}

bool is_case_number(std::string_view text) {
    constexpr std::size_t tail = digits + digits / group + 2;  // groups, dashes, check sign
    if (text.size() <= tail || text.size() >= case_number_bytes) return false;
    text.remove_prefix(text.size() - tail);
    std::uint64_t number = 0;
    for (std::size_t at = 0; at + 1 < text.size(); ++at) {
        if (at % (group + 1) == 0) {
            if (text[at] != '-') return false;
            continue;
        }
        const int value = value_of(text[at]);
        if (value < 0 || value > 31) return false;
        number = number << 5 | static_cast<std::uint64_t>(value);
    }
    return value_of(text.back()) == static_cast<int>(number % 37);
}

}  // namespace cordon
