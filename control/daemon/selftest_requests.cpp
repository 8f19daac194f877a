// Requests about self-tests, and their turn in the event loop.

#include <time.h>

#include <algorithm>

#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/log.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::uint64_t number_max = INT64_MAX;

SelftestAnswers find_answers(Store& store, const SelftestQuestions& asked) {
    SelftestAnswers answers;
    for (const std::string& number : asked.cases) {
        const Result<std::optional<Incident>> found = store.get_incident(number);
        if (found && *found)
            answers.records[number] = {(*found)->service, (*found)->test, (*found)->action};
    }
    for (const auto& [service, from_ns] : asked.released) {
        constexpr std::uint32_t looked_at = 20;
        IncidentFilter filter;
        filter.service = service;
        filter.from_ns = from_ns;
        filter.test = true;
        const auto found = store.list_incidents(filter, looked_at, 0);
        if (found && std::any_of(found->begin(), found->end(), [](const Incident& incident) {
                return incident.action != MatchAction::block;
            }))
            answers.released.emplace(service, from_ns);
    }
    return answers;
}

}  // namespace

SelftestSeen Daemon::selftest_seen(SelftestAnswers answers) {
    SelftestSeen seen;
    seen.now_ms = monotonic_ms();
    seen.now_ns = unix_ns();
    seen.dataplane = dataplane_ ? &*dataplane_ : nullptr;
    seen.verifier = desk_ && desk_->status().connected;
    seen.answers = std::move(answers);
    return seen;
}

// Once the store has answered; without it nothing is proven.
void Daemon::turn_selftests() {
    if (selftests_asked_) return;
    const SelftestQuestions questions = selftests_.questions();
    if (questions.cases.empty() && questions.released.empty()) return go_on_with_selftests({});
    const Result<void> asked = stores_->ask([this, questions](StoreDesk::Stores& stores) {
        const SelftestAnswers answers = find_answers(*stores.incidents, questions);
        return StoreDesk::Answer([this, answers] {
            selftests_asked_ = false;
            go_on_with_selftests(answers);
        });
    });
    selftests_asked_ = asked.has_value();
    if (!asked) go_on_with_selftests({});
}

void Daemon::go_on_with_selftests(const SelftestAnswers& answers) {
    const std::string why = selftests_.turn(selftest_seen(answers));
    if (!why.empty()) send_distrust(why);
}

// Its service manager ends a process that feeds its watchdog no more, and starts another one.
void Daemon::send_distrust(const std::string& why) {
    log_line(LogLevel::error, "the dataplane is not trusted any more: " + why);
    record_after(cordond_itself(), "dataplane.distrusted", why);
    LinkDistrust request = {};
    why.copy(request.why, sizeof request.why - 1);
    ask(LinkType::distrust, payload_of(request), config_.control.link_timeout_ms,
        [](const Result<LinkPayload>& answer) {
            if (!answer) log_line(LogLevel::error, "not told so: " + answer.error().message());
        });
}

// Of one service, or of all that have a `selftest`.
void Daemon::on_selftest_start(ClientId client, std::uint32_t, Request* request) {
    const std::string service = request->text("service");
    if (!fields_are_right(client, *request)) return;
    std::vector<std::string> wanted;
    if (!service.empty()) wanted.push_back(service);
    for (const TestedService& one : config_.verifier.tested)
        if (service.empty()) wanted.push_back(one.name);
    if (!service.empty() && find_service(service) == nullptr)
        return answer(client, failure(ErrorCode::refused, "there is no service " + service));
    if (wanted.empty())
        return answer(client, failure(ErrorCode::config,
                                      "no service has a `selftest` in its configuration; "
                                      "cordon.toml(5) says what it needs"));
    if (!recorded(client, *request, "selftest.started",
                  service.empty() ? "all services" : "service " + service))
        return;
    json ids = json::array();
    for (const std::string& name : wanted) {
        const Result<std::uint64_t> id = selftests_.start(name, false, selftest_seen());
        if (!id) return answer(client, Failure(id.error()));
        ids.push_back(*id);
    }
    answer(client, json{{"runs", ids}});
}

void Daemon::on_selftest_show(ClientId client, std::uint32_t, Request* request) {
    const std::uint64_t id = request->number("id", 0, number_max);
    if (!fields_are_right(client, *request)) return;
    json run = selftests_.run_json(id);
    if (run.is_null())
        return answer(client,
                      failure(ErrorCode::refused, "there is no self-test " + std::to_string(id)));
    answer(client, std::move(run));
}

}  // namespace cordon
