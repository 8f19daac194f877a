#include "control/publisher/json_items.h"

#include <algorithm>

namespace cordon::feed {
namespace {

using nlohmann::json;

// Follows the parser. Its depth counts lists and objects, so that the names of the members that
// lead somewhere stand at every second depth where all lists are lists of objects.
class Walk {
  public:
    explicit Walk(const JsonVisitor& visitor) : visitor_(visitor) {}

    bool event(int depth, json::parse_event_t event, json& parsed) {
        const auto at = static_cast<std::size_t>(depth);
        too_deep_ |= at > json_depth_max;
        if (too_deep_) return false;
        switch (event) {
            case json::parse_event_t::key:
                names_.resize(at);
                names_[at - 1] = parsed.get<std::string>();
                return true;
            case json::parse_event_t::object_start:
                names_.resize(at);
                return true;
            case json::parse_event_t::array_start:
                names_.resize(at);
                return at > 0;  // a list outermost is none of ours, and may be long
            case json::parse_event_t::value:
                if (at == 1 && names_.size() == 1) visitor_.member(names_[0], parsed);
                return true;
            case json::parse_event_t::object_end:
                return at < 2 || !visitor_.item(path(at), parsed);
            case json::parse_event_t::array_end:
                return true;
        }
        return true;
    }

    bool too_deep() const { return too_deep_; }

  private:
    // Lists have no names of their own: "" at their depth.
    std::vector<std::string> path(std::size_t depth) const {
        std::vector<std::string> path;
        for (std::size_t i = 0; i < std::min(depth, names_.size()); i += 2)
            path.push_back(names_[i]);
        return path;
    }

    const JsonVisitor& visitor_;
    std::vector<std::string> names_;  // by depth: of the member that is being read there
    bool too_deep_ = false;
};

}  // namespace

std::string visit_json(std::string_view text, const JsonVisitor& visitor) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    Walk walk(visitor);
    const auto callback = [&](int depth, json::parse_event_t event, json& parsed) {
        return walk.event(depth, event, parsed);
    };
    try {
        const json rest = json::parse(text.begin(), text.end(), callback);
        if (walk.too_deep()) return "the document is nested too deeply";
        return rest.is_object() ? "" : "the document is no object";
    } catch (const json::parse_error& error) {
        return "no JSON, or cut off, at byte " + std::to_string(error.byte);
    } catch (const json::exception&) {
        return "no JSON that can be read";
    }
}

std::string text_member(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return "";
    if (found->is_string()) return found->get<std::string>();
    if (found->is_number_integer()) return found->dump();
    return "";
}

bool flag_member(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return false;
    if (found->is_boolean()) return found->get<bool>();
    std::string text = text_member(object, name);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text == "true";
}

}  // namespace cordon::feed
