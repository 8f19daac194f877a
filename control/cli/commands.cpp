// The tables of commands, flags and exit codes: help, parsing and tests all come from here.

#include <algorithm>

#include "control/cli/cli.h"
#include "control/daemon/request.h"
#include "dataplane/contract/version.h"

namespace cordon {

namespace {

constexpr Flag coverage_flags[] = {Flag::unlisted};
constexpr Flag list_flags[] = {Flag::limit, Flag::service, Flag::action, Flag::status,
                               Flag::client};
constexpr Flag tail_flags[] = {Flag::follow, Flag::limit,  Flag::service,
                               Flag::action, Flag::status, Flag::client};
constexpr Flag build_flags[] = {Flag::output, Flag::section, Flag::generation, Flag::random,
                                Flag::seed};
constexpr Flag mode_flags[] = {Flag::until, Flag::reason};
constexpr Flag verify_flags[] = {Flag::limit, Flag::service, Flag::outcome};
constexpr Flag hold_flags[] = {Flag::until, Flag::reason};
constexpr Flag compile_flags[] = {Flag::output};

constexpr std::size_t any_number = 10000;

const Command commands[] = {
    {"status", "", 0, 0, {}, "whether the appliance works, and what needs attention", run_status},
    {"check",
     "",
     0,
     0,
     {},
     "the same in one line for Nagios; ends with 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN",
     run_check},
    {"coverage", "", 0, 0, coverage_flags,
     "what was inspected and what was not: every frame and every object, counted once",
     run_coverage},
    {"incidents list", "", 0, 0, list_flags, "matches, newest first", run_incidents_list},
    {"incidents", "", 0, 0, list_flags, "the same", run_incidents_list},
    {"incidents show", "CASE", 1, 1, {}, "everything about one case", run_incidents_show},
    {"incidents tail", "", 0, 0, tail_flags, "the last matches; with -f also those to come",
     run_incidents_tail},
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
    {"mode show", "", 0, 0, {}, "the mode of every service", run_mode_show},
    {"mode", "", 0, 0, {}, "the same", run_mode_show},
    {"mode set", "SERVICE enforce|observe|bypass", 2, 2, mode_flags,
     "changes the mode of a service at once", run_mode_set},
    {"verify list", "", 0, 0, verify_flags,
     "objects judged on the storage because they could not be in flight, newest first",
     run_verify_list},
    {"verify", "", 0, 0, verify_flags, "the same", run_verify_list},
    {"verify show", "NUMBER", 1, 1, {}, "everything about one of them", run_verify_show},
    {"verify retry",
     "[NUMBER]",
     0,
     1,
     {},
     "tries those again, or the one, that ended in error or overflow",
     run_verify_retry},
    {"feed status",
     "",
     0,
     0,
     {},
     "the feeds: what is in force, since when, and why not more",
     run_feed_status},
    {"feed", "", 0, 0, {}, "the same", run_feed_status},
    {"feed sync",
     "[NAME]",
     0,
     1,
     {},
     "asks the mirrors now, and waits for what comes of it",
     run_feed_sync},
    {"feed history", "NAME", 1, 1, {}, "what was taken and suspended, and when", run_feed_history},
    {"feed verify",
     "[NAME]",
     0,
     1,
     {},
     "checks what lies on the disk against what was signed",
     run_feed_verify},
    {"feed pause", "NAME", 1, 1, hold_flags,
     "holds back releases, for 7 days at most; suspensions still come", run_feed_pause},
    {"feed pin", "NAME current|previous", 2, 2, hold_flags,
     "the same, at the generation in force or the one before it", run_feed_pin},
    {"feed resume", "NAME", 1, 1, {}, "ends a pause or pin", run_feed_resume},
    {"feed import",
     "NAME DIR [COPY]",
     2,
     3,
     {},
     "takes a copy of the feed from a folder, for air gaps; a late one (7 days at most) by the "
     "name of its COPY, which the refusal tells",
     run_feed_import},
    {"feed enrol",
     "NAME",
     1,
     1,
     {},
     "what the Centre needs of this appliance to grant it the key",
     run_feed_enrol},
    {"config check", "FILE", 1, 1, {}, "whether a configuration is right", run_config_check},
    {"config compile", "FILE", 1, 1, compile_flags,
     "writes the dataplane's options file from a configuration, as cordond does",
     run_config_compile},
    {"config reload", "", 0, 0, {}, "has cordond read its configuration again", run_config_reload},
    {"completion",
     "bash|zsh|fish",
     1,
     any_number,
     {},
     "prints the completion script of a shell; make install puts it in place",
     run_completion},
    {"version", "", 0, 0, {}, "says the version", run_version},
    {"help",
     "[exit-codes|metrics|events|COMMAND]",
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
    {Flag::client, "client", 0, "ADDRESS", "only of this client"},
    {Flag::output, "output", 'o', "FILE", "the file to write"},
    {Flag::section, "section", 0, "NAME", "name of the list in the index (default lab)"},
    {Flag::generation, "generation", 0, "N", "number of the index (default: the time)"},
    {Flag::random, "random", 0, "N", "add N random SHA-256 indicators"},
    {Flag::seed, "seed", 0, "S", "the same random indicators for the same S (default 1)"},
    {Flag::until, "until", 0, "TIME",
     "end of a bypass, pause or pin: 2030-01-31T18:00:00Z, or from now: 30m, 2h, 1d"},
    {Flag::reason, "reason", 0, "TEXT", "why; it is recorded"},
    {Flag::outcome, "outcome", 0,
     "waiting|clean|uninspected|deleted|reported|gone|replaced|error|overflow", "only these"},
};
static_assert(std::size(flags) == flag_count);

struct ExitCode {
    ErrorCode code;
    const char* help;
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
};

int print_exit_codes(Context& context) {
    if (context.json()) {
        nlohmann::json list = nlohmann::json::array();
        list.push_back({{"code", 0}, {"name", "ok"}, {"help", "all is well"}});
        for (const ExitCode& exit : exit_codes) {
            list.push_back({{"code", static_cast<int>(exit.code)},
                            {"name", error_name(exit.code)},
                            {"help", exit.help}});
        }
        context.print_json({{"exit_codes", list}});
        return 0;
    }
    Table table({{"CODE", true}, {"NAME"}, {"MEANING"}});
    table.row({"0", "ok", "all is well"});
    for (const ExitCode& exit : exit_codes) {
        table.row({std::to_string(static_cast<int>(exit.code)), error_name(exit.code), exit.help});
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
    context.print("cordonctl asks and steers an appliance that stops uploads of known CSAM.\n\n" +
                  table.text(context.screen) +
                  "\n`cordonctl COMMAND --help` explains one; --json works everywhere; "
                  "`cordonctl help exit-codes` lists what it ends with.\n");
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
    return topic == "exit-codes" ? print_exit_codes(context) : print_commands(context, topic);
}

}  // namespace cordon
