// The form in which records lie on a mirror: zstd, then secretstream in pieces of 64 KiB, under a
// key of this target alone (docs/feed-format.md, "Sealing").
//
// Owns:       nothing.
// Invariants: what was cut off, reordered, appended to or sealed for another name does not open.
//             Opening gives exactly the bytes that metadata announced, and never makes more.
// Thread:     any.
// Limits:     the caller's `plain_bytes`.
#pragma once

#include <string>
#include <string_view>

#include "control/feed/crypto.h"
#include "dataplane/base/result.h"

namespace cordon::feed {

Result<std::string> seal_target(const SecretKey& epoch_key, std::string_view name, Bytes plain);
Result<std::string> open_target(const SecretKey& epoch_key, std::string_view name, Bytes sealed,
                                std::uint64_t plain_bytes);

}  // namespace cordon::feed
