// When a feed is asked, and whom: on a clock, and with chances and mirrors, of the test's.
#include "control/sync/polling.h"

#include <algorithm>
#include <numeric>
#include <random>

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;

namespace {

constexpr std::uint64_t now_s = 1'000'000;
constexpr std::uint32_t minute = 60;

Chance always(double value) {
    return [value] { return value; };
}

void polls_somewhere_in_the_fifth_around_its_cadence(void**) {
    PollTimes times;
    times.begin(now_s, always(0));
    assert_int_equal(times.next_s(), now_s);
    times.begin(now_s, always(0.999));
    assert_int_equal(times.next_s(), now_s + first_poll_s - 1);
    times.polled(now_s, false, minute, always(0));
    assert_int_equal(times.next_s(), now_s + 48);
    times.polled(now_s, false, minute, always(0.999));
    assert_int_equal(times.next_s(), now_s + 72);
}

void backs_off_to_minutes_and_is_back_at_once(void**) {
    for (const double chance : {0.0, 0.5, 0.999}) {
        PollTimes times;
        for (int i = 0; i < 100; ++i) {
            times.polled(now_s, true, minute, always(chance));
            const std::uint64_t doubled = back_off_first_s << std::min(i, 16);
            const std::uint64_t least = std::min(doubled, back_off_most_s / 2);
            assert_in_range(times.next_s() - now_s, least, 2 * least);
        }
        assert_int_equal(times.failures(), 100);
        times.polled(now_s, false, minute, always(0.5));
        assert_int_equal(times.failures(), 0);
        assert_int_equal(times.next_s(), now_s + minute);
    }
}

// Who is to ask hourly does not ask every four minutes because nobody answers.
void backs_off_to_its_own_cadence_where_that_is_slower(void**) {
    constexpr std::uint32_t hour = 3600;
    PollTimes times;
    for (int i = 0; i < 100; ++i)
        times.polled(now_s, true, hour, always(0.999));
    assert_in_range(times.next_s() - now_s, hour / 2, hour);
    times.polled(now_s, true, hour, always(0));
    assert_int_equal(times.next_s() - now_s, hour / 2);
}

// All of them failed by it in the same second, again and again.
void clients_of_a_mirror_that_comes_back_do_not_come_together(void**) {
    std::mt19937_64 random(3);
    const Chance chance = [&random] {
        return std::uniform_real_distribution<double>(0, 1)(random);
    };
    constexpr std::size_t clients = 5000;
    std::vector<std::size_t> at_second(back_off_most_s + 1);
    for (std::size_t i = 0; i < clients; ++i) {
        PollTimes times;
        for (int failure = 0; failure < 10; ++failure)
            times.polled(now_s, true, minute, chance);
        assert_in_range(times.next_s() - now_s, back_off_most_s / 2, back_off_most_s);
        ++at_second[times.next_s() - now_s];
    }
    // As many in a second as ask it on any day.
    assert_true(*std::max_element(at_second.begin(), at_second.end()) < clients / minute);
}

// After one poll they lie in 24 seconds, after twenty all over the minute.
void clients_started_together_do_not_stay_together(void**) {
    std::mt19937_64 random(1);
    const Chance chance = [&random] {
        return std::uniform_real_distribution<double>(0, 1)(random);
    };
    constexpr std::size_t clients = 6000;
    std::vector<std::size_t> at_second(minute);
    for (std::size_t i = 0; i < clients; ++i) {
        PollTimes times;
        times.begin(now_s, chance);
        for (int polls = 0; polls < 60; ++polls)
            times.polled(times.next_s(), false, minute, chance);
        ++at_second[times.next_s() % minute];
    }
    const auto [least, most] = std::minmax_element(at_second.begin(), at_second.end());
    assert_true(*least > clients / minute / 2);
    assert_true(*most < clients / minute * 2);
}

// Says a version, or what is wrong; counts how often it was asked.
struct Says final : feed::Fetch {
    std::uint64_t version;
    feed::Refusal wrong;
    int* asked;
    Says(std::uint64_t of, feed::Refusal why, int* count) : version(of), wrong(why), asked(count) {}
    Result<std::optional<std::string>> get(const std::string& path, std::uint64_t) override {
        ++*asked;
        if (version == 0) return feed::refuse(wrong, path);
        return R"({"signatures":[],"signed":{"_type":"timestamp","expires":"2026-11-22T05:00:00Z",)"
               R"("spec_version":"1.0.31","version":)" +
               std::to_string(version) + "}}";
    }
};

struct Asked {
    std::vector<Mirror> mirrors;
    int counts[8] = {};
    Error worst = {ErrorCode::unreachable, "nobody"};
    std::vector<MirrorAnswer> answers;

    void add(std::uint64_t version, feed::Refusal wrong = feed::Refusal::unreachable) {
        const std::size_t i = mirrors.size();
        mirrors.push_back({"mirror " + std::to_string(i),
                           std::make_unique<Says>(version, wrong, &counts[i]), 0, false, ""});
    }
    void ask(const Chance& chance) { answers = ask_mirrors(mirrors, chance, &worst); }
    int sum() const { return std::accumulate(std::begin(counts), std::end(counts), 0); }
};

void asks_two_and_follows_the_newer(void**) {
    for (const double chance : {0.0, 0.5, 0.999}) {
        Asked asked;
        for (const std::uint64_t version : {7u, 9u, 8u})
            asked.add(version);
        asked.ask(always(chance));
        assert_int_equal(asked.sum(), 2);
        assert_int_equal(asked.answers.size(), 2);
        const Mirror& followed = *asked.answers[0].mirror;
        assert_true(followed.version > asked.answers[1].mirror->version);
        name_laggards(asked.answers, followed);
        assert_false(followed.behind);
        assert_true(asked.answers[1].mirror->behind);
    }
}

void asks_more_only_when_those_fail_and_says_the_worst(void**) {
    Asked asked;
    asked.add(0);
    asked.add(0, feed::Refusal::endless);
    asked.add(5);
    asked.ask(always(0.999));
    assert_int_equal(asked.sum(), 3);
    assert_int_equal(asked.answers.size(), 1);
    assert_int_equal(asked.worst.code, ErrorCode::integrity);
    assert_true(asked.mirrors[1].problem.starts_with("endless"));
    assert_true(asked.mirrors[2].problem.empty());
}

void every_mirror_gets_its_share(void**) {
    std::mt19937_64 random(2);
    const Chance chance = [&random] {
        return std::uniform_real_distribution<double>(0, 1)(random);
    };
    Asked asked;
    for (int i = 0; i < 4; ++i)
        asked.add(1);
    for (int i = 0; i < 4000; ++i)
        asked.ask(chance);
    for (std::size_t i = 0; i < 4; ++i)
        assert_in_range(asked.counts[i], 1800, 2200);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(polls_somewhere_in_the_fifth_around_its_cadence),
        cmocka_unit_test(backs_off_to_minutes_and_is_back_at_once),
        cmocka_unit_test(backs_off_to_its_own_cadence_where_that_is_slower),
        cmocka_unit_test(clients_of_a_mirror_that_comes_back_do_not_come_together),
        cmocka_unit_test(clients_started_together_do_not_stay_together),
        cmocka_unit_test(asks_two_and_follows_the_newer),
        cmocka_unit_test(asks_more_only_when_those_fail_and_says_the_worst),
        cmocka_unit_test(every_mirror_gets_its_share),
    };
    return cmocka_run_group_tests_name("feed_polling", tests, nullptr, nullptr);
}
