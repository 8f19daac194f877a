// Which workers are told to be absent, and when they are not any more.
#include "dataplane/shell/roll_call.h"

#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr std::uint64_t begin_ns = 1'000'000 * ns_per_ms;
constexpr std::uint64_t heartbeat_ms = 200;
constexpr std::uint64_t absent_ns = RollCall::absent_after_heartbeats * heartbeat_ms * ns_per_ms;

void one_worker_is_all(void**) {
    RollCall roll(1, heartbeat_ms);
    assert_true(roll.answer(0, begin_ns));
    assert_true(roll.answer(0, begin_ns + 100 * absent_ns));
}

void who_has_not_begun_is_absent(void**) {
    RollCall roll(3, heartbeat_ms);
    assert_false(roll.answer(0, begin_ns));
    assert_false(roll.answer(1, begin_ns));
    assert_true(roll.answer(2, begin_ns));
    assert_true(roll.answer(0, begin_ns + RollCall::tick_ns));
}

void who_hangs_is_missed_by_all_others(void**) {
    RollCall roll(3, heartbeat_ms);
    for (std::uint32_t worker = 0; worker < 3; ++worker)
        roll.answer(worker, begin_ns);
    for (std::uint64_t ns = RollCall::tick_ns; ns <= absent_ns; ns += RollCall::tick_ns) {
        assert_true(roll.answer(0, begin_ns + ns));
        assert_true(roll.answer(2, begin_ns + ns));
    }
    const std::uint64_t missed_ns = begin_ns + absent_ns + RollCall::tick_ns;
    assert_false(roll.answer(0, missed_ns));
    assert_false(roll.answer(2, missed_ns));
    // As soon as it turns again everybody beats, itself at once.
    assert_true(roll.answer(1, missed_ns));
    assert_true(roll.answer(0, missed_ns + RollCall::tick_ns));
    assert_true(roll.answer(2, missed_ns + RollCall::tick_ns));
}

void nobody_looks_more_often_than_once_a_tick(void**) {
    RollCall roll(2, heartbeat_ms);
    assert_false(roll.answer(0, begin_ns));
    assert_true(roll.answer(1, begin_ns));
    assert_false(roll.answer(0, begin_ns + RollCall::tick_ns - 1));
    assert_true(roll.answer(0, begin_ns + RollCall::tick_ns));
}

// Each reads the clock for itself.
void a_clock_that_is_ahead_is_no_absence(void**) {
    RollCall roll(2, heartbeat_ms);
    roll.answer(0, begin_ns);
    assert_true(roll.answer(1, begin_ns - 5));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_is_all),
        cmocka_unit_test(who_has_not_begun_is_absent),
        cmocka_unit_test(who_hangs_is_missed_by_all_others),
        cmocka_unit_test(nobody_looks_more_often_than_once_a_tick),
        cmocka_unit_test(a_clock_that_is_ahead_is_no_absence),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
