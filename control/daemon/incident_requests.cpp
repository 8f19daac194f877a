// Requests about incidents: what is told to everybody, what is shown of a person once and for a
// reason, and what retention leaves.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/incident_json.h"
#include "control/daemon/log.h"
#include "control/link/link_json.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::uint64_t limit_default = 50;
constexpr std::uint64_t limit_max = 500;
constexpr std::uint64_t number_max = INT64_MAX;
constexpr std::uint64_t hold_seconds_max = 366 * 86400ull;
constexpr std::uint64_t retention_every_ms = 3600 * 1000;

std::optional<MatchAction> action_of(const std::string& word) {
    for (const auto action :
         {MatchAction::block, MatchAction::report, MatchAction::observe, MatchAction::suspended}) {
        if (word == action_name(action)) return action;
    }
    return std::nullopt;
}

std::optional<IncidentStatus> status_of(const std::string& word) {
    for (const auto status :
         {IncidentStatus::decided, IncidentStatus::unconfirmed, IncidentStatus::enforced}) {
        if (word == status_name(status)) return status;
    }
    return std::nullopt;
}

Result<IncidentFilter> filter_of(Request* request) {
    IncidentFilter filter;
    if (request->has("service")) filter.service = request->text("service");
    if (const std::string word = request->text("action"); !word.empty()) {
        filter.action = action_of(word);
        if (!filter.action) {
            return failure(ErrorCode::usage, "action must be block, report, observe or suspended");
        }
    }
    if (const std::string word = request->text("status"); !word.empty()) {
        filter.status = status_of(word);
        if (!filter.status) {
            return failure(ErrorCode::usage, "status must be decided, unconfirmed or enforced");
        }
    }
    // A canary would fill a list of people's cases within the hour.
    if (request->number("tests", 0, 1) == 0) filter.test = false;
    return filter;
}

// Segments of the journal that were put aside hold what they held.
std::uint64_t remove_damaged_before(const std::string& journal, std::uint64_t before_s) {
    std::uint64_t removed = 0;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(journal, none)) {
        struct stat info = {};
        if (entry.path().extension() != ".damaged" || ::stat(entry.path().c_str(), &info) != 0)
            continue;
        if (static_cast<std::uint64_t>(info.st_mtime) >= before_s) continue;
        removed += ::unlink(entry.path().c_str()) == 0 ? 1u : 0u;
    }
    return removed;
}

}  // namespace

void Daemon::on_incidents_list(ClientId client, std::uint32_t, Request* request) {
    const auto limit =
        static_cast<std::uint32_t>(request->number("limit", limit_default, limit_max));
    const std::uint64_t before = request->number("before", 0, number_max);
    const Result<IncidentFilter> filter = filter_of(request);
    if (!filter) return answer(client, Failure(filter.error()));
    if (!fields_are_right(client, *request)) return;
    answer_from_store(client, [filter = *filter, limit, before](StoreDesk::Stores& stores) {
        return stores.incidents->list_incidents(filter, limit, before).map([](const auto& list) {
            return json{{"incidents", incidents_json(list)}};
        });
    });
}

void Daemon::on_incidents_after(ClientId client, std::uint32_t, Request* request) {
    const auto limit =
        static_cast<std::uint32_t>(request->number("limit", limit_default, limit_max));
    const std::uint64_t after = request->number("after", 0, number_max);
    const Result<IncidentFilter> filter = filter_of(request);
    if (!filter) return answer(client, Failure(filter.error()));
    if (!fields_are_right(client, *request)) return;
    answer_from_store(client, [filter = *filter, limit, after](StoreDesk::Stores& stores) {
        return stores.incidents->incidents_after(filter, limit, after).map([](const auto& list) {
            return json{{"incidents", incidents_json(list)}};
        });
    });
}

void Daemon::on_incidents_show(ClientId client, std::uint32_t, Request* request) {
    const std::string number = request->text("case");
    if (!fields_are_right(client, *request)) return;
    answer_from_store(
        client,
        [number, days = config_.control.retention_days](StoreDesk::Stores& stores) -> Result<json> {
            const Result<Incident> incident = find_incident(stores, number);
            if (!incident) return Failure(incident.error());
            return stores.personal->standing(number).map([&](const auto& standing) {
                json page = incident_json(*incident);
                page.update(standing_json(*incident, standing, days));
                return page;
            });
        });
}

// On record before it is shown, with the reason.
void Daemon::on_incidents_reveal(ClientId client, std::uint32_t, Request* request) {
    const std::string number = request->text("case");
    const std::string reason = request->text("reason");
    if (!fields_are_right(client, *request)) return;
    if (reason.empty()) {
        return answer(client, failure(ErrorCode::usage,
                                      "whom a case is about is shown for a reason: --reason TEXT"));
    }
    const Result<void> asked =
        stores_->ask([this, client, number, reason, asker = *request](StoreDesk::Stores& stores) {
            Result<Incident> incident = find_incident(stores, number);
            return StoreDesk::Answer([=, this, incident = std::move(incident)] {
                if (!incident) return answer(client, Failure(incident.error()));
                reveal(client, asker, *incident, reason);
            });
        });
    if (!asked) answer(client, Failure(asked.error()));
}

void Daemon::reveal(ClientId client, const Request& request, const Incident& incident,
                    const std::string& reason) {
    if (!recorded(client, request, "incident.revealed", "case " + incident.case_number, reason))
        return;
    answer_from_store(client, [incident](StoreDesk::Stores& stores) {
        const auto personal = stores.personal->reveal(incident.case_number);
        return personal.map([&](const std::optional<Personal>& told) {
            json page = incident_json(incident);
            page["personal"] = told ? personal_json(*told)
                                    : standing_json(incident, std::nullopt, 0).at("personal");
            return page;
        });
    });
}

// Without seconds: held no longer.
void Daemon::on_incidents_hold(ClientId client, std::uint32_t, Request* request) {
    const std::string number = request->text("case");
    const std::string reason = request->text("reason");
    const std::uint64_t seconds = request->number("seconds", 0, hold_seconds_max);
    if (!fields_are_right(client, *request)) return;
    if (reason.empty())
        return answer(client, failure(ErrorCode::usage, "a reason is missing: --reason TEXT"));
    const std::uint64_t until_s = seconds == 0 ? 0 : unix_seconds() + seconds;
    const Result<void> asked = stores_->ask([=, this, asker = *request](StoreDesk::Stores& stores) {
        Result<Incident> incident = find_incident(stores, number);
        const auto there = stores.personal->standing(number);
        return StoreDesk::Answer([=, this, incident = std::move(incident)] {
            if (!incident) return answer(client, Failure(incident.error()));
            if (!there) return answer(client, Failure(there.error()));
            if (!*there)
                return answer(client, failure(ErrorCode::refused,
                                              tells_of_nobody(*incident)
                                                  ? "case " + number + " never told of a person"
                                                  : "what case " + number +
                                                        " told of a person is destroyed"));
            hold(client, asker, *incident, until_s, reason);
        });
    });
    if (!asked) answer(client, Failure(asked.error()));
}

// Until 0: held no longer.
void Daemon::hold(ClientId client, const Request& request, const Incident& incident,
                  std::uint64_t until_s, const std::string& reason) {
    const std::string number = incident.case_number;
    if (!recorded(client, request, until_s == 0 ? "incident.released" : "incident.held",
                  "case " + number + (until_s == 0 ? "" : " until " + utc_time(until_s)), reason))
        return;
    answer_from_store(client,
                      [=, days = config_.control.retention_days](StoreDesk::Stores& stores) {
                          return stores.personal->hold(number, until_s * ns_per_s, reason)
                              .and_then([&] { return stores.personal->standing(number); })
                              .map([&](const auto& standing) {
                                  json page = standing_json(incident, standing, days);
                                  page["case"] = number;
                                  return page;
                              });
                      });
}

// What is older than retention allows goes, at the start and every hour.
void Daemon::end_retention() {
    if (monotonic_ms() < next_retention_ms_) return;
    next_retention_ms_ = monotonic_ms() + retention_every_ms;
    const std::uint64_t now_s = unix_seconds();
    const std::uint64_t before_s =
        now_s - std::min<std::uint64_t>(now_s, config_.control.retention_days * 86400ull);
    const std::uint64_t segments =
        remove_damaged_before(std::string(config_.options.state_dir) + "/journal", before_s);
    const Result<void> asked = stores_->ask([=, this](StoreDesk::Stores& stores) {
        const Result<std::uint64_t> texts =
            stores.personal->destroy_before(before_s * ns_per_s, now_s * ns_per_s);
        return StoreDesk::Answer([=, this] {
            if (!texts) return log_line(LogLevel::error, "retention: " + texts.error().message());
            if (*texts == 0 && segments == 0) return;
            record_after(cordond_itself(), "retention.destroyed",
                         std::to_string(*texts) +
                             " texts with personal data of incidents and requests, " +
                             std::to_string(segments) + " damaged segments of the journal");
        });
    });
    if (!asked) log_line(LogLevel::error, "retention: " + asked.error().message());
}

}  // namespace cordon
