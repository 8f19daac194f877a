#include "control/link/link_json.h"

#include <time.h>

#include "control/config/address.h"
#include "control/config/names.h"
#include "dataplane/contract/keyed_tag.h"

namespace cordon {

namespace {

using nlohmann::json;

json time_or_null(std::uint64_t unix_s) {
    return unix_s == 0 ? json(nullptr) : json(utc_time(unix_s));
}

json policy_json(std::string_view action, const std::uint64_t (&done)[policy_result_count]) {
    return {{"action", action},
            {"passed", done[0]},
            {"reset", done[1]},
            {"refused", done[2]},
            {"retired", done[3]}};
}

// `asymmetric` goes by on_midstream; but a connection of which one direction is seen shows no quiet
// moment, and an answer to it could hit anybody: what does not pass is reset.
json policies_json(const LinkService& service) {
    const auto of = [&](PolicyCase about, std::string_view action) {
        return policy_json(action, service.policies[static_cast<std::size_t>(about)]);
    };
    const MidstreamAction midstream = service.on_midstream;
    const bool passes = midstream == MidstreamAction::pass;
    return {
        {"tls", of(PolicyCase::tls, name_of(service.on_tls))},
        {"unparsable", of(PolicyCase::unparsable, name_of(service.on_unparsable))},
        {"midstream", of(PolicyCase::midstream, name_of(midstream))},
        {"asymmetric",
         of(PolicyCase::asymmetric, name_of(passes ? midstream : MidstreamAction::reset))},
        {"limit", of(PolicyCase::limit, name_of(service.on_limit))},
    };
}

json service_json(const LinkService& service) {
    return {
        {"name", service.name},
        {"mode", name_of(service.mode)},
        {"fail", name_of(service.fail)},
        {"bypass_until", time_or_null(service.bypass_until_s)},
        {"bypassed_bytes", service.bypassed_bytes},
        {"bypassed_packets", service.bypassed_packets},
        {"policies", policies_json(service)},
        {"dismiss", name_of(service.dismiss)},
        {"asymmetric_last", time_or_null(service.asymmetric_last_s)},
    };
}

json kinds_json(const LinkStatus& s) {
    json kinds = json::object();
    for (std::size_t k = 0; k < indicator_kind_count; ++k) {
        const LinkKind& kind = s.kinds[k];
        if (kind.indicators == 0) continue;
        kinds[indicator_kind_name(static_cast<IndicatorKind>(k))] = {
            {"indicators", kind.indicators},
            {"with_size", kind.with_size},
            {"with_head", kind.with_head}};
    }
    return kinds;
}

const char* name_of(SectionState state) {
    switch (state) {
        case SectionState::in_force:
            return "in force";
        case SectionState::no_key:
            return "no key";
        case SectionState::ended:
            return "ended";
        case SectionState::old:
            return "old";
        case SectionState::weak_reports:
            return "old: weak indicators report";
        case SectionState::reports:
            return "old: reports";
    }
    return "unknown";
}

const char* name_of(VectorStanding standing) {
    switch (standing) {
        case VectorStanding::unlisted:
            return "unlisted";
        case VectorStanding::suspended:
            return "suspended";
        case VectorStanding::reports:
            return "reports";
        case VectorStanding::blocks:
            return "blocks";
    }
    return "unknown";
}

const char* name_of(IndexMemory memory) {
    switch (memory) {
        case IndexMemory::none:
            return "none";
        case IndexMemory::plain:
            return "plain pages";
        case IndexMemory::transparent:
            return "transparent huge pages";
        case IndexMemory::reserved:
            return "reserved huge pages";
    }
    return "unknown";
}

const char* name_of(KeyProtection protection) {
    switch (protection) {
        case KeyProtection::none:
            return "no key";
        case KeyProtection::disk:
            return "disk only";
        case KeyProtection::credential:
            return "credential";
    }
    return "unknown";
}

json end_or_null(std::uint64_t unix_s) {
    return unix_s == index_no_end ? json(nullptr) : json(utc_time(unix_s));
}

json section_json(const LinkSection& section) {
    return {{"name", section.name},
            {"kind", section_kind_name(section.kind)},
            {"ceiling", rights_ceiling_name(section.ceiling)},
            {"state", name_of(section.state)},
            {"epoch", section.epoch},
            {"generation", section.generation},
            {"indicators", section.indicators},
            {"not_after", end_or_null(section.terms.not_after_s)},
            {"fresh_until", end_or_null(section.terms.fresh_until_s)},
            {"weak_until", end_or_null(section.terms.weak_until_s)},
            {"block_until", end_or_null(section.terms.block_until_s)}};
}

json index_json(const LinkStatus& s) {
    json sections = json::array();
    for (std::uint32_t i = 0; i < s.section_count && i < limits::sections_max; ++i)
        sections.push_back(section_json(s.sections[i]));
    return {
        {"sections", sections},
        {"suspensions",
         {{"in_force", s.suspensions},
          {"written", time_or_null(s.suspensions_written_s)},
          {"refused", s.suspensions_refused},
          {"error", s.suspensions_error[0] == '\0' ? json(nullptr) : json(s.suspensions_error)}}},
        {"clock_step_seconds", s.clock_step_s},
        {"memory", name_of(s.index_memory)},
        {"test_vector", name_of(s.vector)},
        {"key_protection", name_of(s.key_protection)},
        {"key_fault", s.key_fault[0] == '\0' ? json(nullptr) : json(s.key_fault)},
        {"kinds", kinds_json(s)},
        {"generation", s.generation},
        {"indicators", s.indicators},
        {"loaded", time_or_null(s.index_loaded_s)},
        {"lab", s.index_is_lab != 0},
        {"error", s.index_error[0] == '\0' ? json(nullptr) : json(s.index_error)},
    };
}

json tally_json(const LinkTally& tally) {
    return {{"packets", tally.count}, {"bytes", tally.bytes}};
}

// Whether the frame classes account for every byte that the ports received.
json sum_json(const LinkCounters& c) {
    std::uint64_t classes = 0;
    for (const LinkTally& tally : c.frames)
        classes += tally.bytes;
    const std::uint64_t ports = c.received[0].bytes + c.received[1].bytes;
    return {
        {"frame_bytes", classes},
        {"received_bytes", ports},
        {"difference", static_cast<std::int64_t>(ports - classes)},
        {"balanced", classes == ports},
    };
}

// Whether the object classes account for every byte that was read of bodies and of connections
// without framing. What an object under way has is in no class yet.
json object_sum_json(const LinkCounters& c) {
    std::uint64_t classes = 0;
    for (const LinkTally& tally : c.objects)
        classes += tally.bytes;
    const std::uint64_t read = c.body_bytes + c.unframed_bytes;
    return {
        {"class_bytes", classes},
        {"body_bytes", c.body_bytes},
        {"unframed_bytes", c.unframed_bytes},
        {"open_bytes", c.open_bytes},
        {"difference", static_cast<std::int64_t>(read - classes - c.open_bytes)},
        {"balanced", read == classes + c.open_bytes},
    };
}

json classes_json(const LinkTally (&objects)[object_class_count]) {
    json list = json::array();
    for (std::size_t i = 0; i < object_class_count; ++i) {
        list.push_back({{"class", object_class_name(i)},
                        {"objects", objects[i].count},
                        {"bytes", objects[i].bytes}});
    }
    return list;
}

constexpr double seconds_of_ns(std::uint64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

// `up_to_seconds` of the last class is null: it has no end.
json latency_json(const LinkServiceCounters& service) {
    json classes = json::array();
    std::uint64_t messages = 0;
    for (std::size_t i = 0; i < latency_class_count; ++i) {
        const bool last = i == std::size(latency_ends_ns);
        classes.push_back(
            {{"up_to_seconds", last ? json(nullptr) : json(seconds_of_ns(latency_ends_ns[i]))},
             {"messages", service.latency[i]}});
        messages += service.latency[i];
    }
    return {{"messages", messages},
            {"sum_seconds", seconds_of_ns(service.latency_sum_ns)},
            {"classes", classes}};
}

json service_counters_json(const LinkServiceCounters& service) {
    json verdicts = json::object();
    for (std::size_t i = 0; i < service_verdict_count; ++i)
        verdicts[std::string(service_verdict_names[i])] = {{"objects", service.verdicts[i].count},
                                                           {"bytes", service.verdicts[i].bytes}};
    return {{"service", service.name},
            {"objects", classes_json(service.objects)},
            {"verdicts", verdicts},
            {"latency", latency_json(service)}};
}

json types_json(const LinkCounters& c) {
    json types = json::array();
    for (std::size_t i = 0; i < content_type_count; ++i) {
        const auto of = [&](TypeVerdict verdict) -> json {
            const LinkTally& tally = c.types[i][static_cast<std::size_t>(verdict)];
            return {{"objects", tally.count}, {"bytes", tally.bytes}};
        };
        types.push_back({{"type", content_type_name(static_cast<ContentType>(i))},
                         {"clean", of(TypeVerdict::clean)},
                         {"dismissed", of(TypeVerdict::dismissed)},
                         {"matched", of(TypeVerdict::matched)},
                         {"uninspected", of(TypeVerdict::uninspected)}});
    }
    return types;
}

}  // namespace

nlohmann::json status_json(const LinkStatus& s) {
    json services = json::array();
    for (std::uint32_t i = 0; i < s.service_count && i < services_max; ++i) {
        services.push_back(service_json(s.services[i]));
    }
    return {
        {"version", s.version},
        {"pid", s.pid},
        {"started", time_or_null(s.started_s)},
        {"lab", s.lab != 0},
        {"distrusted", s.distrusted != 0},
        {"port_kind", name_of(s.port_kind)},
        {"xdp_attached", s.xdp_attached != 0},
        {"ports", {{"client", name_of(s.ports[0])}, {"storage", name_of(s.ports[1])}}},
        {"workers", s.workers},
        {"flows", s.flows},
        {"flows_max", s.flows_max},
        {"flows_midstream", s.flows_midstream},
        {"kept_bytes", s.kept_bytes},
        {"policy_generation", s.policy_generation},
        {"journal", {{"sequence", s.journal_sequence}, {"errors", s.journal_errors}}},
        {"index", index_json(s)},
        {"services", services},
    };
}

nlohmann::json coverage_json(const LinkCounters& c) {
    json frames = json::array();
    for (std::size_t i = 0; i < frame_class_count; ++i) {
        json line = tally_json(c.frames[i]);
        line["class"] = frame_class_name(i);
        frames.push_back(line);
    }
    json services = json::array();
    for (std::uint32_t i = 0; i < c.service_count && i < services_max; ++i)
        services.push_back(service_counters_json(c.services[i]));
    json outcomes = json::array();
    for (std::size_t i = 0; i < outcome_count; ++i) {
        outcomes.push_back({{"name", outcome_table[i].name},
                            {"value", c.outcomes[i]},
                            {"unit", outcome_table[i].unit},
                            {"help", outcome_table[i].help}});
    }
    json ports;
    constexpr const char* sides[] = {"client", "storage"};
    for (std::size_t i = 0; i < std::size(sides); ++i) {
        ports[sides[i]] = {{"received", tally_json(c.received[i])},
                           {"transmitted", tally_json(c.transmitted[i])},
                           {"missed", c.port[i].missed},
                           {"errors", c.port[i].errors},
                           {"oversized", c.port[i].oversized}};
    }
    return {{"frames", frames},
            {"objects", classes_json(c.objects)},
            {"service_objects", services},
            {"types", types_json(c)},
            {"outcomes", outcomes},
            {"ports", ports},
            {"sum", sum_json(c)},
            {"object_sum", object_sum_json(c)}};
}

nlohmann::json unlisted_json(const LinkUnlisted& unlisted) {
    json destinations = json::array();
    for (std::uint32_t i = 0; i < unlisted.count; ++i) {
        const LinkDestination& d = unlisted.destinations[i];
        destinations.push_back({{"address", format_address(d.address)},
                                {"port", d.port},
                                {"packets", d.packets},
                                {"bytes", d.bytes}});
    }
    return {{"destinations", destinations}};
}

std::string utc_time(std::uint64_t unix_s) {
    const auto seconds = static_cast<time_t>(unix_s);
    tm parts;
    char text[40];
    if (::gmtime_r(&seconds, &parts) == nullptr) return "?";
    return ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0 ? "?" : text;
}

std::string one_line(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace cordon
