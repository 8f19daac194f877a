// `cordonctl bypass`: the wire without inspection, for a while. Two persons ask for it, or one in
// an emergency, who breaks the glass: also when cordond is dead, straight at the dataplane, and
// then it is this program that puts it on record first.

#include <unistd.h>

#include "control/audit/audit_log.h"
#include "control/cli/cli.h"
#include "control/config/config.h"
#include "control/config/names.h"
#include "control/daemon/clocks.h"
#include "control/link/dataplane_link.h"
#include "control/link/link_json.h"

namespace cordon {

using nlohmann::json;

namespace {

constexpr std::uint64_t glass_seconds_max = 3600;

struct Asked {
    std::string service;
    std::uint64_t seconds = 0;
    std::string reason;
    bool glass = false;
    bool ends = false;
};

std::string state_dir_of_context(const Context& context) {
    const Result<Config> config = load_config(context.get(Flag::config, "/etc/cordon/cordon.toml"));
    return config ? config->options.state_dir : "/var/lib/cordon";
}

// What cordond would have refused, and what it would have recorded.
Result<void> record_here(const Context& context, const Asked& asked, std::uint64_t until_s) {
    AuditLog log(audit_path(state_dir_of_context(context)));
    if (const Result<void> opened = log.open(); !opened) return opened;
    const std::string key = "glass." + asked.service;
    const std::string last = log.newest(key);
    const std::uint64_t now = unix_seconds();
    if (!asked.ends && !last.empty() &&
        now < std::strtoull(last.c_str(), nullptr, 10) + std::uint64_t{86400})
        return failure(ErrorCode::refused, "one person bypassed " + asked.service +
                                               " within a day already; the next one needs two");
    const Person actor = person_of(::geteuid(), Role::admin);
    const std::string what = "service " + asked.service + ", straight at the dataplane";
    if (asked.ends) return log.append({actor, "bypass.ended", what, asked.reason, ""}, now);
    return log.append({actor, "bypass.break_glass", what + ": bypass until " + utc_time(until_s),
                       asked.reason, key + "=" + std::to_string(now)},
                      now);
}

Result<json> without_cordond(const Context& context, const Asked& asked) {
    if (!asked.ends && !asked.glass)
        return failure(ErrorCode::unreachable,
                       "cordond does not answer, and without it nobody can approve; in an "
                       "emergency: --break-glass");
    const Result<std::string> run_dir = run_dir_of(context);
    if (!run_dir) return Failure(run_dir.error());
    const Result<std::uint32_t> timeout_ms = timeout_of(context);
    if (!timeout_ms) return Failure(timeout_ms.error());
    const std::uint64_t until_s = asked.ends ? 0 : unix_seconds() + asked.seconds;
    const Result<void> recorded = record_here(context, asked, until_s);
    // To inspect again needs nobody's leave.
    if (!recorded && !asked.ends) return Failure(recorded.error());
    if (!recorded) context.complain("not on record: " + recorded.error().message());
    const ServiceMode mode = asked.ends ? ServiceMode::enforce : ServiceMode::bypass;
    const Result<LinkStatus> status = DataplaneLink(dataplane_socket_path(*run_dir), *timeout_ms)
                                          .set_mode(asked.service, mode, until_s);
    if (!status) return Failure(status.error());
    return json{{"pending", false},
                {"service", asked.service},
                {"mode", name_of(mode)},
                {"bypass_until", asked.ends ? json(nullptr) : json(utc_time(until_s))},
                {"applied", true},
                {"note", "cordond does not answer: the dataplane has it until it is restarted"}};
}

Result<json> request_of(const Asked& asked) {
    if (asked.ends)
        return json{
            {"request", "bypass.end"}, {"service", asked.service}, {"reason", asked.reason}};
    if (asked.reason.empty())
        return failure(ErrorCode::usage, "a bypass needs --reason; it is recorded");
    if (asked.seconds == 0) return failure(ErrorCode::usage, "a bypass needs an end: --for 30m");
    if (asked.glass && asked.seconds > glass_seconds_max)
        return failure(ErrorCode::usage, "--break-glass lasts at most 60 minutes (--for)");
    return json{{"request", "bypass.set"},
                {"service", asked.service},
                {"seconds", asked.seconds},
                {"reason", asked.reason},
                {"break_glass", asked.glass ? 1 : 0}};
}

}  // namespace

int run_bypass(Context& context) {
    const Result<std::uint64_t> seconds = seconds_of_flag(context, Flag::span, "for");
    if (!seconds) return context.fail(seconds.error());
    const Asked asked = {context.words[0], *seconds, context.get(Flag::reason),
                         context.has(Flag::break_glass), context.has(Flag::end)};
    const Result<json> request = request_of(asked);
    if (!request) return context.fail(request.error());
    Result<json> done = ask(context, *request);
    if (!done && cordond_is_away(done.error())) done = without_cordond(context, asked);
    return tell_mode(context, done, "; `cordonctl bypass --end` ends it sooner");
}

}  // namespace cordon
