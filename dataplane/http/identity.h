// Who sends this request: the account it authenticates as, and the client that a trusted hop says
// it serves. Claims for the incident record; no verdict depends on them.
//
// Owns:       nothing; results are copied into buffers of the caller.
// Invariants: what is given out is valid UTF-8 without control characters or line separators, so
//             that it stays one line in every log and harmless on every terminal; what is longer
//             than the buffer is cut. Secrets (signatures, passwords) are never copied.
// Worker:     pure functions.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "dataplane/contract/options.h"
#include "dataplane/http/address.h"
#include "dataplane/http/head.h"

namespace cordon {

// s3_access_key: key id of SigV4 and SigV2, in the Authorization field or the presigned query.
// basic_user: the user of Basic credentials. header: the value of the field `header_name`.
// Empty when the request does not say.
std::string_view account_of(const Head& head, AccountFrom from, std::string_view header_name,
                            std::span<char> out);

// The rightmost address in the list of `header_name` that is no trusted hop (the leftmost when all
// are): each hop appends whom it heard from, so only what trusted hops wrote is believed. A field
// named Forwarded is read as RFC 7239, any other as X-Forwarded-For. Entries left of one that is no
// address ("unknown", "_hidden") are worth nothing: false.
// The caller has made sure that the peer itself is a trusted hop.
bool forwarded_client(const Head& head, std::string_view header_name,
                      std::span<const AddressPrefix> trusted_hops, ClientAddress* client);

// The undecoded value of a parameter in the query of a target; names in any case.
std::optional<std::string_view> query_value(std::string_view target, std::string_view name);

// Copies as the invariant above says; also right for method, host and target.
std::string_view copy_clean(std::string_view text, std::span<char> out);

}  // namespace cordon
