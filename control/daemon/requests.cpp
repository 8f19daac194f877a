// What cordond answers: one function for each request, in one table.

#include <unistd.h>

#include <algorithm>

#include "control/config/names.h"
#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/incident_json.h"
#include "control/daemon/request_roles.h"
#include "control/link/link_json.h"
#include "dataplane/contract/version.h"

namespace cordon {

namespace {

using nlohmann::json;

}  // namespace

const Daemon::Command Daemon::commands_[] = {
    {"version", &Daemon::on_version},
    {"status", &Daemon::on_status_request},
    {"coverage", &Daemon::on_coverage},
    {"unlisted", &Daemon::on_unlisted},
    {"incidents.list", &Daemon::on_incidents_list},
    {"incidents.after", &Daemon::on_incidents_after},
    {"incidents.show", &Daemon::on_incidents_show},
    {"incidents.reveal", &Daemon::on_incidents_reveal},
    {"incidents.hold", &Daemon::on_incidents_hold},
    {"feed.status", &Daemon::on_feed_status},
    {"feed.sync", &Daemon::on_feed_sync},
    {"feed.history", &Daemon::on_feed_history},
    {"feed.verify", &Daemon::on_feed_verify},
    {"feed.hold", &Daemon::on_feed_hold},
    {"feed.import", &Daemon::on_feed_import},
    {"feed.enrol", &Daemon::on_feed_enrol},
    {"feed.trust", &Daemon::on_feed_trust},
    {"feed.confirm", &Daemon::on_feed_confirm},
    {"mode.show", &Daemon::on_mode_show},
    {"mode.set", &Daemon::on_mode_set},
    {"bypass.set", &Daemon::on_bypass_set},
    {"bypass.end", &Daemon::on_bypass_end},
    {"pending", &Daemon::on_pending},
    {"approve", &Daemon::on_approve},
    {"reject", &Daemon::on_reject},
    {"audit.show", &Daemon::on_audit_show},
    {"audit.verify", &Daemon::on_audit_verify},
    {"audit.check", &Daemon::on_audit_check},
    {"config.diff", &Daemon::on_config_diff},
    {"config.propose", &Daemon::on_config_propose},
    {"config.confirm", &Daemon::on_config_confirm},
    {"config.rollback", &Daemon::on_config_rollback},
    {"config.history", &Daemon::on_config_history},
    {"verify.list", &Daemon::on_verify_list},
    {"verify.show", &Daemon::on_verify_show},
    {"verify.retry", &Daemon::on_verify_retry},
    {"list.add", &Daemon::on_list_add},
    {"list.trial", &Daemon::on_list_trial},
    {"list.approve", &Daemon::on_list_approve},
    {"list.show", &Daemon::on_list_show},
    {"list.remove", &Daemon::on_list_remove},
    {"explain", &Daemon::on_explain},
    {"suspend", &Daemon::on_suspend},
    {"selftest.start", &Daemon::on_selftest_start},
    {"selftest.show", &Daemon::on_selftest_show},
    {"reload", &Daemon::on_reload},
};

void Daemon::answer_requests() {
    ClientRequest line;
    while (server_->next(&line))
        on_request(line);
}

void Daemon::on_request(const ClientRequest& line) {
    Result<Request> request = Request::parse(line.line);
    if (!request) return answer(line.client, Failure(request.error()));
    request->come_from(person_of(line.uid, line.role));
    const RequestRole needed = role_of_request(request->name());
    for (const Command& command : commands_) {
        if (request->name() != command.name) continue;
        if (line.role >= needed.role)
            return (this->*command.handler)(line.client, line.uid, &*request);
        const std::string role(name_of(needed.role));
        if (needed.changes)
            record_refusal(request->actor(), request->name() + " needs the role " + role);
        return answer(line.client,
                      failure(ErrorCode::permission, "this needs the role " + role + "; you are " +
                                                         request->actor().name + ", " +
                                                         request->actor().role));
    }
    answer(line.client, failure(ErrorCode::usage, "unknown request " + one_line(request->name())));
}

void Daemon::answer(ClientId client, const Result<json>& result) {
    server_->reply(client, result ? result_reply(*result) : error_reply(result.error()),
                   monotonic_ms());
}

bool Daemon::fields_are_right(ClientId client, const Request& request) {
    const Result<void> checked = request.check();
    if (!checked) answer(client, Failure(checked.error()));
    return checked.has_value();
}

template <typename Render>
void Daemon::relay(ClientId client, LinkType type, Render&& render) {
    ask(type, {}, config_.control.link_timeout_ms,
        [this, client, render](const Result<LinkPayload>& payload) {
            answer(client, payload.and_then([&render](const LinkPayload& bytes) -> Result<json> {
                return render(bytes);
            }));
        });
}

void Daemon::on_version(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    answer(client, json{{"version", version}, {"pid", ::getpid()}});
}

json Daemon::control_json() {
    const JournalSnapshot journal = journal_->snapshot();
    const Result<StoreFigures> store = figures();
    return {
        {"reachable", true},
        {"version", version},
        {"pid", ::getpid()},
        {"started", utc_time(started_s_)},
        {"lab", config_.options.lab != 0},
        {"config", config_path_},
        {"config_error", config_error_.empty() ? json(nullptr) : json(config_error_)},
        {"policy_generation", active_.policy_generation},
        {"approval", approval_json()},
        {"audit", trail_json()},
        {"index",
         {{"path", config_.options.index_path},
          {"loading", index_loading_},
          {"error", index_error_.empty() ? json(nullptr) : json(index_error_)}}},
        {"journal",
         {{"next_sequence", journal.next_sequence},
          {"records", journal.total.records},
          {"segments_deleted", journal.total.segments_deleted},
          {"segments_damaged", journal.total.segments_damaged},
          {"missing", journal.total.missing},
          {"backlog", backlog_json(journal)},
          {"error", journal.error ? json(journal.error->message()) : json(nullptr)}}},
        {"verify", verify_json()},
        {"selftest", selftests_.status_json()},
        {"feeds", feeds_json()},
        {"local_list", local_json(store ? store->local : std::vector<LocalHits>())},
        {"metrics", metrics_json()},
        {"events", events_ ? events_->status() : json(nullptr)},
        {"store",
         store ? statistics_json(store->incidents) : json{{"error", store.error().message()}}},
    };
}

json Daemon::status_of(const Result<LinkStatus>& status) {
    json result = {{"control", control_json()}};
    if (status) {
        result["dataplane"] = status_json(*status);
        result["dataplane"]["reachable"] = true;
        result["restart_needed"] = status->policy_generation != active_.policy_generation;
    } else {
        result["dataplane"] = {{"reachable", false}, {"error", error_json(status.error())}};
        result["restart_needed"] = false;
    }
    return result;
}

void Daemon::on_status_request(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    ask(LinkType::status, {}, config_.control.link_timeout_ms,
        [this, client](const Result<LinkPayload>& payload) {
            const Result<LinkStatus> status =
                payload.and_then([](const LinkPayload& bytes) { return decode_status(bytes); });
            with_figures([this, client, status] { answer(client, status_of(status)); });
        });
}

void Daemon::on_coverage(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    with_figures([this, client] {
        relay(client, LinkType::counters, [this](Bytes bytes) {
            return decode_counters(bytes).map([this](const LinkCounters& c) {
                json coverage = coverage_json(c);
                coverage["verified_after_write"] = verify_json();
                return coverage;
            });
        });
    });
}

void Daemon::on_unlisted(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    relay(client, LinkType::unlisted, [](Bytes bytes) {
        return decode_unlisted(bytes).map([](const LinkUnlisted& u) { return unlisted_json(u); });
    });
}

}  // namespace cordon
