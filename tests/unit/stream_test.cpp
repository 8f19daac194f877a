#include "dataplane/stream/stream.h"

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

struct Bench {
    PiecePool pool{2048};
    Stream stream;
    std::string taken;
    std::string receiver;  // contiguous at the receiver, by what was forwarded
    std::vector<bool> sent;
    std::string content;

    Offered offer(std::uint64_t offset, std::string_view bytes) {
        return stream.offer(offset, as_bytes(bytes), pool, 1 << 20);
    }
    void take_all() {
        std::uint64_t begin;
        Bytes chunk;
        while (stream.take(pool, &begin, &chunk)) {
            assert_int_equal(begin, taken.size());
            taken += as_text(chunk);
        }
    }
    std::string send_all() {
        std::string out;
        std::uint64_t begin;
        Bytes chunk;
        while (stream.next_to_send(pool, &begin, &chunk)) {
            out += as_text(chunk);
            stream.mark_sent(begin + chunk.size(), pool);
        }
        return out;
    }
};

int setup(void** state) {
    auto* bench = new Bench;
    bench->stream.open(0xfffffff0);
    *state = bench;
    return 0;
}

int teardown(void** state) {
    auto* bench = static_cast<Bench*>(*state);
    bench->stream.close(bench->pool);
    const bool leaked = bench->pool.used() != 0;
    delete bench;
    return leaked ? -1 : 0;
}

Bench& bench_of(void** state) {
    return *static_cast<Bench*>(*state);
}

void maps_sequence_numbers_across_the_wrap(void** state) {
    Bench& b = bench_of(state);
    assert_int_equal(b.stream.offset_of(0xfffffff0), 0);
    assert_int_equal(b.stream.offset_of(0x10), 0x20);
    assert_int_equal(b.stream.offset_of(0xffffffef), -1);
    assert_int_equal(b.stream.sequence_of(0x20), 0x10);
}

void delivers_in_order_once(void** state) {
    Bench& b = bench_of(state);
    assert_true(b.offer(0, "hello ") == Offered::fresh);
    assert_true(b.offer(6, "world") == Offered::fresh);
    b.take_all();
    assert_string_equal(b.taken.c_str(), "hello world");
}

void delivers_only_the_new_part_of_an_overlap(void** state) {
    Bench& b = bench_of(state);
    assert_true(b.offer(0, "hello") == Offered::fresh);
    assert_true(b.offer(3, "lo world") == Offered::fresh);
    b.take_all();
    assert_string_equal(b.taken.c_str(), "hello world");
}

void tells_a_repetition_from_an_attack(void** state) {
    Bench& b = bench_of(state);
    b.offer(0, "hello world");
    assert_true(b.offer(2, "llo") == Offered::repeated);
    assert_true(b.offer(2, "LLO") == Offered::inconsistent);
    assert_true(b.offer(9, "ldX") == Offered::fresh);
    assert_true(b.offer(9, "lXXY") == Offered::inconsistent);
    assert_true(b.offer(20, "ahead") == Offered::ahead);
    assert_true(b.offer(18, "..aheaX") == Offered::inconsistent);
}

void forgets_what_is_acknowledged(void** state) {
    Bench& b = bench_of(state);
    b.offer(0, std::string(3000, 'a'));
    b.take_all();
    b.stream.clear_to(3000);
    b.send_all();
    b.stream.acknowledge(3000, b.pool);
    assert_int_equal(b.pool.used(), 0);
    assert_true(b.offer(100, "zzz") == Offered::forgotten);
    assert_true(b.offer(2999, "ab") == Offered::fresh);
}

void holds_what_is_not_cleared(void** state) {
    Bench& b = bench_of(state);
    b.offer(0, "first");
    b.offer(5, "second");
    b.take_all();
    assert_string_equal(b.send_all().c_str(), "");
    b.stream.clear_to(5);
    assert_string_equal(b.send_all().c_str(), "first");
    b.stream.clear_to(11);
    assert_string_equal(b.send_all().c_str(), "second");
}

void the_hole_is_the_hold(void** state) {
    Bench& b = bench_of(state);
    b.offer(0, std::string(1000, 'a'));
    assert_true(b.offer(2000, std::string(1000, 'c')) == Offered::ahead);
    b.stream.mark_ahead_sent(2000, 3000, b.pool);
    b.offer(1000, std::string(1000, 'b'));
    b.take_all();
    assert_int_equal(b.taken.size(), 3000);
    b.stream.clear_to(2500);  // the end of what left ahead is not judged yet
    assert_int_equal(b.send_all().size(), 1000);
    assert_int_equal(b.stream.sent(), 1000);
    b.stream.clear_to(3000);
    assert_int_equal(b.send_all().size(), 1000);  // the filler only
    assert_int_equal(b.stream.sent(), 3000);
}

void counts_holes_and_refuses_too_many(void** state) {
    Bench& b = bench_of(state);
    std::uint64_t at = 10;
    for (std::size_t n = 0; n < limits::gaps_max; ++n, at += 10)
        assert_true(b.offer(at, "x") == Offered::ahead);
    assert_true(b.offer(at, "x") == Offered::gaps_full);
    assert_true(b.offer(11, "y") == Offered::ahead);  // joins a run
    assert_true(b.offer(0, std::string(10, '.')) == Offered::fresh);
    assert_true(b.offer(at, "x") == Offered::ahead);
}

// 3 % lost of the largest window that is kept, and then each loss repaired in order.
void takes_a_large_window_with_three_percent_lost(void**) {
    constexpr std::size_t segments = 4000;
    constexpr std::size_t bytes = 1448;
    PiecePool pool(limits::kept_bytes_worker_max / limits::kept_block_bytes);
    Stream stream;
    stream.open(1);
    const std::string payload(bytes, 'w');
    const auto offer = [&](std::size_t n) {
        return stream.offer(n * bytes, as_bytes(payload), pool, limits::kept_bytes_flow_max);
    };
    for (std::size_t n = 0; n < segments; ++n) {
        if (n % 33 == 0) continue;
        assert_true(offer(n) == Offered::ahead);
        stream.mark_ahead_sent(n * bytes, (n + 1) * bytes, pool);
    }
    std::uint64_t begin;
    Bytes chunk;
    for (std::size_t n = 0; n < segments; n += 33) {
        assert_true(offer(n) == Offered::fresh);
        while (stream.take(pool, &begin, &chunk)) {}
        stream.clear_to(stream.taken());
        std::size_t sent = 0;
        for (; stream.next_to_send(pool, &begin, &chunk); sent += chunk.size())
            stream.mark_sent(begin + chunk.size(), pool);
        assert_int_equal(sent, bytes);  // the rest has left ahead
    }
    assert_int_equal(stream.sent(), segments * bytes);
    stream.acknowledge(stream.sent(), pool);
    assert_int_equal(pool.used(), 0);
}

void packs_tiny_segments(void** state) {
    Bench& b = bench_of(state);
    for (std::uint64_t n = 0; n < 20000; ++n)
        assert_true(b.offer(n, "x") == Offered::fresh);
    assert_int_equal(b.pool.used(), (20000 + Piece::capacity - 1) / Piece::capacity);
}

void says_when_it_is_full(void** state) {
    Bench& b = bench_of(state);
    std::uint64_t at = 0;
    while (b.stream.offer(at, as_bytes(std::string(1000, 'f')), b.pool, 64 * 2048) ==
           Offered::fresh)
        at += 1000;
    assert_int_equal(b.stream.pieces(), 64);
}

// A stream that had reached its limit behind a hole refused what fills the hole, for ever.
void fills_a_hole_at_its_limit(void** state) {
    Bench& b = bench_of(state);
    const std::uint64_t kept_max = 16 * limits::kept_block_bytes;
    std::uint64_t at = 1000;
    while (b.stream.offer(at, as_bytes(std::string(1000, 'a')), b.pool, kept_max) == Offered::ahead)
        at += 1000;
    assert_int_equal(b.stream.pieces(), 16);
    assert_true(b.stream.offer(0, as_bytes(std::string(1000, '.')), b.pool, kept_max) ==
                Offered::fresh);
    assert_int_equal(b.stream.received(), at);
    assert_true(b.stream.offer(at, as_bytes(std::string_view("z")), b.pool, kept_max) ==
                Offered::kept_full);
}

// And behind holes half of the pool stays for others, so that no two take all of it.
void leaves_room_for_other_streams(void**) {
    PiecePool pool(100);
    Stream streams[10];
    for (Stream& stream : streams) {
        stream.open(1);
        for (std::uint64_t at = 1000;; at += 1000) {
            const std::uint64_t share = std::uint64_t{pool.available()} * limits::kept_block_bytes;
            if (stream.offer(at, as_bytes(std::string(1000, 'a')), pool, share) != Offered::ahead)
                break;
        }
        assert_true(stream.pieces() > 0 || pool.available() == pool.count() / 2);
    }
    assert_true(pool.available() >= pool.count() / 2);
    for (Stream& stream : streams)
        stream.close(pool);
}

// A seeded adversary: any cutting, order, repetition and acknowledgement. What is taken is the
// content, once and in order; nothing above cleared() is ever contiguous at the receiver; the
// receiver gets all.
void keeps_its_promises_under_random_schedules(void**) {
    for (std::uint32_t seed = 1; seed <= 300; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::size_t n) { return random() % n; };
        Bench b;
        b.stream.open(static_cast<std::uint32_t>(random()));
        const std::size_t size = 1 + below(20000);
        for (std::size_t n = 0; n < size; ++n)
            b.content += static_cast<char>('a' + random() % 26);
        b.sent.assign(size, false);
        std::size_t contiguous = 0;
        const auto deliver = [&](std::uint64_t begin, std::size_t length) {
            for (std::size_t n = 0; n < length; ++n)
                b.sent[begin + n] = true;
            while (contiguous < size && b.sent[contiguous])
                ++contiguous;
        };
        const auto step = [&](std::size_t begin, std::size_t length) {
            const std::string_view part = std::string_view(b.content).substr(begin, length);
            const Offered offered = b.offer(begin, part);
            assert_true(offered != Offered::inconsistent);
            if (offered == Offered::ahead) {
                b.stream.mark_ahead_sent(begin, begin + part.size(), b.pool);
                deliver(begin, part.size());
            }
            b.take_all();
            if (below(2) == 0)
                b.stream.clear_to(b.stream.cleared() +
                                  below(b.stream.taken() - b.stream.cleared() + 1));
            std::uint64_t at;
            Bytes chunk;
            while (b.stream.next_to_send(b.pool, &at, &chunk)) {
                deliver(at, chunk.size());
                b.stream.mark_sent(at + chunk.size(), b.pool);
            }
            if (contiguous > b.stream.cleared()) std::fprintf(stderr, "seed %u\n", seed);
            assert_true(contiguous <= b.stream.cleared());
            assert_true(b.stream.sent() == contiguous);
            if (below(4) == 0) b.stream.acknowledge(below(contiguous + 1), b.pool);
        };
        for (std::size_t n = 0; n < 60; ++n)
            step(below(size), 1 + below(below(3) == 0 ? 4000 : 40));
        for (std::size_t at = 0; at < size; at += 500)
            step(at, 500);
        b.stream.clear_to(b.stream.taken());
        step(size - 1, 1);
        assert_true(b.taken == b.content);
        assert_int_equal(contiguous, size);
        b.stream.close(b.pool);
        assert_int_equal(b.pool.used(), 0);
    }
}

// Kept below, nothing of the range, kept again above: all three may come once more, and be
// acknowledged in any step.
void a_step_goes_only_where_nothing_else_is_due(void** state) {
    Bench& bench = bench_of(state);
    const std::string segment(1000, 'x');
    bench.offer(0, segment);
    bench.take_all();
    assert_false(bench.stream.send_step(0, 1000, bench.pool));  // not cleared
    bench.stream.clear_to(1000);
    assert_false(bench.stream.send_step(0, 1000, bench.pool));  // the newest, which stays
    bench.offer(1000, segment);
    bench.take_all();
    assert_false(bench.stream.send_step(0, 999, bench.pool));
    assert_false(bench.stream.send_step(1, 1000, bench.pool));
    assert_true(bench.stream.send_step(0, 1000, bench.pool));
    assert_int_equal(bench.stream.sent(), 1000);
    assert_false(bench.stream.send_step(1000, 2000, bench.pool));
    // What left ahead of a hole becomes contiguous with the step: it is not one.
    bench.offer(3000, segment);
    bench.stream.mark_ahead_sent(3000, 4000, bench.pool);
    bench.offer(2000, segment);
    bench.take_all();
    bench.stream.clear_to(3000);
    assert_false(bench.stream.send_step(1000, 3000, bench.pool));
    assert_false(bench.stream.send_step(2000, 3000, bench.pool));
    bench.stream.clear_to(4000);
    assert_int_equal(bench.send_all().size(), 2000);
    assert_int_equal(bench.stream.sent(), 4000);
}

void the_newest_goes_where_nothing_is_before_it(void** state) {
    Bench& bench = bench_of(state);
    const std::string segment(1000, 'x');
    bench.offer(0, segment);
    bench.take_all();
    assert_false(bench.stream.send_newest(0, 1000, bench.pool));  // not cleared
    bench.stream.clear_to(1000);
    assert_false(bench.stream.send_newest(0, 999, bench.pool));
    assert_false(bench.stream.send_newest(1, 1000, bench.pool));
    assert_true(bench.stream.send_newest(0, 1000, bench.pool));
    assert_int_equal(bench.stream.sent(), 1000);
    assert_false(bench.stream.send_newest(0, 1000, bench.pool));  // gone
    bench.offer(1000, segment);
    bench.offer(2000, segment);
    bench.take_all();
    bench.stream.clear_to(3000);
    assert_false(bench.stream.send_newest(2000, 3000, bench.pool));  // one is before it
    assert_int_equal(bench.send_all().size(), 2000);
    // What left ahead of a hole is no newest piece.
    bench.offer(4000, segment);
    bench.stream.mark_ahead_sent(4000, 5000, bench.pool);
    bench.offer(3000, segment);
    bench.take_all();
    bench.stream.clear_to(5000);
    assert_false(bench.stream.send_newest(3000, 5000, bench.pool));
    assert_false(bench.stream.send_newest(3000, 4000, bench.pool));
    assert_int_equal(bench.send_all().size(), 1000);
    assert_int_equal(bench.stream.sent(), 5000);
}

// Bytes that somebody put into a piece already: taken where they are the next ones, and only then.
void takes_a_copy_for_what_comes_next(void** state) {
    Bench& bench = bench_of(state);
    const std::string text(1000, 'c');
    const auto copy_of = [&](std::string_view bytes) {
        const PieceNumber number = bench.pool.allocate();
        std::memcpy(bench.pool.room(number), bytes.data(), bytes.size());
        bench.pool[number].length = static_cast<std::uint16_t>(bytes.size());
        return number;
    };
    const auto offer = [&](std::uint64_t offset, PieceNumber* copy) {
        return bench.stream.offer(offset, as_bytes(text), bench.pool, 1 << 20, copy);
    };
    PieceNumber copy = copy_of(text);
    assert_true(bench.stream.is_next(0));
    assert_true(offer(0, &copy) == Offered::fresh);
    assert_int_equal(copy, no_piece);
    assert_int_equal(bench.pool.used(), 1);
    copy = copy_of(text);
    assert_false(bench.stream.is_next(0));
    assert_true(offer(0, &copy) == Offered::repeated);
    assert_true(offer(2000, &copy) == Offered::ahead);
    assert_int_not_equal(copy, no_piece);
    assert_false(bench.stream.is_next(1000));  // something stands behind a hole
    bench.pool.release(copy);
    bench.offer(1000, text);
    bench.take_all();
    assert_int_equal(bench.taken.size(), 3000);
    assert_int_equal(bench.taken.find_first_not_of('c'), std::string::npos);
    // With nothing left in the pool, and no more to be kept of one stream.
    std::vector<PieceNumber> all;
    for (PieceNumber one; (one = bench.pool.allocate()) != no_piece;)
        all.push_back(one);
    copy = all.back();
    all.pop_back();
    bench.pool[copy].length = static_cast<std::uint16_t>(text.size());
    assert_true(bench.stream.offer(3000, as_bytes(text), bench.pool, 1, &copy) ==
                Offered::kept_full);
    assert_true(offer(3000, &copy) == Offered::fresh);
    for (const PieceNumber one : all)
        bench.pool.release(one);
}

void takes_a_copy_at_once_where_all_before_is_taken(void** state) {
    Bench& b = bench_of(state);
    const std::string text(1000, 't');
    const auto take_copy = [&](std::uint64_t kept_max = 1 << 20) {
        const PieceNumber copy = b.pool.allocate();
        b.pool[copy].length = 0;
        b.pool.append(copy, as_bytes(text));
        const bool taken = b.stream.take_copy(copy, b.pool, kept_max);
        if (!taken) b.pool.release(copy);
        return taken;
    };
    assert_true(take_copy());
    assert_int_equal(b.stream.received(), 1000);
    assert_int_equal(b.stream.taken(), 1000);
    assert_true(b.offer(1000, text) == Offered::fresh);
    assert_false(take_copy());  // that is not taken yet
    b.taken = text;
    b.take_all();
    assert_true(take_copy());
    assert_true(b.offer(4000, "ahead") == Offered::ahead);
    assert_false(take_copy());  // what is next may join it
    assert_true(b.offer(3000, text) == Offered::fresh);
    b.taken += text;
    b.take_all();
    assert_int_equal(b.stream.taken(), 4005);
    assert_false(take_copy(5 * limits::kept_block_bytes));  // it has as many pieces
    assert_true(take_copy(6 * limits::kept_block_bytes));
    b.stream.clear_to(5005);
    assert_true(b.send_all() == text + text + text + text + "ahead" + text);
    assert_true(b.offer(4005, std::string(1000, 'x')) == Offered::inconsistent);
    b.stream.acknowledge(5005, b.pool);
    assert_true(take_copy(0));  // the first one moves on
}

void goes_on_behind_bytes_that_were_passed_over(void** state) {
    Bench& b = bench_of(state);
    assert_true(b.offer(0, "abcdefgh") == Offered::fresh);
    assert_false(b.stream.in_step());
    b.take_all();
    b.stream.clear_to(8);
    b.send_all();
    assert_true(b.stream.in_step());
    b.stream.pass_over(1000);
    assert_int_equal(b.stream.received(), 1000);
    assert_int_equal(b.stream.acknowledged(), 0);
    assert_true(b.offer(4, "efghIJKL") == Offered::repeated);
    assert_true(b.offer(4, "exgh") == Offered::inconsistent);
    assert_true(b.offer(500, "whatever") == Offered::repeated);  // nobody has it to compare
    assert_true(b.offer(1003, "ahead") == Offered::ahead);
    b.stream.mark_ahead_sent(1003, 1008, b.pool);
    assert_int_equal(b.stream.ahead_begin(b.pool), 1003);
    assert_true(b.offer(998, "zzxyz") == Offered::fresh);
    std::uint64_t begin;
    Bytes chunk;
    std::string taken;
    while (b.stream.take(b.pool, &begin, &chunk))
        taken += as_text(chunk);
    assert_true(taken == "xyzahead");
    b.stream.clear_to(1008);
    assert_true(b.send_all() == "xyz");  // the rest left ahead of the hole
    assert_int_equal(b.stream.sent(), 1008);
    b.stream.acknowledge(600, b.pool);
    assert_true(b.offer(4, "exgh") == Offered::forgotten);
    assert_true(b.offer(700, "whatever") == Offered::repeated);
    assert_true(b.offer(1001, "yZ") == Offered::inconsistent);
    b.stream.acknowledge(1008, b.pool);
    assert_int_equal(b.pool.used(), 0);
}

}  // namespace

int main() {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        T(maps_sequence_numbers_across_the_wrap),
        T(delivers_in_order_once),
        T(delivers_only_the_new_part_of_an_overlap),
        T(tells_a_repetition_from_an_attack),
        T(forgets_what_is_acknowledged),
        T(holds_what_is_not_cleared),
        T(the_hole_is_the_hold),
        T(counts_holes_and_refuses_too_many),
        cmocka_unit_test(takes_a_large_window_with_three_percent_lost),
        T(packs_tiny_segments),
        T(says_when_it_is_full),
        T(fills_a_hole_at_its_limit),
        T(leaves_room_for_other_streams),
        T(a_step_goes_only_where_nothing_else_is_due),
        T(the_newest_goes_where_nothing_is_before_it),
        T(takes_a_copy_for_what_comes_next),
        T(takes_a_copy_at_once_where_all_before_is_taken),
        T(goes_on_behind_bytes_that_were_passed_over),
        T(keeps_its_promises_under_random_schedules),
    };
#undef T
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
