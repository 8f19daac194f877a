// When a worker sleeps, when it is late, what it is told about modes, which flows are its own, what
// memory is planned.
#include "dataplane/shell/pacing.h"

#include <poll.h>

#include <ios>  // before cmocka.h, which defines fail()
#include <memory>
#include <thread>

#include "dataplane/shell/doorbell.h"
#include "dataplane/shell/memory_plan.h"
#include "dataplane/shell/mode_board.h"
#include "dataplane/shell/spread.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/packet_builder.h"

using namespace cordon;

namespace {

constexpr std::uint64_t never = UINT64_MAX;
constexpr std::uint64_t start_ns = 1'000'000'000;

void polls_on_while_frames_come(void**) {
    Pacing pacing(Polling::adaptive, true, 200);
    assert_int_equal(pacing.nap_ns(1, start_ns, never), 0);
    assert_int_equal(pacing.nap_ns(0, start_ns + Pacing::look_on_ns - 1, never), 0);
}

void naps_when_nothing_came_for_a_while(void**) {
    Pacing pacing(Polling::adaptive, true, 200);
    pacing.nap_ns(1, start_ns, never);
    assert_int_equal(pacing.nap_ns(0, start_ns + Pacing::look_on_ns, never),
                     Pacing::woken_nap_ns_max);
    assert_int_equal(pacing.nap_ns(3, start_ns + 10 * Pacing::look_on_ns, never), 0);
}

void never_sleeps_past_a_deadline(void**) {
    Pacing pacing(Polling::adaptive, true, 200);
    pacing.nap_ns(1, start_ns, never);
    const std::uint64_t now_ns = start_ns + Pacing::look_on_ns;
    assert_int_equal(pacing.nap_ns(0, now_ns, now_ns + 20'000), 20'000);
    assert_int_equal(pacing.nap_ns(0, now_ns, now_ns + Pacing::nap_ns_min), 0);
    assert_int_equal(pacing.nap_ns(0, now_ns, now_ns), 0);
    assert_int_equal(pacing.nap_ns(0, now_ns, now_ns - 1), 0);
}

void never_sleeps_when_told_to_be_busy(void**) {
    Pacing pacing(Polling::busy, true, 200);
    assert_int_equal(pacing.nap_ns(0, start_ns, never), 0);
    assert_int_equal(pacing.nap_ns(0, start_ns + 100 * Pacing::look_on_ns, never), 0);
}

void sleeps_less_where_nothing_wakes_it(void**) {
    Pacing pacing(Polling::adaptive, false, 200);
    pacing.nap_ns(1, start_ns, never);
    assert_int_equal(pacing.nap_ns(0, start_ns + Pacing::look_on_ns - 1, never), 0);
    assert_int_equal(pacing.nap_ns(0, start_ns + Pacing::look_on_ns, never),
                     Pacing::blind_nap_ns_max);
    static_assert(Pacing::blind_nap_ns_max < Pacing::woken_nap_ns_max);
}

void gives_way_when_it_looked_in_vain(void**) {
    const Pacing adaptive(Polling::adaptive, true, 200);
    assert_true(adaptive.gives_way(0));
    assert_false(adaptive.gives_way(1));
    assert_false(Pacing(Polling::busy, true, 200).gives_way(0));
}

// Eight heartbeats at least before XDP would call it hung.
void sleeps_within_the_heartbeat(void**) {
    for (std::uint32_t heartbeat_ms_max = 1; heartbeat_ms_max < 1000; ++heartbeat_ms_max) {
        for (const bool ends_with_a_frame : {false, true}) {
            Pacing pacing(Polling::adaptive, ends_with_a_frame, heartbeat_ms_max);
            const std::uint64_t ns = pacing.nap_ns(0, start_ns, never);
            assert_true(ns != 0 && 8 * ns <= heartbeat_ms_max * ns_per_ms);
        }
    }
}

bool is_readable(const Doorbell& bell) {
    pollfd on{bell.descriptor(), POLLIN, 0};
    return poll(&on, 1, 0) == 1;
}

void does_not_lie_down_when_it_was_rung(void**) {
    Doorbell bell;
    bell.ring();
    assert_false(is_readable(bell));  // it was awake: no system call
    assert_false(bell.lie_down());
    assert_true(bell.lie_down());
    assert_false(is_readable(bell));
    bell.get_up();
}

void is_woken_by_a_ring_and_sleeps_again_after_it(void**) {
    Doorbell bell;
    assert_true(bell.lie_down());
    bell.ring();
    bell.ring();
    assert_true(is_readable(bell));
    bell.get_up();
    assert_false(is_readable(bell));
    assert_true(bell.lie_down());
    bell.get_up();
    assert_false(is_readable(bell));
}

// One thread puts, the other takes and sleeps in between: no sleep outlasts a ring.
void loses_no_ring_between_a_look_and_the_sleep(void**) {
    constexpr std::uint64_t rings = 100'000;
    constexpr int forever_ms = 20'000;
    Doorbell bell;
    std::atomic<std::uint64_t> put{0};
    std::thread ringer([&] {
        for (std::uint64_t n = 0; n < rings; ++n) {
            put.fetch_add(1, std::memory_order_release);
            bell.ring();
        }
    });
    bool overslept = false;
    while (!overslept && put.load(std::memory_order_acquire) < rings) {
        if (!bell.lie_down()) continue;
        pollfd on{bell.descriptor(), POLLIN, 0};
        overslept = poll(&on, 1, forever_ms) == 0;
        bell.get_up();
    }
    ringer.join();
    assert_false(overslept);
}

void is_late_only_after_a_heartbeat_has_grown_old(void**) {
    Punctuality punctuality(200);
    assert_false(punctuality.late(start_ns));  // no beat yet: nothing can be stale
    punctuality.beat(start_ns);
    assert_false(punctuality.late(start_ns + 200 * ns_per_ms));
    assert_true(punctuality.late(start_ns + 200 * ns_per_ms + 1));
    punctuality.beat(start_ns + ns_per_s);
    assert_false(punctuality.late(start_ns + ns_per_s));
}

std::unique_ptr<Options> small_options() {
    auto options = std::make_unique<Options>();
    options->workers = 2;
    options->flows_max = 1000;
    options->messages_max = 10;
    options->mbufs_per_port = 100;
    options->kept_bytes_worker_max = 4096;
    options->service_count = 2;
    options->services[1].mode = ServiceMode::observe;
    return options;
}

void shows_a_mode_change_with_its_end(void**) {
    const auto options = small_options();
    ModeBoard board(*options);
    assert_true(board.get(1) == (ServiceState{ServiceMode::observe, 0}));
    const std::uint64_t before = board.changes();
    board.set(0, {ServiceMode::bypass, 1'900'000'000});
    assert_int_equal(board.changes(), before + 1);
    assert_true(board.get(0) == (ServiceState{ServiceMode::bypass, 1'900'000'000}));
    assert_true(board.get(1) == (ServiceState{ServiceMode::observe, 0}));
}

void sums_every_pool_of_the_memory_plan(void**) {
    MemoryPlan plan;
    plan.add("a", 3, 100);
    plan.add("b", 1, 50);
    assert_int_equal(plan.bytes(), 350);
    const auto options = small_options();
    const std::uint64_t without = plan_memory(*options, 4096, 0).bytes();
    assert_int_equal(plan_memory(*options, 4096, 1000).bytes(), without + 4000);  // and patterns
    assert_int_equal(plan_memory(*options, 4097, 0).bytes(), without + 200);
    options->flows_max += 1;
    assert_true(plan_memory(*options, 4096, 0).bytes() > without);
}

void names_the_largest_pool_when_memory_does_not_suffice(void**) {
    MemoryPlan plan;
    plan.add("small", 1, 10);
    plan.add("large", 1, 90);
    assert_true(plan.check(100).has_value());
    const auto refused = plan.check(99);
    assert_false(refused.has_value());
    assert_int_equal(refused.error().code, ErrorCode::memory);
    assert_true(refused.error().text.find("large") != std::string::npos);
}

void gives_both_directions_of_a_flow_to_one_worker(void**) {
    bool used[4] = {};
    for (std::uint16_t port = 1000; port < 1100; ++port) {
        const auto there = test::Packet().ipv4("10.0.0.1", "10.0.0.2").ports(port, 80).frame();
        const auto back = test::Packet().ipv4("10.0.0.2", "10.0.0.1").ports(80, port).frame();
        const std::uint32_t owner = flow_owner(there, 4, 3);
        assert_true(owner < 4);
        assert_int_equal(flow_owner(back, 4, 1), owner);
        used[owner] = true;
    }
    assert_true(used[0] && used[1] && used[2] && used[3]);
}

void gives_both_directions_of_an_ipv6_flow_to_one_worker(void**) {
    const auto there = test::Packet().ipv6("fd99::1", "fd99::2").ports(4242, 80).frame();
    const auto back = test::Packet().ipv6("fd99::2", "fd99::1").ports(80, 4242).frame();
    assert_int_equal(flow_owner(there, 7, 0), flow_owner(back, 7, 1));
}

void leaves_frames_of_no_flow_where_they_came_in(void**) {
    const std::uint8_t junk[60] = {};
    assert_int_equal(flow_owner(junk, 4, 2), 2);
    assert_int_equal(flow_owner({}, 4, 1), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(polls_on_while_frames_come),
        cmocka_unit_test(naps_when_nothing_came_for_a_while),
        cmocka_unit_test(never_sleeps_past_a_deadline),
        cmocka_unit_test(never_sleeps_when_told_to_be_busy),
        cmocka_unit_test(sleeps_less_where_nothing_wakes_it),
        cmocka_unit_test(gives_way_when_it_looked_in_vain),
        cmocka_unit_test(sleeps_within_the_heartbeat),
        cmocka_unit_test(does_not_lie_down_when_it_was_rung),
        cmocka_unit_test(is_woken_by_a_ring_and_sleeps_again_after_it),
        cmocka_unit_test(loses_no_ring_between_a_look_and_the_sleep),
        cmocka_unit_test(is_late_only_after_a_heartbeat_has_grown_old),
        cmocka_unit_test(shows_a_mode_change_with_its_end),
        cmocka_unit_test(sums_every_pool_of_the_memory_plan),
        cmocka_unit_test(gives_both_directions_of_a_flow_to_one_worker),
        cmocka_unit_test(gives_both_directions_of_an_ipv6_flow_to_one_worker),
        cmocka_unit_test(leaves_frames_of_no_flow_where_they_came_in),
        cmocka_unit_test(names_the_largest_pool_when_memory_does_not_suffice),
    };
    return cmocka_run_group_tests_name("pacing", tests, nullptr, nullptr);
}
