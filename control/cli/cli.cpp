#include "control/cli/cli.h"

#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "control/cli/cordond_client.h"
#include "control/config/config.h"
#include "control/config/names.h"
#include "control/config/toml_section.h"
#include "control/daemon/request.h"
#include "control/daemon/request_roles.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

constexpr std::uint32_t timeout_ms_default = 5000;
constexpr std::uint64_t timeout_ms_max = 600 * 1000;

std::vector<std::string> split(std::string_view words) {
    std::vector<std::string> parts;
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        parts.emplace_back(words.substr(0, end));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return parts;
}

std::string unknown_command(const std::vector<std::string>& words) {
    std::string line;
    std::vector<std::string> known;
    for (const std::string& word : words)
        line += (line.empty() ? "" : " ") + word;
    for (const Command& command : command_table()) {
        // "incidents" alone: name what may follow.
        if (std::string_view(command.words).starts_with(line + " ")) {
            known.emplace_back(command.words);
        }
    }
    if (!known.empty()) {
        const std::vector<std::string_view> views(known.begin(), known.end());
        return "\"" + printable(line) + "\" needs another word: " + one_of(views);
    }
    for (const Command& command : command_table())
        known.emplace_back(command.words);
    // Only as many words as a command can have: what follows are arguments.
    std::string near = nearest(line, known);
    if (near.empty() && words.size() > 1) near = nearest(words[0] + " " + words[1], known);
    if (near.empty()) near = nearest(words[0], known);
    return "unknown command \"" + printable(line) + "\"" +
           (near.empty() ? "; `cordonctl help` lists them" : "; did you mean \"" + near + "\"?");
}

// The flags and words of the line; false on an unknown flag.
bool read_line(int argc, char** argv, Context* context, std::string* problem) {
    std::vector<option> options;
    std::string letters = ":";  // a missing argument is told apart
    for (const FlagInfo& info : flag_table()) {
        const int kind = info.argument == nullptr ? no_argument : required_argument;
        options.push_back({info.name, kind, nullptr, 256 + static_cast<int>(info.flag)});
        if (info.letter == 0) continue;
        letters += info.letter;
        if (info.argument != nullptr) letters += ':';
    }
    options.push_back({nullptr, 0, nullptr, 0});
    ::optind = 0;
    ::opterr = 0;
    int found;
    while ((found = ::getopt_long(argc, argv, letters.c_str(), options.data(), nullptr)) != -1) {
        if (found == '?' || found == ':') {
            const char* word = argv[::optind - 1];
            *problem = found == ':' ? std::string(word) + " needs an argument"
                                    : "unknown flag " + std::string(word);
            return false;
        }
        for (const FlagInfo& info : flag_table()) {
            if (found != info.letter && found != 256 + static_cast<int>(info.flag)) continue;
            context->flags[static_cast<std::size_t>(info.flag)] =
                info.argument == nullptr ? "" : ::optarg;
        }
    }
    for (int i = ::optind; i < argc; ++i)
        context->words.emplace_back(argv[i]);
    return true;
}

std::string usage_of(const Command& command) {
    std::string line = "usage: cordonctl " + std::string(command.words);
    for (const FlagInfo& info : flag_table()) {
        if (of_every_command(info.flag) || !takes(command, info.flag)) continue;
        line += " [--" + std::string(info.name) +
                (info.argument == nullptr ? "" : " " + std::string(info.argument)) + "]";
    }
    return line + (command.arguments[0] == '\0' ? "" : " " + std::string(command.arguments));
}

int wrong_usage(const Context& context, const std::string& text) {
    return context.fail({ErrorCode::usage, text});
}

// To who runs `check`, the exit code of wrong usage would say that the appliance is in danger.
int wrong_usage_of(const Command& command, const Context& context, const std::string& text) {
    const int code = wrong_usage(context, text);
    return command.run == run_check ? check_unknown : code;
}

int run_command(const Command& command, Context* context) {
    if (context->has(Flag::help)) {
        context->print(usage_of(command) + "\n" + command.help + "\n");
        if (command.request != nullptr)
            context->print("needs the role " +
                           std::string(name_of(role_of_request(command.request).role)) + "\n");
        for (const FlagInfo& info : flag_table()) {
            if (!takes(command, info.flag)) continue;
            std::string name = "  --" + std::string(info.name);
            if (info.argument != nullptr) name += " " + std::string(info.argument);
            name.resize(std::max<std::size_t>(name.size() + 2, 24), ' ');
            context->print(name + info.help + "\n");
        }
        return 0;
    }
    for (const FlagInfo& info : flag_table()) {
        if (context->has(info.flag) && !takes(command, info.flag)) {
            return wrong_usage_of(command, *context,
                                  "--" + std::string(info.name) + " has no meaning for " +
                                      command.words + "; " + usage_of(command));
        }
    }
    const std::size_t own = split(command.words).size();
    context->words.erase(context->words.begin(),
                         context->words.begin() + static_cast<std::ptrdiff_t>(own));
    if (context->words.size() < command.words_min || context->words.size() > command.words_max) {
        return wrong_usage_of(command, *context, usage_of(command));
    }
    return command.run(*context);
}

}  // namespace

bool of_every_command(Flag flag) {
    return static_cast<int>(flag) <= static_cast<int>(Flag::help);
}

bool takes(const Command& command, Flag flag) {
    return of_every_command(flag) ||
           std::find(command.flags.begin(), command.flags.end(), flag) != command.flags.end();
}

const Command* find_command(const std::vector<std::string>& words) {
    const Command* best = nullptr;
    std::size_t best_length = 0;
    for (const Command& command : command_table()) {
        const std::vector<std::string> own = split(command.words);
        const bool fits =
            own.size() <= words.size() && std::equal(own.begin(), own.end(), words.begin());
        if (!fits || own.size() <= best_length) continue;
        best = &command;
        best_length = own.size();
    }
    return best;
}

void Context::print(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), out);
    std::fflush(out);
}

void Context::print_json(const nlohmann::json& value) const {
    print(one_line(value) + "\n");
}

void Context::complain(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), err);
    std::fputc('\n', err);
}

int Context::fail(const Error& error) const {
    if (json()) {
        print_json({{"error", error_json(error)}});
    } else {
        complain("cordonctl: " + error.message());
    }
    return static_cast<int>(error.code);
}

std::string text_of(const nlohmann::json& value) {
    return value.is_string() ? printable(value.get<std::string>()) : std::string("-");
}

std::string time_of(const nlohmann::json& value) {
    return value.is_string() ? local_time(value.get<std::string>()) : std::string("-");
}

Result<std::uint64_t> number_of(const Context& context, Flag flag, std::uint64_t standard,
                                std::uint64_t max) {
    if (!context.has(flag)) return standard;
    const std::string text = context.get(flag);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value <= max) return value;
    std::string name;
    for (const FlagInfo& info : flag_table()) {
        if (info.flag == flag) name = info.name;
    }
    return failure(ErrorCode::usage,
                   "--" + name + " must be a whole number of at most " + std::to_string(max));
}

Result<std::string> run_dir_of(const Context& context) {
    if (context.has(Flag::run_dir)) return context.get(Flag::run_dir);
    if (!context.has(Flag::config)) return std::string("/run/cordon");
    return load_config(context.get(Flag::config)).map([](const Config& config) {
        return std::string(config.options.run_dir);
    });
}

Result<std::uint32_t> timeout_of(const Context& context) {
    return number_of(context, Flag::timeout, timeout_ms_default, timeout_ms_max)
        .map([](std::uint64_t ms) { return static_cast<std::uint32_t>(ms); });
}

namespace {

// Where a request with this role is asked: at the socket of the least role that will do; else at
// one that will not, so that cordond says why and puts it on record.
std::string socket_for(const std::string& run_dir, Role needed) {
    if (::geteuid() == 0) return control_socket_path(run_dir);
    constexpr Role order[][3] = {{Role::viewer, Role::operating, Role::admin},
                                 {Role::operating, Role::admin, Role::viewer},
                                 {Role::admin, Role::operating, Role::viewer}};
    for (const Role role : order[static_cast<std::size_t>(needed)]) {
        const std::string path = role_socket_path(run_dir, role);
        if (::access(path.c_str(), W_OK) == 0) return path;
    }
    return control_socket_path(run_dir);
}

}  // namespace

Result<nlohmann::json> ask(const Context& context, const nlohmann::json& request) {
    const Result<std::string> run_dir = run_dir_of(context);
    if (!run_dir) return Failure(run_dir.error());
    const Result<std::uint32_t> timeout_ms = timeout_of(context);
    if (!timeout_ms) return Failure(timeout_ms.error());
    const RequestRole needed = role_of_request(request.at("request").get<std::string>());
    return ask_cordond(socket_for(*run_dir, needed.role), request, *timeout_ms);
}

int run_cli(int argc, char** argv, std::FILE* out, std::FILE* err, const Screen& screen) {
    Context context = {out, err, screen, {}, {}};
    std::string problem;
    const bool of_check = argc > 1 && std::string_view(argv[1]) == "check";
    if (!read_line(argc, argv, &context, &problem)) {
        const int code = wrong_usage(context, printable(problem));
        return of_check ? check_unknown : code;
    }
    if (context.words.empty()) {
        if (!context.has(Flag::help)) {
            return wrong_usage(context, "a command is missing; `cordonctl help` lists them");
        }
        return run_help(context);
    }
    const Command* command = find_command(context.words);
    if (command == nullptr) return wrong_usage(context, unknown_command(context.words));
    // The edge of the libraries: what they throw on an answer of a wrong shape ends here.
    try {
        return run_command(*command, &context);
    } catch (const nlohmann::json::exception&) {
        return context.fail({ErrorCode::integrity,
                             "the answer has another shape than it should; is cordond of another "
                             "release?"});
    }
}

}  // namespace cordon
