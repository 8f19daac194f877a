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

std::uint32_t scaled32(std::size_t n) {
    return static_cast<std::uint32_t>(scaled(n));
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
    bool done() const { return clean[0]->done() && clean[1]->done() && known->done(); }
    void served_within(std::uint64_t seconds) {
        const std::uint64_t until_ns = crowd.now_ns + seconds * ns_per_s;
        while (!done() && crowd.now_ns < until_ns)
            crowd.turn(1000);
        served();
    }
    void served() const {
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

// What we cut is remembered while the storage is told again: by such memories alone, of addresses
// that are invented, the table was full.
void a_flood_of_late_strays_takes_no_places(void**) {
    Crowd crowd(real_options());
    crowd.turn();
    crowd.now_ns += 301 * ns_per_s;  // nothing is older than us now
    std::mt19937 random(1);
    std::unique_ptr<WellBehaved> amid;
    const std::size_t strays = scaled(300'000);
    for (std::size_t n = 0; n < strays; ++n) {
        crowd.data(invented(random), 7, "x");
        if (n % 64 == 0) crowd.turn(64);
        if (n == strays / 2) amid = std::make_unique<WellBehaved>(crowd);
    }
    amid->served_within(30);
    assert_int_equal(crowd.count(Outcome::flow_table_full), 0);
    assert_int_equal(crowd.crowd_bytes, 0);
    assert_true(crowd.worker->flows() <= crowd.options.flows_max / 2 + 8);
    sound(crowd);
}

// In `observe` nothing is refused for want of room: it passes, and is counted.
void without_room_everything_passes_in_observe(void**) {
    Options options = real_options();
    options.services[0].mode = ServiceMode::observe;
    options.flows_max = 1024;
    options.messages_max = 16;
    Crowd crowd(options);
    for (std::uint32_t n = 0; n < 1024; ++n) {
        crowd.syn(numbered(n));
        if (n % 64 == 63) crowd.turn(64);
    }
    for (std::uint32_t n = 0; n < 1024; ++n) {
        crowd.data(numbered(n), 0, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
        if (n % 64 == 63) crowd.turn(64);
    }
    crowd.turn();
    assert_int_equal(crowd.count(Outcome::messages_full), 0);
    const auto limit = object_class(UninspectedReason::limit);
    assert_true(crowd.worker->counters().objects[limit].bytes.read() > 0);
    Patron& patron = crowd.patron(put("/clean", content(50'000)));
    assert_true(crowd.wait_for_patrons(10));
    assert_true(crowd.count(Outcome::flow_table_full) > 0);
    assert_true(patron.answer.starts_with("HTTP/1.1 201"));
    assert_true(patron.stored == patron.request);
    assert_int_equal(crowd.client_resets + crowd.timeouts, 0);
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
    options.flows_max = std::min(limits::flows_max, scaled32(limits::flows_max));
    Crowd crowd(options);
    const auto hundred_thousand = std::min(100'000u, scaled32(100'000));
    connect(crowd, 0, hundred_thousand);
    WellBehaved first(crowd);
    first.served_within(10);
    assert_int_equal(crowd.count(Outcome::flow_evicted), 0);
    assert_int_equal(crowd.client_resets, 0);
    crowd.forget_patrons();

    crowd.pass_ms(1500);
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

// --- slow messages ---

// Connections that begin messages and go on with them by a byte a second, each coming back under
// another port when it was ended. What they say is `text`, the first `at_once` bytes in one piece.
class Slow {
  public:
    Slow(Crowd& the_crowd, std::size_t count, std::string the_text, std::size_t at_once)
        : crowd(the_crowd), text(std::move(the_text)), first(at_once), ends(count) {
        for (std::size_t n = 0; n < count; ++n)
            begin(n);
    }
    void second() {
        for (std::size_t n = 0; n < ends.size(); ++n) {
            if (n % 64 == 0) crowd.turn();
            One& one = ends[n];
            if (one.offset == text.size()) continue;
            crowd.data(numbered(one.number), one.offset++, std::string_view(text).substr(0, 1));
        }
        // Who was ended does not tell them apart here: a part of them begins anew.
        for (std::size_t n = 0; n < ends.size() / 8; ++n)
            begin(next++ % ends.size());
        for (int part = 0; part < 20; ++part)
            crowd.turn(50'000);
    }

  private:
    struct One {
        std::uint32_t number;
        std::uint32_t offset;
    };
    void begin(std::size_t n) {
        if (n % 32 == 0) crowd.turn();
        One& one = ends[n];
        one = {made++, static_cast<std::uint32_t>(first)};
        crowd.syn(numbered(one.number));
        if (n % 32 == 31) crowd.turn();
        waiting.push_back(n);
        if (waiting.size() < 32) return;
        crowd.turn();
        for (const std::size_t each : waiting)
            crowd.data(numbered(ends[each].number), 0, std::string_view(text).substr(0, first));
        waiting.clear();
        crowd.turn();
    }
    Crowd& crowd;
    std::string text;
    std::size_t first;
    std::vector<One> ends;
    std::vector<std::size_t> waiting;
    std::uint32_t made = 0;
    std::size_t next = 0;
};

void slow_messages_make_room(std::string text, std::size_t at_once, int seconds) {
    Options options = real_options();
    options.messages_max = std::min(limits::messages_max, scaled32(limits::messages_max));
    Crowd crowd(options);
    Slow slow(crowd, 2 * options.messages_max, std::move(text), at_once);
    assert_true(crowd.count(Outcome::messages_full) > 0);
    WellBehaved patrons(crowd);
    for (int second = 0; second < seconds; ++second)
        slow.second();
    patrons.served_within(10);
    assert_true(crowd.count(Outcome::message_slow) > 0);
    assert_true(crowd.timeouts > 0);
    sound(crowd);
}

void heads_that_come_by_the_byte_make_room(void**) {
    slow_messages_make_room(std::string("GET /") + std::string(4000, 'a'), 1, 15);
}

void bodies_that_come_by_the_byte_make_room(void**) {
    const std::string head = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n";
    slow_messages_make_room(head + std::string(4000, 'a'), head.size(), 25);
}

// A storage that takes requests and answers none, or begins to, of one service with others.
void answers_that_do_not_come_make_room(void**) {
    slow_messages_make_room("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", 27, 75);
}

// With all messages under way at an honest pace nobody is given up for the next one.
void messages_that_move_are_not_given_up(void**) {
    Options options = real_options();
    options.messages_max = 64;
    Crowd crowd(options);
    const std::string head = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n";
    const std::string part(1000, 'a');
    for (std::uint32_t n = 0; n < 64; ++n)
        crowd.syn(numbered(n));
    crowd.turn();
    for (std::uint32_t n = 0; n < 64; ++n)
        crowd.data(numbered(n), 0, head);
    crowd.turn();
    Patron& next = crowd.patron(put("/next", content(3000)));
    for (std::uint32_t tick = 0; tick < 240; ++tick) {  // two minutes of 2 KB/s
        for (std::uint32_t n = 0; n < 64; ++n)
            crowd.data(numbered(n), static_cast<std::uint32_t>(head.size() + tick * 1100),
                       part + part.substr(0, 100));
        crowd.turn(500'000);
    }
    assert_int_equal(crowd.count(Outcome::message_slow), 0);
    assert_true(crowd.count(Outcome::messages_full) > 0);
    assert_true(next.answer.empty());
    for (int n = 0; n < 60; ++n)
        crowd.turn(1'000'000);  // they stop, and the next one has its turn
    assert_true(next.answer.starts_with("HTTP/1.1 201"));
    assert_in_range(crowd.count(Outcome::message_slow), 1, 3);  // its segments at once
    sound(crowd);
}

// What a slow upload had so far is looked up when it is ended, and its tail stays.
void a_slow_known_upload_is_blocked_when_it_is_ended(void**) {
    Options options = real_options();
    options.messages_max = 1;
    Crowd crowd(options);
    const std::string known = known_content(20000);
    std::string more = put("/known", known + "x");
    more.pop_back();  // one byte more was declared than comes
    const CrowdEnd end = numbered(1);
    crowd.syn(end);
    crowd.turn();
    std::uint32_t at = 0;
    for (; at < more.size(); at += 1000)
        crowd.data(end, at, std::string_view(more).substr(at, 1000));
    crowd.turn();
    crowd.pass_ms(20'000);
    Patron& next = crowd.patron(put("/next", content(3000)));
    assert_true(crowd.wait_for_patrons(20));
    assert_true(next.answer.starts_with("HTTP/1.1 201"));
    assert_int_equal(crowd.recorder.decided_records.size(), 1);
    sound(crowd);
}

void a_million_objects_begun_and_left_stop_nobody(void**) {
    Crowd crowd(real_options());
    const std::string begun =
        "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nbegun and left";
    const std::size_t objects = scaled(1'000'000);
    std::unique_ptr<WellBehaved> amid;
    for (std::uint32_t n = 0; n < objects; ++n) {  // 20,000 a second
        crowd.syn(numbered(n));
        if (n % 32 != 31) continue;
        crowd.turn();
        for (std::uint32_t each = n - 31; each <= n; ++each)
            crowd.data(numbered(each), 0, begun);
        crowd.turn(1550);
        if (n / 32 == objects / 64) amid = std::make_unique<WellBehaved>(crowd);
    }
    amid->served_within(30);
    assert_true(crowd.count(Outcome::message_slow) > 0);
    assert_true(crowd.count(Outcome::object_opened) >= crowd.options.messages_max);
    sound(crowd);
}

// --- kept bytes ---

// Everything that two thousand connections send is taken and not acknowledged: the pool fills, and
// those whose storage goes on go on. Then it acknowledges, and nothing was lost.
void a_storage_that_stops_acknowledging_stops_only_its_own(void**) {
    Crowd crowd(real_options());
    std::vector<Patron*> stalled;
    const std::size_t count = std::min<std::size_t>(3000, scaled(1500));
    for (std::size_t n = 0; n < count; ++n) {
        stalled.push_back(&crowd.patron(put("/stalled", content(100'000))));
        stalled.back()->storage_silent = true;
        crowd.turn(500);
    }
    crowd.pass_ms(500);
    if (count > 1100) assert_true(crowd.count(Outcome::kept_full) > 0);
    assert_true(crowd.worker->kept_bytes() > count * 20'000);
    WellBehaved patrons(crowd);
    patrons.served_within(60);
    sound(crowd);

    for (Patron* patron : stalled)
        patron->storage_silent = false;
    assert_true(crowd.wait_for_patrons(60));
    for (const Patron* patron : stalled) {
        assert_true(patron->answer.starts_with("HTTP/1.1 201"));
        assert_true(patron->stored == patron->request);
    }
    crowd.pass_ms(100);
    assert_int_equal(crowd.worker->kept_bytes(), 0);
    sound(crowd);
}

// Holes that are never filled, on a thousand connections.
void senders_of_holes_stop_nobody(void**) {
    Crowd crowd(real_options());
    const std::string part(1400, 'h');
    const std::uint32_t count = std::min(3000u, scaled32(1500));
    for (std::uint32_t n = 0; n < count; ++n) {
        crowd.syn(numbered(n));
        crowd.turn();
        for (std::uint32_t at = 1; at < 40; ++at)
            crowd.data(numbered(n), at * 1400, part);
        crowd.turn();
    }
    assert_true(crowd.worker->kept_bytes() <= crowd.options.kept_bytes_worker_max / 2);
    if (count > 1000) assert_true(crowd.count(Outcome::kept_full) > 0);
    WellBehaved patrons(crowd);
    patrons.served_within(10);
    sound(crowd);
}

// --- tiny segments ---

void sixty_four_kilobytes_in_one_byte_segments_arrive(void**) {
    Crowd crowd(real_options());
    Patron& patron = crowd.patron(put("/tiny", content(65'536)));
    patron.segment = 1;
    patron.in_flight_max = 2000;
    assert_true(crowd.wait_for_patrons(60));
    assert_true(patron.stored == patron.request);
    assert_int_equal(crowd.count(Outcome::retransmission), 0);
    sound(crowd);
}

// In groups of `group`: first the odd ones, then the even ones; or from the end to the front. What
// found no room (gaps_max, or a piece for each byte) is repeated in order.
void one_byte_segments_in_odd_order(bool backwards, std::size_t group) {
    Crowd crowd(real_options());
    Patron& patron = crowd.patron(put("/tiny", content(65'536)));
    patron.by_hand = true;
    crowd.turn();
    const std::string_view request = patron.request;
    std::size_t said = 0;
    const auto byte = [&](std::size_t at) {
        if (at >= request.size()) return;
        crowd.data(patron.end, static_cast<std::uint32_t>(at), request.substr(at, 1));
        if (++said % 256 == 0) crowd.turn(10);
    };
    for (std::size_t begin = 0; begin < request.size(); begin += group) {
        for (std::size_t n = 0; n < group; ++n) {
            const std::size_t odd = n < group / 2 ? 2 * n + 1 : 2 * (n - group / 2);
            byte(begin + (backwards ? group - 1 - n : odd));
        }
        crowd.turn(10);
        for (std::size_t at = patron.stored.size(); at < begin + group; ++at)
            byte(at);
        crowd.turn(10);
    }
    assert_true(patron.stored == patron.request);
    assert_true(crowd.wait_for_patrons(10));
    assert_true(patron.answer.starts_with("HTTP/1.1 201"));
    assert_true(crowd.count(Outcome::gap_segment) > 10'000);
    sound(crowd);
}

void every_second_byte_first_arrives(void**) {
    one_byte_segments_in_odd_order(false, 2 * limits::gaps_max);
    one_byte_segments_in_odd_order(false, 4 * limits::gaps_max);
}

void bytes_from_the_end_to_the_front_arrive(void**) {
    one_byte_segments_in_odd_order(true, 1000);
    one_byte_segments_in_odd_order(true, 8000);
}

// --- all at once ---

// Little of everything, and everybody wants it: flows, messages, kept bytes, answers, buffers.
void everything_full_at_once_stops_nobody_for_long(void**) {
    Options options = real_options();
    options.flows_max = 1024;
    options.messages_max = 64;
    options.kept_bytes_flow_max = 64 << 10;
    options.kept_bytes_worker_max = 128 << 10;
    Crowd crowd(options, 512);
    std::mt19937 random(3);
    const auto below = [&random](std::uint32_t n) {
        return static_cast<std::uint32_t>(random()) % n;
    };
    const std::string slow = put("/slow", std::string(5000, 's'));
    std::unique_ptr<WellBehaved> amid;
    const std::size_t steps = scaled(200'000);
    for (std::size_t n = 0; n < steps; ++n) {
        const CrowdEnd end = numbered(below(4000));
        switch (below(8)) {
            case 0:
            case 1:
                crowd.syn(end);
                break;
            case 2:
                crowd.syn(invented(random));
                break;
            case 3:
                crowd.data(end, 0, "PUT /bad HTTP/1.1\n\n");
                break;
            case 4:
                crowd.data(end, 0, std::string_view(slow).substr(0, below(1000) + 1));
                break;
            case 5:
                crowd.data(end, 1000 + below(30'000), std::string_view(slow).substr(0, 1400));
                break;
            case 6:
                crowd.data(end, below(100), "x");
                break;
            case 7:
                crowd.storage_data(end, below(3000), 0, "HTTP/1.1 200 OK\r\n\r\n");
                break;
        }
        if (n % 16 == 0) crowd.turn(1000);
        if (n == steps / 2) amid = std::make_unique<WellBehaved>(crowd);
    }
    amid->served_within(60);
    for (const Outcome full :
         {Outcome::flow_evicted, Outcome::messages_full, Outcome::message_slow, Outcome::kept_full})
        assert_true(crowd.count(full) > 0);
    sound(crowd);
    // And when the crowd has gone, nothing of it is left.
    for (int second = 0; second < 7400; ++second)
        crowd.turn(1'000'000);
    for (int n = 0; n < 100; ++n)
        crowd.turn(10'000);
    assert_int_equal(crowd.worker->flows(), 0);
    assert_int_equal(crowd.worker->kept_bytes(), 0);
    assert_int_equal(crowd.port.in_use(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_million_syns_stop_nobody),
        cmocka_unit_test(a_million_answered_syns_stop_nobody),
        cmocka_unit_test(a_flood_of_stray_segments_gives_up_no_connection),
        cmocka_unit_test(a_flood_of_late_strays_takes_no_places),
        cmocka_unit_test(without_room_everything_passes_in_observe),
        cmocka_unit_test(a_connection_given_up_does_not_come_back_as_an_old_one),
        cmocka_unit_test(idle_connections_fill_the_table_and_stop_nobody),
        cmocka_unit_test(heads_that_come_by_the_byte_make_room),
        cmocka_unit_test(bodies_that_come_by_the_byte_make_room),
        cmocka_unit_test(answers_that_do_not_come_make_room),
        cmocka_unit_test(messages_that_move_are_not_given_up),
        cmocka_unit_test(a_slow_known_upload_is_blocked_when_it_is_ended),
        cmocka_unit_test(a_million_objects_begun_and_left_stop_nobody),
        cmocka_unit_test(a_storage_that_stops_acknowledging_stops_only_its_own),
        cmocka_unit_test(senders_of_holes_stop_nobody),
        cmocka_unit_test(sixty_four_kilobytes_in_one_byte_segments_arrive),
        cmocka_unit_test(every_second_byte_first_arrives),
        cmocka_unit_test(bytes_from_the_end_to_the_front_arrive),
        cmocka_unit_test(everything_full_at_once_stops_nobody_for_long),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
