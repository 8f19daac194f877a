// `cordonctl check`: one line for Nagios, Icinga and their like, with the exit codes of their
// plugins.

#include <algorithm>

#include "control/cli/cli.h"
#include "control/cli/problems.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr const char* words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

// What stands behind a bar is read as figures.
std::string without_bars(std::string text) {
    std::replace(text.begin(), text.end(), '|', '/');
    return text;
}

void add_figure(std::string* figures, const char* name, const json& value, const char* unit) {
    if (!value.is_number()) return;
    *figures += " " + std::string(name) + "=" + value.dump() + unit + ";;;0";
}

// `c` is a counter, `B` are bytes.
std::string figures_of(const json& status, const Result<json>& coverage) {
    std::string figures;
    const json& d = status.at("dataplane");
    const json& c = status.at("control");
    if (d.at("reachable").get<bool>()) {
        add_figure(&figures, "flows", d.at("flows"), "");
        add_figure(&figures, "kept_bytes", d.at("kept_bytes"), "B");
        add_figure(&figures, "indicators", d.at("index").at("indicators"), "");
    }
    if (coverage) {
        std::uint64_t inspected = 0, uninspected = 0;
        for (const json& line : coverage->at("objects")) {
            const bool missed = line.at("class").get<std::string>().starts_with("uninspected");
            (missed ? uninspected : inspected) += line.at("objects").get<std::uint64_t>();
        }
        add_figure(&figures, "objects_inspected", inspected, "c");
        add_figure(&figures, "objects_uninspected", uninspected, "c");
        for (const json& line : coverage->at("outcomes")) {
            if (line.at("name") == "match_blocked")
                add_figure(&figures, "blocked", line.at("value"), "c");
        }
    }
    if (c.at("reachable").get<bool>() && !c.at("store").contains("error"))
        add_figure(&figures, "incidents", c.at("store").at("incidents"), "");
    return figures.empty() ? "" : " |" + figures;
}

std::string joined(const json& texts) {
    std::string line;
    for (const json& text : texts)
        line += (line.empty() ? "" : "; ") + printable(text.get<std::string>());
    return line;
}

int tell(const Context& context, int code, const std::string& text, const std::string& figures,
         const json& status) {
    if (context.json()) {
        context.print_json({{"code", code}, {"state", words[code]}, {"status", status}});
    } else {
        context.print("CORDON " + std::string(words[code]) + " - " + without_bars(text) + figures +
                      "\n");
    }
    return code;
}

}  // namespace

int run_check(Context& context) {
    Result<json> status = fetch_status(context);
    if (!status)
        return tell(context, check_unknown, printable(status.error().message()), "", nullptr);
    judge_status(&*status);
    const json& critical = status->at("critical");
    const json& problems = status->at("problems");
    const std::string figures = figures_of(*status, fetch_coverage(context));
    if (!critical.empty()) return tell(context, check_critical, joined(critical), figures, *status);
    if (!problems.empty()) return tell(context, check_warning, joined(problems), figures, *status);
    const json& index = status->at("dataplane").at("index");
    return tell(context, check_ok,
                "inspects, with " + grouped(index.at("indicators").get<std::uint64_t>()) +
                    " indicators of generation " + index.at("generation").dump(),
                figures, *status);
}

}  // namespace cordon
