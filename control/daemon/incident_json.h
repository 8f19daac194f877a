// Incidents as JSON, with the stable names of `cordonctl incidents --json`.
//
// Owns:       nothing.
// Invariants: what is not known is null; a reference is sixteen hex digits, since JSON numbers hold
//             53 bits only; kinds are names.
#pragma once

#include <nlohmann/json.hpp>

#include "control/store/store.h"
#include "control/store/verify_queue.h"

namespace cordon {

nlohmann::json incident_json(const Incident& incident);
nlohmann::json personal_json(const Personal& personal);
nlohmann::json incidents_json(const std::vector<Incident>& incidents);
nlohmann::json verification_json(const VerifyRequest& request);
nlohmann::json verify_statistics_json(const VerifyStatistics& statistics, std::uint64_t now_ns);
nlohmann::json statistics_json(const StoreStatistics& statistics);

}  // namespace cordon
