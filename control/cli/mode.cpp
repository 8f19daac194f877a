// `cordonctl mode show|set`: through cordond, and straight to the dataplane when cordond does not
// answer, because a bypass in an emergency must not depend on it.

#include "control/cli/cli.h"
#include "control/config/config.h"
#include "control/config/names.h"
#include "control/daemon/clocks.h"
#include "control/link/dataplane_link.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

using nlohmann::json;

bool cordond_is_away(const Error& error) {
    return error.code == ErrorCode::unreachable || error.code == ErrorCode::timeout;
}

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
            {"uid", nullptr}};
}

std::string text_of(const json& value) {
    return value.is_string() ? printable(value.get<std::string>()) : std::string("-");
}

std::string time_of(const json& value) {
    return value.is_string() ? local_time(value.get<std::string>()) : std::string("-");
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

// What cordond would have refused.
Result<void> check_direct(ServiceMode mode, std::uint64_t until_s, const std::string& reason) {
    if (mode != ServiceMode::enforce && reason.empty()) {
        return failure(ErrorCode::usage, "a mode that weakens needs --reason");
    }
    if (mode == ServiceMode::bypass && until_s <= unix_seconds()) {
        return failure(ErrorCode::usage, "bypass needs --until, in the future");
    }
    if (mode != ServiceMode::bypass && until_s != 0) {
        return failure(ErrorCode::usage, "--until goes with bypass only");
    }
    return {};
}

Result<json> set_directly(const Context& context, const std::string& service, ServiceMode mode,
                          std::uint64_t until_s) {
    const Result<void> right = check_direct(mode, until_s, context.get(Flag::reason));
    if (!right) return Failure(right.error());
    const Result<LinkStatus> status = with_dataplane(
        context, [&](const DataplaneLink& link) { return link.set_mode(service, mode, until_s); });
    if (!status) return Failure(status.error());
    for (std::uint32_t i = 0; i < status->service_count; ++i) {
        if (status->services[i].name != service) continue;
        json result = from_dataplane(status->services[i]);
        result["applied"] = true;
        result["note"] =
            "cordond does not answer: the dataplane has the mode until it is restarted";
        return result;
    }
    return failure(ErrorCode::integrity, "the dataplane took the mode and does not show it");
}

}  // namespace

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
    if (!from_name(context.words[1], &mode)) {
        return context.fail({ErrorCode::usage, "a mode is enforce, observe or bypass, not \"" +
                                                   printable(context.words[1]) + "\""});
    }
    std::uint64_t until_s = 0;
    if (context.has(Flag::until) &&
        !parse_until(context.get(Flag::until), unix_seconds(), &until_s)) {
        return context.fail({ErrorCode::usage,
                             "--until is a time like 2030-01-31T18:00:00Z, or from now like 30m, "
                             "2h, 1d"});
    }
    Result<json> done = ask(context, {{"request", "mode.set"},
                                      {"service", context.words[0]},
                                      {"mode", context.words[1]},
                                      {"until", until_s},
                                      {"reason", context.get(Flag::reason)}});
    if (!done && cordond_is_away(done.error())) {
        done = set_directly(context, context.words[0], mode, until_s);
    }
    if (!done) return context.fail(done.error());
    if (context.json()) {
        context.print_json(*done);
    } else {
        const json& until = done->at("bypass_until");
        context.print("service " + text_of(done->at("service")) + ": mode " +
                      text_of(done->at("mode")) +
                      (until.is_string() ? " until " + time_of(until) : std::string()) + "\n");
        if (done->at("note").is_string()) context.complain("note: " + text_of(done->at("note")));
    }
    return done->at("applied").get<bool>() ? 0 : static_cast<int>(ErrorCode::degraded);
}

}  // namespace cordon
