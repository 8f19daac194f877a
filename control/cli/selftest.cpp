// `cordonctl selftest`: whether known files are refused, and what the storage keeps of them.

#include <unistd.h>

#include <algorithm>

#include "control/cli/cli.h"
#include "control/daemon/clocks.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr useconds_t look_every_us = 200'000;
// Above what cordond gives a test.
constexpr std::uint64_t patience_ms = 200'000;

std::string answer_of(const json& way) {
    const json& status = way.at("http_status");
    return text_of(way.at("answer")) + (status.is_number() ? " (" + status.dump() + ")" : "");
}

std::string left_of(const json& way) {
    const std::uint64_t bytes = way.at("left_bytes").get<std::uint64_t>();
    std::string text = text_of(way.at("left"));
    if (text == "part") text += ", " + grouped(bytes) + " bytes";
    return text + (way.at("deleted").get<bool>() ? "" : "; NOT DELETED");
}

std::string page_of(const Context& context, const json& run) {
    const json& verdict = run.at("verdict");
    const std::string result = text_of(verdict.at("result"));
    std::string page = "Service " + text_of(run.at("service")) + ": " +
                       (result == "ok" ? context.screen.bold("OK") : context.screen.red(result)) +
                       "\n  " + text_of(verdict.at("text")) + "\n";
    if (verdict.at("storage").is_string())
        page += "  The storage " + text_of(verdict.at("storage")) + ".\n";
    Table table({{"  UPLOAD"}, {"ANSWER"}, {"CASE"}, {"ON RECORD"}, {"ON THE STORAGE"}});
    for (const json& way : verdict.at("ways")) {
        const bool has_case = way.at("case").is_string();
        table.row({"  " + text_of(way.at("way")), answer_of(way), text_of(way.at("case")),
                   !has_case                         ? "-"
                   : way.at("on_record").get<bool>() ? "yes"
                                                     : "no",
                   left_of(way)});
    }
    return table.empty() ? page : page + table.text(context.screen);
}

Result<json> wait_for(const Context& context, std::uint64_t id) {
    const std::uint64_t until_ms = monotonic_ms() + patience_ms;
    while (true) {
        Result<json> run = ask(context, {{"request", "selftest.show"}, {"id", id}});
        if (!run || run->at("done").get<bool>()) return run;
        if (monotonic_ms() >= until_ms)
            return failure(ErrorCode::timeout, "the self-test does not end");
        ::usleep(look_every_us);
    }
}

}  // namespace

// The worst of what the services come to; failures before what only needs attention.
int run_selftest(Context& context) {
    json request = {{"request", "selftest.start"}};
    if (context.has(Flag::service)) request["service"] = context.get(Flag::service);
    const Result<json> started = ask(context, request);
    if (!started) return context.fail(started.error());
    json runs = json::array();
    int worst = 0;
    const auto weight = [](int code) {
        constexpr int order[] = {0, 4, 3, 8, 1};  // as the results stand in their table
        return std::find(std::begin(order), std::end(order), code) - std::begin(order);
    };
    for (const json& id : started->at("runs")) {
        const Result<json> run = wait_for(context, id.get<std::uint64_t>());
        if (!run) return context.fail(run.error());
        const int code = run->at("verdict").at("exit_code").get<int>();
        if (weight(code) > weight(worst)) worst = code;
        runs.push_back(*run);
        if (!context.json()) context.print(page_of(context, *run));
    }
    if (context.json()) context.print_json({{"runs", runs}});
    return worst;
}

}  // namespace cordon
