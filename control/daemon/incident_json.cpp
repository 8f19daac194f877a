#include "control/daemon/incident_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "dataplane/base/time.h"
#include "dataplane/contract/index_format.h"

namespace cordon {

namespace {

using nlohmann::json;

json text_or_null(const std::string& text) {
    return text.empty() ? json(nullptr) : json(text);
}

json seconds_or_null(std::uint64_t ns) {
    if (ns == 0) return nullptr;
    return static_cast<double>(ns) / static_cast<double>(ns_per_s);
}

json time_or_null(std::uint64_t ns) {
    return ns == 0 ? json(nullptr) : json(iso_time(ns));
}

json peer_json(const PeerAddress& peer) {
    if (peer.address.empty()) return nullptr;
    return {{"address", peer.address}, {"port", peer.port}};
}

json kinds_json(std::uint32_t kinds) {
    json names = json::array();
    for (std::size_t bit = 0; bit < indicator_kind_count; ++bit) {
        if ((kinds >> bit & 1) != 0) {
            names.push_back(indicator_kind_name(static_cast<IndicatorKind>(bit)));
        }
    }
    return names;
}

json ceiling_json(std::uint32_t flags) {
    const std::uint32_t ceiling = (flags & match_flag::ceiling) >> match_flag::ceiling_shift;
    if (ceiling == 0) return nullptr;  // of an older release
    return ceiling == static_cast<std::uint32_t>(RightsCeiling::block) ? "block" : "report";
}

}  // namespace

nlohmann::json match_json(const IncidentMatch& match) {
    return {
        {"section", match.section},
        {"generation", match.generation},
        {"reference", fmt::format("{:016x}", match.reference)},
        {"source", match.source},
        {"category", match.category},
        {"kinds", kinds_json(match.kinds)},
        {"weak", (match.flags & match_flag::weak) != 0},
        {"local", (match.flags & match_flag::local) != 0},
        {"ceiling", ceiling_json(match.flags)},
        {"flags", match.flags},
        {"curator", text_or_null(match.curator)},
        {"legal_basis", text_or_null(match.legal_basis)},
    };
}

bool is_review(const Incident& i) {
    return !i.matches.empty() &&
           std::all_of(i.matches.begin(), i.matches.end(), [](const IncidentMatch& match) {
               return (match.flags & match_flag::local) != 0;
           });
}

bool tells_of_nobody(const Incident& incident) {
    return incident.test || is_review(incident);
}

nlohmann::json standing_json(const Incident& incident, const std::optional<KeyStanding>& standing,
                             std::uint32_t retention_days) {
    if (!standing)
        return {{"personal", tells_of_nobody(incident) ? "none" : "destroyed"},
                {"destroyed_after", nullptr},
                {"held_for", nullptr}};
    const std::uint64_t end_ns = standing->made_ns + retention_days * 86400ull * ns_per_s;
    const bool held = standing->held_until_ns > end_ns;
    return {
        {"personal", "sealed"},
        {"destroyed_after", iso_time(held ? standing->held_until_ns : end_ns)},
        {"held_for", held ? json(standing->held_for) : json(nullptr)},
    };
}

nlohmann::json incident_json(const Incident& i) {
    json matches = json::array();
    for (const IncidentMatch& match : i.matches)
        matches.push_back(match_json(match));
    return {
        {"id", i.id},
        {"case", i.case_number},
        {"status", status_name(i.status)},
        {"time", i.time},
        {"enforced_time", text_or_null(i.enforced_time)},
        {"storage_reset", i.storage_reset},
        {"client_answered", i.client_answered && !i.verified_after_write},
        {"node", i.node},
        {"journal", i.journal},
        {"sequence", i.sequence},
        {"server", peer_json(i.server)},
        {"vlan", i.vlan < 0 ? json(nullptr) : json(i.vlan)},
        {"service", i.service},
        {"method", i.method},
        {"content_type", content_type_name(i.content_type)},
        {"form", form_name(i.form)},
        {"size", i.size},
        {"complete", i.complete},
        {"verified_after_write", i.verified_after_write},
        {"visible_seconds", seconds_or_null(i.visible_ns)},
        {"action", action_name(i.action)},
        {"policy_generation", i.policy_generation},
        {"legal_basis", text_or_null(i.legal_basis)},
        {"lab", i.lab},
        {"review", is_review(i)},
        {"test", i.test},
        {"matches", matches},
    };
}

nlohmann::json personal_json(const Personal& p) {
    return {
        {"client", peer_json(p.client)},          {"forwarded", peer_json(p.forwarded)},
        {"host", text_or_null(p.host)},           {"target", text_or_null(p.target)},
        {"account", text_or_null(p.account)},     {"field", text_or_null(p.field)},
        {"name", text_or_null(p.file_name)},      {"member", text_or_null(p.member)},
        {"container", text_or_null(p.container)},
    };
}

nlohmann::json incidents_json(const std::vector<Incident>& incidents) {
    json list = json::array();
    for (const Incident& incident : incidents)
        list.push_back(incident_json(incident));
    return list;
}

nlohmann::json verification_json(const VerifyRequest& r) {
    const bool waits = r.state != VerifyState::done;
    return {
        {"id", r.id},
        {"outcome", verify_outcome_name(r.outcome)},
        {"reason", verify_reason_name(r.reason)},
        {"service", r.service},
        {"method", r.method},
        {"host", text_or_null(r.shown_host())},
        {"target", r.shown_target()},
        {"account", text_or_null(r.account)},
        {"requested", iso_time(r.requested_ns)},
        {"finished", time_or_null(r.finished_ns)},
        {"next_try", waits ? json(iso_time(r.next_ns)) : json(nullptr)},
        {"tries", r.tries},
        {"http_status", r.http_status == 0 ? json(nullptr) : json(r.http_status)},
        {"detail", text_or_null(r.detail)},
        {"size", r.object_bytes},
        {"unconfirmed_case", text_or_null(r.case_number)},
        {"case", text_or_null(r.incident)},
        {"deleting", waits && r.deleting},
        {"visible_seconds", seconds_or_null(r.visible_ns)},
    };
}

nlohmann::json verify_statistics_json(const VerifyStatistics& s, std::uint64_t now_ns) {
    json outcomes = json::object();
    for (std::size_t n = 1; n < std::size(s.outcomes); ++n)
        outcomes[std::string(verify_outcome_names[n])] = s.outcomes[n];
    const std::uint64_t age_ns = s.waiting == 0 ? 0 : now_ns - std::min(now_ns, s.oldest_ns);
    return {
        {"waiting", s.waiting},
        {"oldest_waiting_seconds", age_ns / ns_per_s},
        {"postponed", s.postponed},
        {"undeleted", s.undeleted},
        {"last_failure", text_or_null(s.last_detail)},
        {"outcomes", outcomes},
        {"longest_visible_seconds", seconds_or_null(s.visible_ns_max)},
    };
}

nlohmann::json statistics_json(const StoreStatistics& s) {
    json services = json::array();
    for (const ServiceIncidents& one : s.services) {
        services.push_back({{"service", one.service},
                            {"action", action_name(one.action)},
                            {"incidents", one.incidents}});
    }
    json lists = json::array();
    for (const ListRights& one : s.lists) {
        lists.push_back({{"list", one.section},
                         {"curator", text_or_null(one.curator)},
                         {"legal_basis", text_or_null(one.legal_basis)},
                         {"matches", one.matches}});
    }
    return {
        {"lists", lists},
        {"services", services},
        {"records", s.records},
        {"incidents", s.incidents},
        {"tests", s.tests},
        {"blocked", s.blocked},
        {"reported", s.reported},
        {"observed", s.observed},
        {"suspended", s.suspended},
        {"decided", s.decided},
        {"unconfirmed", s.unconfirmed},
        {"enforced", s.enforced},
        {"gaps", s.gaps},
        {"gap_bytes", s.gap_bytes},
        {"odd_records", s.odd_records},
        {"missing", s.missing},
        {"damaged", s.damaged},
    };
}

}  // namespace cordon
