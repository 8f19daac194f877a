// What every command prints with --json: the one table of objects and fields. `cordonctl help
// fields`, docs/json-fields.md and the test that holds every answer against it come from here.
//
// Owns:       nothing: tables.
// Invariants: every command of command_table() has a row in json_answers(); every object that a row
//             or a type names has fields. A field never gets another name, type, unit or meaning;
//             new ones may come with any release.
// Thread:     any.
// Limits:     none.
#pragma once

#include <span>

namespace cordon {

struct JsonField {
    const char* object;  // that it stands in
    const char* name;    // "*": any, of a map; "=": all fields of the object in `type`
    // "string", "time" (RFC 3339, in UTC), "integer", "number", "boolean" or an object; in brackets
    // a list of them; " or " between two.
    const char* type;
    const char* meaning = "";  // with its unit
    const char* absent = "";  // "null …" or "missing …": when it has no value; empty: never
};

// One object a line; " or " between those that one command may print. Beside them, any command that
// fails prints `failed`.
struct JsonAnswer {
    const char* command;
    const char* objects;
};

std::span<const JsonAnswer> json_answers();
// Of cordonctl itself, and of what is asked for.
std::span<const JsonField> json_fields();
// Of the state: status, coverage, cases, lists and feeds (json_state_fields.cpp).
std::span<const JsonField> json_state_fields();

}  // namespace cordon
