// What `cordonctl top` shows: two answers of the appliance, and what happened between them.
//
// Owns:       the text of one view.
// Invariants: rates are over the time between the two answers; a counter that went back (the
//             dataplane was started again) begins at zero, so no rate is negative or absurd.
// Limits:     one line for each service; text from the configuration is made printable.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/cli/text.h"
#include "dataplane/base/result.h"

namespace cordon {

// What the appliance said at a time: `status` and `coverage` as `cordonctl` prints them, or why
// there is none.
struct TopSample {
    std::uint64_t now_ns = 0;  // of a clock that never goes back
    nlohmann::json status;
    nlohmann::json coverage;
    std::string problem;  // empty: both are there
};

struct TopService {
    std::string name;
    std::string mode;
    double objects_per_s = 0;
    double bytes_per_s = 0;
    std::uint64_t verdicts[6] = {};  // by ServiceVerdict: since the last sample, or in all
    double inspected = -1;           // part of the bytes, dismissed ones included; < 0: no bytes
    double median_s = -1;            // upper end of the class it is in; < 0: no verdict
    double slowest_s = -1;           // the same of 99 in a hundred
};

enum class TopOrder : std::uint8_t { name, objects, bytes, blocked };

struct TopSettings {
    TopOrder order = TopOrder::name;
    bool totals = false;  // verdicts since the start of the dataplane, not of the last interval
};

std::vector<TopService> top_services(const TopSample& before, const TopSample& now,
                                     const TopSettings& settings);

// The lines above the table: the appliance as a whole.
std::vector<std::string> top_head(const TopSample& before, const TopSample& now);

Table top_table(const std::vector<TopService>& services);

// One line of `cordonctl top --json`.
nlohmann::json top_json(const TopSample& before, const TopSample& now);

// The time that this part of the messages did not exceed, by the ends of their classes: 0.5 is the
// median. Negative without a message; HUGE_VAL in the class without an end.
double latency_of(const nlohmann::json& before, const nlohmann::json& now, double part);

}  // namespace cordon
