#include "control/daemon/request.h"

#include <algorithm>

#include "control/link/link_json.h"

namespace cordon {

using nlohmann::json;

Result<Request> Request::parse(std::string_view line) {
    const json parsed = json::parse(line, nullptr, false);
    if (parsed.is_discarded()) return failure(ErrorCode::usage, "the request is not JSON");
    const auto found = parsed.is_object() ? parsed.find("request") : parsed.end();
    if (found == parsed.end() || !found->is_string()) {
        return failure(ErrorCode::usage,
                       "a request is a JSON object with the text \"request\", like "
                       "{\"request\": \"status\"}");
    }
    Request request;
    request.name_ = found->get<std::string>();
    request.fields_ = parsed;
    return request;
}

std::string Request::text(const char* field, std::string standard) {
    known_.emplace_back(field);
    const auto found = fields_.find(field);
    if (found == fields_.end()) return standard;
    if (found->is_string() && found->get_ref<const std::string&>().size() <= text_bytes_max) {
        return found->get<std::string>();
    }
    if (problem_.empty()) problem_ = std::string(field) + " must be a text of at most 1024 bytes";
    return standard;
}

std::uint64_t Request::number(const char* field, std::uint64_t standard, std::uint64_t max) {
    known_.emplace_back(field);
    const auto found = fields_.find(field);
    if (found == fields_.end()) return standard;
    if (found->is_number_unsigned() && found->get<std::uint64_t>() <= max) {
        return found->get<std::uint64_t>();
    }
    if (problem_.empty()) {
        problem_ = std::string(field) + " must be a whole number from 0 to " + std::to_string(max);
    }
    return standard;
}

Result<void> Request::check() const {
    if (!problem_.empty()) return failure(ErrorCode::usage, name_ + ": " + problem_);
    for (const auto& item : fields_.items()) {
        if (std::find(known_.begin(), known_.end(), item.key()) == known_.end()) {
            return failure(ErrorCode::usage, name_ + ": unknown field " + one_line(item.key()));
        }
    }
    return {};
}

const char* error_name(ErrorCode code) {
    switch (code) {
        case ErrorCode::refused:
            return "refused";
        case ErrorCode::usage:
            return "usage";
        case ErrorCode::unreachable:
            return "unreachable";
        case ErrorCode::degraded:
            return "degraded";
        case ErrorCode::permission:
            return "permission";
        case ErrorCode::timeout:
            return "timeout";
        case ErrorCode::integrity:
            return "integrity";
        case ErrorCode::config:
            return "config";
        case ErrorCode::interface:
            return "interface";
        case ErrorCode::memory:
            return "memory";
        case ErrorCode::io:
            return "io";
    }
    return "unknown";
}

json error_json(const Error& error) {
    return {{"code", static_cast<int>(error.code)},
            {"name", error_name(error.code)},
            {"text", error.message()}};
}

std::string error_reply(const Error& error) {
    return one_line({{"ok", false}, {"error", error_json(error)}});
}

std::string result_reply(const json& result) {
    return one_line({{"ok", true}, {"result", result}});
}

}  // namespace cordon
