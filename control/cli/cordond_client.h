// Asks cordond, one question on one connection, with a time-out.
//
// Owns:       nothing across calls.
// Invariants: an error that cordond sent keeps its code.
// Limits:     reply_bytes_max of an answer; timeout_ms for the whole exchange.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "dataplane/base/result.h"

namespace cordon {

Result<nlohmann::json> ask_cordond(const std::string& socket_path, const nlohmann::json& request,
                                   std::uint32_t timeout_ms);

}  // namespace cordon
