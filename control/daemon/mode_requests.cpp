// What cordond answers about modes of services, and the bypass: the one mode that no file can hold.

#include "control/config/names.h"
#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::uint64_t number_max = INT64_MAX;
// Longer than a day nobody watches it; what takes longer is a change of the configuration.
constexpr std::uint64_t bypass_seconds_max = 86400;
// What one person may do in an emergency, in any day.
constexpr std::uint64_t glass_seconds_max = 3600;
constexpr std::uint64_t glass_day_seconds = 86400;

json time_or_null(std::uint64_t seconds) {
    return seconds == 0 ? json(nullptr) : json(utc_time(seconds));
}

std::string words_for(const ModeOverride& wanted, ServiceMode from) {
    return "service " + wanted.service + ": " + std::string(name_of(from)) + " to " +
           std::string(name_of(wanted.mode)) +
           (wanted.until_s == 0 ? std::string() : " until " + utc_time(wanted.until_s));
}

const char* kind_of(const ModeOverride& wanted) {
    return wanted.mode == ServiceMode::bypass ? "bypass" : "mode";
}

}  // namespace

json Daemon::mode_json(const ServiceOptions& configured) const {
    const ModeOverride* override = overrides_.find(configured.name);
    json result = {
        {"service", configured.name},
        {"mode", name_of(override == nullptr ? configured.mode : override->mode)},
        {"bypass_until",
         time_or_null(override == nullptr ? configured.bypass_until_s : override->until_s)},
        {"configured", name_of(configured.mode)},
        {"fail", name_of(configured.fail)},
        {"reason", nullptr},
        {"since", nullptr},
        {"uid", nullptr},
        {"requester", nullptr},
        {"approver", nullptr},
        {"break_glass", false},
    };
    if (override != nullptr) {
        result["reason"] = override->reason;
        result["since"] = utc_time(override->since_s);
        result["uid"] = override->uid;
        result["requester"] = override->requester;
        if (!override->approver.empty()) result["approver"] = override->approver;
        result["break_glass"] = override->break_glass;
    }
    return result;
}

void Daemon::on_mode_show(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    json services = json::array();
    for (std::uint32_t i = 0; i < config_.options.service_count; ++i) {
        const ServiceOptions& service = config_.options.services[i];
        json line = mode_json(service);
        // What the dataplane itself said last: an expired bypass has ended there first.
        line["in_force"] = nullptr;
        for (std::uint32_t j = 0; dataplane_ && j < dataplane_->service_count; ++j) {
            const LinkService& seen = dataplane_->services[j];
            if (std::string_view(seen.name) == service.name) line["in_force"] = name_of(seen.mode);
        }
        services.push_back(line);
    }
    answer(client, json{{"services", services}});
}

ServiceMode Daemon::mode_of(const ServiceOptions& configured) const {
    const ModeOverride* override = overrides_.find(configured.name);
    return override == nullptr ? configured.mode : override->mode;
}

// Also by the dataplane's word: the glass may have been broken while cordond was dead.
bool Daemon::in_bypass(const ServiceOptions& configured) const {
    if (mode_of(configured) == ServiceMode::bypass) return true;
    for (std::uint32_t i = 0; dataplane_ && i < dataplane_->service_count; ++i) {
        const LinkService& seen = dataplane_->services[i];
        if (std::string_view(seen.name) == configured.name) return seen.mode == ServiceMode::bypass;
    }
    return false;
}

Result<void> Daemon::check_mode_change(const ModeOverride& wanted) const {
    if (find_service(wanted.service) == nullptr) {
        return failure(ErrorCode::usage, "there is no service " + wanted.service +
                                             "; `cordonctl mode show` lists them");
    }
    if (wanted.mode == ServiceMode::enforce) {
        const std::string_view missing = enforce_needs(config_.options);
        if (missing.empty()) return {};
        return failure(ErrorCode::refused,
                       "mode enforce needs " + std::string(missing) + " in the configuration");
    }
    if (!wanted.reason.empty()) return {};
    return failure(ErrorCode::usage, "a mode that weakens needs --reason");
}

// In an emergency one person is enough, for an hour in any day.
Result<void> Daemon::check_bypass(const ModeOverride& wanted, std::uint64_t seconds) const {
    if (const Result<void> right = check_mode_change(wanted); !right) return right;
    const std::uint64_t most = wanted.break_glass ? glass_seconds_max : bypass_seconds_max;
    if (seconds == 0 || seconds > most)
        return failure(ErrorCode::usage, wanted.break_glass
                                             ? "--break-glass lasts at most 60 minutes (--for)"
                                             : "a bypass needs an end (--for), at most 24 hours");
    const std::string last = audit_.newest("glass." + wanted.service);
    if (!wanted.break_glass || last.empty()) return {};
    const std::uint64_t then = std::strtoull(last.c_str(), nullptr, 10);
    if (wanted.since_s >= then + glass_day_seconds) return {};
    return failure(ErrorCode::refused,
                   "one person bypassed " + wanted.service + " at " + utc_time(then) +
                       " already; the next one within a day needs two (without --break-glass)");
}

void Daemon::on_mode_set(ClientId client, std::uint32_t uid, Request* request) {
    ModeOverride wanted;
    wanted.service = request->text("service");
    const std::string word = request->text("mode");
    wanted.reason = request->text("reason");
    wanted.uid = uid;
    wanted.since_s = unix_seconds();
    if (!fields_are_right(client, *request)) return;
    if (!from_name(word, &wanted.mode) || wanted.mode == ServiceMode::bypass) {
        return answer(client, failure(ErrorCode::usage,
                                      "mode must be enforce or observe; for a bypass there is "
                                      "`cordonctl bypass`"));
    }
    const Result<void> allowed = check_mode_change(wanted);
    if (!allowed) return answer(client, Failure(allowed.error()));
    change_mode(client, wanted, request->actor());
}

void Daemon::on_bypass_set(ClientId client, std::uint32_t uid, Request* request) {
    ModeOverride wanted;
    wanted.service = request->text("service");
    const std::uint64_t seconds = request->number("seconds", 0, number_max);
    wanted.reason = request->text("reason");
    wanted.break_glass = request->number("break_glass", 0, 1) != 0;
    wanted.mode = ServiceMode::bypass;
    wanted.uid = uid;
    wanted.since_s = unix_seconds();
    wanted.until_s = wanted.since_s + seconds;
    if (!fields_are_right(client, *request)) return;
    const Result<void> allowed = check_bypass(wanted, seconds);
    if (!allowed) return answer(client, Failure(allowed.error()));
    change_mode(client, wanted, request->actor());
}

// Back to what the configuration says. It strengthens, so a trail that is full does not stop it.
void Daemon::on_bypass_end(ClientId client, std::uint32_t uid, Request* request) {
    ModeOverride wanted;
    wanted.service = request->text("service");
    wanted.reason = request->text("reason");
    wanted.uid = uid;
    wanted.since_s = unix_seconds();
    if (!fields_are_right(client, *request)) return;
    const ServiceOptions* service = find_service(wanted.service);
    if (service == nullptr || !in_bypass(*service))
        return answer(
            client, failure(ErrorCode::refused, "service " + wanted.service + " is in no bypass"));
    wanted.mode = service->mode;
    record_after(request->actor(), "bypass.ended", words_for(wanted, ServiceMode::bypass),
                 wanted.reason);
    set_mode(client, wanted);
}

void Daemon::change_mode(ClientId client, const ModeOverride& asked, const Person& actor) {
    ModeOverride wanted = asked;
    wanted.requester = actor.name;
    const ServiceMode from = mode_of(*find_service(wanted.service));
    const bool longer = wanted.mode == ServiceMode::bypass && from == ServiceMode::bypass;
    const bool weakens = longer || effect_of_mode(from, wanted.mode) == Effect::weakens;
    const std::string what = words_for(wanted, from);
    if (weakens && two_persons() && !wanted.break_glass) {
        Proposal proposal;
        proposal.kind = kind_of(wanted);
        proposal.what = what;
        // The end of a bypass counts from the approval on.
        proposal.payload = {{"service", wanted.service},
                            {"mode", name_of(wanted.mode)},
                            {"from", name_of(from)},
                            {"seconds", wanted.until_s == 0 ? 0 : wanted.until_s - wanted.since_s}};
        proposal.requester = actor;
        proposal.reason = wanted.reason;
        return answer(client, propose(std::move(proposal)));
    }
    const bool alone = weakens && !wanted.break_glass;
    const Result<void> written = record(
        actor, std::string(kind_of(wanted)) + (wanted.break_glass ? ".break_glass" : ".set"),
        what + (alone ? "; by one person (approvers = 1)" : ""), wanted.reason,
        wanted.break_glass ? "glass." + wanted.service + "=" + std::to_string(wanted.since_s) : "");
    if (!written) return answer(client, Failure(written.error()));
    set_mode(client, wanted);
}

void Daemon::approve_mode(ClientId client, const Proposal& proposal, const Person& approver) {
    const json& payload = proposal.payload;
    ModeOverride wanted;
    wanted.service = payload.at("service").get<std::string>();
    const ServiceOptions* service = find_service(wanted.service);
    ServiceMode from;
    if (!from_name(payload.at("mode").get<std::string>(), &wanted.mode) ||
        !from_name(payload.at("from").get<std::string>(), &from) || service == nullptr ||
        mode_of(*service) != from)
        return answer(client, failure(ErrorCode::refused,
                                      "the service is in another mode by now: this is no longer "
                                      "what was shown; ask again"));
    wanted.since_s = unix_seconds();
    const auto seconds = payload.at("seconds").get<std::uint64_t>();
    if (seconds != 0) wanted.until_s = wanted.since_s + seconds;
    wanted.reason = proposal.reason;
    wanted.uid = proposal.requester.uid;
    wanted.requester = proposal.requester.name;
    wanted.approver = approver.name;
    set_mode(client, wanted);
}

void Daemon::set_mode(ClientId client, const ModeOverride& wanted) {
    const Result<LinkSetMode> message = make_set_mode(wanted.service, wanted.mode, wanted.until_s);
    if (!message) return answer(client, Failure(message.error()));
    ask(LinkType::set_mode, payload_of(*message), config_.control.link_timeout_ms,
        [this, client, wanted](const Result<LinkPayload>& payload) {
            finish_mode_change(client, wanted, payload);
        });
}

void Daemon::finish_mode_change(ClientId client, const ModeOverride& wanted,
                                const Result<LinkPayload>& payload) {
    const bool away = !payload && (payload.error().code == ErrorCode::unreachable ||
                                   payload.error().code == ErrorCode::timeout);
    if (!payload && !away) {
        record_after(cordond_itself(), "mode.failed",
                     "service " + wanted.service + ": " + payload.error().message());
        return answer(client, Failure(payload.error()));
    }
    if (const auto status =
            payload.and_then([](const LinkPayload& bytes) { return decode_status(bytes); })) {
        dataplane_ = *status;  // mode.show tells it at once
    }
    // The configuration may have been reloaded while the dataplane thought.
    const ServiceOptions* service = find_service(wanted.service);
    if (service == nullptr) {
        return answer(client, failure(ErrorCode::refused, "the service is gone meanwhile"));
    }
    const bool as_configured = service->mode == wanted.mode && wanted.mode != ServiceMode::bypass;
    if (as_configured) {
        overrides_.remove(wanted.service);
    } else {
        overrides_.set(wanted);
    }
    Result<void> kept = overrides_.save();
    if (kept) kept = activate();
    if (!kept) return answer(client, Failure(kept.error()));
    json result = mode_json(*service);
    result["in_force"] = away ? json(nullptr) : json(name_of(wanted.mode));
    result["pending"] = false;
    result["applied"] = !away;
    result["note"] = away ? json("the dataplane does not answer; it takes the mode when it starts")
                          : json(nullptr);
    answer(client, result);
}

}  // namespace cordon
