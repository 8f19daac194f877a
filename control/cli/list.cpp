// `cordonctl list add|approve|show|remove`: the operator's own list, which only reports.

#include <unistd.h>

#include "control/cli/cli.h"
#include "control/daemon/clocks.h"

namespace cordon {

namespace {

using nlohmann::json;

std::string person_of(const json& person) {
    return person.is_object() ? text_of(person.at("name")) : std::string("-");
}

std::string in_words(const json& entry) {
    return "entry " + entry.at("entry").dump() + " (" + text_of(entry.at("origin")) + " " +
           text_of(entry.at("id")) + ", until " + time_of(entry.at("until")) + ")";
}

// It is on the list when this is said; in force when the dataplane has it.
int tell_done(const Context& context, const Result<json>& done, const char* what) {
    if (!done) return context.fail(done.error());
    const json dataplane =
        done->value("dataplane", json{{"in_force", false}, {"why", "it refused the last index"}});
    const bool in_force = dataplane.at("in_force").get<bool>();
    if (context.json()) {
        context.print_json(*done);
    } else {
        context.print(std::string(what) + in_words(*done) +
                      (in_force
                           ? "; the dataplane has it so\n"
                           : "; not yet in the dataplane: " + text_of(dataplane.at("why")) + "\n"));
    }
    return in_force ? 0 : static_cast<int>(ErrorCode::degraded);
}

std::string hits_text(const json& hits) {
    std::string text;
    for (const auto& [origin, count] : hits.items())
        text += (text.empty() ? "" : ", ") + grouped(count.get<std::uint64_t>()) + " of " + origin;
    return text;
}

// It waits already. Who asked is told at once when it is a file of this system, as long as the look
// does not take long.
Result<json> tried(const Context& context, json waits) {
    const Result<std::uint32_t> timeout_ms = timeout_of(context);
    if (!timeout_ms) return Failure(timeout_ms.error());
    const std::uint64_t until_ms = monotonic_ms() + *timeout_ms;
    while (waits.at("trying").get<bool>() && monotonic_ms() < until_ms) {
        constexpr useconds_t look_every_us = 50 * 1000;
        ::usleep(look_every_us);
        const Result<json> told =
            ask(context, {{"request", "list.trial"}, {"hash", waits.at("hash")}});
        if (!told) return told;
        waits["trying"] = told->at("trying");
    }
    return waits;
}

}  // namespace

int run_list_add(Context& context) {
    const Result<std::uint64_t> seconds = seconds_of_flag(context, Flag::span, "for");
    if (!seconds) return context.fail(seconds.error());
    json request = {{"request", "list.add"},
                    {"digest", context.words[0]},
                    {"origin", context.get(Flag::origin)},
                    {"id", context.get(Flag::id)},
                    {"reason", context.get(Flag::reason)}};
    if (*seconds != 0) request["seconds"] = *seconds;
    if (context.has(Flag::size)) {
        const Result<std::uint64_t> size = number_of(context, Flag::size, 0, INT64_MAX);
        if (!size) return context.fail(size.error());
        request["size"] = *size;
    }
    Result<json> done = ask_slowly(context, request);
    if (done && done->at("pending").get<bool>()) done = tried(context, std::move(*done));
    if (done && done->at("pending").get<bool>()) return tell_pending(context, *done);
    return tell_done(context, done, "added: ");
}

int run_list_approve(Context& context) {
    return tell_done(context,
                     ask_slowly(context, {{"request", "list.approve"},
                                          {"hash", context.words[0]},
                                          {"digest", context.words[1]}}),
                     "approved: ");
}

int run_list_remove(Context& context) {
    char* end = nullptr;
    const std::uint64_t number = std::strtoull(context.words[0].c_str(), &end, 10);
    if (*end != '\0' || number == 0 || number > INT64_MAX)
        return context.fail(
            {ErrorCode::usage, "list remove takes the number of an entry, as `list show` has it"});
    return tell_done(context,
                     ask_slowly(context, {{"request", "list.remove"},
                                          {"entry", number},
                                          {"reason", context.get(Flag::reason)}}),
                     "removed: ");
}

int run_list_show(Context& context) {
    const Result<json> answer = ask(context, {{"request", "list.show"}});
    if (!answer) return context.fail(answer.error());
    if (context.json()) {
        context.print_json(*answer);
        return 0;
    }
    Table table({{"ENTRY", true},
                 {"ORIGIN"},
                 {"ID", false, true},
                 {"DIGEST"},
                 {"UNTIL"},
                 {"ASKED BY"},
                 {"APPROVED BY"},
                 {"HITS", true},
                 {"LAST HIT"}});
    for (const json& one : answer->at("entries"))
        table.row({one.at("entry").dump(), text_of(one.at("origin")), text_of(one.at("id")),
                   text_of(one.at("kind")), time_of(one.at("until")),
                   person_of(one.at("requester")), person_of(one.at("approver")),
                   grouped(one.at("hits").get<std::uint64_t>()), time_of(one.at("last_hit"))});
    const json& summary = answer->at("summary");
    std::string page = table.empty() ? "The local list is empty.\n" : table.text(context.screen);
    page += "It only reports. " + summary.at("pending").dump() +
            " wait for a second person (cordonctl pending). Hits so far: " +
            hits_text(summary.at("hits")) + ".\n";
    if (summary.at("problem").is_string())
        page += context.screen.red("PROBLEM: ") + text_of(summary.at("problem")) + "\n";
    context.print(page);
    return 0;
}

}  // namespace cordon
