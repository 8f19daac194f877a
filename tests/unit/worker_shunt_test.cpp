// Bodies that nobody needs and that pass beside the worker: when a range is given away, that the
// flow comes back from it with the right state, and what an attacker can make of it (nothing).
#include "tests/support/shunt_bench.h"

using namespace cordon;
using namespace cordon::test;

namespace {

using Bench = ShuntBench;

int setup(void** state) {
    *state = new Bench;
    return 0;
}

int teardown(void** state) {
    delete static_cast<Bench*>(*state);
    return 0;
}

Bench& bench_of(void** state) {
    return *static_cast<Bench*>(*state);
}

void a_body_nobody_needs_passes_beside_the_worker(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    bench.lab.send(request, 1000);
    assert_true(bench.lab.stored == request);
    // A window is under way at the grant; each of the other segments and its ACK passed.
    assert_true(bench.lab.port.bridged() > 2 * (large - 200000) / 1000);
    assert_int_equal(bench.lab.count(Outcome::shunt_granted), 1);
    bench.expect_next_is_blocked();
    assert_int_equal(bench.lab.count(Outcome::object_matched), 1);
    assert_int_equal(bench.lab.worker->counters().body_bytes.read(), large + 3000);
}

void timestamps_go_on_where_the_range_left_them(void** state) {
    Bench& bench = bench_of(state);
    bench.lab.client_clock = 700;
    bench.lab.storage_clock = 900;
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    bench.lab.client_clock += 100000;
    bench.lab.storage_clock += 50000;
    at = bench.send_on(request, at, large / 2);
    std::uint32_t least = UINT32_MAX;
    bench.lab.at_storage = [&](const Segment& segment) {
        least = std::min(least, segment.timestamp_value);
    };
    bench.send_rest(request, at);
    assert_true(bench.lab.stored == request);
    bench.expect_next_is_blocked();  // its RST and answer pass PAWS at both ends
    assert_true(least >= 100700);
}

void small_or_needed_bodies_stay(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    bench.lab.send(put("/small", clean_content(limits::shunt_bytes_min)), 1000);
    bench.lab.respond(created);
    bench.lab.send(put("/text", std::string(large, 'a')), 1000);
    bench.lab.respond(created);
    assert_int_equal(bench.lab.port.shunts.granted(), 0);
    bench.lab.use(index_of_contents({known_content()}));  // without sizes or heads
    bench.lab.send(put("/large", clean_content(large)), 1000);
    bench.lab.respond(created);
    assert_int_equal(bench.lab.port.shunts.granted(), 0);
}

void archives_in_uploads_are_a_reason_to_stay(void**) {
    Options options = shunting_options();
    options.services[0].embedded_archives = EmbeddedArchives::search;
    Bench bench(options);
    bench.connect();
    bench.lab.send(put("/large", clean_content(large)), 1000);
    assert_int_equal(bench.lab.port.shunts.granted(), 0);
}

void ports_without_ranges_take_all_through_the_worker(void** state) {
    Bench& bench = bench_of(state);
    bench.lab.port.shunts.ranges_max = 0;
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    bench.lab.send(request, 1000);
    assert_true(bench.lab.stored == request);
    assert_int_equal(bench.lab.port.bridged(), 0);
    bench.expect_next_is_blocked();
}

void without_a_free_range_the_worker_carries_it(void** state) {
    Bench& bench = bench_of(state);
    bench.lab.port.shunts.ranges_max = 1;
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    bench.send_until_shunted(request);
    bench.connect();  // another client port
    bench.lab.send(request, 1000);
    assert_true(bench.lab.stored == request);
    assert_true(bench.lab.count(Outcome::shunt_full) > 0);
    assert_int_equal(bench.lab.port.shunts.in_use(), 1);
}

// Until then other bytes in their place would be another object.
void nothing_is_given_away_before_the_head_is_acknowledged(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = 0;
    for (; at < 60000; at += 1000)
        bench.lab.segment(at, request.substr(at, 1000));
    assert_int_equal(bench.lab.port.shunts.granted(), 0);
    bench.lab.client_next = bench.lab.isn + 1 + 60000;
    bench.lab.acknowledge();
    bench.send_on(request, at, 1000);
    assert_int_equal(bench.lab.port.shunts.granted(), 1);
    // What the client may have under way is not in the range: nothing overtakes it.
    assert_true(bench.from() >= 60000 + 65535);
    assert_true(bench.to() < request.size());
}

void a_hole_or_a_fin_is_a_reason_to_wait(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_on(request, 0, 4000);
    for (std::size_t n = 1; n < 30; ++n)
        bench.lab.segment(at + n * 1000, request.substr(at + n * 1000, 1000));
    assert_int_equal(bench.lab.port.shunts.granted(), 0);
    bench.lab.segment(at, request.substr(at, 1000));  // fills it, but the head must be settled
    bench.lab.client_next = bench.lab.isn + 1 + 34000;
    bench.lab.acknowledge();
    bench.send_on(request, 34000, 1000);
    assert_int_equal(bench.lab.port.shunts.granted(), 1);
}

// Seen by nobody when they come again: the storage lacks them all the same.
void what_was_lost_of_the_range_comes_after_the_return(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, bench.to() - 30000 - at);
    const std::size_t lost = at;
    for (std::size_t next = lost + 1000; next < request.size(); next += 1000)
        bench.lab.segment(next, request.substr(next, 1000));
    assert_true(bench.lab.stored.size() == lost);
    assert_int_equal(bench.lab.port.shunts.in_use(), 0);
    bench.lab.segment(lost, request.substr(lost, 1000));
    assert_true(bench.lab.stored == request);
    bench.lab.client_next = bench.lab.isn + 1 + static_cast<std::uint32_t>(request.size());
    bench.lab.acknowledge();
    bench.expect_next_is_blocked();
}

void bytes_before_the_range_may_be_missing_when_it_begins(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    const std::size_t lost = bench.send_until_shunted(request);
    const std::size_t bridged = bench.lab.port.bridged();
    for (std::size_t next = lost + 1000; next < lost + 100000; next += 1000)
        bench.lab.segment(next, request.substr(next, 1000));
    assert_true(bench.lab.port.bridged() > bridged);
    // Far behind the range, as no honest sender gets, while bytes before it are missing.
    bench.lab.segment(bench.to() + 10, request.substr(bench.to() + 10, 1000));
    assert_int_equal(bench.lab.count(Outcome::gaps_full), 1);
    bench.lab.segment(lost, request.substr(lost, 1000));
    assert_int_equal(bench.lab.stored.size(), lost + 100000);
    bench.lab.client_next = bench.lab.isn + 1 + static_cast<std::uint32_t>(lost + 100000);
    bench.lab.acknowledge();
    bench.send_rest(request, lost + 100000);
    assert_true(bench.lab.stored == request);
    bench.expect_next_is_blocked();
}

void odd_segments_of_the_range_go_through_the_worker(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, 100000);
    const std::uint64_t before = bench.class_frames(FrameClass::dismissed);
    for (int n = 0; n < 5; ++n) {
        bench.lab.segment(at, request.substr(at, 1000), tcp_flag::ack | tcp_flag::urg);
        at += 1000;
    }
    bench.lab.client_next += 5000;
    bench.lab.acknowledge();
    assert_int_equal(bench.lab.stored.size(), at);
    assert_int_equal(bench.class_frames(FrameClass::dismissed), before + 5);
    assert_int_equal(bench.lab.count(Outcome::urgent_removed), 5);
    bench.send_rest(request, at);
    assert_true(bench.lab.stored == request);
    bench.expect_next_is_blocked();
}

void a_new_index_takes_the_range_back(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, large / 3);
    bench.lab.use(dismissing_index({known_content(), known_content(5000)}));
    assert_int_equal(bench.lab.count(Outcome::shunt_revoked), 1);
    const std::size_t bridged = bench.lab.port.bridged();
    at = bench.send_on(request, at, 60000);
    assert_int_equal(bench.lab.port.bridged(), bridged);
    bench.send_rest(request, at);
    assert_true(bench.lab.stored == request);
    // What the client could have under way was the end of it; then another one may be given away.
    assert_int_equal(bench.lab.count(Outcome::shunt_granted), 2);
    bench.expect_next_is_blocked();
}

void an_index_may_come_before_the_range_begins(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    const std::size_t at = bench.send_until_shunted(request);
    bench.lab.use(index_of_contents({known_content()}));
    assert_int_equal(bench.lab.count(Outcome::shunt_revoked), 1);
    bench.send_rest(request, at);
    assert_true(bench.lab.stored == request);
    bench.expect_next_is_blocked();
}

// The kernel bridged on after the last look: what the storage acknowledges tells of it.
void a_range_longer_than_a_gib_is_given_away_in_parts(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string body = clean_content(200000);
    std::string request = put("/huge", body);
    const std::size_t field = request.find("200000");
    request.replace(field, 6, "5000000000");
    bench.send_until_shunted(request);
    assert_true(bench.to() - bench.from() <= limits::shunt_bytes_max);
    assert_true(bench.to() - bench.from() > limits::shunt_bytes_max - 200000);
    bench.send_on(request, bench.lab.stored.size(), bench.from() - bench.lab.stored.size());
    const std::uint64_t end = bench.to();
    bench.lab.stored.resize(end - 1000);  // as if all had passed
    bench.lab.acknowledge();
    bench.lab.segment(end - 1000, std::string(1000, 'x'));
    bench.lab.acknowledge();
    assert_int_equal(bench.lab.count(Outcome::shunt_granted), 1);
    bench.lab.segment(end, std::string(1000, 'x'));
    bench.lab.acknowledge();
    bench.lab.segment(end + 1000, std::string(1000, 'x'));
    assert_int_equal(bench.lab.count(Outcome::shunt_granted), 2);
    assert_int_equal(bench.lab.stored.size(), end + 2000);
    assert_int_equal(bench.lab.port.shunts.in_use(), 1);
}

void an_end_within_the_range_is_an_end(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, large / 2);
    bench.lab.segment(at - 5000, {}, tcp_flag::fin | tcp_flag::ack);  // where bytes passed: a lie
    assert_false(bench.lab.storage_fin);
    assert_int_equal(bench.lab.port.shunts.in_use(), 1);
    bench.lab.send_fin();
    assert_true(bench.lab.storage_fin);
    assert_int_equal(bench.lab.port.shunts.in_use(), 0);
    assert_int_equal(bench.lab.worker->counters().body_bytes.read(), at - (request.size() - large));
    assert_int_equal(bench.lab.count(Outcome::object_aborted), 1);
}

void bytes_and_an_end_within_the_range(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, large / 2);
    bench.lab.segment(at, request.substr(at, 700), tcp_flag::fin | tcp_flag::ack);
    assert_true(bench.lab.storage_fin);
    assert_true(bench.lab.stored == request.substr(0, at + 700));
    assert_int_equal(bench.lab.port.shunts.in_use(), 0);
}

void a_reset_within_the_range_is_heard(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, large / 2);
    bench.lab.segment(at + 70000, {}, tcp_flag::rst);
    assert_int_equal(bench.lab.port.shunts.in_use(), 1);
    bench.lab.segment(at, {}, tcp_flag::rst);
    assert_true(bench.lab.storage_reset);
    assert_int_equal(bench.lab.port.shunts.in_use(), 0);
}

void a_reset_of_the_storage_ends_the_range(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    bench.send_on(request, at, large / 2);
    bench.lab.port.push(
        Side::storage,
        bench.lab.storage_packet().sequence(bench.lab.storage_next).flags(tcp_flag::rst).frame());
    bench.lab.step();
    assert_true(bench.lab.client_reset);
    assert_int_equal(bench.lab.port.shunts.in_use(), 0);
}

void an_early_answer_passes(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, large / 2);
    bench.lab.respond("HTTP/1.1 102 Processing\r\n\r\n");
    bench.send_rest(request, at);
    assert_true(bench.lab.stored == request);
    assert_true(bench.lab.answer.starts_with("HTTP/1.1 102 "));
    bench.expect_next_is_blocked();
}

void what_passed_beside_us_ends_the_range(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, large / 2);
    bench.lab.worker->bypassed(0);
    assert_int_equal(bench.lab.port.shunts.in_use(), 0);
    bench.send_on(request, at, 10000);
    assert_int_equal(bench.lab.stored.size(), at + 10000);
}

// Seen by what passed, not by what came: it is neither idle nor slow.
void a_shunted_flow_lives_by_what_passes(void**) {
    Options options = shunting_options();
    options.flows_max = options.messages_max = 1;
    Bench bench(options);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, 100000);
    const std::uint16_t port = bench.lab.client_port;
    for (int n = 0; n < 40; ++n) {
        at = bench.send_on(request, at, 10000);
        bench.lab.step(5000000);
        // Another client would like its place.
        const auto other =
            bench.lab.client_packet().ports(1000, 80).sequence(1).flags(tcp_flag::syn);
        bench.lab.port.push(Side::client, Packet(other).frame());
        bench.lab.step();
    }
    assert_int_equal(bench.lab.client_port, port);
    assert_int_equal(bench.lab.count(Outcome::flow_evicted), 0);
    bench.send_rest(request, at);
    assert_true(bench.lab.stored == request);
    bench.expect_next_is_blocked();
}

void what_was_kept_is_forgotten_while_shunted(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    for (; at < bench.from() + 5000; at += 1000)
        bench.lab.segment(at, request.substr(at, 1000));
    assert_true(bench.lab.worker->kept_bytes() > 50000);
    bench.lab.client_next = bench.lab.isn + 1 + static_cast<std::uint32_t>(at);
    bench.lab.acknowledge();  // passes beside us
    bench.lab.step(20000);
    assert_int_equal(bench.lab.worker->kept_bytes(), 0);
}

// --- attacks ---

// The storage may take either: no object was judged by them, and none can be.
void other_bytes_in_the_range_change_nothing(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, 100000);
    const std::string smuggled = put("/known", known_content());
    bench.lab.segment(at + 1000, smuggled.substr(0, 1000));
    bench.lab.segment(at - 1000, smuggled.substr(0, 1000));
    bench.send_on(request, at, 1000);
    assert_int_equal(bench.lab.stored.size(), at + 2000);  // the first copy won
    bench.lab.client_next += 1000;
    bench.send_rest(request, at + 2000);
    assert_int_equal(bench.lab.stored.size(), request.size());
    bench.expect_next_is_blocked();
}

void other_bytes_before_the_range_are_noticed(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    const std::size_t at = bench.send_until_shunted(request);
    bench.lab.segment(at, request.substr(at, 1000));
    bench.lab.segment(at, std::string(1000, 'o'));
    assert_int_equal(bench.lab.count(Outcome::inconsistent), 1);
    assert_int_equal(bench.lab.port.shunts.in_use(), 0);
    assert_true(bench.lab.client_reset);
}

void the_next_request_is_never_in_the_range(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string known = put("/known", known_content());
    const std::string request = put("/large", clean_content(large));
    const std::string both = request + known;
    std::size_t at = bench.send_until_shunted(both);
    // Segments as large as the wire takes, from the middle of the range across all ends.
    at = bench.send_on(both, at, bench.to() - 700 - at);
    bench.lab.send(both.substr(at), 1460);
    bench.lab.step(2000);
    bench.lab.respond(created);
    bench.lab.step(2000);
    assert_int_equal(bench.lab.count(Outcome::match_blocked), 1);
    assert_true(bench.lab.stored.size() < both.size());
}

void bytes_beyond_the_window_are_the_storages_business(void** state) {
    Bench& bench = bench_of(state);
    bench.connect();
    const std::string request = put("/large", clean_content(large));
    std::size_t at = bench.send_until_shunted(request);
    at = bench.send_on(request, at, 100000);
    bench.lab.segment(at + 500000, std::string(1000, 'o'));
    bench.send_rest(request, at);
    // The model takes everything; what counts is that the flow came back where it should.
    assert_int_equal(bench.lab.stored.size(), request.size());
    bench.expect_next_is_blocked();
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
#define SHUNT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        SHUNT_TEST(a_body_nobody_needs_passes_beside_the_worker),
        SHUNT_TEST(timestamps_go_on_where_the_range_left_them),
        SHUNT_TEST(small_or_needed_bodies_stay),
        cmocka_unit_test(archives_in_uploads_are_a_reason_to_stay),
        SHUNT_TEST(ports_without_ranges_take_all_through_the_worker),
        SHUNT_TEST(without_a_free_range_the_worker_carries_it),
        SHUNT_TEST(nothing_is_given_away_before_the_head_is_acknowledged),
        SHUNT_TEST(a_hole_or_a_fin_is_a_reason_to_wait),
        SHUNT_TEST(what_was_lost_of_the_range_comes_after_the_return),
        SHUNT_TEST(bytes_before_the_range_may_be_missing_when_it_begins),
        SHUNT_TEST(odd_segments_of_the_range_go_through_the_worker),
        SHUNT_TEST(a_new_index_takes_the_range_back),
        SHUNT_TEST(an_index_may_come_before_the_range_begins),
        SHUNT_TEST(a_range_longer_than_a_gib_is_given_away_in_parts),
        SHUNT_TEST(an_end_within_the_range_is_an_end),
        SHUNT_TEST(bytes_and_an_end_within_the_range),
        SHUNT_TEST(a_reset_within_the_range_is_heard),
        SHUNT_TEST(a_reset_of_the_storage_ends_the_range),
        SHUNT_TEST(an_early_answer_passes),
        SHUNT_TEST(what_passed_beside_us_ends_the_range),
        cmocka_unit_test(a_shunted_flow_lives_by_what_passes),
        SHUNT_TEST(what_was_kept_is_forgotten_while_shunted),
        SHUNT_TEST(other_bytes_in_the_range_change_nothing),
        SHUNT_TEST(other_bytes_before_the_range_are_noticed),
        SHUNT_TEST(the_next_request_is_never_in_the_range),
        SHUNT_TEST(bytes_beyond_the_window_are_the_storages_business),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
