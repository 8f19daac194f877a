// What the verifier shows the storage, from a file of lines NAME=VALUE:
//
//   s3       access_key=…  secret_key=…  [session_token=…]
//   webdav   user=…  password=…
//
// Owns:       the secrets; wiped with it.
// Invariants: a file that others could read, or that belongs to somebody else, is not used.
// Thread:     one.
// Limits:     credentials_bytes_max.
#pragma once

#include <string>

#include "dataplane/base/result.h"
#include "dataplane/verifier/aws_sign.h"

namespace cordon::verifier {

inline constexpr std::size_t credentials_bytes_max = 16 * 1024;

struct Credentials {
    AwsKeys aws;
    std::string user;
    std::string password;

    Credentials() = default;
    Credentials(Credentials&&) = default;
    Credentials& operator=(Credentials&&) = default;
    ~Credentials();
};

// Read anew for every job, so that a changed key needs no restart.
Result<Credentials> read_credentials(const std::string& path);

}  // namespace cordon::verifier
