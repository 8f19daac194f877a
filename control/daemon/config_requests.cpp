// The configuration as it is activated: with which one cordond begins, and the one door by which
// another comes into force.

#include "control/daemon/active_options.h"
#include "control/daemon/clocks.h"
#include "control/daemon/daemon.h"
#include "control/daemon/log.h"
#include "control/link/link_json.h"

namespace cordon {

using nlohmann::json;

namespace {

constexpr std::uint64_t trial_seconds_max = 3600;

std::string short_hash(const std::string& hash) {
    return hash.substr(0, 12);
}

// What cordond itself holds open stays as it was until it is restarted.
bool held_open_differs(const Config& a, const Config& b, bool verifies) {
    return a.control.socket_path != b.control.socket_path || a.metrics.listen != b.metrics.listen ||
           a.control.store_path != b.control.store_path ||
           a.control.store_server != b.control.store_server ||
           std::string_view(a.options.state_dir) != b.options.state_dir ||
           a.operators.viewer_group != b.operators.viewer_group ||
           a.operators.operator_group != b.operators.operator_group ||
           a.operators.admin_group != b.operators.admin_group ||
           (verifies && (a.verifier.socket_path != b.verifier.socket_path ||
                         a.verifier.user != b.verifier.user));
}

// Who writes another state_dir into the file does not get a new box by that: the service manager
// knows where this one keeps its state, and a move is approved before it is made.
Result<void> no_other_box(std::string_view state_dir) {
    const char* of_unit = std::getenv("STATE_DIRECTORY");
    if (of_unit == nullptr || state_dir == of_unit) return {};
    ConfigHistory known{std::string_view(of_unit)};
    if (const Result<bool> loaded = known.load(); loaded && !*loaded) return {};
    return failure(ErrorCode::integrity, "there is an approved configuration in " +
                                             std::string(of_unit) +
                                             ", which the file does not name as its state_dir");
}

}  // namespace

// --- the beginning -------------------------------------------------------------------------------

Result<Daemon::Beginning> Daemon::begin_with(const std::string& config_path,
                                             ConfigHistory* history) {
    const Result<std::string> file = read_config_text(config_path);
    if (!file) return Failure(file.error());
    // The file says where the state is, even when all else in it is wrong.
    if (const std::optional<std::string> state_dir = state_dir_of(*file)) {
        *history = ConfigHistory(*state_dir);
        const Result<bool> known = history->load();
        if (!known) return Failure(known.error());
        if (*known) return begin_approved(config_path, *file, history);
    }
    Result<Config> config = parse_config(*file, config_path);
    if (!config) return Failure(config.error());
    const Result<void> fresh = no_other_box(config->options.state_dir);
    if (!fresh) return Failure(fresh.error());
    return Beginning{std::move(*config), *file, "initial", ""};
}

Result<Daemon::Beginning> Daemon::begin_approved(const std::string& config_path,
                                                 const std::string& file, ConfigHistory* history) {
    const std::string& hash = history->current().hash;
    const Result<std::string> text = history->text_of(hash);
    if (!text) return Failure(text.error());
    Result<Config> of_file = parse_config(file, config_path);
    Result<Config> approved = parse_config(*text, "the approved configuration");
    const bool same = config_hash(file) == hash;
    // A release that no longer knows what was approved needs another text, and root to install it.
    if (!approved && of_file) return Beginning{std::move(*of_file), file, "upgrade", ""};
    if (!approved) return Failure(approved.error());
    if (state_dir_of(file) != std::string(approved->options.state_dir))
        return failure(ErrorCode::config, "the approved configuration is that of the state_dir " +
                                              std::string(approved->options.state_dir) + ", and " +
                                              config_path + " names another");
    // A test bench with one person is as its file says.
    const bool bench = approved->options.lab != 0 && approved->operators.approvers == 1;
    if (!same && bench && of_file && of_file->options.lab != 0)
        return Beginning{std::move(*of_file), file, "start", ""};
    return Beginning{std::move(*approved), *text, "", of_file ? "" : of_file.error().message()};
}

// What is not approved yet is so from here on, and on record.
Result<void> Daemon::begin_record() {
    if (const Result<void> opened = audit_.open(); !opened) {
        audit_error_ = opened.error().message();
        audit_broken_ = opened.error().code == ErrorCode::integrity;
        log_line(LogLevel::error, "nothing can be changed: " + audit_error_);
    }
    config_error_ = beginning_.problem;
    if (beginning_.how.empty()) {
        if (file_differs())
            log_line(LogLevel::warning, config_path_ +
                                            " differs from the approved configuration, which is "
                                            "in force; `cordonctl config diff` shows how");
        return {};
    }
    const std::string before = audit_.newest("config");
    if (beginning_.how == "initial" && !before.empty())
        return failure(ErrorCode::integrity, "the approved configuration is gone, and " +
                                                 audit_.path() + " knows of " + short_hash(before) +
                                                 ": put back " + config_.options.state_dir +
                                                 "/config");
    const Result<std::string> kept = history_.keep(beginning_.text);
    if (!kept) return Failure(kept.error());
    const Person actor = person_of(::geteuid(), Role::admin);
    const Result<void> written =
        record(actor, "config." + beginning_.how, config_path_ + ", " + short_hash(*kept), "",
               "config=" + *kept);
    // A new box has to have its record; one that is there goes on without a change.
    if (!written) return Failure(written.error());
    return history_.approve({0, *kept, unix_seconds(), beginning_.how, actor, std::nullopt, ""},
                            std::nullopt);
}

bool Daemon::file_differs() const {
    const Result<std::string> file = read_config_text(config_path_);
    return !file || config_hash(*file) != history_.current().hash;
}

// --- the door ------------------------------------------------------------------------------------

Result<Daemon::WantedConfig> Daemon::read_wanted(const std::string& text, std::string how) {
    Result<Config> config = parse_config(text, config_path_);
    if (!config) return Failure(config.error());
    return WantedConfig{text, std::move(*config), std::move(how), 0, ""};
}

Result<json> Daemon::change_config(WantedConfig wanted, const Person& actor) {
    const std::vector<Change> changes = changes_between(approved_, wanted.config);
    const bool weakens = any_weakens(changes);
    if (!weakens || !two_persons()) return accept_config(std::move(wanted), actor, std::nullopt);
    if (const Result<void> may = may_request(actor); !may) return Failure(may.error());
    const Result<std::string> kept = history_.keep(wanted.text);
    if (!kept) return Failure(kept.error());
    Proposal proposal;
    proposal.kind = "config";
    proposal.what = "configuration " + short_hash(*kept) + ": " + changes_text(changes);
    proposal.payload = {{"text", *kept},
                        {"base", history_.current().hash},
                        {"how", wanted.how},
                        {"confirm", wanted.confirm_s},
                        {"changes", changes_json(changes)}};
    proposal.requester = actor;
    proposal.reason = wanted.reason;
    return propose(std::move(proposal)).map([&changes](json result) {
        result["changes"] = changes_json(changes);
        return result;
    });
}

// One person's, or approved by another.
Result<json> Daemon::accept_config(WantedConfig wanted, const Person& requester,
                                   const std::optional<Person>& approver) {
    const Result<std::string> kept = history_.keep(wanted.text);
    if (!kept) return Failure(kept.error());
    const std::vector<Change> changes = changes_between(approved_, wanted.config);
    std::optional<Confirmation> confirmation;
    if (wanted.confirm_s != 0)
        confirmation = {unix_seconds() + wanted.confirm_s, history_.current().hash};
    const bool alone = any_weakens(changes) && !approver && wanted.how != "returned";
    if (*kept != history_.current().hash || confirmation) {
        const Result<void> written =
            record(approver ? *approver : requester, "config." + wanted.how,
                   short_hash(*kept) + ": " + changes_text(changes) +
                       (alone ? "; by one person (approvers = 1)" : "") +
                       (confirmation ? "; on trial until " + utc_time(confirmation->until_s) : ""),
                   wanted.reason, "config=" + *kept);
        if (!written) return Failure(written.error());
        const Result<void> approved = history_.approve(
            {0, *kept, unix_seconds(), wanted.how, requester, approver, wanted.reason},
            confirmation);
        if (!approved) return Failure(approved.error());
    }
    approved_ = wanted.config;
    std::vector<std::string> still;
    for (const Proposal& one : proposals_.list())
        if (one.kind == "config") still.push_back(one.payload.at("text").get<std::string>());
    history_.forget_others(still);
    return put_in_force(approved_).map([&](const std::string& text) {
        return json{
            {"pending", false},
            {"text", text},
            {"number", history_.current().number},
            {"hash", history_.current().hash},
            {"confirm_until", confirmation ? json(utc_time(confirmation->until_s)) : json(nullptr)},
            {"changes", changes_json(changes)},
            {"warnings", approved_.warnings}};
    });
}

Result<std::string> Daemon::put_in_force(const Config& config) {
    config_error_.clear();
    if (!server_) {  // at a start, which does the rest
        config_ = config;
        return std::string();
    }
    if (held_open_differs(config_, config, desk_ != nullptr)) {
        const std::string text =
            "the configuration is approved; restart cordond, then the dataplane, to put it into "
            "force: what cordond itself holds open has changed";
        log_line(LogLevel::notice, text);
        return text;
    }
    config_ = config;
    open_events();
    const Options active_before = active_;
    if (const Result<void> written = activate(); !written) return Failure(written.error());
    if (const Result<void> opened = open_desk(); !opened) return Failure(opened.error());
    for (std::uint32_t i = 0; i < active_.service_count; ++i) {
        const ServiceOptions& now = active_.services[i];
        const ServiceOptions& then = active_before.services[i];
        const bool same_service = std::string_view(now.name) == then.name;
        if (!same_service || (now.mode == then.mode && now.bypass_until_s == then.bypass_until_s)) {
            continue;
        }
        send_mode(now.name, now.mode, now.bypass_until_s);
    }
    const std::string reasons = restart_reasons(active_before, active_);
    const std::string text =
        reasons.empty() ? "the configuration is in force"
                        : "the configuration is written; restart cordon-dataplane to put into "
                          "force: " +
                              reasons;
    log_line(LogLevel::notice, text);
    return text;
}

// The file, as SIGHUP and `cordonctl config reload` ask for it.
Result<json> Daemon::reload(const Person& actor) {
    const Result<std::string> file = read_config_text(config_path_);
    Result<WantedConfig> wanted =
        file ? read_wanted(*file, "proposed") : Result<WantedConfig>(Failure(file.error()));
    if (!wanted) {
        config_error_ = wanted.error().message();
        return Failure(wanted.error());
    }
    return change_config(std::move(*wanted), actor);
}

Result<json> Daemon::approve_config(const Proposal& proposal, const Person& approver) {
    const json& payload = proposal.payload;
    if (payload.at("base") != history_.current().hash)
        return failure(ErrorCode::refused,
                       "another configuration came into force meanwhile: this is no longer the "
                       "difference that was shown; propose it again");
    const Result<std::string> text = history_.text_of(payload.at("text").get<std::string>());
    if (!text) return Failure(text.error());
    Result<WantedConfig> wanted = read_wanted(*text, payload.at("how").get<std::string>());
    if (!wanted) return Failure(wanted.error());
    wanted->confirm_s = payload.at("confirm").get<std::uint64_t>();
    wanted->reason = proposal.reason;
    return accept_config(std::move(*wanted), proposal.requester, approver);
}

// A trial that nobody confirmed: back to what was approved before it. Also at a start.
void Daemon::end_trial() {
    const auto& trial = history_.confirmation();
    if (!trial || trial->until_s > unix_seconds()) return;
    const Result<std::string> text = history_.text_of(trial->return_to);
    Result<WantedConfig> wanted =
        text ? read_wanted(*text, "returned") : Result<WantedConfig>(Failure(text.error()));
    const Result<json> done =
        wanted ? accept_config(std::move(*wanted), cordond_itself(), std::nullopt)
               : Result<json>(Failure(wanted.error()));
    if (done)
        log_line(LogLevel::warning, "nobody confirmed the configuration: the one before is back");
    else
        log_line(LogLevel::error,
                 "the configuration before cannot be put back: " + done.error().message());
}

// --- requests ------------------------------------------------------------------------------------

void Daemon::on_reload(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    answer(client, reload(request->actor()));
}

void Daemon::on_config_diff(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    const Result<std::string> file = read_config_text(config_path_);
    if (!file) return answer(client, Failure(file.error()));
    const Result<Config> config = parse_config(*file, config_path_);
    if (!config) return answer(client, Failure(config.error()));
    const std::vector<Change> changes = changes_between(approved_, *config);
    answer(client, json{{"file", config_path_},
                        {"hash", config_hash(*file)},
                        {"approved", history_.current().hash},
                        {"changes", changes_json(changes)},
                        {"needs_approval", any_weakens(changes) && two_persons()}});
}

void Daemon::on_config_propose(ClientId client, std::uint32_t, Request* request) {
    const std::uint64_t confirm_s = request->number("confirm", 0, trial_seconds_max);
    const std::string reason = request->text("reason");
    if (!fields_are_right(client, *request)) return;
    const Result<std::string> file = read_config_text(config_path_);
    if (!file) return answer(client, Failure(file.error()));
    Result<WantedConfig> wanted = read_wanted(*file, "proposed");
    if (!wanted) {
        config_error_ = wanted.error().message();
        return answer(client, Failure(wanted.error()));
    }
    if (confirm_s != 0 && history_.confirmation())
        return answer(client, failure(ErrorCode::refused,
                                      "a configuration is on trial already; confirm it first"));
    if (confirm_s != 0 && config_hash(*file) == history_.current().hash)
        return answer(client, failure(ErrorCode::refused,
                                      "there is nothing to try: the file is "
                                      "what is in force"));
    wanted->confirm_s = confirm_s;
    wanted->reason = reason;
    answer(client, change_config(std::move(*wanted), request->actor()));
}

void Daemon::on_config_confirm(ClientId client, std::uint32_t, Request* request) {
    if (!fields_are_right(client, *request)) return;
    if (!history_.confirmation())
        return answer(client, failure(ErrorCode::refused, "no configuration is on trial"));
    if (!recorded(client, *request, "config.confirmed", short_hash(history_.current().hash)))
        return;
    answer(client, history_.confirm().map([this] {
        return json{{"pending", false},
                    {"number", history_.current().number},
                    {"hash", history_.current().hash},
                    {"text", "the configuration is confirmed"}};
    }));
}

void Daemon::on_config_rollback(ClientId client, std::uint32_t, Request* request) {
    const std::uint64_t number = request->number("number", 0, INT64_MAX);
    const std::string reason = request->text("reason");
    if (!fields_are_right(client, *request)) return;
    const std::uint64_t current = history_.current().number;
    const ApprovedConfig* entry = history_.find(number == 0 ? current - 1 : number);
    if (entry == nullptr)
        return answer(client, failure(ErrorCode::refused,
                                      "there is no such configuration; `cordonctl config history` "
                                      "lists them"));
    const Result<std::string> text = history_.text_of(entry->hash);
    if (!text) return answer(client, Failure(text.error()));
    Result<WantedConfig> wanted = read_wanted(*text, "rollback");
    if (!wanted) return answer(client, Failure(wanted.error()));
    wanted->reason = reason;
    answer(client, change_config(std::move(*wanted), request->actor()));
}

}  // namespace cordon
