// One request to cordond, from a line of JSON, and the line that answers it.
//
//   → {"request": "incidents.show", "case": "TEST-…"}
//   ← {"ok": true, "result": {…}}
//   ← {"ok": false, "error": {"code": 3, "name": "unreachable", "text": "…"}}
//
// Owns:       nothing.
// Invariants: a field has its type and range when it is given out; unknown fields are refused.
// Limits:     request_line_bytes_max (line_buffer.h); text fields text_bytes_max.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "control/audit/person.h"
#include "dataplane/base/result.h"

namespace cordon {

class Request {
  public:
    static constexpr std::size_t text_bytes_max = 1024;

    static Result<Request> parse(std::string_view line);

    const std::string& name() const { return name_; }
    // Who asks, in which role.
    void come_from(Person actor) { actor_ = std::move(actor); }
    const Person& actor() const { return actor_; }

    // A field that is absent leaves the default. A problem is remembered for check().
    std::string text(const char* field, std::string standard = "");
    std::uint64_t number(const char* field, std::uint64_t standard, std::uint64_t max);
    bool has(const char* field) const { return fields_.contains(field); }

    // The first problem: a wrong field, or one that nobody asked for.
    Result<void> check() const;

  private:
    std::string name_;
    Person actor_;
    nlohmann::json fields_;
    std::vector<std::string> known_ = {"request"};
    std::string problem_;
};

const char* error_name(ErrorCode code);
nlohmann::json error_json(const Error& error);
std::string error_reply(const Error& error);
std::string result_reply(const nlohmann::json& result);

}  // namespace cordon
