// The tables of commands, flags and exit codes: help, parsing and tests all come from here.

#include <algorithm>

#include "control/cli/cli.h"
#include "control/daemon/request.h"
#include "dataplane/contract/version.h"

namespace cordon {

namespace {

constexpr Flag coverage_flags[] = {Flag::unlisted};
constexpr Flag top_flags[] = {Flag::interval, Flag::limit};
constexpr Flag list_flags[] = {Flag::limit, Flag::service, Flag::action, Flag::status, Flag::tests};
constexpr Flag tail_flags[] = {Flag::follow, Flag::limit,  Flag::service,
                               Flag::action, Flag::status, Flag::tests};
constexpr Flag selftest_flags[] = {Flag::service};
constexpr Flag reveal_flags[] = {Flag::reveal, Flag::reason};
constexpr Flag keep_flags[] = {Flag::span, Flag::reason};
constexpr Flag build_flags[] = {Flag::output, Flag::section, Flag::generation, Flag::random,
                                Flag::seed};
constexpr Flag reason_flags[] = {Flag::reason};
constexpr Flag bypass_flags[] = {Flag::span, Flag::reason, Flag::break_glass, Flag::end};
constexpr Flag suspend_flags[] = {Flag::span, Flag::reason, Flag::end};
constexpr Flag commit_flags[] = {Flag::confirm, Flag::reason};
constexpr Flag show_flags[] = {Flag::since, Flag::limit, Flag::before, Flag::who, Flag::did};
constexpr Flag head_flags[] = {Flag::head};
constexpr Flag verify_flags[] = {Flag::limit, Flag::service, Flag::outcome};
constexpr Flag add_flags[] = {Flag::origin, Flag::id, Flag::size, Flag::span, Flag::reason};
constexpr Flag hold_flags[] = {Flag::until, Flag::reason};
constexpr Flag compile_flags[] = {Flag::output};

constexpr std::size_t any_number = 10000;

const Command commands[] = {
    {"status",
     "",
     0,
     0,
     {},
     "whether the appliance works, and what needs attention",
     run_status,
     "status"},
    {"check",
     "",
     0,
     0,
     {},
     "the same in one line for Nagios; ends with 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN",
     run_check,
     "status"},
    {"coverage", "", 0, 0, coverage_flags,
     "what was inspected and what was not: every frame and every object, counted once",
     run_coverage, "coverage"},
    {"top", "", 0, 0, top_flags,
     "live, by service: objects, bytes, verdicts, what was seen and how long verdicts took",
     run_top, "coverage"},
    {"incidents list", "", 0, 0, list_flags, "matches, newest first", run_incidents_list,
     "incidents.list"},
    {"incidents", "", 0, 0, list_flags, "the same", run_incidents_list, "incidents.list"},
    {"incidents show", "CASE", 1, 1, reveal_flags,
     "everything about one case; whom it is about with --reveal and a reason, which is recorded",
     run_incidents_show, "incidents.show"},
    {"incidents hold", "CASE", 1, 1, keep_flags,
     "keeps whom a case is about beyond retention: a complaint, an order", run_incidents_hold,
     "incidents.hold"},
    {"incidents release", "CASE", 1, 1, reason_flags, "ends that", run_incidents_release,
     "incidents.hold"},
    {"incidents tail", "", 0, 0, tail_flags, "the last matches; with -f also those to come",
     run_incidents_tail, "incidents.after"},
    {"explain",
     "CASE",
     1,
     1,
     {},
     "one case on one screen, for who answers a complaint; nothing of a person is in it",
     run_explain,
     "explain"},
    {"list show",
     "",
     0,
     0,
     {},
     "your own list, which only reports: its entries and what they met",
     run_list_show,
     "list.show"},
    {"list", "", 0, 0, {}, "the same", run_list_show, "list.show"},
    {"list add", "sha256:…|sha1:…|md5:…", 1, 1, add_flags,
     "proposes one entry, for 90 days at most (--for); a second person approves it", run_list_add,
     "list.add"},
    {"list approve",
     "HASH DIGEST",
     2,
     2,
     {},
     "approves an entry: with the digest as this person has it from the order",
     run_list_approve,
     "list.approve"},
    {"list remove", "ENTRY", 1, 1, reason_flags, "takes an entry off", run_list_remove,
     "list.remove"},
    {"index build", "[LISTFILE…]", 0, any_number, build_flags,
     "makes a LAB index from lists of hex digests, \"pattern: TEXT\", \"expression: REGEX\"",
     run_index_build},
    {"index list",
     "FILE|FOLDER…",
     1,
     any_number,
     {},
     "prints lines for a list: digest, size and head of every file",
     run_index_list},
    {"index show", "FILE", 1, 1, {}, "what an index file holds", run_index_show},
    {"index check", "FILE", 1, 1, {}, "verifies every byte of an index file", run_index_check},
    {"mode show", "", 0, 0, {}, "the mode of every service", run_mode_show, "mode.show"},
    {"mode", "", 0, 0, {}, "the same", run_mode_show, "mode.show"},
    {"mode set", "SERVICE enforce|observe", 2, 2, reason_flags,
     "changes the mode of a service; observe needs a second person", run_mode_set, "mode.set"},
    {"bypass", "SERVICE", 1, 1, bypass_flags,
     "has a service not inspected for a while; needs a second person", run_bypass, "bypass.set"},
    {"suspend", "CASE", 1, 1, suspend_flags,
     "has what a case matched do nothing here for a while: a complaint; needs a second person",
     run_suspend, "suspend"},
    {"pending", "", 0, 0, {}, "what waits for a second person", run_pending, "pending"},
    {"approve",
     "HASH",
     1,
     1,
     {},
     "approves, as the second person, exactly what has this hash",
     run_approve,
     "approve"},
    {"reject", "HASH", 1, 1, reason_flags, "what waits does not wait any more", run_reject,
     "reject"},
    {"audit show", "", 0, 0, show_flags, "who changed what, when and why", run_audit_show,
     "audit.show"},
    {"audit", "", 0, 0, show_flags, "the same", run_audit_show, "audit.show"},
    {"audit verify", "[FILE]", 0, 1, head_flags,
     "whether the audit trail is whole; with --head also that none is missing since then",
     run_audit_verify, "audit.verify"},
    {"verify list", "", 0, 0, verify_flags,
     "objects judged on the storage because they could not be in flight, newest first",
     run_verify_list, "verify.list"},
    {"verify", "", 0, 0, verify_flags, "the same", run_verify_list, "verify.list"},
    {"verify show",
     "NUMBER",
     1,
     1,
     {},
     "everything about one of them",
     run_verify_show,
     "verify.show"},
    {"verify retry",
     "[NUMBER]",
     0,
     1,
     {},
     "tries those again, or the one, that ended in error or overflow",
     run_verify_retry,
     "verify.retry"},
    {"selftest", "", 0, 0, selftest_flags,
     "uploads a harmless known file through the appliance: it must be refused, and leave nothing "
     "on the storage",
     run_selftest, "selftest.start"},
    {"feed status",
     "",
     0,
     0,
     {},
     "the feeds: what is in force, since when, and why not more",
     run_feed_status,
     "feed.status"},
    {"feed", "", 0, 0, {}, "the same", run_feed_status, "feed.status"},
    {"feed sync",
     "[NAME]",
     0,
     1,
     {},
     "asks the mirrors now, and waits for what comes of it",
     run_feed_sync,
     "feed.sync"},
    {"feed history",
     "NAME",
     1,
     1,
     {},
     "what was taken and suspended, and when",
     run_feed_history,
     "feed.history"},
    {"feed verify",
     "[NAME]",
     0,
     1,
     {},
     "checks what lies on the disk against what was signed",
     run_feed_verify,
     "feed.verify"},
    {"feed pause", "NAME", 1, 1, hold_flags,
     "holds back releases, for 7 days at most; suspensions still come", run_feed_pause,
     "feed.hold"},
    {"feed pin", "NAME current|previous", 2, 2, hold_flags,
     "the same, at the generation in force or the one before it", run_feed_pin, "feed.hold"},
    {"feed resume", "NAME", 1, 1, {}, "ends a pause or pin", run_feed_resume, "feed.hold"},
    {"feed import", "NAME DIR [COPY]", 2, 3, reason_flags,
     "takes a copy of the feed from a folder, for air gaps; a late one (7 days at most) by the "
     "name of its COPY, which the refusal tells, and with a second person",
     run_feed_import, "feed.import"},
    {"feed trust", "NAME", 1, 1, reason_flags,
     "asks that the list of a root you enrolled may block; it waits for a second person",
     run_feed_trust, "feed.trust"},
    {"feed confirm", "NAME [REFERENCE]", 1, 2, reason_flags,
     "newcomers that were doubted are right and act again: all of them, or one as incidents show "
     "it",
     run_feed_confirm, "feed.confirm"},
    {"feed enrol",
     "NAME",
     1,
     1,
     {},
     "what the Centre needs of this appliance to grant it the key",
     run_feed_enrol,
     "feed.enrol"},
    {"config check", "FILE", 1, 1, {}, "whether a configuration is right", run_config_check},
    {"config compile", "FILE", 1, 1, compile_flags,
     "writes the dataplane's options file from a configuration, as cordond does",
     run_config_compile},
    {"config diff",
     "",
     0,
     0,
     {},
     "what the file changes of what is approved, and what of that weakens",
     run_config_diff,
     "config.diff"},
    {"config propose", "", 0, 0, reason_flags,
     "puts the file into force; what weakens waits for a second person", run_config_propose,
     "config.propose"},
    {"config approve", "HASH", 1, 1, {}, "the same as approve", run_approve, "approve"},
    {"config commit", "", 0, 0, commit_flags,
     "with --confirm 5m: the same on trial, back by itself; without: confirms the trial",
     run_config_commit, "config.propose"},
    {"config rollback", "[NUMBER]", 0, 1, reason_flags,
     "proposes the configuration before, or one of `config history`", run_config_rollback,
     "config.rollback"},
    {"config history",
     "",
     0,
     0,
     {},
     "the configurations that were approved, by whom",
     run_config_history,
     "config.history"},
    {"config reload",
     "",
     0,
     0,
     {},
     "the same as config propose, and as SIGHUP",
     run_config_reload,
     "reload"},
    {"completion",
     "bash|zsh|fish",
     1,
     any_number,
     {},
     "prints the completion script of a shell; make install puts it in place",
     run_completion},
    {"version", "", 0, 0, {}, "says the version", run_version},
    {"help",
     "[exit-codes|metrics|events|fields|COMMAND]",
     0,
     3,
     {},
     "this list, or more about one thing",
     run_help},
};

constexpr FlagInfo flags[] = {
    {Flag::json, "json", 'j', nullptr, "print JSON with stable names"},
    {Flag::config, "config", 'c', "FILE", "take run_dir from this configuration"},
    {Flag::run_dir, "run-dir", 0, "DIR", "where the sockets are (default /run/cordon)"},
    {Flag::timeout, "timeout", 0, "MS", "how long to wait for an answer (default 5000)"},
    {Flag::help, "help", 'h', nullptr, "explain a command"},
    {Flag::unlisted, "unlisted", 0, nullptr,
     "where traffic went that no service lists: a service may be missing"},
    {Flag::follow, "follow", 'f', nullptr, "go on until interrupted"},
    {Flag::limit, "limit", 'n', "N", "at most so many"},
    {Flag::service, "service", 0, "NAME", "only of this service"},
    {Flag::action, "action", 0, "block|report|observe|suspended", "only these"},
    {Flag::status, "status", 0, "decided|unconfirmed|enforced", "only these"},
    {Flag::reveal, "reveal", 0, nullptr, "show whom it is about: for a --reason, and on record"},
    {Flag::output, "output", 'o', "FILE", "the file to write"},
    {Flag::section, "section", 0, "NAME", "name of the list in the index (default lab)"},
    {Flag::generation, "generation", 0, "N", "number of the index (default: the time)"},
    {Flag::random, "random", 0, "N", "add N random SHA-256 indicators"},
    {Flag::seed, "seed", 0, "S", "the same random indicators for the same S (default 1)"},
    {Flag::until, "until", 0, "TIME",
     "end of a pause or pin: 2030-01-31T18:00:00Z, or from now: 30m, 2h, 1d"},
    {Flag::reason, "reason", 0, "TEXT", "why; it is recorded"},
    {Flag::outcome, "outcome", 0,
     "waiting|clean|uninspected|deleted|reported|gone|replaced|error|overflow", "only these"},
    {Flag::span, "for", 0, "TIME",
     "how long: 30m, 2h, 90d; a bypass at most 24h, with --break-glass 60m"},
    {Flag::break_glass, "break-glass", 0, nullptr,
     "in an emergency, by one person: alarms, once a day for a service"},
    {Flag::end, "end", 0, nullptr, "ends the bypass now"},
    {Flag::since, "since", 0, "TIME", "only newer: 2030-01-31T18:00:00Z, or so long ago: 30m, 2h"},
    {Flag::head, "head", 0, "HASH", "a head that was noted before: is all up to it still there?"},
    {Flag::confirm, "confirm", 0, "TIME", "it goes back after this time, at most 60m"},
    {Flag::interval, "interval", 0, "TIME", "between two looks, like 5s (default 2s)"},
    {Flag::origin, "origin", 0, "order|hotline|case",
     "who said so: an order, a hotline's notice, a case"},
    {Flag::id, "id", 0, "ID", "number of the order, notice or case; it is recorded: no names"},
    {Flag::size, "size", 0, "BYTES", "the size of the file, where it is known"},
    {Flag::tests, "tests", 0, nullptr, "with the vectors of self-tests"},
    {Flag::before, "before", 0, "NUMBER", "only records with a smaller number"},
    {Flag::who, "who", 0, "NAME", "only what this user did"},
    {Flag::did, "did", 0, "WORD", "only this action, or all that begin so: mode, mode.set"},
};
static_assert(std::size(flags) == flag_count);

struct ExitCode {
    ErrorCode code;
    const char* help;
    const char* name = nullptr;  // null: as error_name() says
};

constexpr ExitCode exit_codes[] = {
    {ErrorCode::refused, "the operation was refused, or a check found something"},
    {ErrorCode::usage, "the command line is wrong"},
    {ErrorCode::unreachable, "the other process does not answer"},
    {ErrorCode::degraded, "it works, and needs attention"},
    {ErrorCode::permission, "privileges or role are missing"},
    {ErrorCode::timeout, "no answer in time"},
    {ErrorCode::integrity, "a checksum, signature or format is wrong"},
    {ErrorCode::config, "the configuration is wrong"},
    {ErrorCode::interface, "a network interface, port or driver is missing or unfit"},
    {ErrorCode::memory, "not enough memory, hugepages or locked memory"},
    {ErrorCode::io, "a file or disk failed"},
    {ErrorCode{exit_pending}, "not yet: it waits for a second person", "pending"},
};

std::string name_of(const ExitCode& exit) {
    return exit.name != nullptr ? exit.name : error_name(exit.code);
}

int print_exit_codes(Context& context) {
    if (context.json()) {
        nlohmann::json list = nlohmann::json::array();
        list.push_back({{"code", 0}, {"name", "ok"}, {"help", "all is well"}});
        for (const ExitCode& exit : exit_codes) {
            list.push_back({{"code", static_cast<int>(exit.code)},
                            {"name", name_of(exit)},
                            {"help", exit.help}});
        }
        context.print_json({{"exit_codes", list}});
        return 0;
    }
    Table table({{"CODE", true}, {"NAME"}, {"MEANING"}});
    table.row({"0", "ok", "all is well"});
    for (const ExitCode& exit : exit_codes) {
        table.row({std::to_string(static_cast<int>(exit.code)), name_of(exit), exit.help});
    }
    context.print("Every program of Cordon ends with one of these:\n\n" +
                  table.text(context.screen));
    return 0;
}

int print_commands(Context& context, const std::string& only) {
    Table table({{"COMMAND"}, {"WHAT IT DOES"}});
    nlohmann::json list = nlohmann::json::array();
    for (const Command& command : commands) {
        if (!std::string_view(command.words).starts_with(only)) continue;
        const std::string space = command.arguments[0] == '\0' ? "" : " ";
        table.row({command.words + space + command.arguments, command.help});
        list.push_back(
            {{"command", command.words}, {"arguments", command.arguments}, {"help", command.help}});
    }
    if (table.empty()) {
        return context.fail({ErrorCode::usage, "there is no command \"" + printable(only) + "\""});
    }
    if (context.json()) {
        context.print_json({{"commands", list}});
        return 0;
    }
    context.print(
        "cordonctl asks and steers an appliance that stops uploads of known CSAM.\n\n" +
        table.text(context.screen) +
        "\n`cordonctl COMMAND --help` explains one; --json works everywhere (`cordonctl help "
        "fields`); `cordonctl help exit-codes` lists what it ends with.\n");
    return 0;
}

}  // namespace

std::span<const Command> command_table() {
    return commands;
}
std::span<const FlagInfo> flag_table() {
    return flags;
}

int run_version(Context& context) {
    if (context.json()) {
        context.print_json({{"version", version}});
    } else {
        context.print(std::string("cordonctl ") + version + "\n");
    }
    return 0;
}

int run_help(Context& context) {
    std::string topic;
    for (const std::string& word : context.words)
        topic += (topic.empty() ? "" : " ") + word;
    if (topic == "metrics") return print_metrics(context);
    if (topic == "events") return print_event_fields(context);
    if (topic == "fields") return print_json_fields(context);
    return topic == "exit-codes" ? print_exit_codes(context) : print_commands(context, topic);
}

}  // namespace cordon
