// AWS Signature Version 4 as S3 and its like ask for it. Signed here and not by libcurl, whose way
// with paths and queries changes between releases (7.88 signs them as they stand in the URL); a
// signature is wrong if one byte is.
//
// Owns:       nothing.
// Invariants: path and query are signed as they are sent: encode_path() and encode_value() first.
// Thread:     any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cordon::verifier {

struct AwsKeys {
    std::string access_key;
    std::string secret_key;
    std::string session_token;  // empty: none
};

struct AwsRequest {
    std::string_view method;
    std::string_view host;    // as in the Host header
    std::string_view path;    // encoded
    std::string_view query;   // "a=1&b=2", encoded, sorted by name; empty: none
    std::string_view region;  //
    std::uint64_t unix_s;
    std::string_view content = {};  // of the body
};

struct AwsHeaders {
    std::string date;            // X-Amz-Date
    std::string content_sha256;  // X-Amz-Content-Sha256
    std::string authorization;
};

AwsHeaders sign(const AwsRequest& request, const AwsKeys& keys);

// Every byte but A-Z a-z 0-9 - . _ ~ becomes %XX; in a path "/" stays.
std::string encode_path(std::string_view decoded);
std::string encode_value(std::string_view decoded);

}  // namespace cordon::verifier
