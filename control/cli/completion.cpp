// `cordonctl completion bash|zsh|fish`, and `completion words`, which their scripts ask.

#include "control/cli/completion.h"

#include <algorithm>
#include <map>
#include <optional>

namespace cordon {

namespace {

using nlohmann::json;

constexpr const char* names_ms_max = "300";
constexpr std::uint64_t cases_max = 20;

constexpr const char bash_script[] =
    R"(# Completion of cordonctl for bash, made by `cordonctl completion bash`.
_cordonctl() {
    local line word=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    while IFS=$'\t' read -r line _; do
        case $line in
            :files)
                compopt -o filenames
                mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
                ;;
            :directories)
                compopt -o filenames
                mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$word")
                ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done < <("${COMP_WORDS[0]}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}
complete -F _cordonctl cordonctl
)";

constexpr const char zsh_script[] = R"(#compdef cordonctl
# Completion of cordonctl for zsh, made by `cordonctl completion zsh`.
_cordonctl() {
    local line
    local -a found
    while IFS= read -r line; do
        case $line in
            :files) _files ;;
            :directories) _files -/ ;;
            *) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done < <("${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2> /dev/null)
    (( $#found )) && _describe cordonctl found
}
if [ "$funcstack[1]" = _cordonctl ]; then _cordonctl "$@"; else compdef _cordonctl cordonctl; fi
)";

constexpr const char fish_script[] =
    R"(# Completion of cordonctl for fish, made by `cordonctl completion fish`.
function __cordonctl_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] completion words -- $words[2..] "$current" 2> /dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :directories
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete -c cordonctl -f -a '(__cordonctl_words)'
)";

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(at), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

const FlagInfo* find_flag(std::string_view word) {
    for (const FlagInfo& info : flag_table()) {
        const bool lettered = info.letter != 0 && word.size() == 2 && word[1] == info.letter;
        if (word == "--" + std::string(info.name) || (lettered && word[0] == '-')) return &info;
    }
    return nullptr;
}

// The line up to the cursor, taken apart.
struct Line {
    std::vector<std::string> words;  // that are no flags
    std::vector<const FlagInfo*> flags;
    const FlagInfo* open = nullptr;  // waits for its argument
};

Line read(std::span<const std::string> before, Context* context) {
    Line line;
    for (const std::string& word : before) {
        if (line.open != nullptr) {
            context->flags[static_cast<std::size_t>(line.open->flag)] = word;
            line.open = nullptr;
        } else if (const FlagInfo* flag = find_flag(word); flag != nullptr) {
            line.flags.push_back(flag);
            if (flag->argument != nullptr) line.open = flag;
        } else if (!word.starts_with('-')) {
            line.words.push_back(word);
        }
    }
    return line;
}

class Completer {
  public:
    Completer(const Context& context, std::string prefix, NamesOf names)
        : context_(context), prefix_(std::move(prefix)), names_(names) {}

    // What an argument may be, by its name in help: "a|b", FILE, SERVICE …
    void add_argument(std::string_view argument, const std::string& command) {
        std::string what(argument);
        std::erase_if(what, [](char c) { return c == '[' || c == ']'; });
        const std::size_t more = what.find("…");
        if (more != std::string::npos) what.erase(more);
        for (const std::string& one : split(what, '|')) {
            if (one == "FILE" || one == "LISTFILE") {
                add({complete_files, ""}, true);
            } else if (one == "DIR" || one == "FOLDER") {
                add({complete_directories, ""}, true);
            } else if (one == "COMMAND") {
                add_next_words({});
            } else if (std::any_of(one.begin(), one.end(), [](char c) { return c >= 'a'; })) {
                add({one, ""}, false);
            } else {
                const bool of_feed = one == "NAME" && command.starts_with("feed ");
                for (const std::string& name : names_(context_, of_feed ? "FEED" : one))
                    add({name, ""}, false);
            }
        }
    }

    void add_flags(const Line& line, const Command* command) {
        for (const FlagInfo& info : flag_table()) {
            if (command == nullptr ? !of_every_command(info.flag) : !takes(*command, info.flag))
                continue;
            if (std::find(line.flags.begin(), line.flags.end(), &info) != line.flags.end())
                continue;
            add({"--" + std::string(info.name), info.help}, false);
        }
    }

    // The words that commands have behind these.
    void add_next_words(const std::vector<std::string>& before) {
        std::map<std::string, std::string> next;
        for (const Command& command : command_table()) {
            const std::vector<std::string> own = split(command.words, ' ');
            if (own.size() <= before.size() ||
                !std::equal(before.begin(), before.end(), own.begin()))
                continue;
            std::string& help = next[own[before.size()]];
            const bool last = own.size() == before.size() + 1;
            if (last && std::string_view(command.help) != "the same") help = command.help;
            if (!last) help += (help.empty() ? "" : ", ") + own[before.size() + 1];
        }
        for (const auto& [word, help] : next)
            add({word, help}, false);
    }

    std::vector<Candidate> take() { return std::move(found_); }

  private:
    void add(Candidate candidate, bool always) {
        if (always || candidate.word.starts_with(prefix_)) found_.push_back(std::move(candidate));
    }

    const Context& context_;
    std::string prefix_;
    NamesOf names_;
    std::vector<Candidate> found_;
};

// One question to cordond, which has little time: nobody waits at a prompt.
std::vector<std::string> names_from_cordond(const Context& context, std::string_view what) {
    json request;
    const char* list = "";
    const char* name = "";
    if (what == "SERVICE") {
        request = {{"request", "mode.show"}};
        list = "services", name = "service";
    } else if (what == "FEED") {
        request = {{"request", "feed.status"}};
        list = "feeds", name = "name";
    } else if (what == "CASE") {
        request = {{"request", "incidents.list"}, {"limit", cases_max}};
        list = "incidents", name = "case";
    } else {
        return {};
    }
    Context quick = context;
    quick.flags[static_cast<std::size_t>(Flag::timeout)] = names_ms_max;
    const Result<json> answer = ask(quick, request);
    std::vector<std::string> names;
    if (!answer || !answer->contains(list)) return names;
    for (const json& one : answer->at(list))
        names.push_back(printable(one.at(name).get<std::string>()));
    return names;
}

}  // namespace

std::vector<Candidate> complete(const Context& context, std::span<const std::string> words,
                                NamesOf names) {
    if (words.empty()) return {};
    Context as_typed = context;
    const Line line = read(words.first(words.size() - 1), &as_typed);
    const std::string& prefix = words.back();
    const Command* command = find_command(line.words);
    Completer completer(as_typed, prefix, names);
    if (line.open != nullptr) {
        const bool service = line.open->flag == Flag::service;
        completer.add_argument(service ? "SERVICE" : line.open->argument, "");
    } else if (prefix.starts_with('-')) {
        completer.add_flags(line, command);
    } else {
        completer.add_next_words(line.words);
        const std::vector<std::string> arguments =
            command == nullptr ? std::vector<std::string>{} : split(command->arguments, ' ');
        if (command == nullptr || arguments.empty()) return completer.take();
        const std::size_t own = split(command->words, ' ').size();
        const std::size_t at = line.words.size() - own;
        if (at < command->words_max)
            completer.add_argument(arguments[std::min(at, arguments.size() - 1)], command->words);
    }
    return completer.take();
}

int run_completion(Context& context) {
    const std::string what = context.words[0];
    const std::span<const std::string> rest = std::span(context.words).subspan(1);
    if (what == "words") {
        nlohmann::json words = nlohmann::json::array();
        for (const Candidate& one : complete(context, rest, names_from_cordond)) {
            words.push_back({{"word", one.word}, {"help", one.help}});
            if (context.json()) continue;
            context.print(one.word + (one.help.empty() ? "" : "\t" + one.help) + "\n");
        }
        if (context.json()) context.print_json({{"words", words}});
        return 0;
    }
    const std::map<std::string, const char*> scripts = {
        {"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    const auto script = scripts.find(what);
    if (script == scripts.end() || !rest.empty()) {
        return context.fail({ErrorCode::usage, "completion is there for bash, zsh and fish"});
    }
    if (context.json()) {
        context.print_json({{"shell", what}, {"script", script->second}});
    } else {
        context.print(script->second);
    }
    return 0;
}

}  // namespace cordon
