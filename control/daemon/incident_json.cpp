#include "control/daemon/incident_json.h"

#include <fmt/format.h>

#include "dataplane/contract/keyed_tag.h"

namespace cordon {

namespace {

using nlohmann::json;

json text_or_null(const std::string& text) {
    return text.empty() ? json(nullptr) : json(text);
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

json match_json(const IncidentMatch& match) {
    return {
        {"section", match.section},
        {"generation", match.generation},
        {"reference", fmt::format("{:016x}", match.reference)},
        {"source", match.source},
        {"category", match.category},
        {"kinds", kinds_json(match.kinds)},
        {"weak", (match.flags & 1) != 0},
        {"flags", match.flags},
    };
}

}  // namespace

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
        {"client_answered", i.client_answered},
        {"node", i.node},
        {"journal", i.journal},
        {"sequence", i.sequence},
        {"client", peer_json(i.client)},
        {"forwarded", peer_json(i.forwarded)},
        {"server", peer_json(i.server)},
        {"vlan", i.vlan < 0 ? json(nullptr) : json(i.vlan)},
        {"service", i.service},
        {"method", i.method},
        {"host", text_or_null(i.host)},
        {"target", i.target},
        {"account", text_or_null(i.account)},
        {"field", text_or_null(i.field)},
        {"name", text_or_null(i.file_name)},
        {"member", text_or_null(i.member)},
        {"container", text_or_null(i.container)},
        {"content_type", content_type_name(i.content_type)},
        {"form", form_name(i.form)},
        {"size", i.size},
        {"complete", i.complete},
        {"action", action_name(i.action)},
        {"policy_generation", i.policy_generation},
        {"legal_basis", text_or_null(i.legal_basis)},
        {"lab", i.lab},
        {"matches", matches},
    };
}

nlohmann::json incidents_json(const std::vector<Incident>& incidents) {
    json list = json::array();
    for (const Incident& incident : incidents)
        list.push_back(incident_json(incident));
    return list;
}

nlohmann::json statistics_json(const StoreStatistics& s) {
    return {
        {"records", s.records},   {"incidents", s.incidents},     {"blocked", s.blocked},
        {"reported", s.reported}, {"observed", s.observed},       {"suspended", s.suspended},
        {"decided", s.decided},   {"unconfirmed", s.unconfirmed}, {"enforced", s.enforced},
        {"gaps", s.gaps},         {"gap_bytes", s.gap_bytes},     {"odd_records", s.odd_records},
        {"missing", s.missing},   {"damaged", s.damaged},
    };
}

}  // namespace cordon
