// `cordonctl config check|compile`: of a file, without cordond.

#include "control/config/config.h"

#include "control/cli/cli.h"
#include "control/daemon/active_options.h"
#include "control/daemon/request.h"

namespace cordon {

namespace {

using nlohmann::json;

// One object for each line of a configuration error: "FILE:LINE: what".
json problems_json(const std::string& text) {
    json problems = json::array();
    std::size_t from = 0;
    while (from < text.size()) {
        const std::size_t end = std::min(text.find('\n', from), text.size());
        problems.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return problems;
}

int fail(const Context& context, const Error& error) {
    if (context.json()) {
        context.print_json(
            {{"error", error_json(error)}, {"problems", problems_json(error.message())}});
    } else {
        context.complain(error.message());
    }
    return static_cast<int>(error.code);
}

}  // namespace

int run_config_check(Context& context) {
    const Result<Config> config = load_config(context.words[0]);
    if (!config) return fail(context, config.error());
    const Options& o = config->options;
    if (context.json()) {
        context.print_json({{"file", context.words[0]},
                            {"lab", o.lab != 0},
                            {"services", o.service_count},
                            {"warnings", config->warnings}});
        return 0;
    }
    for (const std::string& warning : config->warnings)
        context.complain("warning: " + warning);
    context.print(printable(context.words[0]) + " is right: " + grouped(o.service_count) +
                  (o.service_count == 1 ? " service" : " services") + ", ports " +
                  printable(o.client_port) + " and " + printable(o.storage_port) +
                  (o.lab != 0 ? ", LAB" : "") + "\n");
    return 0;
}

int run_config_compile(Context& context) {
    if (!context.has(Flag::output)) {
        return context.fail({ErrorCode::usage, "config compile needs -o FILE"});
    }
    Result<Config> config = load_config(context.words[0]);
    if (!config) return fail(context, config.error());
    const std::string path = context.get(Flag::output);
    const Result<void> written = write_active_options(path, &config->options);
    if (!written) return context.fail(written.error());
    if (context.json()) {
        context.print_json(
            {{"file", path}, {"policy_generation", config->options.policy_generation}});
    } else {
        context.print("options written to " + printable(path) + ", policy generation " +
                      std::to_string(config->options.policy_generation) + "\n");
    }
    return 0;
}

}  // namespace cordon
