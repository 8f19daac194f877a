// Persons in the files of this folder, and in answers.
//
// Owns:       nothing.
// Invariants: person_from() throws what the JSON library throws; its callers catch at their edge.
#pragma once

#include <nlohmann/json.hpp>

#include "control/audit/person.h"

namespace cordon {

inline nlohmann::json person_json(const Person& person) {
    return {{"uid", person.uid}, {"name", person.name}, {"role", person.role}};
}

inline Person person_from(const nlohmann::json& value) {
    return {value.at("uid").get<std::uint32_t>(), value.at("name").get<std::string>(),
            value.at("role").get<std::string>()};
}

}  // namespace cordon
