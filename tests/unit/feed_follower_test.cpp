// What an appliance makes of a feed, on a clock and with chances of the test's: whatever a mirror
// or a thief of keys does, the last good generation stays in force, and the alarm says why not
// more.
#include "control/feed/sealed_part.h"
#include "control/sync/clock_alarm.h"
#include "tests/support/follower_lab.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;
using cordon::test::Appliance;
using cordon::test::FeedCentre;

namespace {

#define assert_says(is, should) assert_string_equal(std::string(is).c_str(), should)

int setup(void** state) {
    *state = new Appliance;
    return 0;
}
int teardown(void** state) {
    delete static_cast<Appliance*>(*state);
    return 0;
}
Appliance& of(void** state) {
    return *static_cast<Appliance*>(*state);
}

// --- the way of a feed ---------------------------------------------------------------------------

void follows_by_deltas_and_starts_again_where_it_was(void** state) {
    Appliance& a = of(state);
    assert_says(a.started_as, "");
    assert_says(a.poll(), "");
    assert_true(a.in_force(1));
    a.release({1, 2, 3, 4, 5, 6, 7, 8});
    assert_says(a.poll(), "");
    a.release({2, 3, 4, 5, 6, 7, 8, 9});
    assert_says(a.poll(), "");
    assert_true(a.in_force(3));
    assert_int_equal(a.follower->state().previous.number, 2);
    assert_int_equal(a.centre.fetched[feed::target_location(
                         "full/3.rec", a.centre.releases.targets["full/3.rec"].sha256)],
                     0);
    // By record, with which generation it came.
    const std::vector<std::uint64_t> came_in = a.keeper.there->set.came_in;
    assert_true(came_in == std::vector<std::uint64_t>({1, 2, 2, 2, 2, 2, 2, 3}));

    a.restart();
    assert_says(a.started_as, "");
    assert_int_equal(a.keeper.puts, 3);
    a.keeper.there.reset();  // the index is gone, or was never written
    a.restart();
    assert_int_equal(a.keeper.generation(), 3);
    assert_true(a.keeper.there->set.came_in == came_in);
    assert_says(a.poll(), "");
    assert_int_equal(a.keeper.puts, 4);
}

// A list is not taken to be in force where a part of it is only carried.
void counts_what_nothing_here_is_matched_with(void** state) {
    Appliance& a = of(state);
    a.centre.targets.caps.kinds = {"sha256", "pattern", "pdq"};
    const feed::PartSealer sealer(a.centre.epoch_key);
    feed::FeedRecord text = cordon::test::feed_record(0), picture = cordon::test::feed_record(0),
                     other = cordon::test::feed_record(0);
    sealer.seal(IndicatorKind::pattern,
                as_bytes(feed::pattern_part(PatternSyntax::literal, "https://example.test/")),
                &text);
    sealer.seal(IndicatorKind::pdq, as_bytes(std::string(feed::pdq_bytes, 'a')), &picture);
    sealer.seal(IndicatorKind::pdq, as_bytes(std::string(feed::pdq_bytes, 'b')), &other);
    a.release_records({cordon::test::feed_record(1), text, picture, other});
    assert_says(a.poll(), "");
    assert_int_equal(a.keeper.generation(), 2);
    assert_int_equal(a.keeper.there->set.records.count(IndicatorKind::pattern), 1);
    for (const bool lab : {true, false}) {
        a.restart(lab);
        assert_says(a.started_as, "");
        const Generation& generation = a.follower->state().in_force;
        assert_int_equal(generation.count, 4);
        assert_int_equal(generation.patterns, 1);
        assert_int_equal(generation.perceptual, 2);
        assert_int_equal(a.follower->unmatched(), lab ? 2 : 3);
    }
}

void polls_with_jitter_and_backs_off(void** state) {
    Appliance& a = of(state);
    const std::uint64_t now = a.centre.now_s;
    a.chance = 0;
    a.poll();
    assert_int_equal(a.follower->next_poll_s(), now + 48);
    a.chance = 0.999;
    a.poll();
    assert_int_equal(a.follower->next_poll_s(), now + 72);
    a.away = true;
    for (const std::uint64_t wait : {30u, 60u, 120u, 120u, 120u}) {
        a.chance = 0;
        assert_true(a.alarm_has(a.poll(), "unreachable"));
        assert_int_equal(a.follower->next_poll_s(), now + wait);
    }
    assert_true(a.in_force(1));
    a.away = false;
    a.poll();
    assert_int_equal(a.follower->next_poll_s(), now + 48);
}

void follows_the_mirror_with_the_newer_news_and_names_the_other(void** state) {
    Appliance& a = of(state);
    a.other = a.centre;
    a.other_away = false;
    a.release({1, 2, 3});
    for (const double chance : {0.0, 0.999}) {
        a.chance = chance;
        assert_says(a.poll(), "");
        assert_true(a.in_force(2));
        assert_false(a.follower->mirrors()[0].behind);
        assert_true(a.follower->mirrors()[1].behind);
    }
    // One that claims more than it can prove costs nothing but its name.
    a.other.timestamp.version = 1000;
    a.other.timestamp_keys = cordon::test::Holders(1, 1);
    a.other.put_timestamp();
    assert_says(a.poll(), "");
    assert_true(a.alarm_has(a.follower->mirrors()[1].problem, "forged"));
    a.away = true;
    assert_true(a.alarm_has(a.poll(), "forged"));
    assert_true(a.in_force(2));
}

void a_mirror_with_nothing_but_a_new_timestamp_shuts_out_no_other(void** state) {
    Appliance& a = of(state);
    assert_says(a.poll(), "");
    a.other = a.centre;
    a.other_away = false;
    a.centre.next_versions(60);
    a.centre.put_snapshot();
    a.centre.files.erase(FeedCentre::path_of("snapshot", a.centre.snapshot.version));
    assert_says(a.poll(), "");
    assert_true(a.alarm_has(a.follower->mirrors()[0].problem, "unreachable"));
}

void fetches_targets_from_the_other_mirror_when_one_is_broken(void** state) {
    Appliance& a = of(state);
    a.other = a.centre;
    a.other_away = false;
    for (auto& [path, bytes] : a.centre.files)
        if (path.starts_with("targets/")) bytes[bytes.size() / 2] ^= 1;
    a.centre.next_versions(60);
    a.centre.put_snapshot();  // it is the one that is followed
    assert_says(a.poll(), "");
    assert_true(a.in_force(1));
}

// --- releases ------------------------------------------------------------------------------------

void a_wrong_release_is_not_fetched_every_minute(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.keeper.refuses = 2;
    a.release({1, 2, 3});
    const std::string delta =
        feed::target_location("delta/1-2.rec", a.centre.releases.targets["delta/1-2.rec"].sha256);
    for (int n = 0; n < 5; ++n)
        assert_true(a.alarm_has(a.poll(), "/usr/bin/true"));
    assert_int_equal(a.centre.fetched[delta], 1);
    a.keeper.refuses = 0;
    assert_says(a.poll(true), "");  // somebody asked for it
    assert_true(a.in_force(2));
}

void a_delta_that_does_not_fit_gives_way_to_the_full_set(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.release({1, 2, 3});
    a.centre.releases.targets["delta/1-2.rec"].state[0] ^= 1;
    a.publish();
    assert_says(a.poll(), "");
    assert_true(a.in_force(2));
}

void stolen_curator_keys_list_no_more_than_the_caps_of_a_day(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.release({1, 2, 3, 4, 5, 6, 7});  // 5 of 10 additions
    assert_says(a.poll(), "");
    std::vector<std::uint8_t> many;
    for (std::uint8_t n = 1; n <= 13; ++n)
        many.push_back(n);
    a.release(many);  // 6 more, in a delta that is small enough by itself
    assert_true(a.alarm_has(a.poll(), "over-caps: 11 additions"));
    assert_true(a.in_force(2));
    a.publish(feed::day_s);
    assert_says(a.poll(), "");
    assert_true(a.in_force(3));
}

// --- suspensions ---------------------------------------------------------------------------------

void suspends_when_nothing_else_is_believed(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.suspend(feed::SuspensionOf::reference, 2);
    a.centre.releases.expires_s = a.centre.now_s;
    a.centre.targets.expires_s = a.centre.now_s;
    a.publish(0);
    a.centre.releases.expires_s = a.centre.now_s;
    a.centre.serve();
    assert_true(a.alarm_has(a.poll(), "releases frozen"));
    assert_int_equal(a.keeper.suspensions.at(0).value, 2);
    // A mirror that is gone, revocations that have ended: nothing is lifted by that.
    a.centre.now_s += 2 * feed::day_s;
    assert_true(a.alarm_has(a.poll(), "frozen"));
    assert_int_equal(a.keeper.suspensions.size(), 1);
}

void a_lapsed_reference_waits_for_a_later_release(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.suspend(feed::SuspensionOf::reference, 2);
    a.suspend(feed::SuspensionOf::source, 1);
    assert_says(a.poll(), "");
    assert_int_equal(a.keeper.suspensions.size(), 2);
    a.centre.revocations.suspensions.clear();
    a.publish();
    assert_says(a.poll(), "");
    assert_int_equal(a.keeper.suspensions.size(), 1);  // that of the source has ended
    assert_true(a.keeper.suspensions[0].until_s == UINT64_MAX);
    a.restart();
    assert_int_equal(a.keeper.suspensions.size(), 1);
    a.release({1, 2, 3});
    assert_says(a.poll(), "");
    assert_int_equal(a.keeper.suspensions.size(), 0);
}

void a_generation_is_told_by_the_step_that_brought_it(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.release({1, 2, 3});
    a.release({1, 2, 3, 4});
    assert_says(a.poll(), "");  // from 1 to 3 at once
    a.suspend(feed::SuspensionOf::generation, 2);
    assert_says(a.poll(), "");
    bool told = false;
    for (const feed::Suspension& s : a.keeper.suspensions)
        told |= s.value == 3;
    assert_true(told);
}

void what_could_not_be_suspended_is_tried_again(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.keeper.disk_full = true;
    a.suspend(feed::SuspensionOf::reference, 2);
    assert_true(a.alarm_has(a.poll(), "suspensions are not in force"));
    a.keeper.disk_full = false;
    assert_says(a.poll(), "");
    assert_int_equal(a.keeper.suspensions.size(), 1);
}

// Neither what it lists nor its key is needed to say what of it is not to be acted upon.
void a_suspension_needs_neither_the_set_nor_a_grant(void** state) {
    Appliance& a = of(state);
    a.poll();
    std::filesystem::resize_file(a.directory + "/feed/set-1.rec", 100);
    a.suspend(feed::SuspensionOf::reference, 2);
    assert_says(a.poll(), "");
    assert_int_equal(a.keeper.suspensions.size(), 1);
    // The key that signed the grant is withdrawn, and there is no other grant yet.
    a.centre.revocations_keys = cordon::test::Holders(2, 1);
    a.centre.name_delegated_keys();
    a.suspend(feed::SuspensionOf::reference, 1);
    assert_true(a.alarm_has(a.poll(), "grant: "));
    assert_true(a.follower->grant().epochs.empty());
    assert_int_equal(a.keeper.suspensions.size(), 2);
}

void falls_back_never_below_the_suspensions(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.suspend(feed::SuspensionOf::reference, 2);
    assert_says(a.poll(), "");
    a.centre.revocations.suspensions.clear();
    a.release({1, 3});  // the complaint was right: it is listed no more
    assert_says(a.poll(), "");
    assert_true(a.in_force(2) && a.keeper.suspensions.empty());
    Hold hold;
    hold.until_s = a.centre.now_s + 60;
    hold.pinned = true;
    a.restart();
    assert_true(a.follower->fall_back(hold, a.centre.now_s).has_value());
    assert_true(a.in_force(1));
    assert_int_equal(a.keeper.suspensions.size(), 1);
    a.publish();
    assert_says(a.poll(), "");
    assert_true(a.in_force(2) && a.keeper.suspensions.empty());
}

// --- grants --------------------------------------------------------------------------------------

void nothing_is_in_force_without_a_grant(void** state) {
    Appliance& a = of(state);
    a.centre.files.erase("grants/box-1.grant");
    assert_true(a.alarm_has(a.poll(), "grant: unreachable"));
    assert_true(a.in_force(0));
    a.grant(a.centre.now_s + feed::day_s);
    assert_says(a.poll(), "");
    assert_true(a.in_force(1));
    assert_int_equal(a.keeper.there->not_after_s, a.follower->grant().not_after_s);
}

void a_new_grant_moves_the_end_and_an_older_one_is_refused(void** state) {
    Appliance& a = of(state);
    const std::string old = a.centre.files["grants/box-1.grant"];
    a.poll();
    a.grant(a.centre.now_s + 5 * feed::day_s);
    assert_says(a.poll(), "");  // not asked for again so soon
    assert_int_equal(a.keeper.puts, 1);
    a.publish(grant_every_s);
    assert_says(a.poll(), "");
    assert_int_equal(a.follower->state().grant_serial, 2);
    assert_int_equal(a.keeper.there->not_after_s, a.follower->grant().not_after_s);
    a.centre.files["grants/box-1.grant"] = old;
    a.publish(grant_every_s);
    assert_true(a.alarm_has(a.poll(), "grant: its serial"));
    assert_int_equal(a.follower->state().grant_serial, 2);
}

void a_forged_grant_changes_nothing(void** state) {
    Appliance& a = of(state);
    a.poll();
    const auto own = a.centre.revocations_keys;
    a.centre.revocations_keys = cordon::test::Holders(1, 1);
    a.grant(a.centre.now_s + 5 * feed::day_s);
    a.centre.revocations_keys = own;
    a.publish(grant_every_s);
    assert_true(a.alarm_has(a.poll(), "grant: "));
    assert_int_equal(a.follower->state().grant_serial, 1);
    assert_int_equal(a.follower->grant().serial, 1);
}

void an_ended_grant_lets_nothing_new_in(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.centre.now_s += 31 * feed::day_s;
    a.release({1, 2, 3});
    assert_true(a.alarm_has(a.poll(), "release 2: frozen: no grant holds"));
    assert_true(a.in_force(1));
}

// --- people --------------------------------------------------------------------------------------

void a_pause_holds_back_releases_only_and_ends(void** state) {
    Appliance& a = of(state);
    a.poll();
    Hold hold;
    hold.until_s = a.centre.now_s + hold_max_s + 1;
    assert_false(a.follower->hold(hold, a.centre.now_s).has_value());
    hold.until_s = a.centre.now_s + feed::day_s / 2;
    hold.reason = "holiday";
    assert_true(a.follower->hold(hold, a.centre.now_s).has_value());
    a.restart();
    a.release({1, 2, 3});
    a.suspend(feed::SuspensionOf::reference, 1);
    assert_says(a.poll(), "");
    assert_true(a.in_force(1));
    assert_int_equal(a.keeper.suspensions.size(), 1);
    a.publish(feed::day_s / 2);
    assert_says(a.poll(), "");
    assert_true(a.in_force(2));
}

void falls_back_to_the_generation_before(void** state) {
    Appliance& a = of(state);
    a.poll();
    Hold hold;
    hold.until_s = a.centre.now_s + feed::day_s / 2;
    hold.pinned = true;
    assert_false(a.follower->fall_back(hold, a.centre.now_s).has_value());
    a.release({1, 2, 3});
    assert_says(a.poll(), "");
    assert_true(a.follower->fall_back(hold, a.centre.now_s).has_value());
    assert_true(a.in_force(1));
    assert_says(a.poll(), "");
    assert_true(a.in_force(1));
    a.publish(feed::day_s / 2);
    assert_says(a.poll(), "");
    assert_true(a.in_force(2));
}

void takes_a_folder_for_a_mirror(void** state) {
    Appliance& a = of(state);
    a.away = true;
    assert_true(a.follower->import(a.centre, a.centre.now_s).has_value());
    assert_true(a.in_force(1) && a.follower->state().imported);
    a.centre.now_s += feed::timestamp_life_s;
    const auto late = a.follower->import(a.centre, a.centre.now_s);
    assert_false(late.has_value());
    assert_true(a.alarm_has(late.error().text, "frozen"));
}

// What is late is taken when somebody names that very copy, and for a week.
void takes_a_late_folder_only_by_its_name(void** state) {
    Appliance& a = of(state);
    a.away = true;
    a.centre.revocations.suspensions = {{feed::SuspensionOf::reference, 2, a.centre.now_s,
                                         a.centre.now_s + feed::reference_suspension_max_s, ""}};
    a.publish();
    const std::uint64_t issued = a.centre.now_s;
    const std::string copy =
        feed::to_hex(feed::sha256(as_bytes(a.centre.files["metadata/timestamp.json"])))
            .substr(0, 16);
    const auto import = [&a](const std::string& late_word) {
        const auto done = a.follower->import(a.centre, a.centre.now_s, late_word);
        return done ? std::string() : done.error().text;
    };
    for (const std::uint64_t late_s : {feed::timestamp_life_s, feed::snapshot_life_s,
                                       feed::timestamp_life_s + feed::late_max_s - 1}) {
        a.centre.now_s = issued + late_s;
        assert_true(a.alarm_has(import(""), "frozen: timestamp ended"));
        assert_true(a.alarm_has(import(""), copy.c_str()));
        assert_true(a.alarm_has(import("0123456789abcdef"), "this copy is"));
        assert_true(a.in_force(0));
    }
    // Releases live for a week themselves, and get no more.
    assert_true(a.alarm_has(import(copy), "releases frozen"));
    a.centre.now_s = issued + 6 * feed::day_s;
    assert_says(import(copy), "");
    assert_true(a.in_force(1) && a.follower->state().imported);
    assert_int_equal(a.keeper.suspensions.size(), 1);
    // Its age counts as ever.
    assert_int_equal(a.follower->state().trust.issued_s, issued);
    assert_true(a.alarm_has(a.poll(), "stale: the newest news is of"));
    a.centre.now_s = issued + feed::timestamp_life_s + feed::late_max_s;
    assert_true(a.alarm_has(import(copy), "frozen: timestamp"));
    assert_true(import("").find(copy) == std::string::npos);
}

// Late is all that it may be.
void a_late_folder_is_believed_no_more_than_a_mirror(void** state) {
    Appliance& a = of(state);
    a.poll();
    const FeedCentre before = a.centre;
    a.publish();
    assert_says(a.poll(), "");
    const auto refused_as = [&a](const char* why) {
        const std::string copy =
            feed::to_hex(feed::sha256(as_bytes(a.centre.files["metadata/timestamp.json"])))
                .substr(0, 16);
        const auto done = a.follower->import(a.centre, a.centre.now_s, copy);
        return a.alarm_has(done ? "" : done.error().text, why) && a.in_force(1);
    };
    const FeedCentre newest = a.centre;
    a.centre = before;
    a.centre.now_s = newest.now_s + 2 * feed::day_s;
    assert_true(refused_as("backdated"));
    a.centre = newest;
    a.release({1, 2, 3});
    a.centre.snapshot_keys = cordon::test::Holders(1, 1);
    a.centre.announce();
    a.centre.now_s += 2 * feed::day_s;
    assert_true(refused_as("forged"));
}

// --- the disk ------------------------------------------------------------------------------------

void a_damaged_state_is_no_empty_one(void** state) {
    Appliance& a = of(state);
    a.poll();
    std::ofstream(a.directory + "/feed/state.json") << "{\"version\":1}";
    a.restart();
    assert_true(a.alarm_has(a.started_as, "is damaged"));
    assert_int_equal(a.keeper.generation(), 1);
}

void a_damaged_set_is_fetched_anew_or_named(void** state) {
    Appliance& a = of(state);
    a.poll();
    std::filesystem::resize_file(a.directory + "/feed/set-1.rec", 100);
    a.release({1, 2, 3});
    assert_true(a.alarm_has(a.poll(), "set-1.rec is damaged"));
    assert_int_equal(a.keeper.generation(), 1);
}

void keeps_two_sets_and_no_more(void** state) {
    Appliance& a = of(state);
    a.poll();
    for (std::uint8_t n = 3; n < 8; ++n) {
        a.release({1, 2, n});
        assert_says(a.poll(), "");
    }
    std::size_t sets = 0;
    for (const auto& entry : std::filesystem::directory_iterator(a.directory + "/feed"))
        sets += entry.path().extension() == ".rec";
    assert_int_equal(sets, 2);
}

void a_test_feed_needs_a_lab(void** state) {
    Appliance& a = of(state);
    a.centre.root.lab = true;
    a.centre.put_root();
    std::ofstream(a.directory + "/root.json") << a.centre.bytes("root", 1);
    std::filesystem::remove_all(a.directory + "/feed");
    a.restart(false);
    assert_true(a.alarm_has(a.started_as, "lab = true"));
    a.restart(true);
    assert_says(a.started_as, "");
    assert_true(a.follower->lab());
}

void says_when_the_news_is_old(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.away = true;
    a.centre.now_s += stale_s + 61;
    assert_true(a.alarm_has(a.poll(), "stale: the newest news is of 20"));
    assert_int_equal(a.keeper.puts, 1);
    // While there is news it is told how new it is, and no index is built for that.
    a.away = false;
    for (int hour = 0; hour < 24; ++hour) {
        a.publish(3600);
        assert_says(a.poll(), "");
        assert_int_equal(a.keeper.told_issued_s, a.centre.now_s);
    }
    assert_int_equal(a.keeper.puts, 1);
}

// --- the clock -----------------------------------------------------------------------------------

void the_floor_outlives_a_restart(void** state) {
    Appliance& a = of(state);
    a.poll();
    const FeedCentre before = a.centre;
    a.publish();
    assert_says(a.poll(), "");
    a.restart();
    a.centre = before;
    assert_true(a.alarm_has(a.poll(), "backdated"));
}

// Not with other online keys, and not by a folder that somebody carries in.
void the_floor_outlives_keys_and_imports(void** state) {
    Appliance& a = of(state);
    a.poll();
    a.publish();
    assert_says(a.poll(), "");
    a.centre.timestamp_keys = cordon::test::Holders(1, 1);
    a.centre.snapshot_keys = cordon::test::Holders(1, 1);
    a.centre.put_next_root(a.centre.root_keys);
    a.centre.announce();
    a.centre.timestamp.issued_s -= 60;
    a.centre.put_timestamp();
    assert_true(a.alarm_has(a.poll(), "backdated"));
    a.restart();
    const auto imported = a.follower->import(a.centre, a.centre.now_s);
    assert_true(a.alarm_has(imported ? "" : imported.error().text, "backdated"));
    assert_true(a.alarm_has(a.poll(), "backdated"));
}

void a_clock_behind_the_newest_news_is_an_alarm(void** state) {
    Appliance& a = of(state);
    a.publish(feed::day_s);
    assert_says(a.poll(), "");
    const std::uint64_t right = a.centre.now_s;
    a.centre.now_s = right - 601;
    assert_true(a.alarm_has(a.poll(), "backdated"));
    a.away = true;
    a.restart();
    assert_true(a.alarm_has(a.poll(), "clock: this machine's is before the newest news"));
    a.centre.now_s = right - 599;
    assert_true(a.poll().find("clock") == std::string::npos);
    a.away = false;
    a.centre.now_s = right;
    assert_says(a.poll(), "");
}

void a_step_of_the_clock_is_an_alarm_for_a_day(void**) {
    ClockAlarm clock;
    const std::uint64_t noon = 1'800'000'000;
    assert_false(clock.look(noon, 1000));
    assert_false(clock.look(noon + 60 + 600, 1060));  // no more than a correction
    assert_says(clock.text(), "");
    assert_true(clock.look(noon + 120 + 601, 1120));
    assert_says(clock.text(),
                "clock: it stepped by 601 s, to 2027-01-15T08:12:01Z; grants, suspensions and the "
                "age of lists go by it");
    assert_false(clock.look(noon + 180 + 601, 1180));
    assert_true(!clock.text().empty());
    // To be moved on does not end it sooner: the time since boot counts.
    assert_true(clock.look(noon + 2 * feed::day_s, 1240));
    assert_false(clock.look(noon + 3 * feed::day_s, 1239 + feed::day_s));
    assert_true(!clock.text().empty());
    assert_false(clock.look(noon + 3 * feed::day_s, 1240 + feed::day_s));
    assert_says(clock.text(), "");
}

}  // namespace

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        test(follows_by_deltas_and_starts_again_where_it_was),
        test(counts_what_nothing_here_is_matched_with),
        test(polls_with_jitter_and_backs_off),
        test(follows_the_mirror_with_the_newer_news_and_names_the_other),
        test(a_mirror_with_nothing_but_a_new_timestamp_shuts_out_no_other),
        test(fetches_targets_from_the_other_mirror_when_one_is_broken),
        test(a_wrong_release_is_not_fetched_every_minute),
        test(a_delta_that_does_not_fit_gives_way_to_the_full_set),
        test(stolen_curator_keys_list_no_more_than_the_caps_of_a_day),
        test(suspends_when_nothing_else_is_believed),
        test(a_lapsed_reference_waits_for_a_later_release),
        test(a_generation_is_told_by_the_step_that_brought_it),
        test(what_could_not_be_suspended_is_tried_again),
        test(a_suspension_needs_neither_the_set_nor_a_grant),
        test(falls_back_never_below_the_suspensions),
        test(nothing_is_in_force_without_a_grant),
        test(a_new_grant_moves_the_end_and_an_older_one_is_refused),
        test(a_forged_grant_changes_nothing),
        test(an_ended_grant_lets_nothing_new_in),
        test(a_pause_holds_back_releases_only_and_ends),
        test(falls_back_to_the_generation_before),
        test(takes_a_folder_for_a_mirror),
        test(takes_a_late_folder_only_by_its_name),
        test(a_late_folder_is_believed_no_more_than_a_mirror),
        test(a_damaged_state_is_no_empty_one),
        test(a_damaged_set_is_fetched_anew_or_named),
        test(the_floor_outlives_a_restart),
        test(the_floor_outlives_keys_and_imports),
        test(a_clock_behind_the_newest_news_is_an_alarm),
        test(a_step_of_the_clock_is_an_alarm_for_a_day),
        test(keeps_two_sets_and_no_more),
        test(a_test_feed_needs_a_lab),
        test(says_when_the_news_is_old),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
