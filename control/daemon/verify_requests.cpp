// What cordond answers about verification on the storage.

#include <time.h>

#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/incident_json.h"
#include "control/link/link_json.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::uint64_t limit_default = 50;
constexpr std::uint64_t limit_max = 500;
constexpr std::uint64_t number_max = INT64_MAX;

std::optional<VerifyOutcome> outcome_of(const std::string& word) {
    for (std::size_t n = 0; n < std::size(verify_outcome_names); ++n)
        if (word == verify_outcome_names[n]) return static_cast<VerifyOutcome>(n);
    return std::nullopt;
}

}  // namespace

json Daemon::verify_json() {
    const Result<StoreFigures> store = figures();
    json result = store ? verify_statistics_json(store->requests, unix_seconds() * ns_per_s)
                        : json{{"error", store.error().message()}};
    const VerifyDeskStatus desk = desk_ ? desk_->status() : VerifyDeskStatus{};
    result["configured"] = config_.verifier.verifies();
    result["connected"] = desk.connected;
    result["since"] = desk_ ? json(utc_time(desk.since_s)) : json(nullptr);
    result["version"] = desk.connected ? json(desk.program_version) : json(nullptr);
    if (!desk.error.empty()) result["error"] = desk.error;
    return result;
}

void Daemon::on_verify_list(ClientId client, std::uint32_t, Request* request) {
    const auto limit =
        static_cast<std::uint32_t>(request->number("limit", limit_default, limit_max));
    VerifyFilter filter;
    if (request->has("service")) filter.service = request->text("service");
    if (const std::string word = request->text("outcome"); !word.empty()) {
        filter.outcome = outcome_of(word);
        if (!filter.outcome) {
            return answer(client, failure(ErrorCode::usage,
                                          "outcome must be waiting, clean, uninspected, deleted, "
                                          "reported, gone, replaced, error or overflow"));
        }
    }
    if (!fields_are_right(client, *request)) return;
    answer_from_store(client, [filter, limit](StoreDesk::Stores& stores) {
        return stores.requests->list(filter, limit).map([](const auto& list) {
            json rows = json::array();
            for (const VerifyRequest& one : list)
                rows.push_back(verification_json(one));
            return json{{"verifications", rows}};
        });
    });
}

void Daemon::on_verify_show(ClientId client, std::uint32_t, Request* request) {
    const std::uint64_t id = request->number("id", 0, number_max);
    if (!fields_are_right(client, *request)) return;
    answer_from_store(client, [id](StoreDesk::Stores& stores) -> Result<json> {
        const Result<std::optional<VerifyRequest>> found = stores.requests->get(id);
        if (!found) return Failure(found.error());
        if (*found) return verification_json(**found);
        return failure(ErrorCode::refused, "there is no verification " + std::to_string(id));
    });
}

void Daemon::on_verify_retry(ClientId client, std::uint32_t, Request* request) {
    const std::uint64_t id = request->number("id", 0, number_max);
    if (!fields_are_right(client, *request)) return;
    if (!recorded(client, *request, "verify.retry", id == 0 ? "all" : std::to_string(id))) return;
    answer_from_store(client, [id](StoreDesk::Stores& stores) -> Result<json> {
        const auto again = stores.requests->retry(id, unix_seconds() * ns_per_s);
        if (!again) return Failure(again.error());
        if (id == 0 || *again != 0) return json{{"again", *again}};
        return failure(ErrorCode::refused,
                       "verification " + std::to_string(id) + " did not end in error");
    });
}

}  // namespace cordon
