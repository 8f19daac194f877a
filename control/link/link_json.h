// The dataplane's answers as JSON: the stable names that `--json` shows, whether they came through
// cordond or straight from the dataplane.
//
// Owns:       nothing.
// Invariants: names never change meaning; times are RFC 3339 in UTC, or null where there is none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "dataplane/contract/link.h"

namespace cordon {

nlohmann::json status_json(const LinkStatus& status);
nlohmann::json coverage_json(const LinkCounters& counters);
nlohmann::json unlisted_json(const LinkUnlisted& unlisted);

// "2026-11-21T20:00:01Z"
std::string utc_time(std::uint64_t unix_s);

// One line of JSON; bytes that are no UTF-8 become U+FFFD, since names may come from the wire.
std::string one_line(const nlohmann::json& value);

}  // namespace cordon
