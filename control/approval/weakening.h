// What a new configuration changes, and which of it weakens the appliance: inspects less, tells
// less, or trusts more. Such a change needs a second person.
//
// One table, a row for every key of the configuration, with the direction in which it weakens.
// Where nobody can say which direction that is (a port, a path, a root), any change counts as
// weakening.
//
// Owns:       nothing; pure functions.
// Invariants: compares what is in force, defaults included, not what the files look like: a comment
//             or an order changes nothing. Every key has a row (a test fails until it has).
// Thread:     any.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/config/config.h"

namespace cordon {

enum class Effect : std::uint8_t { neutral, strengthens, weakens };

inline constexpr std::string_view effect_names[] = {"neutral", "strengthens", "weakens"};
inline std::span<const std::string_view> names_of(Effect) {
    return effect_names;
}

struct Change {
    std::string key;  // "limits.workers", "service photos.mode"
    std::string before;
    std::string after;
    Effect effect;
};

std::vector<Change> changes_between(const Config& before, const Config& after);

// A service's mode, in flight.
Effect effect_of_mode(ServiceMode before, ServiceMode after);

bool any_weakens(const std::vector<Change>& changes);
nlohmann::json changes_json(const std::vector<Change>& changes);
// "service photos.mode: enforce to observe (weakens); …", for a record.
std::string changes_text(const std::vector<Change>& changes);

// The keys that have a row: "service.mode".
std::vector<std::string> classified_keys();

}  // namespace cordon
