// `explain`: one case in the words of whoever answers a complaint, without anything of a person.

#include <algorithm>

#include "control/audit/audit_pages.h"
#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/incident_json.h"
#include "control/link/link_json.h"

namespace cordon {

using nlohmann::json;

namespace {

constexpr std::size_t events_max = 20;  // of a case, the newest

const json* find_feed(const json& feeds, const std::string& name) {
    for (const json& feed : feeds)
        if (feed.at("name") == name) return &feed;
    return nullptr;
}

// What of a feed's suspensions is about this match. Which generation added an indicator is not on
// record, so that one of a generation may be about it.
json suspension_of(const json& feed, const IncidentMatch& match) {
    for (json one : feed.at("own_suspensions")) {
        if (one.at("value").get<std::uint64_t>() != match.reference) continue;
        one["here"] = true;
        return one;
    }
    for (const json& one : feed.at("suspensions")) {
        const std::string what = one.at("what").get<std::string>();
        const auto value = one.at("value").get<std::uint64_t>();
        if ((what == "reference" && value == match.reference) ||
            (what == "source" && value == match.source) ||
            (what == "generation" && value <= match.generation))
            return one;
    }
    return nullptr;
}

json explained_match(const IncidentMatch& match, const json& feeds, const LocalList& local) {
    json line = match_json(match);
    line["strength"] = line.at("weak").get<bool>() ? "weak" : "strong";
    const bool is_local = line.at("local").get<bool>();
    const json* feed = is_local ? nullptr : find_feed(feeds, match.section);
    line["from"] = is_local ? "local" : feed != nullptr ? "feed" : "unknown";
    line["suspended"] = feed != nullptr ? suspension_of(*feed, match) : json(nullptr);
    line["generation_now"] = feed != nullptr && feed->at("in_force").is_object()
                                 ? feed->at("in_force").at("generation")
                                 : json(nullptr);
    const LocalEntry* entry = is_local ? local.find(match.reference) : nullptr;
    line["origin"] = is_local ? json(local_origin_name(match.source)) : json(nullptr);
    line["entry"] = entry != nullptr ? local_entry_json(*entry) : json(nullptr);
    return line;
}

// What became of the object, as far as anybody knows.
const char* kept_of(const Incident& i) {
    if (i.action != MatchAction::block) return "stored";
    if (i.verified_after_write) return i.visible_ns != 0 ? "deleted" : "to be deleted";
    if (i.status == IncidentStatus::enforced) return "nothing";
    return "unconfirmed";
}

// Records that name the case, of the newest ones; the chain itself is checked by `audit verify`.
Result<json> events_of(const AuditTrail& trail, const Incident& incident) {
    AuditQuery query;
    query.limit = events_max;
    query.about = "case " + incident.case_number;
    query.since = incident.time.substr(0, std::string_view("2026-11-22T12:00:00").size());
    std::vector<json> events;
    do {
        const Result<AuditPage> page = read_audit_page(trail, query);
        if (!page) return Failure(page.error());
        for (std::size_t n = page->records.size(); n-- > 0 && events.size() < events_max;)
            events.push_back(
                {{"time", page->records[n].time}, {"action", page->records[n].entry.action}});
        query.before = page->before;
    } while (query.before != 0 && events.size() < events_max);
    std::reverse(events.begin(), events.end());
    return events;
}

json next_step(const std::string& command, const char* why) {
    return {{"command", command}, {"why", why}};
}

json next_steps(const json& page) {
    const std::string number = page.at("case").get<std::string>();
    json steps = json::array();
    if (page.at("personal") == "sealed") {
        const bool held = page.at("held").get<bool>();
        steps.push_back(
            held ? next_step("cordonctl incidents release " + number + " --reason WHY",
                             "the complaint is closed")
                 : next_step("cordonctl incidents hold " + number + " --for 90d --reason WHY",
                             "a complaint"));
        steps.push_back(next_step("cordonctl incidents show " + number + " --reveal --reason WHY",
                                  "whose it is"));
    }
    for (const json& match : page.at("matches")) {
        const std::string section = match.at("section").get<std::string>();
        if (match.at("from") == "feed" && match.at("suspended").is_null())
            steps.push_back(next_step("cordonctl suspend " + number + " --for 7d --reason WHY",
                                      "it may be wrong"));
        if (match.at("from") == "feed" && match.at("suspended").is_null())
            steps.push_back(
                next_step("cordonctl feed sync " + section, "what the Centre has suspended since"));
        if (match.at("entry").is_object())
            steps.push_back(next_step(
                "cordonctl list remove " + match.at("entry").at("entry").dump() + " --reason WHY",
                "if it is not what was meant"));
    }
    if (page.at("kept") == "unconfirmed" || page.at("kept") == "to be deleted")
        steps.push_back(next_step("cordonctl verify list", "whether it is on the storage"));
    return steps;
}

}  // namespace

void Daemon::on_explain(ClientId client, std::uint32_t, Request* request) {
    const std::string number = request->text("case");
    if (!fields_are_right(client, *request)) return;
    const Result<void> asked = stores_->ask([this, client, number](StoreDesk::Stores& stores) {
        auto incident = find_incident(stores, number);
        auto standing = stores.personal->standing(number);
        return StoreDesk::Answer([=, this] {
            if (!incident) return answer(client, Failure(incident.error()));
            if (!standing) return answer(client, Failure(standing.error()));
            explain_with_events(client, *incident, *standing);
        });
    });
    if (!asked) answer(client, Failure(asked.error()));
}

// A trail that cannot be read tells of nothing; the rest of the page is right all the same.
void Daemon::explain_with_events(ClientId client, const Incident& incident,
                                 const std::optional<KeyStanding>& standing) {
    const bool asked = trail_reader_->ask([=, this, path = audit_.path()] {
        const Result<json> events = open_audit_trail(path).and_then(
            [&incident](const AuditTrail& trail) { return events_of(trail, incident); });
        return SideThread::Answer([=, this] {
            answer(client, explain(incident, standing, events ? *events : json::array()));
        });
    });
    if (!asked) answer(client, explain(incident, standing, json::array()));
}

json Daemon::explain(const Incident& incident, const std::optional<KeyStanding>& standing,
                     const json& events) const {
    json page = incident_json(incident);
    page.update(standing_json(incident, standing, config_.control.retention_days));
    page["held"] = page.at("held_for").is_string();
    page.erase("held_for");  // somebody's words, which may be about a person
    page["kept"] = kept_of(incident);
    const json feeds = feeds_json().at("feeds");
    json matches = json::array();
    for (const IncidentMatch& match : incident.matches)
        matches.push_back(explained_match(match, feeds, local_));
    page["matches"] = std::move(matches);
    page["since"] = events;
    page["next"] = next_steps(page);
    return page;
}

}  // namespace cordon
