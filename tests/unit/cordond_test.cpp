// cordond as a whole: a real process with its store and sockets, a journal on the disk, and a
// dataplane that answers as the test says.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "control/cli/cordond_client.h"
#include "control/config/config.h"
#include "control/daemon/active_options.h"
#include "control/daemon/daemon.h"
#include "control/daemon/index_watch.h"
#include "control/daemon/log.h"
#include "control/daemon/mode_overrides.h"
#include "control/index/index_files.h"
#include "dataplane/base/files.h"
#include "dataplane/contract/options_file.h"
#include "dataplane/shell/journal_writer.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/fake_dataplane.h"

using namespace cordon;
using nlohmann::json;

namespace {

std::string directory;
std::string config_path;
pid_t child = -1;
test::FakeDataplane* dataplane;
std::mutex status_mutex;
LinkStatus status_now;  // what the fake tells

std::string state(const char* name) {
    return directory + "/state/" + name;
}

void write_text(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
}

std::string config_text(const std::string& more) {
    return "lab = true\n[node]\nprefix = \"TEST\"\n[ports]\nclient = \"a0\"\nstorage = \"b0\"\n"
           "[paths]\nstate_dir = \"" +
           directory + "/state\"\nrun_dir = \"" + directory +
           "\"\n[control]\nlink_timeout_ms = 300\njournal_poll_ms = 20\n" + more +
           "[[service]]\nname = \"photos\"\naddress = \"192.0.2.10\"\nport = 80\n";
}

int setup(void**) {
    char name[] = "/tmp/cordond-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    config_path = directory + "/cordon.toml";
    write_text(config_path, config_text(""));
    status_now = {};
    status_now.pid = 77;
    status_now.policy_generation = 1;
    status_now.lab = 1;
    status_now.service_count = 1;
    std::strcpy(status_now.version, "9.9.9");
    std::strcpy(status_now.services[0].name, "photos");
    return 0;
}

void end_child(int signal) {
    if (child <= 0) return;
    ::kill(child, signal);
    int status = 0;
    ::waitpid(child, &status, 0);
    child = -1;
}

int teardown(void**) {
    end_child(SIGKILL);
    delete std::exchange(dataplane, nullptr);
    std::filesystem::remove_all(directory);
    return 0;
}

// The child is made before any thread of the test.
void start_cordond() {
    child = ::fork();
    if (child == 0) {
        ::close(STDERR_FILENO);
        ::open((directory + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        Daemon::block_signals();
        auto daemon = Daemon::start(config_path);
        if (!daemon) {
            log_line(LogLevel::error, daemon.error().message());
            ::_exit(static_cast<int>(daemon.error().code));
        }
        const int code = (*daemon)->run() ? 0 : 1;
        daemon->reset();
        ::_exit(code);
    }
}

void start_dataplane() {
    dataplane =
        new test::FakeDataplane(directory + "/dataplane.sock", [](LinkType type, Bytes payload) {
            const std::lock_guard lock(status_mutex);
            if (type == LinkType::set_mode) {
                LinkSetMode mode;
                std::memcpy(&mode, payload.data(), sizeof mode);
                status_now.services[0].mode = mode.mode;
                status_now.services[0].bypass_until_s = mode.bypass_until_s;
            }
            if (type == LinkType::counters) {
                static LinkCounters counters;
                counters = {};
                return test::link_frame(type, payload_of(counters));
            }
            return test::link_frame(type, payload_of(status_now));
        });
}

Result<json> ask(const json& request) {
    return ask_cordond(directory + "/cordond.sock", request, 3000);
}

// Asks until `fits`, for three seconds.
template <typename Fits>
bool eventually(const json& request, Fits&& fits) {
    for (int i = 0; i < 150; ++i) {
        const Result<json> reply = ask(request);
        if (reply && fits(*reply)) return true;
        ::usleep(20 * 1000);
    }
    return false;
}

bool ready() {
    return eventually({{"request", "version"}}, [](const json&) { return true; });
}

int exit_code_of_child() {
    int status = 0;
    ::waitpid(child, &status, 0);
    child = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void answers_while_the_dataplane_is_away(void**) {
    start_cordond();
    assert_true(ready());
    const Result<json> status = ask({{"request", "status"}});
    assert_true(status.has_value());
    assert_false(status->at("dataplane").at("reachable").get<bool>());
    assert_true(status->at("control").at("reachable").get<bool>());
    assert_int_equal(ask({{"request", "coverage"}}).error().code, ErrorCode::unreachable);
    ::kill(child, SIGTERM);
    assert_int_equal(exit_code_of_child(), 0);
    assert_false(std::filesystem::exists(directory + "/cordond.sock"));
}

void writes_the_options_the_dataplane_starts_from(void**) {
    start_cordond();
    assert_true(ready());
    const Result<Options> options = read_active_options(state("active.options"));
    assert_true(options.has_value());
    assert_int_equal(options->policy_generation, 1);
    assert_string_equal(options->services[0].name, "photos");
    assert_string_equal(options->state_dir, (directory + "/state").c_str());
}

void refuses_a_second_cordond_in_the_same_place(void**) {
    start_cordond();
    assert_true(ready());
    const pid_t first = std::exchange(child, -1);
    start_cordond();
    const int code = exit_code_of_child();
    child = first;
    assert_int_equal(code, static_cast<int>(ErrorCode::refused));
    assert_true(ready());
}

void stops_at_once_with_a_wrong_configuration(void**) {
    write_text(config_path, "lag = true\n");
    start_cordond();
    assert_int_equal(exit_code_of_child(), static_cast<int>(ErrorCode::config));
    std::ifstream log(directory + "/log");
    const std::string text((std::istreambuf_iterator<char>(log)), {});
    assert_true(text.find("cordon.toml:1: unknown key \"lag\"") != std::string::npos);
}

void keeps_its_configuration_when_a_new_one_is_wrong(void**) {
    start_cordond();
    assert_true(ready());
    write_text(config_path, "lag = true\n");
    assert_int_equal(ask({{"request", "reload"}}).error().code, ErrorCode::config);
    const Result<json> status = ask({{"request", "status"}});
    assert_true(status->at("control").at("config_error").is_string());
    assert_int_equal(ask({{"request", "mode.show"}})->at("services").size(), 1);
    write_text(config_path, config_text(""));
    assert_true(ask({{"request", "reload"}}).has_value());
    assert_true(ask({{"request", "status"}})->at("control").at("config_error").is_null());
}

void reloads_on_a_signal_and_says_what_needs_a_restart(void**) {
    start_cordond();
    assert_true(ready());
    start_dataplane();
    assert_true(eventually({{"request", "status"}}, [](const json& s) {
        return s.at("dataplane").at("reachable").get<bool>() && !s.at("restart_needed").get<bool>();
    }));
    write_text(config_path, config_text("[limits]\nflows_max = 2048\n"));
    ::kill(child, SIGHUP);
    assert_true(eventually({{"request", "status"}}, [](const json& s) {
        return s.at("restart_needed").get<bool>() &&
               s.at("control").at("policy_generation").get<int>() == 2;
    }));
    assert_int_equal(read_active_options(state("active.options"))->flows_max, 2048);
    write_text(config_path, config_text("[limits]\nflows_max = 4096\n"));
    const Result<json> reply = ask({{"request", "reload"}});
    assert_true(reply->at("text").get<std::string>().find("limits") != std::string::npos);
}

void sets_a_mode_here_and_there_and_keeps_it(void**) {
    start_cordond();
    assert_true(ready());
    start_dataplane();
    const Result<json> done = ask(
        {{"request", "mode.set"}, {"service", "photos"}, {"mode", "observe"}, {"reason", "trial"}});
    assert_true(done.has_value());
    assert_true(done->at("applied").get<bool>());
    const Result<json> shown = ask({{"request", "mode.show"}});
    assert_true(shown->at("services").at(0).at("in_force") == "observe");
    LinkPayload payload;
    assert_int_equal(dataplane->asked(LinkType::set_mode, &payload), 1);
    LinkSetMode sent;
    assert_int_equal(payload.size(), sizeof sent);
    std::memcpy(&sent, payload.data(), sizeof sent);
    assert_int_equal(sent.mode, ServiceMode::observe);
    assert_int_equal(read_active_options(state("active.options"))->services[0].mode,
                     ServiceMode::observe);
    // A mode is no reason to restart.
    assert_int_equal(read_active_options(state("active.options"))->policy_generation, 1);

    end_child(SIGTERM);
    start_cordond();
    assert_true(eventually({{"request", "mode.show"}}, [](const json& modes) {
        const json& service = modes.at("services").at(0);
        return service.at("mode") == "observe" && service.at("configured") == "enforce" &&
               service.at("reason") == "trial";
    }));
}

void ends_a_bypass_by_itself(void**) {
    start_cordond();
    assert_true(ready());
    start_dataplane();
    const json request = {
        {"request", "bypass.set"}, {"service", "photos"}, {"reason", "trial"}, {"seconds", 2}};
    assert_true(ask(request).has_value());
    assert_int_equal(read_active_options(state("active.options"))->services[0].mode,
                     ServiceMode::bypass);
    assert_true(eventually({{"request", "mode.show"}}, [](const json& modes) {
        return modes.at("services").at(0).at("mode") == "enforce";
    }));
    LinkPayload payload;
    assert_true(dataplane->asked(LinkType::set_mode, &payload) >= 1);
    assert_int_equal(read_active_options(state("active.options"))->services[0].mode,
                     ServiceMode::enforce);
}

void refuses_modes_that_are_not_allowed(void**) {
    start_cordond();
    assert_true(ready());
    const auto code_of = [](const char* name, const json& more) {
        json request = {{"request", name}, {"service", "photos"}, {"reason", "r"}};
        request.update(more);
        const Result<json> reply = ask(request);
        return reply ? 0 : static_cast<int>(reply.error().code);
    };
    const auto usage = static_cast<int>(ErrorCode::usage);
    assert_int_equal(code_of("bypass.set", {{"seconds", 60}, {"reason", ""}}), usage);
    assert_int_equal(code_of("bypass.set", json::object()), usage);  // no end
    assert_int_equal(code_of("bypass.set", {{"seconds", 86401}}), usage);
    assert_int_equal(code_of("bypass.set", {{"seconds", 3601}, {"break_glass", 1}}), usage);
    assert_int_equal(code_of("bypass.set", {{"service", "x"}, {"seconds", 60}}), usage);
    assert_int_equal(code_of("bypass.end", json::object()), static_cast<int>(ErrorCode::refused));
    assert_int_equal(code_of("mode.set", {{"mode", "off"}}), usage);
    assert_int_equal(code_of("mode.set", {{"mode", "bypass"}}), usage);
    assert_int_equal(code_of("mode.set", {{"mode", "observe"}, {"reason", ""}}), usage);
    assert_int_equal(code_of("mode.set", {{"mode", "observe"}, {"until", 5}}), usage);
}

std::string log_text() {
    std::ifstream log(directory + "/log");
    return std::string((std::istreambuf_iterator<char>(log)), {});
}

// As the trail has them: "mode.set" and so on.
std::vector<std::string> actions_on_record() {
    std::vector<std::string> actions;
    const Result<json> shown = ask({{"request", "audit.show"}});
    if (!shown) return actions;
    for (const json& record : shown->at("records"))
        actions.push_back(record.at("action").get<std::string>());
    return actions;
}

void nothing_is_changed_that_cannot_be_recorded(void**) {
    start_cordond();
    assert_true(ready());
    start_dataplane();
    const json observe = {
        {"request", "mode.set"}, {"service", "photos"}, {"mode", "observe"}, {"reason", "r"}};
    assert_true(ask(observe).has_value());
    const std::vector<std::string> actions = actions_on_record();
    assert_true(actions.size() >= 2);
    assert_string_equal(actions[0].c_str(), "config.initial");
    assert_true(std::find(actions.begin(), actions.end(), "mode.set") != actions.end());
    assert_int_equal(dataplane->asked(LinkType::set_mode), 1);
    // Somebody changes what is on record.
    std::ifstream in(state("audit.jsonl"));
    std::string trail((std::istreambuf_iterator<char>(in)), {});
    trail[20] ^= 1;
    write_text(state("audit.jsonl"), trail);
    end_child(SIGKILL);
    start_cordond();
    assert_true(ready());
    const json enforce = {{"request", "mode.set"}, {"service", "photos"}, {"mode", "enforce"}};
    assert_int_equal(ask(enforce).error().code, ErrorCode::integrity);
    assert_int_equal(dataplane->asked(LinkType::set_mode), 1);
    assert_true(ask({{"request", "status"}})->at("control").at("audit").at("error").is_string());
}

std::string two_persons(const std::string& more) {
    return config_text("[operators]\napprovers = 2\n" + more);
}

// There is one person here, whoever runs the test: nothing that weakens gets through.
void starts_with_what_was_approved_whatever_the_file_says(void**) {
    write_text(config_path, two_persons("[limits]\nflows_max = 4096\n"));
    start_cordond();
    assert_true(ready());
    write_text(config_path, two_persons("[limits]\nflows_max = 2048\n"));
    const Result<json> asked = ask({{"request", "reload"}});
    if (::geteuid() == 0) {
        assert_int_equal(asked.error().code, ErrorCode::permission);  // root is nobody
    } else {
        assert_true(asked->at("pending").get<bool>());
        const json approve = {{"request", "approve"}, {"hash", asked->at("hash")}};
        assert_int_equal(ask(approve).error().code, ErrorCode::permission);
    }
    end_child(SIGKILL);
    start_cordond();
    assert_true(ready());
    assert_int_equal(read_active_options(state("active.options"))->flows_max, 4096);
    assert_true(log_text().find("differs from the approved configuration") != std::string::npos);
    const Result<json> status = ask({{"request", "status"}});
    assert_true(status->at("control").at("approval").at("file_differs").get<bool>());
    // A file that is no configuration stops nobody who has one.
    write_text(config_path, "lag = 1\n[paths]\nstate_dir = \"" + directory + "/state\"\n");
    end_child(SIGKILL);
    start_cordond();
    assert_true(ready());
    assert_int_equal(read_active_options(state("active.options"))->flows_max, 4096);
    // What strengthens comes in alone.
    write_text(config_path, two_persons("[limits]\nflows_max = 8192\n"));
    assert_true(ask({{"request", "reload"}}).has_value());
    assert_int_equal(read_active_options(state("active.options"))->flows_max, 8192);
}

void a_trial_goes_back_also_while_nobody_runs(void**) {
    write_text(config_path, two_persons("[limits]\nflows_max = 4096\n"));
    start_cordond();
    assert_true(ready());
    write_text(config_path, two_persons("[limits]\nflows_max = 8192\n"));
    const Result<json> done = ask({{"request", "config.propose"}, {"confirm", 1}});
    if (!done) fail_msg("%s", done.error().message().c_str());
    assert_true(done->at("confirm_until").is_string());
    assert_int_equal(read_active_options(state("active.options"))->flows_max, 8192);
    end_child(SIGKILL);
    ::usleep(1200 * 1000);
    start_cordond();
    assert_true(ready());
    assert_int_equal(read_active_options(state("active.options"))->flows_max, 4096);
    const Result<json> history = ask({{"request", "config.history"}});
    assert_int_equal(history->at("configurations").size(), 3);
    assert_true(history->at("configurations").at(2).at("how") == "returned");
}

void a_box_without_its_approved_configuration_is_no_new_one(void**) {
    write_text(config_path, two_persons(""));
    start_cordond();
    assert_true(ready());
    end_child(SIGKILL);
    std::filesystem::remove_all(state("config"));
    start_cordond();
    assert_int_equal(exit_code_of_child(), static_cast<int>(ErrorCode::integrity));
    assert_true(log_text().find("the approved configuration is gone") != std::string::npos);
    // Nor is one whose file names another place: the service manager knows the old one.
    std::filesystem::remove(state("audit.jsonl"));
    write_text(config_path, two_persons(""));
    start_cordond();
    assert_true(ready());
    end_child(SIGKILL);
    ::setenv("STATE_DIRECTORY", state("").substr(0, state("").size() - 1).c_str(), 1);
    std::string moved = two_persons("");
    moved.replace(moved.find("/state\""), 7, "/other\"");
    write_text(config_path, moved);
    start_cordond();
    const int code = exit_code_of_child();
    ::unsetenv("STATE_DIRECTORY");
    assert_int_equal(code, static_cast<int>(ErrorCode::integrity));
}

void is_not_stalled_by_a_dataplane_that_hangs(void**) {
    start_cordond();
    assert_true(ready());
    dataplane = new test::FakeDataplane(directory + "/dataplane.sock",
                                        [](LinkType, Bytes) { return LinkPayload(); });
    timespec before, after;
    ::clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 20; ++i)
        assert_true(ask({{"request", "version"}}).has_value());
    ::clock_gettime(CLOCK_MONOTONIC, &after);
    // Twenty answers in less time than one time-out of the dataplane would take for each.
    assert_true(after.tv_sec - before.tv_sec < 4);
    const Result<json> status = ask({{"request", "status"}});
    assert_string_equal(status->at("dataplane").at("error").at("name").get<std::string>().c_str(),
                        "timeout");
}

void build_index(std::uint64_t generation) {
    write_text(directory + "/list", std::string(64, 'a') + "\n" + std::string(62, 'b') + "01\n");
    LabIndexOptions options;
    options.generation = generation;
    const auto built = build_lab_index({directory + "/list"}, options, state("index.cdx"));
    if (!built) fail_msg("%s", built.error().message().c_str());
}

void has_an_index_loaded_when_the_file_changes(void**) {
    start_cordond();
    assert_true(ready());
    build_index(5);
    start_dataplane();
    const auto loads = [] { return dataplane->asked(LinkType::load_index); };
    for (int i = 0; i < 150 && loads() == 0; ++i)
        ::usleep(20 * 1000);
    LinkPayload payload;
    assert_int_equal(dataplane->asked(LinkType::load_index, &payload), 1);
    assert_string_equal(reinterpret_cast<const char*>(payload.data()), state("index.cdx").c_str());
    {
        const std::lock_guard lock(status_mutex);
        status_now.generation = 5;
    }
    ::usleep(1200 * 1000);  // asked for once
    assert_int_equal(loads(), 1);
    build_index(6);
    for (int i = 0; i < 150 && loads() == 1; ++i)
        ::usleep(20 * 1000);
    assert_int_equal(loads(), 2);
}

void decides_when_an_index_is_asked_for(void**) {
    IndexWatch watch;
    const FileMark none;
    const FileMark first = {1, 2, 100, 5};
    const FileMark second = {1, 3, 100, 6};
    const auto generation = [](std::uint64_t n) { return [n] { return n; }; };
    assert_false(watch.wants_load(none, 7, 0, generation(0)));
    assert_true(watch.wants_load(first, 7, 0, generation(4)));
    assert_false(watch.wants_load(first, 7, 4, generation(4)));
    assert_true(watch.wants_load(second, 7, 4, generation(4)));   // built anew, same number
    assert_false(watch.wants_load(second, 8, 4, generation(4)));  // a new dataplane has it already
    assert_true(watch.wants_load(second, 9, 0, generation(4)));   // another one has not
    watch.forget();
    assert_true(watch.wants_load(second, 9, 0, generation(4)));
}

void stores_incidents_of_the_journal(void**) {
    std::filesystem::create_directories(state("journal"));
    PosixFiles files;
    {
        Journal journal(files, JournalOptions{.directory = state("journal"),
                                              .fresh_id = {1, 2, 3},
                                              .segment_bytes = 64 * 1024});
        assert_int_equal(journal.open(), 0);
        while (journal.tend() == TendResult::more)
            continue;
        static IncidentRecord record;
        record = {};
        std::strcpy(record.case_number, "TEST-1234");
        record.time_ns = 1700000000000000000u;
        record.action = MatchAction::block;
        record.client.present = 1;
        record.match_count = 1;
        record.matches[0].reference = 0xabcdef;
        record.matches[0].kinds = 1;
        std::strcpy(record.matches[0].section, "lab");
        std::strcpy(record.service, "photos");
        std::strcpy(record.method, "PUT");
        std::strcpy(record.target, "/a\x1b[2J");
        std::uint64_t sequence = 0;
        assert_int_equal(
            static_cast<int>(journal.append(RecordType::decided, payload_of(record), &sequence)),
            static_cast<int>(JournalResult::ok));
        assert_int_equal(static_cast<int>(journal.sync()), static_cast<int>(JournalResult::ok));
    }
    start_cordond();
    assert_true(eventually({{"request", "incidents.list"}},
                           [](const json& r) { return r.at("incidents").size() == 1; }));
    const Result<json> incident = ask({{"request", "incidents.show"}, {"case", "TEST-1234"}});
    assert_true(incident.has_value());
    assert_string_equal(incident->at("service").get<std::string>().c_str(), "photos");
    const json& match = incident->at("matches").at(0);
    assert_string_equal(match.at("reference").get<std::string>().c_str(), "0000000000abcdef");
    assert_string_equal(match.at("kinds").at(0).get<std::string>().c_str(), "sha256");
    assert_string_equal(incident->at("personal").get<std::string>().c_str(), "sealed");
    assert_int_equal(ask({{"request", "incidents.reveal"}, {"case", "TEST-1234"}}).error().code,
                     ErrorCode::usage);
    const Result<json> shown =
        ask({{"request", "incidents.reveal"}, {"case", "TEST-1234"}, {"reason", "a complaint"}});
    assert_true(shown.has_value());
    const std::string target = shown->at("personal").at("target").get<std::string>();
    assert_string_equal(target.c_str(), "/a\\x1b[2J");

    const auto listed = [](const json& more) {
        json request = {{"request", "incidents.list"}};
        request.update(more);
        const Result<json> reply = ask(request);
        return reply ? static_cast<int>(reply->at("incidents").size())
                     : -static_cast<int>(reply.error().code);
    };
    assert_int_equal(listed({{"service", "photos"}}), 1);
    assert_int_equal(listed({{"service", "other"}}), 0);
    assert_int_equal(listed({{"action", "block"}}), 1);
    assert_int_equal(listed({{"action", "report"}}), 0);
    assert_int_equal(listed({{"action", "zap"}}), -static_cast<int>(ErrorCode::usage));
    assert_int_equal(listed({{"limit", 501}}), -static_cast<int>(ErrorCode::usage));
    assert_int_equal(ask({{"request", "incidents.show"}, {"case", "X"}}).error().code,
                     ErrorCode::refused);
    assert_int_equal(ask({{"request", "incidents.after"}, {"after", 0}})->at("incidents").size(),
                     1);
    assert_int_equal(ask({{"request", "zap"}}).error().code, ErrorCode::usage);
}

void keeps_modes_apart_from_a_damaged_file(void**) {
    std::filesystem::create_directories(directory + "/state");
    const std::string path = state("modes.json");
    ModeOverrides modes(path);
    assert_true(modes.load().has_value());
    modes.set({.service = "photos", .mode = ServiceMode::bypass, .until_s = 100, .reason = "r"});
    modes.set({.service = "other", .mode = ServiceMode::observe, .reason = "r"});
    assert_true(modes.save().has_value());
    ModeOverrides again(path);
    assert_true(again.load().has_value());
    assert_non_null(again.find("photos"));
    assert_int_equal(again.take_ended(99).size(), 0);
    assert_int_equal(again.take_ended(100).size(), 1);
    assert_null(again.find("photos"));
    assert_non_null(again.find("other"));
    const char* damaged[] = {"",
                             "{",
                             "5",
                             "[5]",
                             "[{}]",
                             "[{\"service\":\"a\",\"mode\":\"bypass\",\"until\":0,\"reason\":\"\","
                             "\"uid\":0,\"since\":0}]",
                             "[{\"service\":\"a\",\"mode\":\"off\",\"until\":0,\"reason\":\"\","
                             "\"uid\":0,\"since\":0}]"};
    for (const char* text : damaged) {
        write_text(path, text);
        assert_false(again.load().has_value());
        assert_null(again.find("other"));
    }
}

void counts_a_generation_for_what_waits_for_a_restart(void**) {
    const Config config = *parse_config(config_text(""), "t");
    const std::string path = directory + "/o";
    Options options = config.options;
    assert_true(write_active_options(path, &options).has_value());
    assert_int_equal(options.policy_generation, 1);
    options.services[0].mode = ServiceMode::observe;
    assert_true(write_active_options(path, &options).has_value());
    assert_int_equal(options.policy_generation, 1);
    assert_int_equal(read_active_options(path)->services[0].mode, ServiceMode::observe);
    options.services[0].port = 81;
    assert_true(write_active_options(path, &options).has_value());
    assert_int_equal(options.policy_generation, 2);

    Options other = options;
    other.journal_ms_max = 7;
    other.services[0].fail = FailMode::closed;
    assert_string_equal(restart_reasons(options, other).c_str(), "limits, service photos");
    other = options;
    other.service_count = 0;
    assert_string_equal(restart_reasons(options, other).c_str(), "service photos");
    other = options;
    other.services[0].mode = ServiceMode::enforce;
    assert_string_equal(restart_reasons(options, other).c_str(), "");
    write_text(path, "damaged");
    assert_false(read_active_options(path).has_value());
    assert_true(write_active_options(path, &options).has_value());
    assert_int_equal(options.policy_generation, 1);
}

}  // namespace

int main() {
#define fresh(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const CMUnitTest tests[] = {
        fresh(answers_while_the_dataplane_is_away),
        fresh(writes_the_options_the_dataplane_starts_from),
        fresh(refuses_a_second_cordond_in_the_same_place),
        fresh(stops_at_once_with_a_wrong_configuration),
        fresh(keeps_its_configuration_when_a_new_one_is_wrong),
        fresh(reloads_on_a_signal_and_says_what_needs_a_restart),
        fresh(sets_a_mode_here_and_there_and_keeps_it),
        fresh(ends_a_bypass_by_itself),
        fresh(refuses_modes_that_are_not_allowed),
        fresh(nothing_is_changed_that_cannot_be_recorded),
        fresh(starts_with_what_was_approved_whatever_the_file_says),
        fresh(a_trial_goes_back_also_while_nobody_runs),
        fresh(a_box_without_its_approved_configuration_is_no_new_one),
        fresh(is_not_stalled_by_a_dataplane_that_hangs),
        fresh(has_an_index_loaded_when_the_file_changes),
        cmocka_unit_test(decides_when_an_index_is_asked_for),
        fresh(stores_incidents_of_the_journal),
        fresh(keeps_modes_apart_from_a_damaged_file),
        fresh(counts_a_generation_for_what_waits_for_a_restart),
    };
    return cmocka_run_group_tests_name("cordond", tests, nullptr, nullptr);
}
