// Incidents as JSON, with the stable names of `cordonctl incidents --json`.
//
// Owns:       nothing.
// Invariants: what is not known is null; a reference is sixteen hex digits, since JSON numbers hold
//             53 bits only; kinds are names.
#pragma once

#include <nlohmann/json.hpp>

#include "control/store/case_keys.h"
#include "control/store/store.h"
#include "control/store/verify_queue.h"

namespace cordon {

// Only the operator's own list matched: there is nothing of a person in it.
bool is_review(const Incident& incident);
// That, or a self-test: nothing of a person was ever recorded.
bool tells_of_nobody(const Incident& incident);
nlohmann::json incident_json(const Incident& incident);
nlohmann::json match_json(const IncidentMatch& match);
// Of a case: "sealed" with its end, "destroyed", or "none" there ever was.
nlohmann::json standing_json(const Incident& incident, const std::optional<KeyStanding>& standing,
                             std::uint32_t retention_days);
nlohmann::json personal_json(const Personal& personal);
nlohmann::json incidents_json(const std::vector<Incident>& incidents);
nlohmann::json verification_json(const VerifyRequest& request);
nlohmann::json verify_statistics_json(const VerifyStatistics& statistics, std::uint64_t now_ns);
nlohmann::json statistics_json(const StoreStatistics& statistics);

}  // namespace cordon
