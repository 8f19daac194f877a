// `explain`: one case in the words of whoever answers a complaint, without anything of a person.

#include <algorithm>

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

// Lines of the trail that name the case; the chain itself is checked by `audit verify`.
json events_of(const std::string& trail, const std::string& number) {
    const std::string word = "case " + number;
    std::vector<json> events;
    for (std::size_t at = trail.find(word); at != std::string::npos; at = trail.find(word, at)) {
        const std::size_t begin = trail.rfind('\n', at) + 1;  // npos + 1 is 0
        const std::size_t end = std::min(trail.find('\n', at), trail.size());
        const json record = json::parse(trail.substr(begin, end - begin), nullptr, false);
        at = end;
        if (!record.is_object()) continue;
        // Another case may begin like this one.
        const std::string what = record.value("what", "");
        if (what != word && !what.starts_with(word + " ")) continue;
        events.push_back(
            {{"time", record.value("time", "")}, {"action", record.value("action", "")}});
    }
    if (events.size() > events_max) events.erase(events.begin(), events.end() - events_max);
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
            answer(client, explain(*incident, *standing));
        });
    });
    if (!asked) answer(client, Failure(asked.error()));
}

json Daemon::explain(const Incident& incident, const std::optional<KeyStanding>& standing) const {
    const std::string& number = incident.case_number;
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
    const Result<std::string> trail = read_audit_file(audit_.path());
    page["since"] = trail ? events_of(*trail, number) : json::array();
    page["next"] = next_steps(page);
    return page;
}

}  // namespace cordon
