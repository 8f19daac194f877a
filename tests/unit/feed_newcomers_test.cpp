// What is new here and hits too much: noticed, doubted, in force until somebody confirms it.
#include "control/daemon/hit_tap.h"
#include "control/sync/index_of_feeds.h"
#include "dataplane/contract/suspensions.h"
#include "tests/support/follower_lab.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;
using namespace cordon::test;

namespace {

constexpr std::uint64_t noon = 500'000 * std::uint64_t{3600};

Hit hit_of(std::uint64_t reference, std::uint8_t client, std::uint64_t time_s) {
    Hit hit;
    hit.list = "centre";
    hit.reference = reference;
    hit.added = 1;
    hit.client = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, client};
    hit.time_s = time_s;
    return hit;
}

using Doubt = Newcomers::Doubt;

void three_clients_within_ten_minutes_raise_a_doubt(void**) {
    Newcomers newcomers;
    std::vector<HitsOfHour> hours;
    const auto hit = [&](std::uint8_t client, std::uint64_t after_s) {
        return newcomers.hit(hit_of(7, client, noon + after_s), true, &hours);
    };
    assert_true(hit(1, 0) == Doubt::none);
    assert_true(hit(1, 1) == Doubt::none);  // the same one, again and again
    assert_true(hit(2, 2) == Doubt::none);
    // The first one's last hit is more than ten minutes ago by now.
    assert_true(hit(3, 601) == Doubt::none);
    assert_true(hit(4, 601) == Doubt::indicator);
    assert_true(newcomers.hit(hit_of(8, 4, noon + 602), true, &hours) == Doubt::none);
}

void what_is_settled_raises_none(void**) {
    Newcomers newcomers;
    std::vector<HitsOfHour> hours;
    for (std::uint8_t client = 0; client < 100; ++client)
        assert_true(newcomers.hit(hit_of(7, client, noon), false, &hours) == Doubt::none);
    assert_int_equal(hours.size(), 1);
    assert_int_equal(hours[0].hits, 100);
}

void the_addresses_of_a_household_are_one_client(void**) {
    Newcomers newcomers;
    std::vector<HitsOfHour> hours;
    Hit hit = hit_of(7, 0, noon);
    hit.client = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1};
    for (std::uint8_t host = 0; host < 9; ++host) {
        hit.client[15] = host;
        assert_true(newcomers.hit(hit, true, &hours) == Doubt::none);
    }
    hit.client[7] = 2;
    assert_true(newcomers.hit(hit, true, &hours) == Doubt::none);
    hit.client[7] = 3;
    assert_true(newcomers.hit(hit, true, &hours) == Doubt::indicator);
}

// Ten hits in a usual hour: a hundred are usual_factor times that, one more is above it.
void newcomers_together_are_compared_with_a_usual_hour(void**) {
    Newcomers newcomers;
    std::vector<HitsOfHour> hours;
    for (std::uint64_t hour = 0; hour < 5; ++hour)
        for (std::uint64_t n = 0; n < 10; ++n)
            newcomers.hit(hit_of(1, 1, noon + hour * 3600), false, &hours);
    for (std::uint64_t n = 0; n < 100; ++n)
        assert_true(newcomers.hit(hit_of(100 + n, 1, noon + 5 * 3600 + n), true, &hours) ==
                    Doubt::none);
    assert_true(newcomers.hit(hit_of(300, 1, noon + 5 * 3600 + 100), true, &hours) ==
                Doubt::together);
    // An hour later the window is empty again.
    assert_true(newcomers.hit(hit_of(301, 1, noon + 7 * 3600), true, &hours) == Doubt::none);
}

void where_nothing_is_usual_a_few_hits_are_none(void**) {
    Newcomers newcomers;
    std::vector<HitsOfHour> hours;
    for (std::uint64_t n = 0; n < together_least; ++n)
        assert_true(newcomers.hit(hit_of(n, 1, noon), true, &hours) == Doubt::none);
    assert_true(newcomers.hit(hit_of(99, 1, noon), true, &hours) == Doubt::together);
}

void remembers_a_week_and_so_many_hits(void**) {
    Newcomers newcomers;
    std::vector<HitsOfHour> hours;
    for (std::uint64_t hour = 0; hour < 2 * hours_max; ++hour)
        newcomers.hit(hit_of(1, 1, noon + hour * 3600), false, &hours);
    assert_int_equal(hours.size(), hours_max);
    for (std::uint64_t n = 0; n < Newcomers::recent_max + 10; ++n)
        newcomers.hit(hit_of(n, 1, noon + 2 * hours_max * 3600), true, &hours);
    // One that comes late, of an hour that is forgotten, counts for nothing.
    newcomers.hit(hit_of(1, 1, noon), false, &hours);
    assert_int_equal(hours.size(), hours_max);
}

// A quarter of an hour around the full one, in which another key begins.
void a_client_is_known_again_when_its_key_is_another(void**) {
    Newcomers newcomers;
    std::vector<HitsOfHour> hours;
    assert_true(newcomers.hit(hit_of(7, 1, noon - 60), true, &hours) == Doubt::none);
    assert_true(newcomers.hit(hit_of(7, 2, noon - 60), true, &hours) == Doubt::none);
    assert_true(newcomers.hit(hit_of(7, 1, noon), true, &hours) == Doubt::none);
    assert_int_equal(newcomers.window().keys.size(), 2);
    assert_int_equal(newcomers.window().recent.size(), 2);
    assert_true(newcomers.hit(hit_of(7, 2, noon + 60), true, &hours) == Doubt::none);
    assert_int_equal(newcomers.window().keys.size(), 1);  // nobody is marked with the other one
    assert_true(newcomers.hit(hit_of(7, 3, noon + 61), true, &hours) == Doubt::indicator);
}

void what_is_over_goes_with_its_keys(void**) {
    Newcomers newcomers;
    std::vector<HitsOfHour> hours;
    newcomers.hit(hit_of(7, 1, noon), true, &hours);
    newcomers.kept();
    newcomers.expire(noon + 3599, &hours);
    assert_false(newcomers.has_changed());
    newcomers.expire(noon + 3600, &hours);
    assert_true(newcomers.has_changed());
    assert_true(newcomers.window().keys.empty());
    assert_true(newcomers.window().recent.empty());
    assert_int_equal(hours.size(), 1);
    // By a clock that was a day ahead.
    newcomers.hit(hit_of(7, 1, noon + 86400), true, &hours);
    newcomers.expire(noon, &hours);
    assert_true(newcomers.window().keys.empty());
    assert_int_equal(hours.size(), 1);
}

// --- a follower ----------------------------------------------------------------------------------

int setup(void** state) {
    auto* a = new Appliance;
    *state = a;
    return a->poll().empty() ? 0 : -1;
}

int teardown(void** state) {
    delete static_cast<Appliance*>(*state);
    return 0;
}

Appliance& of(void** state) {
    return *static_cast<Appliance*>(*state);
}

bool three_hits(Appliance& a, std::uint64_t reference, std::uint32_t added) {
    bool doubted = false;
    for (std::uint8_t client = 1; client <= 3; ++client) {
        Hit hit = hit_of(reference, client, a.centre.now_s);
        hit.added = added;
        doubted |= a.follower->take_hit(hit, a.centre.now_s);
    }
    return doubted;
}

void a_doubted_newcomer_reports_until_it_is_confirmed(void** state) {
    Appliance& a = of(state);
    assert_true(three_hits(a, 2, 1));
    assert_int_equal(a.keeper.doubted.size(), 1);
    assert_int_equal(a.keeper.doubted[0].value, 2);
    assert_false(three_hits(a, 2, 1));  // it is already
    a.restart();
    assert_int_equal(a.follower->standing().doubted.size(), 1);
    a.release({1, 2, 3});
    a.poll();
    assert_int_equal(a.keeper.doubted.size(), 1);

    assert_false(a.follower->confirm(1, 0, a.centre.now_s).has_value());
    assert_true(a.follower->confirm(2, 0, a.centre.now_s).has_value());
    assert_true(a.keeper.doubted.empty());
    assert_false(three_hits(a, 2, 1));  // somebody looked at it
    a.restart();
    assert_false(three_hits(a, 2, 1));
}

bool one_hit(Appliance& a, std::uint8_t client) {
    const bool doubted = a.follower->take_hit(hit_of(2, client, a.centre.now_s), a.centre.now_s);
    assert_true(a.follower->keep_newcomers(a.centre.now_s).has_value());
    return doubted;
}

std::string kept_file(const Appliance& a) {
    return a.directory + "/feed/newcomers.json";
}

std::string text_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The third client comes after two restarts; the first one is no third.
void what_newcomers_hit_outlives_a_restart(void** state) {
    Appliance& a = of(state);
    assert_false(one_hit(a, 1));
    a.restart();
    assert_false(one_hit(a, 2));
    assert_false(one_hit(a, 1));
    a.restart();
    assert_int_equal(a.follower->state().hours.at(0).hits, 3);
    assert_false(one_hit(a, 2));
    assert_true(one_hit(a, 3));
    // Somebody looked at it: that outlives it as well.
    assert_true(a.follower->confirm(2, 0, a.centre.now_s).has_value());
    a.restart();
    assert_true(a.follower->newcomers().window().recent.empty());
    assert_false(three_hits(a, 2, 1));
}

void no_address_is_kept_and_no_key_for_long(void** state) {
    Appliance& a = of(state);
    one_hit(a, 77);
    const std::string text = text_of(kept_file(a));
    assert_int_equal(a.follower->newcomers().window().recent.size(), 1);
    const auto client = hit_of(2, 77, 0).client;
    for (const std::string& shape :
         {feed::to_hex(client), feed::to_hex(Bytes(client).last(4)), std::string("192.0.2"),
          feed::to_hex(feed::sha256(client)).substr(0, 32)})
        assert_true(text.find(shape) == std::string::npos);
    const std::string key = feed::to_hex(a.follower->newcomers().window().keys.at(0).key.bytes);
    assert_true(text.find(key) != std::string::npos);
    a.centre.now_s += 3600;
    assert_true(a.follower->keep_newcomers(a.centre.now_s).has_value());
    assert_true(text_of(kept_file(a)).find(key) == std::string::npos);
}

// Cut off anywhere, or written by somebody else: nothing of it is believed, and that is said once.
void a_window_that_is_damaged_begins_anew_and_says_so(void** state) {
    Appliance& a = of(state);
    one_hit(a, 1);
    one_hit(a, 2);
    const FeedFolder folder(a.directory + "/feed");
    assert_true(folder.load_newcomers().has_value());
    const std::string whole = text_of(kept_file(a));
    const auto refuses = [&](const std::string& text) {
        std::ofstream(kept_file(a), std::ios::binary) << text;
        return !folder.load_newcomers().has_value();
    };
    for (std::size_t bytes = 0; bytes + 2 < whole.size(); ++bytes)
        assert_true(refuses(whole.substr(0, bytes)));
    const std::string mark = "00000000000000000000000000000000", key = mark + mark;
    const auto file = [](const std::string& keys, const std::string& recent,
                         const std::string& hours) {
        return R"({"version":1,"keys":[)" + keys + R"(],"recent":[)" + recent + R"(],"hours":[)" +
               hours + "]}";
    };
    const std::string one_key = "[5,\"" + key + "\"]", hit = "[2,\"" + mark + "\",5,18000]";
    assert_false(refuses(file(one_key, hit, "[5,1],[6,1]")));
    assert_true(refuses(file("", hit, "")));                       // marked with no key
    assert_true(refuses(file(one_key + "," + one_key, hit, "")));  // the same hour twice
    assert_true(refuses(file("[5,\"" + mark + "\"]", hit, "")));
    assert_true(refuses(file(one_key, "[2,\"00\",5,18000]", "")));
    assert_true(refuses(file(one_key, hit, "[6,1],[5,1]")));
    assert_true(
        refuses(file("[5,\"" + key + "\"],[6,\"" + key + "\"],[7,\"" + key + "\"]", "", "")));
    std::string many = hit;
    for (std::size_t n = 0; n < Newcomers::recent_max; ++n)
        many += "," + hit;
    assert_true(refuses(file(one_key, many, "")));
    assert_true(refuses(std::string(newcomers_bytes_max + 1, ' ')));
    assert_true(refuses("{}"));

    a.restart();
    assert_string_equal(a.started_as.c_str(), "");
    assert_true(a.alarm_has(a.follower->state().history.back().text, "newcomers.json is damaged"));
    assert_true(a.alarm_has(a.poll(), "newcomers"));
    assert_string_equal(a.poll().c_str(), "");
    assert_true(folder.load_newcomers().has_value());
    assert_true(three_hits(a, 2, 1));
}

void what_cannot_be_kept_is_tried_again(void** state) {
    Appliance& a = of(state);
    std::filesystem::create_directory(kept_file(a));
    assert_false(a.follower->take_hit(hit_of(2, 1, a.centre.now_s), a.centre.now_s));
    assert_false(a.follower->keep_newcomers(a.centre.now_s).has_value());
    assert_true(a.alarm_has(a.poll(), "newcomers"));
    std::filesystem::remove(kept_file(a));
    assert_string_equal(a.poll().c_str(), "");
    a.restart();
    assert_int_equal(a.follower->newcomers().window().recent.size(), 1);
}

void after_a_day_an_indicator_is_no_newcomer(void** state) {
    Appliance& a = of(state);
    a.centre.now_s += newcomer_s;
    assert_false(three_hits(a, 2, 1));
    a.release({1, 2, 3});
    a.grant(a.centre.now_s + feed::day_s);
    a.poll();
    assert_false(three_hits(a, 2, 1));
    assert_true(three_hits(a, 3, 2));
    assert_false(three_hits(a, 1, 0));  // nobody knows when it came
}

void newcomers_together_are_doubted_by_their_generation(void** state) {
    Appliance& a = of(state);
    bool doubted = false;
    for (std::uint64_t n = 0; n <= together_least; ++n)
        doubted |= a.follower->take_hit(hit_of(1000 + n, 1, a.centre.now_s), a.centre.now_s);
    assert_true(doubted);
    assert_int_equal(a.keeper.doubted.size(), 1);
    assert_true(a.keeper.doubted[0].what == feed::SuspensionOf::generation);
    assert_int_equal(a.keeper.doubted[0].value, 1);
    assert_true(a.follower->confirm(std::nullopt, 0, a.centre.now_s).has_value());
    assert_true(a.keeper.doubted.empty());
    assert_false(three_hits(a, 2, 1));
    assert_false(a.follower->confirm(std::nullopt, 0, a.centre.now_s).has_value());
}

// What is in force has it before the state does, and a full disk is tried again.
void a_doubt_that_cannot_be_written_comes_with_the_next_poll(void** state) {
    Appliance& a = of(state);
    a.keeper.disk_full = true;
    assert_true(three_hits(a, 2, 1));
    assert_true(a.keeper.doubted.empty());
    a.keeper.disk_full = false;
    a.publish();
    a.poll();
    assert_int_equal(a.keeper.doubted.size(), 1);
}

// --- the journal ---------------------------------------------------------------------------------

struct Sink final : RecordSink {
    bool fails = false;
    Result<std::uint64_t> next_sequence(const JournalId&) override { return 0; }
    Result<void> apply(const RecordBatch&) override {
        return fails ? failure(ErrorCode::io, "full") : Result<void>();
    }
};

void the_journal_tells_its_matches_when_they_are_stored(void**) {
    IncidentRecord incident = {};
    incident.time_ns = noon * 1'000'000'000;
    incident.match_count = 2;
    incident.client.address[15] = 4;
    std::strcpy(incident.matches[0].section, "centre");
    incident.matches[0].reference = 7;
    incident.matches[0].added[1] = 1;
    std::memset(incident.matches[1].section, 'x', sizeof incident.matches[1].section);
    const Bytes payload(reinterpret_cast<const std::uint8_t*>(&incident), sizeof incident);
    const JournalRecord records[] = {{RecordType::decided, 1, 0, payload},
                                     {RecordType::gap, 2, 0, payload},
                                     {RecordType::decided, 3, 0, payload.first(100)}};
    RecordBatch batch;
    batch.records = records;
    std::vector<Hit> told;
    Sink sink;
    HitTap tap(sink, [&told](const std::vector<Hit>& hits) { told = hits; });
    assert_true(tap.apply(batch).has_value());
    assert_int_equal(told.size(), 2);
    assert_string_equal(told[0].list.c_str(), "centre");
    assert_int_equal(told[0].reference, 7);
    assert_int_equal(told[0].added, 256);
    assert_int_equal(told[0].client[15], 4);
    assert_int_equal(told[0].time_s, noon);
    assert_int_equal(told[1].list.size(), sizeof incident.matches[1].section);
    incident.forwarded.present = 1;
    incident.forwarded.address[15] = 9;
    assert_true(tap.apply(batch).has_value());
    assert_int_equal(told[0].client[15], 9);
    told.clear();
    sink.fails = true;
    assert_false(tap.apply(batch).has_value());
    assert_true(told.empty());
}

// A complaint is looked into: whatever the Centre says, and over a restart.
void what_two_persons_suspend_does_nothing_until_its_end(void** state) {
    Appliance& a = of(state);
    a.follower->poll(a.centre.now_s);
    const std::uint64_t end = a.centre.now_s + 3600;
    const feed::Suspension one = {feed::SuspensionOf::reference, 2, a.centre.now_s, end, "case X"};
    feed::Suspension ended = one;
    ended.until_s = 0;
    assert_false(a.follower->suspend_here(ended, a.centre.now_s).has_value());
    a.keeper.disk_full = true;
    assert_false(a.follower->suspend_here(one, a.centre.now_s).has_value());
    assert_true(a.follower->state().own_suspensions.empty());
    a.keeper.disk_full = false;
    assert_true(a.follower->suspend_here(one, a.centre.now_s).has_value());
    assert_true(a.follower->suspend_here(one, a.centre.now_s).has_value());  // again: once
    assert_int_equal(a.keeper.own.size(), 1);
    assert_int_equal(a.keeper.own[0].value, 2);
    assert_int_equal(a.keeper.own[0].until_s, end);
    a.release({1, 2, 3});
    a.follower->poll(a.centre.now_s, true);
    assert_int_equal(a.keeper.own.size(), 1);
    a.keeper.own.clear();
    a.restart();
    assert_int_equal(a.follower->state().own_suspensions.size(), 1);
    assert_true(a.follower->suspend_here(ended, a.centre.now_s).has_value());
    assert_true(a.keeper.own.empty());
    a.restart();
    assert_true(a.follower->state().own_suspensions.empty());
}

void no_more_is_suspended_here_than_fits(void** state) {
    Appliance& a = of(state);
    a.follower->poll(a.centre.now_s);
    feed::Suspension one = {feed::SuspensionOf::reference, 0, a.centre.now_s, a.centre.now_s + 60,
                            "case X"};
    for (std::size_t n = 0; n < own_suspensions_max; ++n) {
        one.value = 1000 + n;
        assert_true(a.follower->suspend_here(one, a.centre.now_s).has_value());
    }
    one.value = 1;
    assert_false(a.follower->suspend_here(one, a.centre.now_s).has_value());
    // What has ended makes room.
    assert_true(a.follower->suspend_here(one, a.centre.now_s + 61).has_value());
    assert_int_equal(a.follower->state().own_suspensions.size(), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(three_clients_within_ten_minutes_raise_a_doubt),
        cmocka_unit_test(what_is_settled_raises_none),
        cmocka_unit_test(the_addresses_of_a_household_are_one_client),
        cmocka_unit_test(newcomers_together_are_compared_with_a_usual_hour),
        cmocka_unit_test(where_nothing_is_usual_a_few_hits_are_none),
        cmocka_unit_test(remembers_a_week_and_so_many_hits),
        cmocka_unit_test(a_client_is_known_again_when_its_key_is_another),
        cmocka_unit_test(what_is_over_goes_with_its_keys),
        cmocka_unit_test_setup_teardown(what_newcomers_hit_outlives_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(no_address_is_kept_and_no_key_for_long, setup, teardown),
        cmocka_unit_test_setup_teardown(a_window_that_is_damaged_begins_anew_and_says_so, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_kept_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_doubted_newcomer_reports_until_it_is_confirmed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(after_a_day_an_indicator_is_no_newcomer, setup, teardown),
        cmocka_unit_test_setup_teardown(newcomers_together_are_doubted_by_their_generation, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_doubt_that_cannot_be_written_comes_with_the_next_poll,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_two_persons_suspend_does_nothing_until_its_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_more_is_suspended_here_than_fits, setup, teardown),
        cmocka_unit_test(the_journal_tells_its_matches_when_they_are_stored),
    };
    return cmocka_run_group_tests_name("feed_newcomers", tests, nullptr, nullptr);
}
