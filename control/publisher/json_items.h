// The items of a list in JSON, one at a time: memory for one of them, not for the list.
//
// Owns:       nothing.
// Invariants: every item is handed over whole and once, in the order of the text; after an error
//             nobody can tell what the rest would have been.
// Thread:     any. Does not throw, but for memory that runs out.
// Limits:     json_depth_max; a deeper document is refused.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "control/publisher/row_parts.h"

namespace cordon::feed {

inline constexpr std::size_t json_depth_max = 32;

struct JsonVisitor {
    // A member of the outermost object that is no list or object.
    std::function<void(const std::string& name, const nlohmann::json& value)> member;
    // `path` are the names of the members that lead to the item: {"value", "Media"} for an item of
    // {"value": [{"Media": [item]}]}. True when it was taken: an object around it lacks it then.
    std::function<bool(const std::vector<std::string>& path, nlohmann::json& item)> item;
};

// "" or what is wrong with the text, with the byte where.
std::string visit_json(std::string_view text, const JsonVisitor& visitor);

// The member as text: of a number its digits. "" when it is not there, or null.
std::string text_member(const nlohmann::json& object, const char* name);
// true, or "true" in any case.
bool flag_member(const nlohmann::json& object, const char* name);

// The rows that `reader` makes of a list: it has member() and item() of a visitor, finish() for
// when all were read, and `out`.
template <typename Reader>
ReadRows read_json_list(std::string_view text, Reader&& reader) {
    JsonVisitor visitor;
    visitor.member = [&](const std::string& name, const nlohmann::json& value) {
        reader.member(name, value);
    };
    visitor.item = [&](const std::vector<std::string>& path, const nlohmann::json& item) {
        return reader.item(path, item);
    };
    std::string why = visit_json(text, visitor);
    if (why.empty()) {
        reader.finish();
    } else {
        report(0, std::move(why), &reader.out);
    }
    return finished(std::move(reader.out));
}

}  // namespace cordon::feed
