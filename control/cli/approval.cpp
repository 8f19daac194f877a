// `cordonctl pending|approve|reject`, and `config diff|propose|commit|rollback|history|reload`:
// what needs a second person, and who gave his word for what is in force.

#include "control/cli/cli.h"

namespace cordon {

using nlohmann::json;

namespace {

std::string person_of(const json& person) {
    if (!person.is_object()) return "-";
    return text_of(person.at("name")) + " (" + text_of(person.at("role")) + ")";
}

const char* trying_text(const json& proposal) {
    return proposal.at("trying").get<bool>() ? "  It is still tried against the files of this "
                                               "system; nobody can approve it before.\n"
                                             : "";
}

std::string changes_table(const Context& context, const json& changes) {
    Table table({{"KEY"}, {"NOW", false, true}, {"THEN", false, true}, {"EFFECT"}});
    for (const json& one : changes)
        table.row({text_of(one.at("key")), text_of(one.at("before")), text_of(one.at("after")),
                   text_of(one.at("effect"))});
    return table.empty() ? "Nothing changes.\n" : table.text(context.screen);
}

// A command that asks for a change, and says what became of it.
int tell_config(const Context& context, const Result<json>& done) {
    if (!done) return context.fail(done.error());
    if (done->at("pending").get<bool>()) return tell_pending(context, *done);
    if (context.json()) {
        context.print_json(*done);
        return 0;
    }
    for (const json& warning : done->value("warnings", json::array()))
        context.complain("warning: " + text_of(warning));
    context.print(text_of(done->at("text")) + "\n");
    if (done->contains("confirm_until") && done->at("confirm_until").is_string())
        context.print("It goes back at " + time_of(done->at("confirm_until")) +
                      " unless confirmed: cordonctl config commit\n");
    return 0;
}

}  // namespace

std::string approval_command(const json& pending) {
    const std::string hash = text_of(pending.at("hash"));
    return pending.at("kind") == "list" ? "cordonctl list approve " + hash + " DIGEST"
                                        : "cordonctl approve " + hash;
}

int tell_pending(const Context& context, const json& pending) {
    if (context.json()) {
        context.print_json(pending);
        return exit_pending;
    }
    const bool is_list = pending.at("kind") == "list";
    context.print((is_list ? "An entry of the local list waits until "
                           : "This weakens the appliance. It waits until ") +
                  time_of(pending.at("until")) + " for a second person, who is not root:\n\n");
    if (pending.contains("changes")) {
        context.print(changes_table(context, pending.at("changes")) + "\n");
    } else {
        context.print("  " + text_of(pending.at("what")) + "\n\n");
    }
    context.print("  " + approval_command(pending) + "\n" + trying_text(pending));
    return exit_pending;
}

Result<std::uint64_t> seconds_of_flag(const Context& context, Flag flag, const char* name) {
    if (!context.has(flag)) return 0;
    std::uint64_t end = 0, later = 0;
    const std::string text = context.get(flag);
    // A time of the calendar does not move with the clock.
    if (parse_until(text, 0, &end) && parse_until(text, 1, &later) && later == end + 1 && end != 0)
        return end;
    return failure(ErrorCode::usage, "--" + std::string(name) + " is a time like 5m, 2h");
}

int run_pending(Context& context) {
    const Result<json> answer = ask(context, {{"request", "pending"}});
    if (!answer) return context.fail(answer.error());
    const json& list = answer->at("pending");
    if (context.json()) {
        context.print_json(*answer);
        return 0;
    }
    if (list.empty()) {
        context.print("Nothing waits for a second person.\n");
        return 0;
    }
    for (const json& one : list) {
        context.print(approval_command(one) + "\n  asked by " + person_of(one.at("requester")) +
                      " at " + time_of(one.at("asked")) + ", ends at " + time_of(one.at("until")) +
                      "\n" + trying_text(one));
        if (!one.at("reason").get<std::string>().empty())
            context.print("  reason: " + text_of(one.at("reason")) + "\n");
        if (one.contains("changes")) {
            context.print("\n" + changes_table(context, one.at("changes")) + "\n");
        } else {
            context.print("  " + text_of(one.at("what")) + "\n\n");
        }
    }
    return 0;
}

int run_approve(Context& context) {
    const Result<json> done =
        ask_slowly(context, {{"request", "approve"}, {"hash", context.words[0]}});
    if (!done) return context.fail(done.error());
    if (done->contains("mirrors")) {
        tell_feed(context, *done);
        return 0;  // whatever else there is to say of the feed
    }
    if (context.json()) {
        context.print_json(*done);
    } else if (done->contains("text")) {
        context.print("approved: " + text_of(done->at("text")) + "\n");
    } else {
        context.print("approved: service " + text_of(done->at("service")) + ": mode " +
                      text_of(done->at("mode")) + "\n");
    }
    return 0;
}

int run_reject(Context& context) {
    const Result<json> done = ask(
        context,
        {{"request", "reject"}, {"hash", context.words[0]}, {"reason", context.get(Flag::reason)}});
    if (!done) return context.fail(done.error());
    if (context.json()) {
        context.print_json(*done);
    } else {
        context.print("no longer waits: " + text_of(done->at("what")) + "\n");
    }
    return 0;
}

int run_config_diff(Context& context) {
    const Result<json> answer = ask(context, {{"request", "config.diff"}});
    if (!answer) return context.fail(answer.error());
    if (context.json()) {
        context.print_json(*answer);
        return 0;
    }
    context.print(text_of(answer->at("file")) + " against what is approved:\n\n" +
                  changes_table(context, answer->at("changes")));
    if (answer->at("needs_approval").get<bool>())
        context.print("\nIt weakens the appliance and needs a second person.\n");
    return 0;
}

int run_config_propose(Context& context) {
    return tell_config(context, ask(context, {{"request", "config.propose"},
                                              {"reason", context.get(Flag::reason)}}));
}

// As on a router: on trial with --confirm, for good without.
int run_config_commit(Context& context) {
    const Result<std::uint64_t> seconds = seconds_of_flag(context, Flag::confirm, "confirm");
    if (!seconds) return context.fail(seconds.error());
    if (*seconds == 0) return tell_config(context, ask(context, {{"request", "config.confirm"}}));
    return tell_config(context, ask(context, {{"request", "config.propose"},
                                              {"reason", context.get(Flag::reason)},
                                              {"confirm", *seconds}}));
}

int run_config_rollback(Context& context) {
    std::uint64_t number = 0;
    if (!context.words.empty()) {
        char* end = nullptr;
        number = std::strtoull(context.words[0].c_str(), &end, 10);
        if (*end != '\0' || number == 0)
            return context.fail({ErrorCode::usage,
                                 "config rollback takes a number of `cordonctl "
                                 "config history`"});
    }
    return tell_config(context, ask(context, {{"request", "config.rollback"},
                                              {"reason", context.get(Flag::reason)},
                                              {"number", number}}));
}

int run_config_history(Context& context) {
    const Result<json> answer = ask(context, {{"request", "config.history"}});
    if (!answer) return context.fail(answer.error());
    if (context.json()) {
        context.print_json(*answer);
        return 0;
    }
    Table table({{"NUMBER", true},
                 {"WHEN"},
                 {"HOW"},
                 {"ASKED BY"},
                 {"APPROVED BY"},
                 {"HASH"},
                 {"REASON", false, true}});
    for (const json& one : answer->at("configurations"))
        table.row({one.at("number").dump(), time_of(one.at("time")), text_of(one.at("how")),
                   person_of(one.at("requester")), person_of(one.at("approver")),
                   text_of(one.at("hash")).substr(0, 12), text_of(one.at("reason"))});
    context.print(table.text(context.screen));
    if (answer->at("confirm_until").is_string())
        context.print("The last one is on trial until " + time_of(answer->at("confirm_until")) +
                      ".\n");
    if (answer->at("file_differs").get<bool>())
        context.print("The file differs from it: cordonctl config diff\n");
    return 0;
}

int run_config_reload(Context& context) {
    return tell_config(context, ask(context, {{"request", "reload"}}));
}

}  // namespace cordon
