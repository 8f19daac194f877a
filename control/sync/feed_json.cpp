#include "control/sync/feed_json.h"

#include <algorithm>

#include "control/link/link_json.h"

namespace cordon::sync {
namespace {

using nlohmann::json;

json time_or_null(std::uint64_t unix_s) {
    return unix_s == 0 ? json(nullptr) : json(utc_time(unix_s));
}

json generation_json(const Generation& g) {
    if (g.number == 0) return nullptr;
    return {{"generation", g.number},     {"epoch", g.epoch},
            {"records", g.count},         {"patterns", g.patterns},
            {"perceptual", g.perceptual}, {"accepted", time_or_null(g.accepted_s)}};
}

json grant_json(const feed::Grant& grant, std::uint64_t now_s) {
    if (grant.epochs.empty()) return nullptr;
    json epochs = json::array();
    for (const auto& [epoch, key] : grant.epochs)
        epochs.push_back(epoch);
    return {{"serial", grant.serial},
            {"holds", now_s >= grant.not_before_s && now_s < grant.not_after_s},
            {"not_after", time_or_null(grant.not_after_s)},
            {"legal_basis", grant.legal_basis},
            {"order", grant.order.empty() ? json(nullptr) : json(grant.order)},
            {"services", grant.services},
            {"epochs", epochs}};
}

json hold_json(const Hold& hold, std::uint64_t now_s) {
    if (!hold.holds(now_s)) return nullptr;
    return {{"kind", hold.pinned ? "pin" : "pause"},
            {"until", time_or_null(hold.until_s)},
            {"reason", hold.reason},
            {"uid", hold.uid}};
}

json mirrors_json(const std::vector<Mirror>& mirrors) {
    json list = json::array();
    for (const Mirror& mirror : mirrors) {
        list.push_back(
            {{"address", mirror.name},
             {"timestamp_version", mirror.version},
             {"behind", mirror.behind},
             {"problem", mirror.problem.empty() ? json(nullptr) : json(mirror.problem)}});
    }
    return list;
}

json suspensions_json(const std::vector<HeldSuspension>& suspensions) {
    json list = json::array();
    for (const HeldSuspension& held : suspensions) {
        list.push_back(
            {{"what", feed::suspension_name(held.what.what)},
             {"value", held.what.value},
             {"since", time_or_null(held.what.since_s)},
             {"until", held.lapsed_at != 0 ? json(nullptr) : time_or_null(held.what.until_s)},
             {"reason", held.what.reason},
             {"lapsed", held.lapsed_at != 0}});
    }
    return list;
}

json doubted_json(const std::vector<feed::Suspension>& doubted) {
    json list = json::array();
    for (const feed::Suspension& one : doubted) {
        list.push_back({{"what", feed::suspension_name(one.what)},
                        {"value", one.value},
                        {"since", time_or_null(one.since_s)},
                        {"reason", one.reason}});
    }
    return list;
}

json own_json(const std::vector<feed::Suspension>& own, std::uint64_t now_s) {
    json list = json::array();
    for (const feed::Suspension& one : own) {
        if (one.until_s < now_s) continue;
        list.push_back({{"what", feed::suspension_name(one.what)},
                        {"value", one.value},
                        {"since", time_or_null(one.since_s)},
                        {"until", time_or_null(one.until_s)},
                        {"reason", one.reason}});
    }
    return list;
}

json text_or_null(const std::string& text) {
    return text.empty() ? json(nullptr) : json(text);
}

// By whose word it may block. Curator and legal basis are named for what two persons answer for.
json rights_json(const Follower& feed) {
    const Rights rights = feed.rights();
    const std::optional<Consent>& consent = feed.state().consent;
    const bool named = rights.by == RightsBy::operators;
    return {{"by", rights_by_name(rights.by)},
            {"root_sha256", text_or_null(feed.state().begun_sha256)},
            {"curator", text_or_null(feed.options().curator)},
            {"legal_basis", text_or_null(feed.options().legal_basis)},
            {"requester", named ? json(consent->requester) : json(nullptr)},
            {"approver", named ? json(consent->approver) : json(nullptr)},
            {"since", named ? time_or_null(consent->time_s) : json(nullptr)}};
}

std::string doubt_words(const Follower& feed) {
    const std::vector<feed::Suspension>& doubted = feed.state().doubted;
    const feed::Suspension& first = doubted.front();
    return std::string("newcomers: ") + feed::suspension_name(first.what) + " " +
           std::to_string(first.value) +
           (doubted.size() > 1 ? " and " + std::to_string(doubted.size() - 1) + " more" : "") +
           ": " + first.reason +
           (feed.options().doubt_reports ? "; it reports only" : "; it goes on blocking") +
           " until `cordonctl feed confirm " + feed.options().name + "`";
}

std::vector<std::string> alarms_of(const Follower& feed) {
    std::vector<std::string> alarms = feed.alarms();
    if (const std::string missing = feed.rights().missing; !missing.empty())
        alarms.push_back("rights: it only reports: " + missing);
    if (!feed.state().doubted.empty()) alarms.push_back(doubt_words(feed));
    return alarms;
}

}  // namespace

json feed_json(const Follower& feed, std::uint64_t now_s) {
    const FeedState& state = feed.state();
    const std::uint64_t issued = state.trust.issued_s;
    return {{"name", feed.options().name},
            {"feed", feed.feed_name()},
            {"lab", feed.lab()},
            {"ceiling", rights_ceiling_name(feed.rights().ceiling)},
            {"rights", rights_json(feed)},
            {"in_force", generation_json(state.in_force)},
            {"previous", generation_json(state.previous)},
            {"unmatched", feed.unmatched()},
            {"announced_generation", feed.newest()},
            {"issued", time_or_null(issued)},
            {"age_seconds", issued == 0 ? json(nullptr) : json(now_s - std::min(now_s, issued))},
            {"imported", state.imported},
            {"grant", grant_json(feed.grant(), now_s)},
            {"hold", hold_json(state.hold, now_s)},
            {"suspensions", suspensions_json(state.suspensions)},
            {"own_suspensions", own_json(state.own_suspensions, now_s)},
            {"doubted", doubted_json(state.doubted)},
            {"polled", time_or_null(feed.polled_s())},
            {"next_poll", time_or_null(feed.next_poll_s())},
            {"failures", feed.failures()},
            {"mirrors", mirrors_json(feed.mirrors())},
            {"alarms", alarms_of(feed)}};
}

json history_json(const Follower& feed) {
    json list = json::array();
    for (const HistoryLine& line : feed.state().history)
        list.push_back({{"time", time_or_null(line.time_s)}, {"text", line.text}});
    return {{"name", feed.options().name}, {"history", list}};
}

}  // namespace cordon::sync
