// What waits for a second person, and what becomes of it.

#include "control/approval/person_json.h"
#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/log.h"
#include "control/link/link_json.h"

namespace cordon {

using nlohmann::json;

namespace {

std::string named(const Person& person) {
    return person.name + " (" + person.role + ", uid " + std::to_string(person.uid) + ")";
}

json entry_json(const ApprovedConfig& entry) {
    return {{"number", entry.number},
            {"hash", entry.hash},
            {"time", utc_time(entry.time_s)},
            {"how", entry.how},
            {"requester", person_json(entry.requester)},
            {"approver", entry.approver ? person_json(*entry.approver) : json(nullptr)},
            {"reason", entry.reason}};
}

}  // namespace

// On record first, and then in the list: it can be approved only when it is both. What finds no
// room is not on record either, or who asks over and over would fill the trail.
Result<json> Daemon::propose(Proposal proposal) {
    if (const Result<void> may = may_request(proposal.requester); !may) return Failure(may.error());
    if (const Result<void> may = proposals_.may_add(proposal); !may) return Failure(may.error());
    proposal.asked_s = unix_seconds();
    const Result<void> written =
        record(proposal.requester, proposal.kind + ".proposed", proposal.what, proposal.reason);
    if (!written) return Failure(written.error());
    if (const Result<void> added = proposals_.add(&proposal); !added) return Failure(added.error());
    json result = proposal_json(proposal);
    result["pending"] = true;
    return result;
}

// Of a cordond before this one: what it tried with stands on no disk.
void Daemon::end_untried() {
    std::vector<Proposal> untried;
    for (const Proposal& one : proposals_.list())
        if (one.trying) untried.push_back(one);
    for (const Proposal& one : untried) {
        record_after(cordond_itself(), one.kind + ".expired",
                     "cordond was started again before it was tried: " + one.what + "; asked by " +
                         named(one.requester));
        if (const Result<void> removed = proposals_.remove(one.hash); !removed)
            log_line(LogLevel::error, removed.error().message());
    }
}

void Daemon::end_proposals() {
    for (const Proposal& over : proposals_.ended(unix_seconds())) {
        record_after(cordond_itself(), over.kind + ".expired",
                     "nobody approved: " + over.what + "; asked by " + named(over.requester));
        if (const Result<void> removed = proposals_.remove(over.hash); !removed)
            log_line(LogLevel::error, removed.error().message());
    }
}

json Daemon::approval_json() const {
    json pending = json::array();
    std::uint64_t oldest_s = unix_seconds();
    for (const Proposal& one : proposals_.list()) {
        pending.push_back(proposal_json(one));
        oldest_s = std::min(oldest_s, one.asked_s);
    }
    json glass = json::array();
    for (const ModeOverride& one : overrides_.list())
        if (one.break_glass)
            glass.push_back({{"service", one.service},
                             {"until", utc_time(one.until_s)},
                             {"requester", one.requester}});
    const auto& confirmation = history_.confirmation();
    return {{"approvers", approved_.operators.approvers},
            {"pending", pending},
            {"oldest_pending_seconds", unix_seconds() - oldest_s},
            {"break_glass", glass},
            {"config", entry_json(history_.current())},
            {"file_differs", file_differs()},
            {"confirm_until", confirmation ? json(utc_time(confirmation->until_s)) : json(nullptr)},
            {"role_problems", role_problems_}};
}

void Daemon::on_pending(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    json list = json::array();
    for (const Proposal& one : proposals_.list()) {
        json row = proposal_json(one);
        if (one.payload.contains("changes")) row["changes"] = one.payload.at("changes");
        list.push_back(std::move(row));
    }
    answer(client, json{{"approvers", approved_.operators.approvers}, {"pending", list}});
}

std::optional<Proposal> Daemon::approvable(ClientId client, const Request& request,
                                           const std::string& hash) {
    end_proposals();
    const Proposal* found = proposals_.find(hash);
    if (found == nullptr) {
        answer(client, failure(ErrorCode::refused,
                               "nothing with this hash waits (any more); `cordonctl pending` shows "
                               "what does"));
        return std::nullopt;
    }
    if (found->trying) {
        answer(client, failure(ErrorCode::refused,
                               "cordond still looks whether this could be done; try again in a "
                               "minute"));
        return std::nullopt;
    }
    if (const Result<void> may = may_approve(found->requester, request.actor()); !may) {
        record_refusal(request.actor(), "to approve " + hash + ": " + may.error().text);
        answer(client, Failure(may.error()));
        return std::nullopt;
    }
    return *found;
}

// Of the record: that somebody approved is on it before anything is done.
bool Daemon::taken(ClientId client, const Request& request, const Proposal& proposal) {
    if (!recorded(client, request, proposal.kind + ".approved",
                  proposal.what + "; asked by " + named(proposal.requester), proposal.reason))
        return false;
    const Result<void> removed = proposals_.remove(proposal.hash);
    if (!removed) answer(client, Failure(removed.error()));
    return removed.has_value();
}

void Daemon::on_approve(ClientId client, std::uint32_t, Request* request) {
    const std::string hash = request->text("hash");
    if (!fields_are_right(client, *request)) return;
    const std::optional<Proposal> proposal = approvable(client, *request, hash);
    if (!proposal) return;
    if (proposal->kind == "list")
        return answer(client, failure(ErrorCode::usage,
                                      "an entry of the local list is approved by who has its "
                                      "digest at hand: cordonctl list approve HASH DIGEST"));
    if (!taken(client, *request, *proposal)) return;
    if (proposal->kind == "config")
        return answer(client, approve_config(*proposal, request->actor()));
    if (proposal->kind == import_kind) return approve_import(client, *proposal);
    if (proposal->kind == suspend_kind) return approve_suspension(client, *proposal);
    if (proposal->kind == trust_kind) return approve_trust(client, *proposal, request->actor());
    approve_mode(client, *proposal, request->actor());
}

void Daemon::on_reject(ClientId client, std::uint32_t, Request* request) {
    const std::string hash = request->text("hash");
    const std::string reason = request->text("reason");
    if (!fields_are_right(client, *request)) return;
    const Proposal* found = proposals_.find(hash);
    if (found == nullptr)
        return answer(client, failure(ErrorCode::refused, "nothing with this hash waits"));
    const json gone = proposal_json(*found);
    if (!recorded(client, *request, found->kind + ".rejected",
                  found->what + "; asked by " + named(found->requester), reason))
        return;
    answer(client, proposals_.remove(hash).map([&gone] { return gone; }));
}

void Daemon::on_config_history(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    json list = json::array();
    for (const ApprovedConfig& entry : history_.entries())
        list.push_back(entry_json(entry));
    answer(client, json{{"configurations", list},
                        {"confirm_until", approval_json().at("confirm_until")},
                        {"file_differs", file_differs()}});
}

}  // namespace cordon
