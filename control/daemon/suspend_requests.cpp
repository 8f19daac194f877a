// A complaint is looked into: what a case matched does nothing here for a while. It weakens, so two
// persons say so; to end it one is enough.

#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/link/link_json.h"
#include "control/sync/feed_state.h"

namespace cordon {

using nlohmann::json;
using sync::FeedQuestion;

namespace {

json payload_of(const SuspendWish& wish) {
    json indicators = json::array();
    for (const auto& [feed, reference] : wish.indicators)
        indicators.push_back({feed, reference});
    return {{"case", wish.case_number}, {"seconds", wish.seconds}, {"indicators", indicators}};
}

SuspendWish wish_of(const Proposal& proposal) {
    const json& payload = proposal.payload;
    SuspendWish wish;
    wish.case_number = payload.at("case").get<std::string>();
    wish.seconds = payload.at("seconds").get<std::uint64_t>();
    wish.actor = proposal.requester;
    wish.reason = proposal.reason;
    for (const json& one : payload.at("indicators"))
        wish.indicators.emplace_back(one.at(0).get<std::string>(), one.at(1).get<std::uint64_t>());
    return wish;
}

std::string words_of(const SuspendWish& wish) {
    std::string text = "case " + wish.case_number + ": what it matched";
    for (const auto& [feed, reference] : wish.indicators)
        text += ", " + feed + ":" + json(reference).dump();
    const std::string hours = std::to_string((wish.seconds + 3599) / 3600);
    return text + (wish.seconds == 0 ? " acts again" : ", does nothing for " + hours + " h");
}

// Of each list that is a feed's; the operator's own only reports, and ends by `list remove`.
std::vector<std::pair<std::string, std::uint64_t>> indicators_of(const Incident& incident,
                                                                 const FeedsOptions& feeds) {
    std::vector<std::pair<std::string, std::uint64_t>> list;
    for (const IncidentMatch& match : incident.matches)
        if ((match.flags & match_flag::local) == 0 && feeds.find(match.section) != nullptr)
            list.emplace_back(match.section, match.reference);
    return list;
}

}  // namespace

// Without seconds: it acts again.
void Daemon::on_suspend(ClientId client, std::uint32_t, Request* request) {
    SuspendWish wish;
    wish.case_number = request->text("case");
    wish.seconds = request->number("seconds", 0, sync::own_suspension_s_max);
    wish.reason = request->text("reason");
    wish.actor = request->actor();
    if (!fields_are_right(client, *request)) return;
    if (wish.reason.empty())
        return answer(client, failure(ErrorCode::usage, "a reason is missing: --reason TEXT"));
    const Result<void> asked =
        stores_->ask([this, client, wish = std::move(wish)](StoreDesk::Stores& stores) mutable {
            auto incident = find_incident(stores, wish.case_number);
            return StoreDesk::Answer([=, this] {
                if (!incident) return answer(client, Failure(incident.error()));
                SuspendWish found = wish;
                found.indicators = indicators_of(*incident, config_.feeds);
                suspend(client, found);
            });
        });
    if (!asked) answer(client, Failure(asked.error()));
}

void Daemon::suspend(ClientId client, const SuspendWish& wish) {
    if (wish.indicators.empty())
        return answer(client, failure(ErrorCode::refused,
                                      "case " + wish.case_number +
                                          " matched nothing of a feed that is followed here"));
    const bool ends = wish.seconds == 0;
    if (!ends && two_persons()) {
        Proposal proposal;
        proposal.kind = suspend_kind;
        proposal.what = words_of(wish);
        proposal.payload = payload_of(wish);
        proposal.requester = wish.actor;
        proposal.reason = wish.reason;
        return answer(client, propose(std::move(proposal)));
    }
    const Result<void> written =
        record(wish.actor, ends ? "suspension.ended" : "suspension.made",
               words_of(wish) + (ends ? "" : "; by one person (approvers = 1)"), wish.reason);
    if (!written) return answer(client, Failure(written.error()));
    put_suspension(client, wish);
}

void Daemon::approve_suspension(ClientId client, const Proposal& proposal) {
    put_suspension(client, wish_of(proposal));
}

// On record already. The last feed answers for all: what another refuses is in its status.
void Daemon::put_suspension(ClientId client, const SuspendWish& wish) {
    for (std::size_t n = 0; n < wish.indicators.size(); ++n) {
        const bool last = n + 1 == wish.indicators.size();
        FeedQuestion question = {last ? client : ClientId{0},
                                 FeedQuestion::What::suspend,
                                 wish.indicators[n].first,
                                 "",
                                 {}};
        question.reference = wish.indicators[n].second;
        question.until_s = wish.seconds == 0 ? 0 : unix_seconds() + wish.seconds;
        question.reason = "case " + wish.case_number;
        ask_feeds(question);
    }
}

}  // namespace cordon
