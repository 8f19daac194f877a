// The event log: what is new is told once, in whole lines, with no field but the allowed ones.

#include "control/events/event_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/contract/journal_codec.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using nlohmann::json;

namespace {

constexpr JournalId id = {0xab, 0xcd};
constexpr std::uint64_t noon = 1709294400ull * 1000000000;  // 2024-03-01T12:00:00Z
constexpr std::uint64_t noon_s = 1709294400;

std::string directory;
std::unique_ptr<Store> store;
std::vector<AuditMark> trail;  // as the appliance has it
std::unique_ptr<EventWriter> events;
std::uint64_t sequence = 0;
std::optional<LinkStatus> dataplane;
json feeds;

std::string path() {
    return directory + "/events.log";
}

int start(void**) {
    char name[] = "/tmp/events-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    auto opened = open_store({directory + "/store", "node-1"});
    if (!opened) return -1;
    store = std::move(*opened);
    sequence = 0;
    dataplane.emplace();
    feeds = json::array();
    return 0;
}

int stop(void**) {
    events.reset();
    trail.clear();
    store.reset();
    std::filesystem::remove_all(directory);
    return 0;
}

template <typename T>
void add(RecordType type, const T& record) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&record);
    ++sequence;
    const JournalRecord one = {type, sequence, sequence * 7, Bytes(bytes, sizeof record)};
    assert_true(store->apply({id, {&one, 1}, sequence + 1, {}}).has_value());
}

template <std::size_t N>
void fill(char (&field)[N], const char* text) {
    std::strncpy(field, text, N - 1);
}

// With something that must not be told in each place for it.
void add_incident(const char* case_number) {
    IncidentRecord record{};
    fill(record.case_number, case_number);
    record.time_ns = noon + 123456789;
    record.object_bytes = 5000;
    record.policy_generation = 4;
    const std::uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
    for (Endpoint* peer : {&record.client, &record.forwarded, &record.server}) {
        std::memcpy(peer->address, address, sizeof address);
        peer->port = 40123;
        peer->present = 1;
    }
    record.vlan = -1;
    record.action = MatchAction::block;
    record.complete = 1;
    record.match_count = 1;
    record.matches[0].reference = 0xfedcba9876543210;
    record.matches[0].generation = 1717;
    fill(record.matches[0].section, "centre");
    fill(record.service, "photos");
    fill(record.legal_basis, "order 12");
    fill(record.method, "SECRET-METHOD");
    fill(record.host, "SECRET-HOST");
    fill(record.account, "SECRET-ACCOUNT");
    fill(record.target, "/SECRET-TARGET");
    fill(record.field, "SECRET-FIELD");
    fill(record.name, "SECRET-NAME");
    fill(record.member, "SECRET-MEMBER");
    fill(record.container, "SECRET-CONTAINER");
    add(RecordType::decided, record);
}

void begin() {
    events = std::make_unique<EventWriter>(path(), "C1", directory + "/events.json");
    events->turn(read_news(*store, events->position()), dataplane, feeds, noon_s, trail);
}

void turn() {
    events->turn(read_news(*store, events->position()), dataplane, feeds, noon_s + 60, trail);
}

void add_to_trail(const char* action) {
    trail.push_back({trail.size() + 1, "2024-03-01T12:00:00Z", action, std::string(64, 'a')});
}

std::string text_of(const std::string& file) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<json> lines() {
    std::vector<json> result;
    std::stringstream text(text_of(path()));
    for (std::string line; std::getline(text, line);) {
        result.push_back(json::parse(line, nullptr, false));
        assert_false(result.back().is_discarded());
    }
    return result;
}

json feed_status(std::uint64_t generation, std::size_t suspensions, const char* hold) {
    json list = json::array();
    for (std::size_t i = 0; i < suspensions; ++i)
        list.push_back({{"value", "SECRET-REFERENCE"}, {"reason", "SECRET-REASON"}});
    return {{"name", "centre"},
            {"polled", "2024-03-01T12:00:00Z"},
            {"in_force", {{"generation", generation}, {"records", 1000 * generation}}},
            {"suspensions", list},
            {"alarms", {"mirror https://SECRET-MIRROR is behind"}},
            {"hold", std::strcmp(hold, "none") == 0
                         ? json(nullptr)
                         : json{{"kind", hold}, {"reason", "SECRET-REASON"}, {"uid", 4321}}}};
}

void an_incident_is_one_line(void**) {
    begin();
    add_incident("C1-0001");
    turn();
    turn();
    const std::vector<json> told = lines();
    assert_int_equal(told.size(), 1);
    const json wanted = {{"timestamp", "2024-03-01T12:00:00.123456+00:00"},
                         {"event_type", "incident"},
                         {"event_id", "incident-1"},
                         {"host", "C1"},
                         {"service", "photos"},
                         {"case", "C1-0001"},
                         {"action", "block"},
                         {"form", "body"},
                         {"content_type", "unknown"},
                         {"size", 5000},
                         {"complete", true},
                         {"after_write", false},
                         {"lists", {"centre"}},
                         {"legal_basis", "order 12"},
                         {"policy_generation", 4},
                         {"lab", false},
                         {"test", false}};
    assert_string_equal(told[0].dump().c_str(), wanted.dump().c_str());
    assert_int_equal(events->status().at("written"), 1);
}

// What may leave the appliance for whoever reads logs. Whoever adds a field says here that it names
// neither a person nor a file.
void no_field_but_those_that_are_allowed(void**) {
    const std::set<std::string> allowed = {
        "timestamp", "event_type",   "event_id",   "host",         "service",
        "case",      "action",       "form",       "content_type", "size",
        "complete",  "after_write",  "lists",      "legal_basis",  "policy_generation",
        "lab",       "reason",       "until",      "bytes",        "packets",
        "from",      "to",           "feed",       "generation",   "records",
        "count",     "audit_record", "audit_head", "test"};
    std::set<std::string> listed;
    for (const EventFieldInfo& field : event_fields)
        listed.insert(std::string(field.name));
    assert_true(listed == allowed);

    begin();
    add_incident("C1-0001");
    GapRecord gap{};
    gap.from_ns = noon;
    gap.to_ns = noon + 1000000000;
    gap.bytes = 1000;
    gap.packets = 3;
    fill(gap.service, "photos");
    gap.reason = GapReason::hung;
    add(RecordType::gap, gap);
    ModeRecord mode{};
    mode.time_ns = noon;
    fill(mode.service, "photos");
    mode.to = 2;
    add(RecordType::mode, mode);
    feeds = {feed_status(7, 2, "pause")};
    dataplane->generation = 9;
    dataplane->indicators = 1000;
    add_to_trail("config.initial");
    turn();
    add_to_trail("mode.set");
    dataplane.reset();
    feeds = {feed_status(6, 0, "none")};
    turn();
    std::set<std::string> types;
    std::set<std::string> seen;
    for (const json& line : lines()) {
        types.insert(line.at("event_type").get<std::string>());
        for (const auto& item : line.items())
            seen.insert(item.key());
    }
    assert_true(types ==
                (std::set<std::string>{"audit", "incident", "coverage", "mode", "feed", "health"}));
    // Each of them is used.
    assert_true(seen == allowed);
    const std::string text = text_of(path());
    for (const char* secret : {"SECRET", "192.0.2.7", "40123", "fedcba9876543210",
                               "18364758544493064720", "4321", "node-1"}) {
        if (text.find(secret) != std::string::npos) fail_msg("%s is told", secret);
    }
}

void feeds_tell_what_has_changed(void**) {
    feeds = {feed_status(7, 0, "none")};
    feeds[0]["polled"] = nullptr;
    begin();
    assert_false(std::filesystem::exists(path()));
    feeds = {feed_status(7, 1, "none")};
    turn();
    feeds = {feed_status(8, 1, "pin")};
    turn();
    feeds = {feed_status(7, 1, "none")};
    turn();
    std::string told;
    for (const json& line : lines())
        told += line.at("action").get<std::string>() + " ";
    assert_string_equal(told.c_str(), "taken suspensions alarms taken hold fell_back hold ");
}

void the_head_of_the_trail_is_told_once(void**) {
    add_to_trail("config.initial");
    begin();
    assert_false(std::filesystem::exists(path()));
    add_to_trail("bypass.break_glass");
    turn();
    turn();
    begin();  // after a restart
    add_to_trail("bypass.ended");
    turn();
    const std::vector<json> told = lines();
    assert_int_equal(told.size(), 2);
    assert_true(told[0].at("event_type") == "audit");
    assert_true(told[0].at("action") == "bypass.break_glass");
    assert_int_equal(told[0].at("audit_record").get<int>(), 2);
    assert_true(told[0].at("audit_head") == trail[1].hash);
    assert_int_equal(told[1].at("audit_record").get<int>(), 3);
}

void what_was_there_before_is_not_told(void**) {
    add_incident("C1-0001");
    begin();
    turn();
    assert_false(std::filesystem::exists(path()));
    add_incident("C1-0002");
    turn();
    assert_int_equal(lines().size(), 1);
}

void goes_on_where_it_was_after_a_restart(void**) {
    dataplane->generation = 5;
    feeds = {feed_status(7, 0, "none")};
    begin();
    add_incident("C1-0001");
    turn();
    const std::size_t before = lines().size();
    events.reset();
    add_incident("C1-0002");
    begin();
    const std::vector<json> told = lines();
    assert_int_equal(told.size(), before + 1);
    assert_string_equal(told.back().at("case").get<std::string>().c_str(), "C1-0002");
}

// That all is well to begin with is no news, and neither is that it stays wrong.
void tells_when_a_self_test_turns(void**) {
    begin();
    for (const char* result : {"", "ok", "ok", "passed", "passed", "ok"}) {
        const json tested = {{"service", "photos"},
                             {"result", *result == '\0' ? json(nullptr) : json(result)}};
        events->turn(read_news(*store, events->position()), dataplane, feeds, noon_s, trail,
                     json::array({tested}));
    }
    // What was told before a restart is not told again.
    events.reset();
    begin();
    events->turn(read_news(*store, events->position()), dataplane, feeds, noon_s, trail,
                 json::array({{{"service", "photos"}, {"result", "ok"}}}));
    std::string turned;
    for (const json& line : lines())
        if (line.at("action") == "selftest")
            turned +=
                line.at("from").get<std::string>() + ">" + line.at("to").get<std::string>() + " ";
    assert_string_equal(turned.c_str(), "ok>passed passed>ok ");
}

void tells_again_under_the_same_id_after_a_crash(void**) {
    begin();
    add_incident("C1-0001");
    std::filesystem::copy_file(directory + "/events.json", directory + "/position");
    turn();
    events.reset();
    std::filesystem::rename(directory + "/position", directory + "/events.json");
    begin();
    const std::vector<json> told = lines();
    assert_int_equal(told.size(), 2);
    assert_true(told[0] == told[1]);
}

void a_damaged_position_begins_anew(void**) {
    add_incident("C1-0001");
    std::ofstream(directory + "/events.json") << "{\"incident\": \"none\"}";
    begin();
    add_incident("C1-0002");
    turn();
    assert_int_equal(lines().size(), 1);
}

void more_than_a_batch_comes_in_turns(void**) {
    begin();
    for (std::uint32_t i = 0; i < EventWriter::batch_max + 10; ++i)
        add_incident("C1-0001");
    turn();
    assert_int_equal(lines().size(), EventWriter::batch_max);
    turn();
    assert_int_equal(lines().size(), EventWriter::batch_max + 10);
}

// A limit of the file's size stands for the full disk: the write ends in the middle of a line.
void a_full_disk_delays_lines_and_halves_none(void**) {
    begin();
    add_incident("C1-0001");
    turn();
    const auto size = std::filesystem::file_size(path());
    struct rlimit before = {};
    ::getrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit full = before;
    full.rlim_cur = size + 100;
    add_incident("C1-0002");
    ::setrlimit(RLIMIT_FSIZE, &full);
    turn();
    turn();
    ::setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(std::filesystem::file_size(path()), size);
    assert_int_equal(events->status().at("errors"), 2);
    assert_true(events->status().at("error").is_string());
    turn();
    assert_int_equal(lines().size(), 2);
    assert_true(events->status().at("error").is_null());
}

void writes_a_new_file_when_the_old_one_is_moved(void**) {
    begin();
    add_incident("C1-0001");
    turn();
    std::filesystem::rename(path(), path() + ".1");
    add_incident("C1-0002");
    turn();  // not told yet: the open file goes on
    events->reopen();
    add_incident("C1-0003");
    turn();
    assert_int_equal(lines().size(), 1);
    struct stat info = {};
    assert_int_equal(::stat(path().c_str(), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

void writes_into_nothing_but_a_file(void**) {
    assert_int_equal(::symlink((directory + "/elsewhere").c_str(), path().c_str()), 0);
    begin();
    add_incident("C1-0001");
    turn();
    assert_false(std::filesystem::exists(directory + "/elsewhere"));
    assert_true(events->status().at("error").is_string());
    std::filesystem::remove(path());
    assert_int_equal(::mkfifo(path().c_str(), 0600), 0);
    turn();  // does not wait for who reads
    assert_true(events->status().at("error").is_string());
    std::filesystem::remove(path());
    turn();
    assert_int_equal(lines().size(), 1);
}

}  // namespace

int main() {
    ::umask(0);
#define with_store(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const CMUnitTest tests[] = {
        with_store(an_incident_is_one_line),
        with_store(no_field_but_those_that_are_allowed),
        with_store(feeds_tell_what_has_changed),
        with_store(the_head_of_the_trail_is_told_once),
        with_store(what_was_there_before_is_not_told),
        with_store(goes_on_where_it_was_after_a_restart),
        with_store(tells_when_a_self_test_turns),
        with_store(tells_again_under_the_same_id_after_a_crash),
        with_store(a_damaged_position_begins_anew),
        with_store(more_than_a_batch_comes_in_turns),
        with_store(a_full_disk_delays_lines_and_halves_none),
        with_store(writes_a_new_file_when_the_old_one_is_moved),
        with_store(writes_into_nothing_but_a_file),
    };
    return cmocka_run_group_tests_name("events", tests, nullptr, nullptr);
}
