// What completion offers, from the table of commands.

#include "control/cli/completion.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

std::string asked_config;

std::vector<std::string> some_names(const Context& context, std::string_view what) {
    asked_config = context.get(Flag::config);
    if (what == "SERVICE") return {"photos", "videos"};
    if (what == "FEED") return {"centre"};
    if (what == "CASE") return {"C1-0001"};
    return {};
}

// The words on offer, divided by blanks.
std::string offered(const std::vector<std::string>& words) {
    const Context context = {stdout, stderr, {}, {}, {}};
    std::string all;
    for (const Candidate& one : complete(context, words, some_names))
        all += (all.empty() ? "" : " ") + one.word;
    return all;
}

#define assert_offers(wanted, ...)                                                \
    do {                                                                          \
        const std::string got = offered({__VA_ARGS__});                           \
        if (got != (wanted)) fail_msg("%s instead of %s", got.c_str(), (wanted)); \
    } while (false)

void offers_the_words_of_commands(void**) {
    assert_offers("incidents index", "in");
    assert_offers("hold list release show tail", "incidents", "");
    assert_offers("show", "incidents", "sh");
    assert_offers("", "incidents", "xyz");
    assert_offers("", "status", "");
    assert_offers("hold list release show tail", "--json", "incidents", "");
}

void offers_every_command_there_is(void**) {
    for (const Command& command : command_table()) {
        const std::string words = command.words;
        const std::size_t blank = words.find(' ');
        const bool two = blank != std::string::npos;
        const std::string last = two ? words.substr(blank + 1) : words;
        const std::string got = two ? offered({words.substr(0, blank), last}) : offered({last});
        if ((" " + got + " ").find(" " + last + " ") == std::string::npos)
            fail_msg("%s is not offered", command.words);
    }
}

void offers_what_an_argument_may_be(void**) {
    assert_offers("photos videos", "mode", "set", "");
    assert_offers("videos", "mode", "set", "v");
    assert_offers("enforce observe", "mode", "set", "photos", "");
    assert_offers("", "mode", "set", "photos", "observe", "");
    assert_offers("C1-0001", "incidents", "show", "C");
    assert_offers("centre", "feed", "sync", "");
    assert_offers("current previous", "feed", "pin", "centre", "");
    assert_offers(":directories", "feed", "import", "centre", "x");
    assert_offers(":files", "index", "show", "x");
    assert_offers(":files :directories", "index", "list", "");
    assert_offers(":files :directories", "index", "list", "a", "b", "");
    assert_offers("bash zsh fish", "completion", "");
}

void offers_flags_that_the_command_takes(void**) {
    assert_offers("--until", "feed", "pause", "--u");
    assert_offers("", "status", "--u");
    assert_offers("--reason", "feed", "pause", "centre", "--until", "1h", "--re");
    assert_offers("", "status", "--json", "--js");
    assert_offers("--json --config --run-dir --timeout --help", "--");
    for (const Command& command : command_table()) {
        std::vector<std::string> words = {command.words, "--"};
        const std::string all = command.words;
        if (const std::size_t blank = all.find(' '); blank != std::string::npos)
            words = {all.substr(0, blank), all.substr(blank + 1), "--"};
        const std::string got = offered(words);
        const auto flags = std::count(got.begin(), got.end(), ' ') + 1;
        assert_int_equal(flags, command.flags.size() + 5);
    }
}

void offers_what_a_flag_takes(void**) {
    assert_offers("block", "incidents", "list", "--action", "b");
    assert_offers("photos videos", "incidents", "--service", "");
    assert_offers(":files", "--config", "");
    assert_offers(":directories", "status", "--run-dir", "x");
    assert_offers("", "incidents", "--limit", "");
    assert_offers("error", "verify", "list", "--outcome", "e");
}

void asks_the_daemon_that_the_line_names(void**) {
    assert_offers("photos videos", "--config", "/etc/other.toml", "mode", "set", "");
    assert_string_equal(asked_config.c_str(), "/etc/other.toml");
    assert_offers("photos videos", "-c", "/etc/third.toml", "mode", "set", "");
    assert_string_equal(asked_config.c_str(), "/etc/third.toml");
}

void has_no_answer_to_nothing(void**) {
    const Context context = {stdout, stderr, {}, {}, {}};
    assert_int_equal(complete(context, {}, some_names).size(), 0);
    assert_offers("", "nonsense", "");
    assert_offers("", "--nonsense", "x");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(offers_the_words_of_commands),
        cmocka_unit_test(offers_every_command_there_is),
        cmocka_unit_test(offers_what_an_argument_may_be),
        cmocka_unit_test(offers_flags_that_the_command_takes),
        cmocka_unit_test(offers_what_a_flag_takes),
        cmocka_unit_test(asks_the_daemon_that_the_line_names),
        cmocka_unit_test(has_no_answer_to_nothing),
    };
    return cmocka_run_group_tests_name("completion", tests, nullptr, nullptr);
}
