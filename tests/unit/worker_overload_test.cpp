// The worker at its limits: what is given up, what is not, and that the uploads of the well-behaved
// go on. At the scale of the defaults; OVERLOAD_PERCENT changes it.

#include <random>

#include "tests/support/crowd.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

Options real_options() {
    Options options = lab_options();
    options.flows_max = limits::flows_max;
    options.messages_max = limits::messages_max;
    options.kept_bytes_flow_max = limits::kept_bytes_flow_max;
    options.kept_bytes_worker_max = limits::kept_bytes_worker_max;
    return options;
}

std::string content(std::size_t bytes) {
    std::string text(bytes, ' ');
    std::uint32_t random = 1;
    for (char& letter : text) {
        random = random * 1664525 + 1013904223;
        letter = static_cast<char>(random >> 24);
    }
    return text;
}

// Clean and known uploads begin now, and must end as they would in an empty house.
struct WellBehaved {
    explicit WellBehaved(Crowd& the_crowd) : crowd(the_crowd) {
        clean[0] = &crowd.patron(put("/clean", content(500'000)));
        clean[1] = &crowd.patron(put("/small", content(3000)));
        known = &crowd.patron(put("/known", known_content(20000)));
    }
    void served_within(std::uint64_t seconds) {
        assert_true(crowd.wait_for_patrons(seconds));
        for (const Patron* patron : clean) {
            assert_true(patron->answer.starts_with("HTTP/1.1 201"));
            assert_true(patron->stored == patron->request);
        }
        assert_true(known->answer.starts_with("HTTP/1.1 403"));
        assert_true(known->storage_reset);
        assert_true(known->stored.size() < known->request.size());
    }
    Crowd& crowd;
    Patron* clean[2];
    Patron* known;
};

void sound(const Crowd& crowd) {
    assert_int_equal(crowd.allocations, 0);
    assert_true(crowd.frames_balance());
    assert_true(crowd.worker->flows() <= crowd.options.flows_max);
    assert_true(crowd.worker->kept_bytes() <= crowd.options.kept_bytes_worker_max);
}

CrowdEnd invented(std::mt19937& random) {
    // 11.0.0.0 to 11.255.255.255
    return {0x0b000000 + (static_cast<std::uint32_t>(random()) & 0xffffff),
            static_cast<std::uint16_t>(random())};
}

CrowdEnd numbered(std::uint32_t n) {
    return {crowd_net + (n >> 15), static_cast<std::uint16_t>(1024 + (n & 0x7fff))};
}

// --- handshakes ---

void flood_of_syns(bool storage_answers) {
    Crowd crowd(real_options());
    crowd.storage_answers = storage_answers;
    crowd.clients_complete = false;
    std::mt19937 random(1);
    const std::size_t syns = scaled(1'000'000);
    Patron& before = crowd.patron(put("/before", content(2'000'000)));
    std::unique_ptr<WellBehaved> amid;
    for (std::size_t n = 0; n < syns; ++n) {
        crowd.syn(invented(random));
        if (n % 64 == 0) crowd.turn(64);  // a million a second
        if (n == syns / 2) amid = std::make_unique<WellBehaved>(crowd);
    }
    amid->served_within(30);
    assert_true(before.stored == before.request);
    assert_true(before.answer.starts_with("HTTP/1.1 201"));
    const std::uint64_t opened = crowd.count(Outcome::flow_opened);
    assert_true(opened > syns - syns / 1000);  // of so many, a few are the same
    assert_true(crowd.count(Outcome::flow_evicted) + crowd.options.flows_max >= opened);
    assert_int_equal(crowd.count(Outcome::flow_table_full), 0);
    sound(crowd);
}

void a_million_syns_stop_nobody(void**) {
    flood_of_syns(false);
}

void a_million_answered_syns_stop_nobody(void**) {
    flood_of_syns(true);
}

// Before: segments that begin in mid-life filled the table for a minute each.
void a_flood_of_stray_segments_gives_up_no_connection(void**) {
    Options options = real_options();
    options.flows_max = 4096;
    Crowd crowd(options);
    for (std::uint32_t n = 0; n < 4000; ++n) {
        crowd.syn(numbered(n));
        if (n % 64 == 0) crowd.turn();
    }
    crowd.pass_ms(5000);  // long idle
    const std::size_t resets = crowd.client_resets;
    std::mt19937 random(1);
    for (std::size_t n = 0; n < scaled(100'000); ++n) {
        crowd.data(invented(random), 7, "x");
        if (n % 64 == 0) crowd.turn();
    }
    assert_int_equal(crowd.client_resets, resets);
    for (std::uint32_t n = 0; n < 4000; ++n) {
        crowd.ack(numbered(n));
        if (n % 64 == 0) crowd.turn();
    }
    WellBehaved patrons(crowd);
    patrons.served_within(30);
    sound(crowd);
}

// Once a connection was given up, nobody is believed to be older than the dataplane: it could be
// that very connection, on which the storage has missed the RST.
void a_connection_given_up_does_not_come_back_as_an_old_one(void**) {
    Options options = real_options();
    options.flows_max = 1024;
    Crowd crowd(options);
    const CrowdEnd sly = numbered(0);
    crowd.syn(sly);
    crowd.turn();
    crowd.pass_ms(2000);
    for (std::uint32_t n = 1; n <= 1024; ++n) {
        crowd.syn(numbered(n));
        if (n % 64 == 0) crowd.turn();
    }
    crowd.turn();
    assert_int_equal(crowd.count(Outcome::flow_evicted), 1);
    crowd.crowd_bytes = 0;
    crowd.data(sly, 0, put("/known", known_content(1000)));
    crowd.turn();
    crowd.pass_ms(1000);
    assert_int_equal(crowd.crowd_bytes, 0);
    sound(crowd);
}

// --- idle connections ---

void connect(Crowd& crowd, std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t n = first; n < last; ++n) {
        crowd.syn(numbered(n));
        if (n % 64 == 0) crowd.turn(1000);
    }
    crowd.turn();
}

void idle_connections_fill_the_table_and_stop_nobody(void**) {
    Options options = real_options();
    options.flows_max = static_cast<std::uint32_t>(scaled(options.flows_max));
    Crowd crowd(options);
    const auto hundred_thousand = static_cast<std::uint32_t>(scaled(100'000));
    connect(crowd, 0, hundred_thousand);
    WellBehaved first(crowd);
    first.served_within(10);
    assert_int_equal(crowd.count(Outcome::flow_evicted), 0);
    assert_int_equal(crowd.client_resets, 0);
    crowd.forget_patrons();

    connect(crowd, hundred_thousand, 2 * hundred_thousand);
    WellBehaved second(crowd);
    second.served_within(10);
    // Those that are longest idle had to go, and both ends know.
    assert_true(crowd.count(Outcome::flow_evicted) > 0);
    assert_true(crowd.client_resets > 0 && crowd.storage_resets >= crowd.client_resets);
    assert_int_equal(crowd.count(Outcome::flow_table_full), 0);
    sound(crowd);

    crowd.now_ns += 7200 * ns_per_s;
    for (int n = 0; n < 3000; ++n)
        crowd.turn(10'000);
    assert_int_equal(crowd.worker->flows(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_million_syns_stop_nobody),
        cmocka_unit_test(a_million_answered_syns_stop_nobody),
        cmocka_unit_test(a_flood_of_stray_segments_gives_up_no_connection),
        cmocka_unit_test(a_connection_given_up_does_not_come_back_as_an_old_one),
        cmocka_unit_test(idle_connections_fill_the_table_and_stop_nobody),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
