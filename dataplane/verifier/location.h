// Where an object is: from what the client asked for to a URL of the storage's own API.
//
//   webdav   the path of the request, byte for byte: the same server reads it in the same way
//   s3       /bucket/key, or key in the bucket that the client's Host names; decoded and encoded
//            again as S3 signs it. What was asked of the storage's Swift API, below the path of
//            its account: /container/object, which S3 calls the same
//
// Owns:       nothing.
// Invariants: requests go to the configured endpoint only, whatever a client wrote; no URL leads to
//             a collection or a bucket, so a DELETE takes one object at most.
// Thread:     any; pure.
#pragma once

#include <string>
#include <string_view>

#include "dataplane/contract/verify_link.h"

namespace cordon::verifier {

struct Location {
    std::string origin;      // "http://host:port"
    std::string host;        // as in the Host header
    std::string path;        // encoded
    std::string connect_to;  // "::host:port", empty: where the URL says
};

enum class LocationResult : std::uint8_t {
    ok,
    bad_endpoint,
    cut,           // the name was too long to be kept
    no_object,     // a bucket, a collection, or nothing
    foreign_host,  // no bucket of this endpoint
};

LocationResult locate(const VerifyJob& job, Location* location);
const char* location_why(LocationResult result);

}  // namespace cordon::verifier
