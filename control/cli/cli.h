// cordonctl: the command line, the static table of commands, and what every command gets.
//
// Owns:       nothing that lives on; a Context its flags and words.
// Invariants: a command prints its result to `out` (one JSON value with --json), all else to `err`;
//             its exit code is 0 or an ErrorCode.
// Limits:     none of its own.
#pragma once

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/text.h"
#include "dataplane/base/result.h"

namespace cordon {

enum class Flag : std::uint8_t {
    json,
    config,
    run_dir,
    timeout,
    help,  // of every command
    unlisted,
    follow,
    limit,
    service,
    action,
    status,
    reveal,
    output,
    section,
    generation,
    random,
    seed,
    until,
    reason,
    outcome,
    span,  // --for, a word of the language
    break_glass,
    end,
    since,
    head,
    confirm,
    interval,
    origin,
    id,
    size,
    tests,
    before,
    who,
    did,  // --action of audit show, where any word may stand
};
inline constexpr std::size_t flag_count = 34;

struct FlagInfo {
    Flag flag;
    const char* name;
    char letter;           // 0: none
    const char* argument;  // of the flag, null: none
    const char* help;
};

struct Context {
    std::FILE* out;
    std::FILE* err;
    Screen screen;
    std::array<std::optional<std::string>, flag_count> flags;
    std::vector<std::string> words;  // behind those of the command

    bool has(Flag flag) const { return flags[static_cast<std::size_t>(flag)].has_value(); }
    std::string get(Flag flag, std::string_view standard = "") const {
        return flags[static_cast<std::size_t>(flag)].value_or(std::string(standard));
    }
    bool json() const { return has(Flag::json); }

    void print(std::string_view text) const;
    void print_json(const nlohmann::json& value) const;
    void complain(std::string_view text) const;
    // Says what went wrong, in the form asked for, and gives back its exit code.
    int fail(const Error& error) const;
};

struct Command {
    const char* words;      // "incidents list"
    const char* arguments;  // "CASE", "" when there are none
    std::size_t words_min;  // how many arguments it takes
    std::size_t words_max;
    std::span<const Flag> flags;  // beside those of every command
    const char* help;             // one line
    int (*run)(Context& context);
    const char* request = nullptr;  // what it asks cordond: its role is that of request_roles.h
};

// Not an error: what was asked for waits for a second person.
inline constexpr int exit_pending = 12;

std::span<const Command> command_table();
std::span<const FlagInfo> flag_table();

bool of_every_command(Flag flag);
bool takes(const Command& command, Flag flag);
// The command whose words are the first ones of the line, or null.
const Command* find_command(const std::vector<std::string>& words);

// A whole number of a flag.
Result<std::uint64_t> number_of(const Context& context, Flag flag, std::uint64_t standard,
                                std::uint64_t max);

// Where the sockets are: --run-dir, else that of --config, else /run/cordon.
Result<std::string> run_dir_of(const Context& context);
Result<std::uint32_t> timeout_of(const Context& context);

// Asks cordond at the run_dir of the context.
Result<nlohmann::json> ask(const Context& context, const nlohmann::json& request);

// Of cordond, or of the dataplane alone when cordond does not answer.
Result<nlohmann::json> fetch_status(const Context& context);
Result<nlohmann::json> fetch_coverage(const Context& context);

// How the second person approves what waits.
std::string approval_command(const nlohmann::json& pending);
// Says what waits for a second person, and gives back its exit code.
int tell_pending(const Context& context, const nlohmann::json& pending);
// What became of a change of mode; `hint` stands behind the end of a bypass.
int tell_mode(const Context& context, const Result<nlohmann::json>& done, const char* hint = "");
// No answer, where the dataplane may know what cordond could not tell.
bool cordond_is_away(const Error& error);

// For what may take minutes: an index of ten million indicators is built and tried.
Result<nlohmann::json> ask_slowly(const Context& context, const nlohmann::json& request);

// The answer to `explain` as text, within 24 lines of 80 columns whatever it holds.
std::string explained(const nlohmann::json& answer);

// As ask(), with the patience that a feed takes.
Result<nlohmann::json> ask_slowly(const Context& context, const nlohmann::json& request);
// Prints a feed; an alarm makes the exit code.
int tell_feed(Context& context, const nlohmann::json& feed);

// A text, and a time, of an answer as people read them; "-" where there is none.
std::string text_of(const nlohmann::json& value);
std::string time_of(const nlohmann::json& value);

// A time span of a flag, like 30m, in seconds; 0 when it is not given.
Result<std::uint64_t> seconds_of_flag(const Context& context, Flag flag, const char* name);

// How `check` ends, as plugins of Nagios do.
inline constexpr int check_ok = 0;
inline constexpr int check_warning = 1;
inline constexpr int check_critical = 2;
inline constexpr int check_unknown = 3;

int run_cli(int argc, char** argv, std::FILE* out, std::FILE* err, const Screen& screen);

int print_metrics(Context& context);
int print_event_fields(Context& context);
int print_json_fields(Context& context);

// Commands, by file.
int run_status(Context& context);
int run_coverage(Context& context);
int run_top(Context& context);
int run_check(Context& context);
int run_completion(Context& context);
int run_incidents_list(Context& context);
int run_incidents_show(Context& context);
int run_incidents_hold(Context& context);
int run_incidents_release(Context& context);
int run_incidents_tail(Context& context);
int run_explain(Context& context);
int run_list_add(Context& context);
int run_list_approve(Context& context);
int run_list_show(Context& context);
int run_list_remove(Context& context);
int run_index_build(Context& context);
int run_index_list(Context& context);
int run_index_show(Context& context);
int run_index_check(Context& context);
int run_mode_show(Context& context);
int run_mode_set(Context& context);
int run_config_check(Context& context);
int run_config_compile(Context& context);
int run_config_diff(Context& context);
int run_config_propose(Context& context);
int run_config_commit(Context& context);
int run_config_rollback(Context& context);
int run_config_history(Context& context);
int run_config_reload(Context& context);
int run_bypass(Context& context);
int run_suspend(Context& context);
int run_pending(Context& context);
int run_approve(Context& context);
int run_reject(Context& context);
int run_audit_show(Context& context);
int run_audit_verify(Context& context);
int run_verify_list(Context& context);
int run_verify_show(Context& context);
int run_verify_retry(Context& context);
int run_selftest(Context& context);
int run_feed_status(Context& context);
int run_feed_sync(Context& context);
int run_feed_history(Context& context);
int run_feed_verify(Context& context);
int run_feed_pause(Context& context);
int run_feed_pin(Context& context);
int run_feed_resume(Context& context);
int run_feed_import(Context& context);
int run_feed_enrol(Context& context);
int run_feed_trust(Context& context);
int run_feed_confirm(Context& context);
int run_version(Context& context);
int run_help(Context& context);

}  // namespace cordon
