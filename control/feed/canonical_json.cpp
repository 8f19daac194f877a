#include "control/feed/canonical_json.h"

#include <set>
#include <vector>

#include "dataplane/base/invariant.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

constexpr std::int64_t whole_max = std::int64_t{1} << 53;

void write_string(std::string_view text, std::string* out) {
    *out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') *out += '\\';
        *out += c;
    }
    *out += '"';
}

void write(const json& value, std::string* out) {
    if (value.is_object()) {
        char before = '{';
        for (const auto& [name, member] : value.items()) {  // a std::map: in order of bytes
            *out += before;
            before = ',';
            write_string(name, out);
            *out += ':';
            write(member, out);
        }
        *out += before == '{' ? "{}" : "}";
    } else if (value.is_array()) {
        char before = '[';
        for (const json& element : value) {
            *out += before;
            before = ',';
            write(element, out);
        }
        *out += before == '[' ? "[]" : "]";
    } else if (value.is_string()) {
        write_string(value.get_ref<const std::string&>(), out);
    } else {
        INVARIANT(value.is_boolean() || value.is_null() || value.is_number_integer());
        *out += value.dump();
    }
}

// Builds the value and stops at the first thing that is not allowed.
class StrictReader : public json::json_sax_t {
  public:
    json root;
    std::string problem;

    bool null() override { return put(nullptr); }
    bool boolean(bool value) override { return put(value); }
    bool number_integer(number_integer_t value) override {
        return value < -whole_max ? refuse("a number beyond 2^53") : put(value);
    }
    bool number_unsigned(number_unsigned_t value) override {
        return value > whole_max ? refuse("a number beyond 2^53") : put(value);
    }
    bool number_float(number_float_t, const string_t&) override {
        return refuse("a number that is not whole");
    }
    bool string(string_t& value) override { return put(value); }
    bool binary(binary_t&) override { return refuse("binary"); }
    bool start_object(std::size_t) override { return open(json::object()); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        for (const char c : name) {
            if (c < 0x20 || c > 0x7e) return refuse("a member's name that is not printable ASCII");
        }
        if (open_.back()->contains(name)) return refuse("the member \"" + name + "\" twice");
        name_ = name;
        return true;
    }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        return refuse("no JSON at byte " + std::to_string(position));
    }

  private:
    bool refuse(std::string why) {
        problem = std::move(why);
        return false;
    }
    json* place(json value) {
        if (open_.empty()) {
            root = std::move(value);
            return &root;
        }
        json& parent = *open_.back();
        if (parent.is_array()) {
            parent.push_back(std::move(value));
            return &parent.back();
        }
        return &(parent[name_] = std::move(value));
    }
    bool put(json value) {
        place(std::move(value));
        return true;
    }
    bool open(json value) {
        if (open_.size() == json_depth_max) return refuse("nested too deep");
        open_.push_back(place(std::move(value)));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    // A parent does not move while a child is open: only the innermost one grows.
    std::vector<json*> open_;
    std::string name_;
};

}  // namespace

std::string canonical_json(const json& value) {
    std::string text;
    write(value, &text);
    return text;
}

Result<json> parse_json(Bytes text) {
    StrictReader reader;
    if (!json::sax_parse(as_text(text), &reader))
        return failure(ErrorCode::integrity, "not strict JSON: " + reader.problem);
    return std::move(reader.root);
}

}  // namespace cordon::feed
