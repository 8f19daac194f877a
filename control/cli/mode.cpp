// `cordonctl mode show|set`: through cordond, and straight to the dataplane when cordond does not
// answer and the mode strengthens.

#include "control/cli/cli.h"
#include "control/config/config.h"
#include "control/config/names.h"
#include "control/daemon/clocks.h"
#include "control/link/dataplane_link.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

using nlohmann::json;

Result<LinkStatus> with_dataplane(const Context& context, const auto& question) {
    const Result<std::string> run_dir = run_dir_of(context);
    if (!run_dir) return Failure(run_dir.error());
    const Result<std::uint32_t> timeout_ms = timeout_of(context);
    if (!timeout_ms) return Failure(timeout_ms.error());
    return question(DataplaneLink(dataplane_socket_path(*run_dir), *timeout_ms));
}

json from_dataplane(const LinkService& service) {
    return {{"service", service.name},
            {"mode", name_of(service.mode)},
            {"in_force", name_of(service.mode)},
            {"bypass_until",
             service.bypass_until_s == 0 ? json(nullptr) : json(utc_time(service.bypass_until_s))},
            {"configured", nullptr},
            {"fail", name_of(service.fail)},
            {"reason", nullptr},
            {"since", nullptr},
            {"uid", nullptr},
            {"requester", nullptr},
            {"approver", nullptr},
            {"break_glass", false}};
}

Result<json> modes_of(const Context& context) {
    const Result<json> modes = ask(context, {{"request", "mode.show"}});
    if (modes || !cordond_is_away(modes.error())) return modes;
    const Result<LinkStatus> status =
        with_dataplane(context, [](const DataplaneLink& link) { return link.status(); });
    if (!status) return Failure(status.error());
    json services = json::array();
    for (std::uint32_t i = 0; i < status->service_count; ++i) {
        services.push_back(from_dataplane(status->services[i]));
    }
    return json{{"services", services}};
}

// Only what strengthens: to inspect again must not depend on cordond.
Result<json> set_directly(const Context& context, const std::string& service, ServiceMode mode) {
    if (mode != ServiceMode::enforce)
        return failure(ErrorCode::unreachable,
                       "cordond does not answer: without it no mode is weakened (in an emergency: "
                       "`cordonctl bypass --break-glass`)");
    const Result<LinkStatus> status = with_dataplane(
        context, [&](const DataplaneLink& link) { return link.set_mode(service, mode, 0); });
    if (!status) return Failure(status.error());
    for (std::uint32_t i = 0; i < status->service_count; ++i) {
        if (status->services[i].name != service) continue;
        json result = from_dataplane(status->services[i]);
        result["pending"] = false;
        result["applied"] = true;
        result["note"] =
            "cordond does not answer: the dataplane has the mode until it is restarted";
        return result;
    }
    return failure(ErrorCode::integrity, "the dataplane took the mode and does not show it");
}

}  // namespace

int tell_mode(const Context& context, const Result<json>& done, const char* hint) {
    if (!done) return context.fail(done.error());
    if (done->at("pending").get<bool>()) return tell_pending(context, *done);
    if (context.json()) {
        context.print_json(*done);
    } else {
        const json& until = done->at("bypass_until");
        context.print(
            "service " + text_of(done->at("service")) + ": mode " + text_of(done->at("mode")) +
            (until.is_string() ? " until " + time_of(until) + hint : std::string()) + "\n");
        if (done->at("note").is_string()) context.complain("note: " + text_of(done->at("note")));
    }
    return done->at("applied").get<bool>() ? 0 : static_cast<int>(ErrorCode::degraded);
}

int run_mode_show(Context& context) {
    const Result<json> modes = modes_of(context);
    if (!modes) return context.fail(modes.error());
    if (context.json()) {
        context.print_json(*modes);
        return 0;
    }
    Table table({{"SERVICE"},
                 {"MODE"},
                 {"IN FORCE"},
                 {"CONFIGURED"},
                 {"UNTIL"},
                 {"FAIL"},
                 {"SINCE"},
                 {"REASON", false, true}});
    for (const json& s : modes->at("services")) {
        table.row({text_of(s.at("service")), text_of(s.at("mode")), text_of(s.at("in_force")),
                   text_of(s.at("configured")), time_of(s.at("bypass_until")),
                   text_of(s.at("fail")), time_of(s.at("since")), text_of(s.at("reason"))});
    }
    context.print(table.empty() ? "No service is listed.\n" : table.text(context.screen));
    return 0;
}

int run_mode_set(Context& context) {
    ServiceMode mode;
    if (!from_name(context.words[1], &mode) || mode == ServiceMode::bypass) {
        return context.fail({ErrorCode::usage, "a mode to set is enforce or observe, not \"" +
                                                   printable(context.words[1]) +
                                                   "\"; for a while without inspection: "
                                                   "`cordonctl bypass`"});
    }
    Result<json> done = ask(context, {{"request", "mode.set"},
                                      {"service", context.words[0]},
                                      {"mode", context.words[1]},
                                      {"reason", context.get(Flag::reason)}});
    if (!done && cordond_is_away(done.error()))
        done = set_directly(context, context.words[0], mode);
    return tell_mode(context, done);
}

}  // namespace cordon
