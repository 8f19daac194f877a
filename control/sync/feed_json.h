// What is said of a feed: the stable names that `cordonctl feed … --json` shows.
//
// Owns:       nothing.
// Invariants: names never change meaning; times are RFC 3339 in UTC, or null where there is none.
#pragma once

#include <nlohmann/json.hpp>

#include "control/sync/follower.h"

namespace cordon::sync {

nlohmann::json feed_json(const Follower& feed, std::uint64_t now_s);
nlohmann::json history_json(const Follower& feed);

}  // namespace cordon::sync
