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
    return {{"generation", g.number},
            {"epoch", g.epoch},
            {"records", g.count},
            {"accepted", time_or_null(g.accepted_s)}};
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

}  // namespace

json feed_json(const Follower& feed, std::uint64_t now_s) {
    const FeedState& state = feed.state();
    const std::uint64_t issued = state.trust.issued_s;
    return {{"name", feed.options().name},
            {"feed", feed.feed_name()},
            {"lab", feed.lab()},
            {"ceiling", feed.options().ceiling == RightsCeiling::block ? "block" : "report"},
            {"in_force", generation_json(state.in_force)},
            {"previous", generation_json(state.previous)},
            {"announced_generation", feed.newest()},
            {"issued", time_or_null(issued)},
            {"age_seconds", issued == 0 ? json(nullptr) : json(now_s - std::min(now_s, issued))},
            {"imported", state.imported},
            {"grant", grant_json(feed.grant(), now_s)},
            {"hold", hold_json(state.hold, now_s)},
            {"suspensions", suspensions_json(state.suspensions)},
            {"polled", time_or_null(feed.polled_s())},
            {"next_poll", time_or_null(feed.next_poll_s())},
            {"failures", feed.failures()},
            {"mirrors", mirrors_json(feed.mirrors())},
            {"alarms", feed.alarms()}};
}

json history_json(const Follower& feed) {
    json list = json::array();
    for (const HistoryLine& line : feed.state().history)
        list.push_back({{"time", time_or_null(line.time_s)}, {"text", line.text}});
    return {{"name", feed.options().name}, {"history", list}};
}

}  // namespace cordon::sync
