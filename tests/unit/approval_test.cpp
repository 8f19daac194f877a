// Who may approve what, and what of it is there after a restart: proposals, and the configurations
// that were approved.

#include <cstring>
#include <filesystem>
#include <fstream>

#include "control/approval/config_history.h"
#include "control/approval/proposals.h"
#include "control/cli/cli.h"
#include "control/daemon/request_roles.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

std::string directory;

int setup(void**) {
    char name[] = "/tmp/cordon-approval-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    return 0;
}

int teardown(void**) {
    std::filesystem::remove_all(directory);
    return 0;
}

const Person root = {0, "root", "root"};
const Person anna = {1000, "anna", "admin"};
const Person bert = {1001, "bert", "admin"};

Proposal proposal(const char* mode) {
    Proposal p;
    p.kind = "mode";
    p.what = std::string("service photos: enforce to ") + mode;
    p.payload = {{"service", "photos"}, {"mode", mode}};
    p.requester = anna;
    p.reason = "a trial";
    p.asked_s = 1000;
    return p;
}

void it_takes_two_who_are_not_root(void**) {
    assert_true(may_request(anna).has_value());
    assert_false(may_request(root).has_value());
    assert_true(may_approve(anna, bert).has_value());
    assert_false(may_approve(anna, anna).has_value());
    assert_false(may_approve(anna, root).has_value());
    assert_false(may_approve(root, bert).has_value());
    // A user has one number, whatever he is called.
    assert_false(may_approve(anna, {1000, "somebody", "admin"}).has_value());
}

void a_hash_is_of_exactly_one_change(void**) {
    Proposals list(directory + "/pending.json");
    Proposal observe = proposal("observe"), bypass = proposal("bypass");
    assert_true(list.add(&observe).has_value());
    assert_true(list.add(&bypass).has_value());
    assert_string_not_equal(observe.hash.c_str(), bypass.hash.c_str());
    Proposal same = proposal("observe");
    assert_int_equal(static_cast<int>(list.add(&same).error().code),
                     static_cast<int>(ErrorCode::refused));
    assert_null(list.find(observe.hash.substr(0, 31)));
    assert_null(list.find(""));
    assert_int_equal(list.find(observe.hash)->until_s, 1000 + 15 * 60);
    assert_int_equal(list.ended(1000 + 15 * 60 - 1).size(), 0);
    assert_int_equal(list.ended(1000 + 15 * 60).size(), 2);
}

void what_waits_is_there_after_a_restart(void**) {
    const std::string path = directory + "/pending.json";
    Proposal observe = proposal("observe");
    {
        Proposals list(path);
        assert_true(list.load().has_value());
        assert_true(list.add(&observe).has_value());
    }
    Proposals list(path);
    assert_true(list.load().has_value());
    assert_non_null(list.find(observe.hash));
    assert_true(list.find(observe.hash)->requester == anna);
    // A hash that is not that of what stands beside it: somebody wrote into the file.
    std::ifstream in(path);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    text.replace(text.find("\"mode\":\"observe\""), 16, "\"mode\":\"bypass\" ");
    std::ofstream(path, std::ios::trunc) << text;
    Proposals changed(path);
    assert_int_equal(static_cast<int>(changed.load().error().code),
                     static_cast<int>(ErrorCode::integrity));
    assert_true(changed.list().empty());
}

void not_everything_waits(void**) {
    Proposals list(directory + "/pending.json");
    for (std::size_t n = 0; n <= Proposals::pending_max; ++n) {
        Proposal one = proposal(("mode" + std::to_string(n)).c_str());
        one.requester.uid = 2000 + static_cast<std::uint32_t>(n / Proposals::of_one_max);
        assert_int_equal(list.add(&one).has_value(), n < Proposals::pending_max);
    }
    Proposals again(directory + "/pending.json");
    assert_true(again.load().has_value());
    assert_int_equal(again.list().size(), Proposals::pending_max);
}

void what_is_still_tried_is_known_after_a_restart(void**) {
    const std::string path = directory + "/pending.json";
    Proposal observe = proposal("observe"), bypass = proposal("bypass");
    observe.trying = bypass.trying = true;
    {
        Proposals list(path);
        assert_true(list.add(&observe).has_value());
        assert_true(list.add(&bypass).has_value());
        assert_true(list.tried(bypass.hash).has_value());
        assert_true(list.tried("not there").has_value());
    }
    Proposals list(path);
    assert_true(list.load().has_value());
    assert_true(list.find(observe.hash)->trying);
    assert_false(list.find(bypass.hash)->trying);
}

void one_requester_leaves_room_for_another(void**) {
    Proposals list(directory + "/pending.json");
    std::string first;
    for (std::size_t n = 0; n <= Proposals::of_one_max; ++n) {
        Proposal one = proposal(("mode" + std::to_string(n)).c_str());
        one.requester.name = "name " + std::to_string(n);  // a user is his number
        const Result<void> added = list.add(&one);
        assert_int_equal(added.has_value(), n < Proposals::of_one_max);
        if (n == 0) first = one.hash;
        if (!added) assert_non_null(std::strstr(added.error().text.c_str(), "name 4 asked for"));
    }
    Proposal other = proposal("another");
    other.requester = bert;
    assert_true(list.add(&other).has_value());
    // What is decided makes room.
    assert_true(list.remove(first).has_value());
    Proposal one = proposal("later");
    assert_true(list.may_add(one).has_value());
    assert_true(list.add(&one).has_value());
    assert_false(list.may_add(proposal("more")).has_value());
}

ApprovedConfig entry(const std::string& hash, const char* how) {
    return {0, hash, 1000, how, anna, bert, "why"};
}

void what_was_approved_is_there_after_a_restart(void**) {
    {
        ConfigHistory history(directory);
        assert_false(*history.load());
        const std::string one = *history.keep("one");
        assert_true(history.approve(entry(one, "initial"), std::nullopt).has_value());
        const std::string two = *history.keep("two");
        assert_true(history.approve(entry(two, "proposed"), Confirmation{77, one}).has_value());
        assert_true(history.keep("three").has_value());  // waits
        history.forget_others({});
    }
    ConfigHistory history(directory);
    assert_true(*history.load());
    assert_int_equal(history.current().number, 2);
    assert_string_equal(history.text_of(history.current().hash)->c_str(), "two");
    assert_true(history.current().approver == bert);
    assert_int_equal(history.confirmation()->until_s, 77);
    assert_string_equal(history.text_of(history.confirmation()->return_to)->c_str(), "one");
    assert_int_equal(static_cast<int>(history.text_of(config_hash("three")).error().code),
                     static_cast<int>(ErrorCode::io));
    assert_true(history.confirm().has_value());
    assert_false(history.confirmation().has_value());
    assert_null(history.find(3));
    assert_string_equal(history.find(1)->hash.c_str(), config_hash("one").c_str());
}

void a_changed_text_is_no_approved_one(void**) {
    ConfigHistory history(directory);
    const std::string hash = *history.keep("mode = enforce");
    assert_true(history.approve(entry(hash, "initial"), std::nullopt).has_value());
    std::ofstream(directory + "/config/" + hash + ".toml", std::ios::trunc) << "mode = observe";
    assert_int_equal(static_cast<int>(history.text_of(hash).error().code),
                     static_cast<int>(ErrorCode::integrity));
    for (const char* damaged : {"", "{", "[]", "{\"entries\":[],\"confirm\":null}"}) {
        std::ofstream(directory + "/config/approved.json", std::ios::trunc) << damaged;
        ConfigHistory again(directory);
        const Result<bool> loaded = again.load();
        assert_false(loaded.has_value());
        assert_int_equal(static_cast<int>(loaded.error().code),
                         static_cast<int>(ErrorCode::integrity));
    }
}

void the_history_is_bounded(void**) {
    ConfigHistory history(directory);
    for (std::size_t n = 0; n < ConfigHistory::entries_max + 5; ++n) {
        const std::string hash = *history.keep("text " + std::to_string(n));
        assert_true(history.approve(entry(hash, "proposed"), std::nullopt).has_value());
        history.forget_others({});
    }
    assert_int_equal(history.entries().size(), ConfigHistory::entries_max);
    assert_int_equal(history.current().number, ConfigHistory::entries_max + 5);
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory + "/config"))
        if (file.path().extension() == ".toml") ++files;
    assert_int_equal(files, ConfigHistory::entries_max);
}

void every_command_that_names_a_request_names_one_with_a_role(void**) {
    for (const Command& command : command_table()) {
        if (command.request == nullptr) continue;
        const RequestRole row = role_of_request(command.request);
        assert_string_equal(row.request, command.request);
    }
    // What nobody classified is for admins.
    assert_true(role_of_request("list.import").role == Role::admin);
    assert_true(role_of_request("list.add").role == Role::operating);
    assert_true(role_of_request("list.approve").role == Role::admin);
    assert_true(role_of_request("approve").role == Role::admin);
    assert_true(role_of_request("mode.show").role == Role::viewer);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_takes_two_who_are_not_root, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hash_is_of_exactly_one_change, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_is_there_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(not_everything_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_still_tried_is_known_after_a_restart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_requester_leaves_room_for_another, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_approved_is_there_after_a_restart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_changed_text_is_no_approved_one, setup, teardown),
        cmocka_unit_test_setup_teardown(the_history_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(every_command_that_names_a_request_names_one_with_a_role,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
