#include "dataplane/verifier/aws_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <time.h>

#include <array>

#include "dataplane/base/bytes.h"
#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon::verifier {

namespace {

using Hash = std::array<std::uint8_t, SHA256_DIGEST_LENGTH>;

std::string hex(const Hash& hash) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : hash) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

Hash sha256(std::string_view text) {
    Hash hash;
    const Bytes bytes = as_bytes(text);
    ::SHA256(bytes.data(), bytes.size(), hash.data());
    return hash;
}

Hash hmac(Bytes key, std::string_view text) {
    Hash hash;
    unsigned length = 0;
    const Bytes bytes = as_bytes(text);
    const auto* done = ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
                              bytes.data(), bytes.size(), hash.data(), &length);
    INVARIANT(done != nullptr && length == hash.size());
    return hash;
}

std::string amz_date(std::uint64_t unix_s) {
    const auto seconds = static_cast<time_t>(unix_s);
    tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[32];
    const std::size_t length = ::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
    return {text, length};
}

std::string encode(std::string_view decoded, bool keep_slash) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string text;
    for (const char c : decoded) {
        const bool plain = http::is_alpha(c) || http::is_digit(c) || c == '-' || c == '.' ||
                           c == '_' || c == '~' || (c == '/' && keep_slash);
        const auto byte = static_cast<std::uint8_t>(c);
        if (plain)
            text += c;
        else
            text += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return text;
}

}  // namespace

AwsHeaders sign(const AwsRequest& request, const AwsKeys& keys) {
    AwsHeaders headers;
    headers.date = amz_date(request.unix_s);
    headers.content_sha256 = hex(sha256(request.content));
    const std::string token_line =
        keys.session_token.empty() ? "" : "x-amz-security-token:" + keys.session_token + "\n";
    const std::string names = std::string("host;x-amz-content-sha256;x-amz-date") +
                              (keys.session_token.empty() ? "" : ";x-amz-security-token");
    std::string canonical(request.method);
    canonical += "\n" + std::string(request.path) + "\n" + std::string(request.query) + "\n";
    canonical += "host:" + std::string(request.host) + "\n";
    canonical += "x-amz-content-sha256:" + headers.content_sha256 + "\n";
    canonical += "x-amz-date:" + headers.date + "\n" + token_line + "\n";
    canonical += names + "\n" + headers.content_sha256;

    const std::string day = headers.date.substr(0, 8);
    const std::string scope = day + "/" + std::string(request.region) + "/s3/aws4_request";
    const std::string to_sign =
        "AWS4-HMAC-SHA256\n" + headers.date + "\n" + scope + "\n" + hex(sha256(canonical));
    Hash key = hmac(as_bytes("AWS4" + keys.secret_key), day);
    for (const std::string_view part :
         {request.region, std::string_view("s3"), std::string_view("aws4_request")})
        key = hmac(key, part);
    headers.authorization = "AWS4-HMAC-SHA256 Credential=" + keys.access_key + "/" + scope +
                            ",SignedHeaders=" + names + ",Signature=" + hex(hmac(key, to_sign));
    return headers;
}

std::string encode_path(std::string_view decoded) {
    return encode(decoded, true);
}
std::string encode_value(std::string_view decoded) {
    return encode(decoded, false);
}

}  // namespace cordon::verifier
