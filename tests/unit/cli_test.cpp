// cordonctl: the command line, what it prints, and what it ends with.

#include "control/cli/cli.h"
#include "control/cli/json_fields.h"

#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>

#include "control/cli/problems.h"
#include "control/daemon/active_options.h"
#include "control/daemon/clocks.h"
#include "control/daemon/request.h"
#include "control/link/link_json.h"
#include "dataplane/contract/keyed_tag.h"
#include "dataplane/contract/version.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/fake_dataplane.h"

using namespace cordon;
using nlohmann::json;

namespace {

std::string directory;

int setup(void**) {
    char name[] = "/tmp/cordonctl-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    ::setenv("TZ", "UTC", 1);
    return 0;
}

int teardown(void**) {
    std::filesystem::remove_all(directory);
    return 0;
}

struct Ran {
    int code;
    std::string out;
    std::string err;
};

Ran run(std::vector<std::string> words, const Screen& screen = {}) {
    words.insert(words.begin(), "cordonctl");
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    char* out = nullptr;
    char* err = nullptr;
    std::size_t out_size = 0, err_size = 0;
    std::FILE* out_file = ::open_memstream(&out, &out_size);
    std::FILE* err_file = ::open_memstream(&err, &err_size);
    const int code =
        run_cli(static_cast<int>(words.size()), argv.data(), out_file, err_file, screen);
    std::fclose(out_file);
    std::fclose(err_file);
    Ran ran = {code, out, err};
    std::free(out);
    std::free(err);
    return ran;
}

// With the sockets of the test.
Ran run_here(std::vector<std::string> words) {
    words.insert(words.end(), {"--run-dir", directory, "--timeout", "300"});
    return run(words);
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

#define assert_has(text, part)                                                     \
    do {                                                                           \
        if (!has(text, part)) fail_msg("no \"%s\" in:\n%s", part, (text).c_str()); \
    } while (false)

LinkStatus good_status() {
    LinkStatus s = {};
    std::strcpy(s.version, "0.1.0");
    s.started_s = 1700000000;
    s.pid = 5;
    s.generation = 12;
    s.indicators = 1000001;
    s.index_loaded_s = 1700000001;
    s.workers = 1;
    s.flows_max = 131072;
    s.xdp_attached = 1;
    s.service_count = 1;
    std::strcpy(s.services[0].name, "photos");
    return s;
}

test::FakeDataplane::Answer answering(const LinkStatus& status) {
    return [status](LinkType type, Bytes) {
        if (type == LinkType::counters) {
            static LinkCounters counters;
            counters = {};
            counters.received[0] = {10, 1500};
            counters.frames[0] = {10, 1500};
            counters.objects[0] = {2, 900};
            counters.body_bytes = 1000;
            counters.open_bytes = 100;
            counters.outcomes[0] = 3;
            counters.port[1].missed = 17;
            return test::link_frame(type, payload_of(counters));
        }
        if (type == LinkType::unlisted) {
            LinkUnlisted unlisted = {};
            unlisted.count = 1;
            unlisted.destinations[0].address[15] = 1;
            unlisted.destinations[0].port = 8080;
            unlisted.destinations[0].bytes = 4096;
            return test::link_frame(type, payload_of(unlisted));
        }
        return test::link_frame(type, payload_of(status));
    };
}

void escapes_what_could_steer_a_terminal(void**) {
    assert_string_equal(printable("plain/päth €").c_str(), "plain/päth €");
    assert_string_equal(printable("a\x1b[2Jb").c_str(), "a\\x1b[2Jb");
    assert_string_equal(printable("a\r\n\tb\x7f").c_str(), "a\\x0d\\x0a\\x09b\\x7f");
    assert_string_equal(printable(std::string_view("a\0b", 3)).c_str(), "a\\x00b");
    assert_string_equal(printable("\xc2\x9b").c_str(), "\\xc2\\x9b");           // C1: CSI
    assert_string_equal(printable("\xe2\x80\xae").c_str(), "\\xe2\\x80\\xae");  // right to left
    assert_string_equal(printable("\xe2\x81\xa6").c_str(), "\\xe2\\x81\\xa6");  // isolate
    assert_string_equal(printable("\xe2\x80\xa8").c_str(), "\\xe2\\x80\\xa8");  // line separator
    assert_string_equal(printable("\xff\xc3").c_str(), "\\xff\\xc3");           // no UTF-8
    assert_string_equal(printable("\xc0\x80").c_str(), "\\xc0\\x80");           // overlong
    assert_string_equal(printable("\xed\xa0\x80").c_str(), "\\xed\\xa0\\x80");  // surrogate
    assert_string_equal(printable("\xf0\x9f\x98\x80").c_str(), "\xf0\x9f\x98\x80");
}

void escapes_every_text_of_two_bytes_to_printable_text(void**) {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const char bytes[] = {static_cast<char>(first), static_cast<char>(second)};
            const std::string text = printable({bytes, 2});
            for (const char c : text)
                assert_true(static_cast<unsigned char>(c) >= 0x20);
            assert_string_equal(printable(text).c_str(), text.c_str());
        }
    }
}

void shortens_in_the_middle_by_characters(void**) {
    assert_string_equal(shortened("abcdefghij", 10).c_str(), "abcdefghij");
    assert_string_equal(shortened("abcdefghij", 7).c_str(), "abc…hij");
    assert_string_equal(shortened("ääääääääää", 5).c_str(), "ää…ää");
    assert_string_equal(shortened("abc", 1).c_str(), "…");
    assert_string_equal(shortened("abc", 0).c_str(), "");
}

void writes_numbers_as_people_read_them(void**) {
    assert_string_equal(grouped(0).c_str(), "0");
    assert_string_equal(grouped(999).c_str(), "999");
    assert_string_equal(grouped(1000).c_str(), "1,000");
    assert_string_equal(grouped(UINT64_MAX).c_str(), "18,446,744,073,709,551,615");
    assert_string_equal(byte_size(999).c_str(), "999 B");
    assert_string_equal(byte_size(1000).c_str(), "1.0 KB");
    assert_string_equal(byte_size(999999).c_str(), "1.0 MB");
    assert_string_equal(byte_size(UINT64_MAX).c_str(), "18.4 EB");
    assert_string_equal(duration(119).c_str(), "119 s");
    assert_string_equal(duration(7199).c_str(), "119 min");
    assert_string_equal(duration(3 * 86400).c_str(), "3 days");
}

void reads_and_shows_times_with_their_zone(void**) {
    assert_string_equal(local_time("2026-03-01T12:34:56.123456789Z").c_str(),
                        "2026-03-01 12:34:56 UTC");
    assert_string_equal(local_time("2026-03-01T12:34:56+02:00").c_str(), "2026-03-01 10:34:56 UTC");
    assert_string_equal(local_time("yesterday\x1b").c_str(), "yesterday\\x1b");
    std::uint64_t seconds = 0;
    assert_true(parse_until("2023-11-14T22:13:20Z", 0, &seconds));
    assert_int_equal(seconds, 1700000000);
    assert_true(parse_until("2023-11-14T23:13:20+01:00", 0, &seconds));
    assert_int_equal(seconds, 1700000000);
    assert_true(parse_until("+30m", 100, &seconds));
    assert_int_equal(seconds, 1900);
    assert_true(parse_until("2h", 100, &seconds));
    assert_int_equal(seconds, 7300);
    const char* wrong[] = {"",
                           "m",
                           "+m",
                           "5",
                           "5x",
                           "-5m",
                           "0m",
                           "1.5h",
                           "99999999999999999999d",
                           "2023-11-14",
                           "2023-11-14T22:13:20",
                           "2023-13-14T22:13:20Z",
                           "2023-11-14T22:13:20Zx",
                           "2023-11-14T22:13:20+1",
                           "tomorrow"};
    for (const char* text : wrong) {
        if (parse_until(text, 100, &seconds)) fail_msg("took %s", text);
    }
}

void aligns_tables_and_shrinks_them_on_a_terminal(void**) {
    Table table({{"NAME"}, {"SIZE", true}, {"TARGET", false, true}});
    table.row({"a", "1", "/short"});
    table.row({"äöü", "1,000", "/a/very/long/target/that/does/not/fit/at/all"});
    assert_string_equal(table.text({}).c_str(),
                        "NAME   SIZE  TARGET\n"
                        "a         1  /short\n"
                        "äöü   1,000  /a/very/long/target/that/does/not/fit/at/all\n");
    const std::string text = table.text({.terminal = true, .width = 40});
    assert_has(text, "\033[1mNAME");
    assert_has(text, "…");
    std::size_t from = text.find('\n') + 1;
    while (from < text.size()) {
        const std::size_t end = text.find('\n', from);
        assert_true(width_of(std::string_view(text).substr(from, end - from)) <= 40);
        from = end + 1;
    }
}

void has_help_for_every_command_and_flag(void**) {
    std::set<std::string> words;
    std::set<Flag> used;
    for (const Command& command : command_table()) {
        assert_true(words.insert(command.words).second);
        assert_true(std::strlen(command.help) > 5);
        for (const Flag flag : command.flags)
            used.insert(flag);
        std::vector<std::string> line;
        std::string word;
        for (const char* c = command.words;; ++c) {
            if (*c != ' ' && *c != '\0') {
                word += *c;
                continue;
            }
            line.push_back(word);
            word.clear();
            if (*c == '\0') break;
        }
        line.emplace_back("--help");
        const Ran ran = run(line);
        assert_int_equal(ran.code, 0);
        assert_has(ran.out, ("usage: cordonctl " + std::string(command.words)).c_str());
    }
    std::set<char> letters;
    for (std::size_t i = 0; i < flag_table().size(); ++i) {
        const FlagInfo& info = flag_table()[i];
        assert_int_equal(static_cast<std::size_t>(info.flag), i);
        assert_true(info.letter == 0 || letters.insert(info.letter).second);
        assert_true(i <= static_cast<std::size_t>(Flag::help) || used.count(info.flag) == 1);
    }
}

// "[match]" or "feed or string": what is neither a plain type nor an object.
std::string unknown_type(const std::string& types, const std::set<std::string>& objects) {
    const std::set<std::string> plain = {"string", "time", "integer", "number", "boolean"};
    for (std::size_t at = 0; at < types.size();) {
        const std::size_t end = std::min(types.find(" or ", at), types.size());
        std::string type = types.substr(at, end - at);
        at = end + std::strlen(" or ");
        if (type.starts_with('[')) type = type.substr(1, type.size() - 2);
        if (!plain.contains(type) && !objects.contains(type)) return type;
    }
    return "";
}

void has_fields_for_every_command(void**) {
    std::set<std::string> objects, fields, answered;
    for (const auto part : {json_fields(), json_state_fields()}) {
        for (const JsonField& row : part) {
            objects.insert(row.object);
            assert_true(fields.insert(std::string(row.object) + "." + row.name).second);
            const std::string_view absent = row.absent;
            assert_true(absent.empty() || absent.starts_with("null ") ||
                        absent.starts_with("missing "));
        }
    }
    for (const auto part : {json_fields(), json_state_fields()})
        for (const JsonField& row : part)
            assert_string_equal(unknown_type(row.type, objects).c_str(), "");
    for (const JsonAnswer& row : json_answers()) {
        assert_true(answered.insert(row.command).second);
        assert_string_equal(unknown_type(row.objects, objects).c_str(), "");
    }
    assert_int_equal(answered.size(), command_table().size());
    for (const Command& command : command_table())
        assert_true(answered.contains(command.words));
    const Ran ran = run({"help", "fields"});
    assert_int_equal(ran.code, 0);
    assert_has(ran.out, "dataplane_section");
}

void lists_every_exit_code(void**) {
    const Ran text = run({"help", "exit-codes"});
    assert_int_equal(text.code, 0);
    const json list = json::parse(run({"help", "exit-codes", "--json"}).out)["exit_codes"];
    assert_int_equal(list.size(), exit_pending + 1);
    for (std::size_t code = 1; code < list.size(); ++code) {
        assert_int_equal(list[code]["code"].get<int>(), code);
        const std::string name =
            code == exit_pending ? "pending" : error_name(static_cast<ErrorCode>(code));
        assert_string_equal(list[code]["name"].get<std::string>().c_str(), name.c_str());
        assert_has(text.out, name.c_str());
    }
}

void ends_with_usage_on_a_wrong_line(void**) {
    const std::pair<std::vector<std::string>, const char*> wrong[] = {
        {{}, "a command is missing"},
        {{"statsu"}, "did you mean \"status\"?"},
        {{"zzzzzzz"}, "`cordonctl help` lists them"},
        {{"index"}, "needs another word: index build, index list, index show or index check"},
        {{"incidents", "lsit"}, "usage: cordonctl incidents"},
        {{"status", "more"}, "usage: cordonctl status"},
        {{"status", "--unlisted"}, "--unlisted has no meaning for status"},
        {{"status", "--bla"}, "unknown flag --bla"},
        {{"status", "--run-dir"}, "--run-dir needs an argument"},
        {{"incidents", "show"}, "usage: cordonctl incidents show [--reveal] [--reason TEXT] CASE"},
        {{"incidents", "list", "-n", "x"}, "--limit must be a whole number"},
        {{"incidents", "list", "-n", "501"}, "at most 500"},
        {{"status", "--timeout", "-1"}, "--timeout must be a whole number"},
        {{"index", "build"}, "needs --output"},
        {{"index", "build", "-o", "x"}, "needs a LISTFILE or --random"},
        {{"index", "build", "-o", "x", "--random", "999999999"}, "--random must be"},
        {{"mode", "set", "photos", "off"}, "a mode to set is enforce or observe"},
        {{"mode", "set", "photos", "bypass"}, "`cordonctl bypass`"},
        {{"bypass", "photos", "--for", "noon", "--reason", "r"}, "--for is a time like 5m"},
        {{"bypass", "photos", "--for", "30m"}, "a bypass needs --reason"},
        {{"bypass", "photos", "--reason", "r"}, "a bypass needs an end: --for"},
        {{"bypass", "photos", "--for", "61m", "--break-glass", "--reason", "r"},
         "at most 60 minutes"},
        {{"audit", "verify", "--head", "12"}, "--head is the hash of a record"},
        {{"config", "rollback", "one"}, "takes a number"},
        {{"config", "compile", "x"}, "needs -o"},
        {{"help", "zzz"}, "there is no command"},
        {{"a\x1b[2J"}, "a\\x1b[2J"},
    };
    for (const auto& [words, wanted] : wrong) {
        const Ran ran = run(words);
        assert_int_equal(ran.code, static_cast<int>(ErrorCode::usage));
        assert_has(ran.err, wanted);
        assert_true(ran.out.empty());
    }
    const json error = json::parse(run({"statsu", "--json"}).out)["error"];
    assert_int_equal(error["code"].get<int>(), 2);
    assert_string_equal(error["name"].get<std::string>().c_str(), "usage");
}

void says_when_nothing_answers(void**) {
    const Ran ran = run_here({"status"});
    assert_int_equal(ran.code, static_cast<int>(ErrorCode::unreachable));
    assert_has(ran.out, "nothing answers");
    for (const char* command : {"coverage", "incidents", "mode"}) {
        const Ran other = run_here({command});
        assert_int_equal(other.code, static_cast<int>(ErrorCode::unreachable));
        assert_has(other.err, "does not answer");
    }
    const json status = json::parse(run_here({"status", "--json"}).out);
    assert_string_equal(status["state"].get<std::string>().c_str(), "nothing answers");
}

void shows_the_dataplane_when_cordond_is_dead(void**) {
    LinkStatus status = good_status();
    status.lab = 1;
    status.index_is_lab = 1;
    Ran text, as_json, coverage, coverage_json_text, unlisted, mode;
    {
        test::FakeDataplane fake(directory + "/dataplane.sock", answering(status));
        text = run_here({"status"});
        as_json = run_here({"status", "--json"});
        coverage = run_here({"coverage"});
        coverage_json_text = run_here({"coverage", "--json"});
        unlisted = run_here({"coverage", "--unlisted"});
        mode = run_here({"mode", "show"});
    }
    assert_int_equal(text.code, static_cast<int>(ErrorCode::degraded));
    assert_true(text.out.starts_with("LAB"));
    assert_has(text.out, "1,000,001 indicators (LAB)");
    assert_has(text.out, "cordond does not answer");
    const json parsed = json::parse(as_json.out);
    assert_true(parsed["dataplane"]["reachable"].get<bool>());
    assert_false(parsed["control"]["reachable"].get<bool>());
    assert_true(parsed["lab"].get<bool>());

    assert_int_equal(coverage.code, 0);
    assert_has(coverage.out, "every byte is accounted for");
    assert_has(coverage.out, "1,500");
    assert_has(coverage.out, "port storage lost by itself: 17 frames with a full queue");
    assert_has(coverage.out, outcome_table[0].name.data());
    assert_true(json::parse(coverage_json_text.out)["sum"]["balanced"].get<bool>());
    assert_has(unlisted.out, "::1");
    assert_has(unlisted.out, "8080");
    assert_has(mode.out, "enforce");
}

// What is set for each service, what came of it, and the alarm about one direction only.
void shows_policies_and_what_they_decided(void**) {
    LinkStatus status = good_status();
    LinkService& service = status.services[0];
    service.on_tls = UninspectedAction::reset;
    service.on_unparsable = UninspectedAction::refuse;
    service.on_midstream = MidstreamAction::retire;
    service.on_limit = UninspectedAction::pass;
    service.policies[static_cast<int>(PolicyCase::tls)][static_cast<int>(PolicyResult::reset)] = 7;
    service.policies[static_cast<int>(PolicyCase::limit)][static_cast<int>(PolicyResult::passed)] =
        1234;
    service.policies[static_cast<int>(PolicyCase::asymmetric)]
                    [static_cast<int>(PolicyResult::refused)] = 5;
    service.asymmetric_last_s = static_cast<std::uint64_t>(time(nullptr));
    Ran text, coverage, as_json;
    {
        test::FakeDataplane fake(directory + "/dataplane.sock", answering(status));
        text = run_here({"status"});
        coverage = run_here({"coverage"});
        as_json = run_here({"coverage", "--json"});
    }
    assert_has(text.out, "reset: 7");
    assert_has(text.out, "retire");
    assert_has(text.out, "pass: 1,234");
    assert_has(text.out, "service photos: only one direction of 5 connections passed here");
    assert_has(coverage.out, "asymmetric");
    assert_false(has(coverage.out, "unparsable"));  // it met none
    assert_has(coverage.out, "1,234");
    assert_has(coverage.out, "sum and under way = bodies and unframed");
    const json parsed = json::parse(as_json.out);
    assert_true(parsed["object_sum"]["balanced"].get<bool>());
    const json& policies = parsed["services"][0]["policies"];
    assert_int_equal(policies["tls"]["reset"].get<int>(), 7);
    assert_string_equal(policies["asymmetric"]["action"].get<std::string>().c_str(), "reset");
}

// One indicator without a size or a head turns it off for its kind.
void says_by_what_objects_are_dismissed(void**) {
    LinkStatus status = good_status();
    status.kinds[static_cast<int>(IndicatorKind::sha256)] = {1000, 997, 1000};
    status.kinds[static_cast<int>(IndicatorKind::sha1)] = {5, 5, 5};
    status.kinds[static_cast<int>(IndicatorKind::md5)] = {1000000, 0, 999999};
    status.kinds[static_cast<int>(IndicatorKind::pattern)] = {7, 0, 0};
    Ran text, as_json;
    {
        test::FakeDataplane fake(directory + "/dataplane.sock", answering(status));
        text = run_here({"status"});
        as_json = run_here({"status", "--json"});
    }
    assert_has(text.out, "sha256 by head (3 of 1,000 have no size)");
    assert_has(text.out, "sha1 by head and size");
    assert_has(text.out,
               "md5 never: 1 of 1,000,000 have no head, 1,000,000 of 1,000,000 have no size");
    assert_false(has(text.out, "pattern"));
    const json kinds = json::parse(as_json.out)["dataplane"]["index"]["kinds"];
    assert_int_equal(kinds["sha256"]["with_size"].get<int>(), 997);
}

void without_cordond_it_only_strengthens_or_breaks_the_glass(void**) {
    LinkStatus status = good_status();
    status.services[0].mode = ServiceMode::enforce;
    Ran enforce, observe, plain, glass, again, ended;
    LinkPayload payload, last;
    const std::string config = directory + "/cordon.toml";
    std::ofstream(config) << "lab = true\n[ports]\nclient = \"a\"\nstorage = \"b\"\n[paths]\n"
                          << "state_dir = \"" << directory << "\"\nrun_dir = \"" << directory
                          << "\"\n";
    const auto here = [&](std::vector<std::string> words) {
        words.insert(words.end(), {"--config", config});
        return run(words);
    };
    {
        test::FakeDataplane fake(directory + "/dataplane.sock", answering(status));
        enforce = here({"mode", "set", "photos", "enforce"});
        observe = here({"mode", "set", "photos", "observe", "--reason", "r"});
        plain = here({"bypass", "photos", "--for", "5m", "--reason", "r"});
        assert_int_equal(fake.asked(LinkType::set_mode), 1);
        glass = here({"bypass", "photos", "--for", "5m", "--break-glass", "--reason", "fire"});
        fake.asked(LinkType::set_mode, &payload);
        again = here({"bypass", "photos", "--for", "5m", "--break-glass", "--reason", "fire"});
        assert_int_equal(fake.asked(LinkType::set_mode), 2);
        ended = here({"bypass", "photos", "--end"});
        fake.asked(LinkType::set_mode, &last);
    }
    assert_int_equal(enforce.code, 0);
    assert_has(enforce.err, "until it is restarted");
    assert_int_equal(observe.code, static_cast<int>(ErrorCode::unreachable));
    assert_int_equal(plain.code, static_cast<int>(ErrorCode::unreachable));
    assert_has(plain.err, "--break-glass");
    assert_int_equal(glass.code, 0);
    LinkSetMode sent;
    assert_int_equal(payload.size(), sizeof sent);
    std::memcpy(&sent, payload.data(), sizeof sent);
    assert_string_equal(sent.service, "photos");
    assert_int_equal(sent.mode, ServiceMode::bypass);
    assert_true(sent.bypass_until_s <= unix_seconds() + 300);
    assert_true(sent.bypass_until_s + 60 > unix_seconds() + 300);
    assert_int_equal(again.code, static_cast<int>(ErrorCode::refused));
    assert_has(again.err, "needs two");
    assert_int_equal(ended.code, 0);
    std::memcpy(&sent, last.data(), sizeof sent);
    assert_int_equal(sent.mode, ServiceMode::enforce);
    const Ran trail = run({"audit", "verify", directory + "/audit.jsonl"});
    assert_int_equal(trail.code, 0);
    assert_has(trail.out, "2 records, each behind the one before");
}

json selftest_of(const char* result) {
    return {{{"service", "photos"},
             {"time", "2026-03-01T12:00:00Z"},
             {"result", result == nullptr ? json(nullptr) : json(result)},
             {"text", "Why."}}};
}

json well() {
    json status = {{"dataplane", status_json(good_status())},
                   {"control",
                    {{"reachable", true},
                     {"lab", false},
                     {"config_error", nullptr},
                     {"index", {{"error", nullptr}}},
                     {"journal", {{"error", nullptr}}},
                     {"feeds", {{"feeds", json::array()}}},
                     {"verify",
                      {{"configured", true},
                       {"connected", true},
                       {"waiting", 0},
                       {"postponed", 0},
                       {"undeleted", 0},
                       {"last_failure", nullptr},
                       {"outcomes", {{"error", 0}, {"overflow", 0}}}}},
                     {"store", {{"missing", 0}, {"damaged", 0}, {"odd_records", 0}}}}},
                   {"restart_needed", false}};
    status["dataplane"]["reachable"] = true;
    return status;
}

void judges_what_needs_attention(void**) {
    json status = well();
    assert_int_equal(static_cast<int>(judge_status(&status)), 0);
    assert_true(status["problems"].empty());
    assert_string_equal(status["state"].get<std::string>().c_str(), "works");

    const std::pair<json::json_pointer, json> wrong[] = {
        {json::json_pointer("/restart_needed"), true},
        {json::json_pointer("/dataplane/index/generation"), 0},
        {json::json_pointer("/dataplane/index/error"), "damaged"},
        {json::json_pointer("/dataplane/journal/errors"), 1},
        {json::json_pointer("/dataplane/xdp_attached"), false},
        {json::json_pointer("/dataplane/ports/client"), "held"},
        {json::json_pointer("/dataplane/ports/storage"), "no carrier"},
        {json::json_pointer("/dataplane/services/0/mode"), "bypass"},
        {json::json_pointer("/dataplane/distrusted"), true},
        {json::json_pointer("/control/selftest"), selftest_of("kept")},
        {json::json_pointer("/control/selftest"), selftest_of("passed")},
        {json::json_pointer("/control/config_error"), "t:1: x"},
        {json::json_pointer("/control/index/error"), "damaged"},
        {json::json_pointer("/control/journal/error"), "disk"},
        {json::json_pointer("/control/verify"), {{"error", "disk"}}},
        {json::json_pointer("/control/verify/connected"), false},
        {json::json_pointer("/control/verify/postponed"), 1},
        {json::json_pointer("/control/verify/undeleted"), 1},
        {json::json_pointer("/control/verify/outcomes/error"), 1},
        {json::json_pointer("/control/verify/outcomes/overflow"), 1},
        {json::json_pointer("/control/store"), {{"error", "disk"}}},
        {json::json_pointer("/control/store/missing"), 1},
        {json::json_pointer("/control/store/damaged"), 1},
        {json::json_pointer("/control/store/odd_records"), 1},
    };
    for (const auto& [where, value] : wrong) {
        status = well();
        status[where] = value;
        assert_int_equal(static_cast<int>(judge_status(&status)),
                         static_cast<int>(ErrorCode::degraded));
        assert_int_equal(status["problems"].size(), 1);
    }
    // Known files pass: somebody is woken for that, and not for a storage that keeps a part.
    for (const auto& [result, critical] : {std::pair{"passed", 1},
                                           {"around", 1},
                                           {"kept_whole", 1},
                                           {"not_inspected", 1},
                                           {"kept", 0},
                                           {"unreachable", 0},
                                           {"observed", 0},
                                           {"unlisted", 0}}) {
        status = well();
        status["control"]["selftest"] = selftest_of(result);
        judge_status(&status);
        assert_int_equal(status["critical"].size(), critical);
        assert_has(status["problems"][0].get<std::string>(), "photos");
    }
    for (const char* fine : {"ok", static_cast<const char*>(nullptr)}) {
        status = well();
        status["control"]["selftest"] = selftest_of(fine);
        assert_int_equal(static_cast<int>(judge_status(&status)), 0);
    }
    status = well();
    status["dataplane"]["services"][0]["asymmetric_last"] = utc_time(unix_seconds());
    assert_int_equal(static_cast<int>(judge_status(&status)),
                     static_cast<int>(ErrorCode::degraded));
    status = well();  // long over
    status["dataplane"]["services"][0]["asymmetric_last"] = utc_time(unix_seconds() - 4000);
    assert_int_equal(static_cast<int>(judge_status(&status)), 0);
    status = well();
    status["dataplane"]["port_kind"] = "af_packet";
    status["dataplane"]["xdp_attached"] = false;
    assert_int_equal(static_cast<int>(judge_status(&status)), 0);
}

void builds_shows_and_checks_an_index(void**) {
    const std::string list = directory + "/list";
    const std::string index = directory + "/i.cdx";
    std::ofstream(list) << std::string(62, 'b') + "01\n";
    const Ran built =
        run({"index", "build", list, "--random", "100", "--generation", "7", "-o", index});
    assert_int_equal(built.code, 0);
    assert_has(built.out, "LAB index");
    assert_has(built.out, "101 indicators");
    const json shown = json::parse(run({"index", "show", index, "--json"}).out);
    assert_int_equal(shown["generation"].get<int>(), 7);
    assert_int_equal(shown["indicators"].get<int>(), 101);
    assert_true(shown["lab"].get<bool>());
    assert_int_equal(shown["sections"][0]["kinds"]["sha256"]["indicators"].get<int>(), 101);
    assert_int_equal(run({"index", "check", index}).code, 0);

    std::fstream damaged(index, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(5000);
    damaged.put('x').put('y').put('z');
    damaged.close();
    assert_int_equal(run({"index", "check", index}).code, static_cast<int>(ErrorCode::integrity));
    assert_int_equal(run({"index", "show", directory + "/none"}).code,
                     static_cast<int>(ErrorCode::io));
}

void makes_other_random_indicators_for_another_seed(void**) {
    // The key of a lab index is random, so two files differ anyway: compare by a collision. The
    // first random digest of seed 1, listed by hand, is listed twice with seed 1 only.
    std::mt19937_64 random(1);
    std::string digest;
    for (int word = 0; word < 4; ++word) {
        char digits[17];
        std::snprintf(digits, sizeof digits, "%016" PRIx64, random());
        digest += digits;
    }
    const std::string list = directory + "/list";
    std::ofstream(list) << digest << "\n";
    const auto duplicates = [&list](const char* seed) {
        const Ran ran = run({"index", "build", list, "--random", "50", "--seed", seed, "--json",
                             "-o", directory + "/i.cdx"});
        return json::parse(ran.out).at("duplicates").get<int>();
    };
    assert_int_equal(duplicates("1"), 1);
    assert_int_equal(duplicates("2"), 0);
}

void checks_and_compiles_a_configuration(void**) {
    assert_int_equal(run({"config", "check", "configs/cordon.toml"}).code, 0);
    const Ran lab = run({"config", "check", "configs/lab.toml"});
    assert_has(lab.out, "LAB");
    const std::string wrong = directory + "/wrong.toml";
    std::ofstream(wrong) << "lag = true\n[limits]\nworkers = 0\n";
    const Ran refused = run({"config", "check", wrong});
    assert_int_equal(refused.code, static_cast<int>(ErrorCode::config));
    assert_has(refused.err, "wrong.toml:1: unknown key \"lag\"");
    assert_has(refused.err, "wrong.toml:3: limits.workers");
    const json as_json = json::parse(run({"config", "check", wrong, "--json"}).out);
    assert_true(as_json["problems"].size() >= 3);

    const std::string options = directory + "/active.options";
    assert_int_equal(run({"config", "compile", "configs/lab.toml", "-o", options}).code, 0);
    const Result<Options> read = read_active_options(options);
    assert_true(read.has_value());
    assert_string_equal(read->client_port, "cor-cli");
    assert_int_equal(run({"config", "compile", wrong, "-o", options}).code,
                     static_cast<int>(ErrorCode::config));
}

void takes_the_run_dir_from_a_configuration(void**) {
    const Ran ran = run({"status", "--config", "configs/lab.toml", "--timeout", "50"});
    assert_has(ran.out, "/run/cordon-lab/dataplane.sock");
    assert_int_equal(run({"status", "--config", "/nonexistent"}).code,
                     static_cast<int>(ErrorCode::config));
}

void says_its_version(void**) {
    assert_string_equal(run({"version"}).out.c_str(),
                        (std::string("cordonctl ") + version + "\n").c_str());
    assert_string_equal(
        json::parse(run({"version", "-j"}).out)["version"].get<std::string>().c_str(), version);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_could_steer_a_terminal),
        cmocka_unit_test(escapes_every_text_of_two_bytes_to_printable_text),
        cmocka_unit_test(shortens_in_the_middle_by_characters),
        cmocka_unit_test(writes_numbers_as_people_read_them),
        cmocka_unit_test(reads_and_shows_times_with_their_zone),
        cmocka_unit_test(aligns_tables_and_shrinks_them_on_a_terminal),
        cmocka_unit_test(has_help_for_every_command_and_flag),
        cmocka_unit_test(has_fields_for_every_command),
        cmocka_unit_test(lists_every_exit_code),
        cmocka_unit_test(ends_with_usage_on_a_wrong_line),
        cmocka_unit_test(says_when_nothing_answers),
        cmocka_unit_test(shows_the_dataplane_when_cordond_is_dead),
        cmocka_unit_test(shows_policies_and_what_they_decided),
        cmocka_unit_test(says_by_what_objects_are_dismissed),
        cmocka_unit_test(without_cordond_it_only_strengthens_or_breaks_the_glass),
        cmocka_unit_test(judges_what_needs_attention),
        cmocka_unit_test(builds_shows_and_checks_an_index),
        cmocka_unit_test(makes_other_random_indicators_for_another_seed),
        cmocka_unit_test(checks_and_compiles_a_configuration),
        cmocka_unit_test(takes_the_run_dir_from_a_configuration),
        cmocka_unit_test(says_its_version),
    };
    return cmocka_run_group_tests_name("cli", tests, setup, teardown);
}
