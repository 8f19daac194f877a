// Loss on either side of the worker, segment by segment and on a clock of the test: what leaves,
// when, and in which order. That whole transfers end is shown in worker_liveness_test.
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

// A Lab whose storage side the test looks at frame by frame.
struct Bench {
    Bench() {
        lab.use(index_of_contents({known_content()}));
        lab.client_clock = 700;
        lab.storage_clock = 900;
        lab.connect();
    }

    FrameBytes frame(std::uint64_t offset, std::string_view bytes,
                     std::uint8_t flags = tcp_flag::ack) const {
        return lab.client_packet()
            .sequence(lab.isn + 1 + static_cast<std::uint32_t>(offset))
            .acknowledgement(lab.client_acked)
            .flags(flags)
            .payload(bytes)
            .frame();
    }
    // Segments of 1000 bytes of the request, by number, in one burst.
    void burst(std::initializer_list<std::size_t> numbers) {
        for (const std::size_t number : numbers)
            lab.port.push(Side::client, frame(number * 1000, part(number)));
        turn();
    }
    void turn(std::uint64_t microseconds = 10) {
        lab.now_ns += microseconds * ns_per_us;
        lab.worker->poll({lab.now_ns, index_now_s * ns_per_s + lab.now_ns});
    }
    std::string_view part(std::size_t number) const {
        return std::string_view(request).substr(number * 1000, 1000);
    }
    // What reached the storage since the last call: frames, and the numbers of their segments.
    std::vector<FrameBytes> frames() { return lab.port.take(Side::storage); }
    std::vector<int> left() {
        std::vector<int> numbers;
        for (const FrameBytes& one : frames()) {
            const Segment segment = read(one);
            const std::uint32_t offset = segment.sequence - lab.isn - 1;
            assert_int_equal(offset % 1000, 0);
            assert_true(as_text(segment.payload) == part(offset / 1000));
            numbers.push_back(static_cast<int>(offset / 1000));
        }
        return numbers;
    }
    static Segment read(const FrameBytes& bytes) {
        Segment segment;
        Outcome why;
        INVARIANT(decode(Bytes(bytes), ChecksumRule::strict, &segment, &why) == DecodeResult::tcp);
        return segment;
    }
    // The storage acknowledges the first `bytes` of the stream.
    void acknowledge(std::size_t bytes) {
        lab.stored.assign(bytes, '\0');
        lab.acknowledge();
    }
    void answer_and_expect_blocked() {
        lab.client_next = lab.isn + 1 + static_cast<std::uint32_t>(request.size());
        lab.step(2000);
        assert_true(lab.storage_reset);
        assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
    }

    Lab lab;
    std::string request = put("/clean", std::string(20000, 'c'));
};

using Numbers = std::vector<int>;

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

// Seen: a sender took the overtaken tail for a reordering and ended in time-outs.
void a_held_tail_is_not_overtaken(void** state) {
    Bench& bench = bench_of(state);
    bench.burst({0, 1, 3, 4});
    assert_true(bench.left() == (Numbers{0, 1, 3, 4}));
    assert_int_equal(bench.lab.count(Outcome::tail_released_early), 1);
    bench.burst({5});
    assert_true(bench.left() == (Numbers{5}));
    assert_int_equal(bench.lab.count(Outcome::tail_released_early), 1);  // nothing more was held
}

void what_fills_a_hole_is_not_overtaken(void** state) {
    Bench& bench = bench_of(state);
    bench.burst({0, 2, 4});
    assert_true(bench.left() == (Numbers{0, 2, 4}));
    bench.burst({1});  // 2 becomes the tail by it
    assert_true(bench.left().empty());
    bench.burst({5});
    assert_true(bench.left() == (Numbers{1, 5}));
    bench.burst({3, 6});
    assert_true(bench.left() == (Numbers{3}));
    bench.turn(limits::tail_release_us);
    assert_true(bench.left() == (Numbers{6}));
}

// Seen with losses behind us only: the repetition came before the tail, which looked lost by it.
void a_repetition_does_not_overtake_the_held_tail(void** state) {
    Bench& bench = bench_of(state);
    bench.burst({0, 1, 2, 3});
    assert_true(bench.left() == (Numbers{0, 1, 2}));
    bench.burst({1});
    assert_true(bench.left() == (Numbers{3, 1}));
    bench.burst({4});
    assert_true(bench.left().empty());
    bench.acknowledge(1000);
    bench.frames();
    bench.lab.port.push(Side::client, bench.frame(0, bench.part(0)));  // not kept any more
    bench.turn();
    const std::vector<FrameBytes> sent = bench.frames();
    assert_int_equal(sent.size(), 2);
    assert_int_equal(Bench::read(sent[0]).sequence, bench.lab.isn + 4001);
    assert_int_equal(Bench::read(sent[1]).sequence, bench.lab.isn + 1);
}

void a_repetition_frees_no_known_file(void** state) {
    Bench& bench = bench_of(state);
    const std::string known = known_content();
    bench.request = "PUT /known HTTP/1.1\r\nHost: files.example\r\nContent-Length: " +
                    std::to_string(known.size() + 100) + "\r\n\r\n" + known;
    const std::size_t end = bench.request.size();
    const std::string_view bytes = bench.request;
    for (std::size_t at = 0; at < end; at += 1000)
        bench.lab.segment(at, bytes.substr(at, 1000));
    bench.lab.segment(0, bytes.substr(0, 1000));
    assert_true(bench.lab.stored.size() < end);
    bench.answer_and_expect_blocked();
}

// The byte behind a hole frees the tail only after it was looked up as it stands.
void a_byte_behind_a_hole_frees_no_known_file(void** state) {
    Bench& bench = bench_of(state);
    const std::string known = known_content();
    bench.request = "PUT /known HTTP/1.1\r\nHost: files.example\r\nContent-Length: " +
                    std::to_string(known.size() + 100) + "\r\n\r\n";
    const std::size_t end = bench.request.size() + known.size();
    bench.request += known + std::string(100, 'x');
    for (std::size_t at = 0; at < end; at += 1000)
        bench.lab.segment(at,
                          std::string_view(bench.request).substr(at, std::min(end - at, 1000UL)));
    const std::size_t before = bench.lab.stored.size();
    assert_true(before < end);
    bench.lab.segment(end + 50, "x");
    assert_true(bench.lab.stored.size() == before);
    bench.answer_and_expect_blocked();
    assert_int_equal(bench.lab.recorder.decided_records[0].record.complete, 0);
}

// So does a chunked one whose terminator is what is missing.
void a_byte_behind_a_missing_terminator_frees_no_known_file(void** state) {
    Bench& bench = bench_of(state);
    const std::string known = known_content();
    char line[16];
    std::snprintf(line, sizeof line, "%zx\r\n", known.size());
    bench.request = "PUT /known HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    bench.request += line + known + "\r\n";
    const std::size_t end = bench.request.size();
    for (std::size_t at = 0; at < end; at += 1000)
        bench.lab.segment(at, std::string_view(bench.request).substr(at, 1000));
    bench.lab.segment(end + 5, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(bench.lab.stored.size() < end);
    bench.answer_and_expect_blocked();
}

// Its marks of congestion, its PSH and its timestamp are the sender's business.
void what_fills_a_hole_leaves_as_it_came(void** state) {
    Bench& bench = bench_of(state);
    bench.burst({0, 2});
    bench.frames();
    bench.lab.client_clock = 750;
    const FrameBytes filler = bench.lab.client_packet()
                                  .traffic_class(3)
                                  .sequence(bench.lab.isn + 1001)
                                  .acknowledgement(bench.lab.client_acked)
                                  .flags(tcp_flag::ack | tcp_flag::psh)
                                  .payload(bench.part(1))
                                  .frame();
    bench.lab.port.push(Side::client, filler);
    bench.turn();
    assert_true(bench.frames().empty());
    bench.burst({3});
    const std::vector<FrameBytes> sent = bench.frames();
    assert_int_equal(sent.size(), 1);
    assert_true(sent[0] == filler);
    bench.turn(limits::tail_release_us);
    assert_true(bench.left() == (Numbers{3}));
    assert_int_equal(bench.lab.port.outstanding(), 0);
}

void a_tail_is_held_no_longer_than_its_time(void** state) {
    Bench& bench = bench_of(state);
    bench.burst({0, 1});
    assert_true(bench.left() == (Numbers{0}));
    bench.turn(limits::tail_release_us - 1);
    assert_true(bench.left().empty());
    assert_true(bench.lab.worker->next_deadline_ns() == bench.lab.now_ns + 1 * ns_per_us);
    bench.turn(1);
    assert_true(bench.left() == (Numbers{1}));
    assert_true(bench.lab.worker->next_deadline_ns() > bench.lab.now_ns + ns_per_s);
}

// A tail-loss probe, or a time-out of a path shorter than the hold (RFC 8985 §7).
void a_repetition_of_the_held_tail_neither_frees_nor_loses_it(void** state) {
    Bench& bench = bench_of(state);
    bench.burst({0, 1});
    assert_true(bench.left() == (Numbers{0}));
    bench.turn(100);
    bench.burst({1});
    bench.burst({1});
    assert_true(bench.left().empty());
    // Nor does it begin its time anew.
    bench.turn(limits::tail_release_us - 120);
    assert_true(bench.left() == (Numbers{1}));
    bench.burst({1});  // and now the storage may miss it
    assert_true(bench.left() == (Numbers{1}));
    assert_int_equal(bench.lab.count(Outcome::retransmission), 3);
    assert_int_equal(bench.lab.port.outstanding(), 0);
}

void a_forwarded_tail_that_is_lost_behind_us_is_sent_again(void** state) {
    Bench& bench = bench_of(state);
    bench.request = put("/clean", std::string(3000, '.'));
    bench.burst({0, 1, 2, 3});
    assert_int_equal(bench.frames().size(), 4);  // the verdict has freed the last; all are lost
    assert_int_equal(bench.lab.count(Outcome::object_clean), 1);
    bench.burst({3});
    assert_true(bench.left() == (Numbers{3}));
    bench.burst({0, 1, 2});
    assert_true(bench.left() == (Numbers{0, 1, 2}));
}

void what_was_lost_behind_us_and_left_ahead_is_sent_again(void** state) {
    Bench& bench = bench_of(state);
    bench.burst({0, 2, 3});
    assert_true(bench.left() == (Numbers{0, 2, 3}));
    bench.burst({2});  // before the hole is filled
    assert_true(bench.left() == (Numbers{2}));
    bench.burst({1});  // held: 3 is the tail by it
    assert_true(bench.left().empty());
    bench.burst({2, 3});  // and while what fills it is held, which it must not overtake
    assert_true(bench.left() == (Numbers{1, 2, 3}));
}

// Seen: an empty segment in its place was answered twice a second, and clients timed out twice.
void a_repetition_of_what_the_storage_has_is_answered_by_it(void** state) {
    Bench& bench = bench_of(state);
    bench.burst({0, 1, 2});
    bench.turn(limits::tail_release_us);
    assert_true(bench.left() == (Numbers{0, 1, 2}));
    bench.acknowledge(2000);  // this ACK is lost beyond us
    bench.frames();
    bench.lab.port.push(Side::client, bench.frame(1000, std::string(1000, 'e')));  // not compared
    bench.turn();
    const std::vector<FrameBytes> sent = bench.frames();
    assert_int_equal(sent.size(), 1);
    const Segment segment = Bench::read(sent[0]);
    assert_int_equal(segment.sequence, bench.lab.isn + 1001);
    assert_int_equal(segment.payload.size(), 1000);
    for (const std::uint8_t byte : segment.payload)
        assert_int_equal(byte, 0);
    assert_int_equal(bench.lab.count(Outcome::retransmission), 1);
}

// The storage delays its ACK for every second segment and for 40 ms and more: nothing waits for it.
void no_tail_waits_for_an_acknowledgement(void** state) {
    Bench& bench = bench_of(state);
    bench.request = put("/clean", std::string(5000, '.'));
    for (std::size_t number = 0; number < 6; ++number) {
        bench.burst({number});
        bench.turn(limits::tail_release_us);
    }
    assert_true(bench.left() == (Numbers{0, 1, 2, 3, 4, 5}));
    assert_int_equal(bench.lab.count(Outcome::object_clean), 1);
}

// FIN with the last bytes, first lost and then repeated by a time-out.
void a_fin_on_the_last_segment_survives_its_loss(void** state) {
    Bench& bench = bench_of(state);
    bench.request = put("/clean", std::string(2000, 'c'));
    bench.burst({0, 1});
    const FrameBytes last = bench.frame(2000, bench.part(2), tcp_flag::fin | tcp_flag::ack);
    for (int times = 0; times < 2; ++times) {  // the first one is lost behind us
        bench.lab.port.push(Side::client, last);
        bench.turn();
        std::size_t payload = 0;
        bool fin = false;
        for (const FrameBytes& one : bench.frames()) {
            const Segment segment = Bench::read(one);
            payload += segment.payload.size();
            fin = fin || ((segment.flags & tcp_flag::fin) != 0 &&
                          segment.sequence - bench.lab.isn - 1 + segment.payload.size() ==
                              bench.request.size());
        }
        assert_true(payload >= bench.part(2).size());
        assert_true(fin);
    }
}

void a_known_file_with_a_fin_on_its_last_segment_is_blocked(void** state) {
    Bench& bench = bench_of(state);
    bench.request = put("/known", known_content());
    const std::size_t end = bench.request.size();
    const std::string_view bytes = bench.request;
    for (std::size_t at = 0; at < end; at += 1000)
        bench.lab.segment(at, bytes.substr(at, 1000),
                          at + 1000 >= end ? tcp_flag::fin | tcp_flag::ack : tcp_flag::ack);
    assert_true(bench.lab.stored.size() < end);
    bench.lab.client_next = bench.lab.isn + 2 + static_cast<std::uint32_t>(end);
    bench.lab.step(2000);
    assert_true(bench.lab.storage_reset);
    assert_true(bench.lab.answer.starts_with("HTTP/1.1 403 "));
    assert_false(bench.lab.storage_fin);
}

// Whatever of the last flight is lost in front of us, in whatever order the repetitions come.
void every_loss_in_the_last_flight_is_repaired(void**) {
    for (unsigned lost = 1; lost < 16; ++lost) {
        Bench bench;
        bench.request = put("/clean", std::string(4500, 'c'));
        const std::string_view bytes = bench.request;
        Lab& lab = bench.lab;
        for (std::size_t n = 0; n < 5; ++n)
            if ((lost >> n & 1) == 0) lab.segment(n * 1000, bytes.substr(n * 1000, 1000));
        for (std::size_t n = 5; n-- > 0;)
            if ((lost >> n & 1) != 0) lab.segment(n * 1000, bytes.substr(n * 1000, 1000));
        lab.step(limits::tail_release_us);
        assert_string_equal(lab.stored.c_str(), bench.request.c_str());
        lab.client_next = lab.isn + 1 + static_cast<std::uint32_t>(bytes.size());
        lab.acknowledge();
        lab.respond(created);
        assert_string_equal(lab.answer.c_str(), std::string(created).c_str());
        assert_int_equal(lab.port.outstanding(), 0);
        assert_int_equal(lab.worker->kept_bytes(), 0);
    }
}

}  // namespace

#define IN_BENCH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        IN_BENCH(a_held_tail_is_not_overtaken),
        IN_BENCH(what_fills_a_hole_is_not_overtaken),
        IN_BENCH(a_repetition_does_not_overtake_the_held_tail),
        IN_BENCH(a_repetition_frees_no_known_file),
        IN_BENCH(a_byte_behind_a_hole_frees_no_known_file),
        IN_BENCH(a_byte_behind_a_missing_terminator_frees_no_known_file),
        IN_BENCH(what_fills_a_hole_leaves_as_it_came),
        IN_BENCH(a_tail_is_held_no_longer_than_its_time),
        IN_BENCH(a_repetition_of_the_held_tail_neither_frees_nor_loses_it),
        IN_BENCH(a_forwarded_tail_that_is_lost_behind_us_is_sent_again),
        IN_BENCH(what_was_lost_behind_us_and_left_ahead_is_sent_again),
        IN_BENCH(a_repetition_of_what_the_storage_has_is_answered_by_it),
        IN_BENCH(no_tail_waits_for_an_acknowledgement),
        IN_BENCH(a_fin_on_the_last_segment_survives_its_loss),
        IN_BENCH(a_known_file_with_a_fin_on_its_last_segment_is_blocked),
        cmocka_unit_test(every_loss_in_the_last_flight_is_repaired),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
