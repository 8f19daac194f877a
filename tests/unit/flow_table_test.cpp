#include "dataplane/flow/flow_table.h"

#include <cstdlib>
#include <list>
#include <map>
#include <vector>

#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

Segment segment_between(std::uint32_t a, std::uint16_t a_port, std::uint32_t b,
                        std::uint16_t b_port, std::int16_t vlan = -1) {
    Segment segment{};
    segment.vlan = vlan;
    store_be32(segment.source.address.bytes + 12, a);
    store_be32(segment.destination.address.bytes + 12, b);
    segment.source.port = a_port;
    segment.destination.port = b_port;
    return segment;
}

FlowKey key_number(std::uint32_t n) {
    return flow_key(segment_between(n, 1000, 0xffffffff, 80));
}

void both_directions_have_one_key(void**) {
    const Segment there = segment_between(1, 4242, 2, 80, 7);
    const Segment back = segment_between(2, 80, 1, 4242, 7);
    assert_true(flow_key(there) == flow_key(back));
    assert_true(flow_key(there).low() == there.source);
    assert_true(flow_key(there).high() == there.destination);
    assert_int_equal(flow_key(there).vlan(), 7);
    assert_int_equal(flow_key(segment_between(1, 2, 3, 4)).vlan(), -1);
    assert_true(flow_key(segment_between(1, 5, 1, 6)) == flow_key(segment_between(1, 6, 1, 5)));
}

void every_part_of_the_key_tells_flows_apart(void**) {
    const FlowKey base = flow_key(segment_between(1, 4242, 2, 80));
    assert_false(base == flow_key(segment_between(1, 4243, 2, 80)));
    assert_false(base == flow_key(segment_between(1, 80, 2, 4242)));
    assert_false(base == flow_key(segment_between(3, 4242, 2, 80)));
    assert_false(base == flow_key(segment_between(1, 4242, 2, 80, 9)));
}

void finds_what_was_inserted_and_nothing_else(void**) {
    FlowTable table(16, 1);
    assert_int_equal(table.find(key_number(1)), no_flow);
    const FlowNumber one = table.insert(key_number(1), 10);
    const FlowNumber two = table.insert(key_number(2), 20);
    assert_int_not_equal(one, two);
    assert_int_equal(table.find(key_number(1)), one);
    assert_int_equal(table.find(key_number(2)), two);
    assert_int_equal(table.find(key_number(3)), no_flow);
    assert_true(table.key(two) == key_number(2));
    assert_int_equal(table.live(), 2);
    table.erase(one);
    assert_int_equal(table.find(key_number(1)), no_flow);
    assert_int_equal(table.find(key_number(2)), two);
    assert_int_equal(table.live(), 1);
}

void a_full_table_says_so_and_takes_again_after_an_erase(void**) {
    FlowTable table(5, 1);
    for (std::uint32_t n = 0; n < 5; ++n)
        assert_int_not_equal(table.insert(key_number(n), n), no_flow);
    assert_int_equal(table.insert(key_number(9), 9), no_flow);
    assert_int_equal(table.find(key_number(9)), no_flow);
    const FlowNumber freed = table.oldest(FlowRank::embryonic);
    table.erase(freed);
    assert_int_equal(table.insert(key_number(9), 9), freed);
    assert_int_equal(table.find(key_number(9)), freed);
}

void entries_stand_in_order_of_their_last_touch(void**) {
    constexpr FlowRank rank = FlowRank::embryonic;
    FlowTable table(4, 1);
    assert_int_equal(table.oldest(rank), no_flow);
    const FlowNumber a = table.insert(key_number(1), 1);
    const FlowNumber b = table.insert(key_number(2), 2);
    const FlowNumber c = table.insert(key_number(3), 3);
    table.touch(a, 4, rank);
    table.touch(a, 5, rank);
    assert_int_equal(table.oldest(rank), b);
    assert_int_equal(table.next_oldest(b), c);
    assert_int_equal(table.next_oldest(c), a);
    assert_int_equal(table.next_oldest(a), no_flow);
    assert_int_equal(table.touched_ns(a), 5);
    table.erase(c);
    assert_int_equal(table.next_oldest(b), a);
    table.erase(b);
    assert_int_equal(table.oldest(rank), a);
    table.erase(a);
    assert_int_equal(table.oldest(rank), no_flow);
    assert_int_equal(table.live(), 0);
}

void an_entry_stays_where_it_is_for_the_grain_of_time(void**) {
    constexpr FlowRank rank = FlowRank::embryonic;
    FlowTable table(4, 1, 10);
    const FlowNumber a = table.insert(key_number(1), 1);
    const FlowNumber b = table.insert(key_number(2), 2);
    table.touch(a, 10, rank);
    assert_int_equal(table.oldest(rank), a);
    assert_int_equal(table.touched_ns(a), 1);
    table.touch(a, 11, rank);
    assert_int_equal(table.oldest(rank), b);
    assert_int_equal(table.touched_ns(a), 11);
    table.touch(b, 3, FlowRank::busy);  // another rank is another list, at once
    assert_int_equal(table.oldest(FlowRank::busy), b);
    assert_int_equal(table.touched_ns(b), 3);
}

void every_rank_has_ages_of_its_own(void**) {
    FlowTable table(4, 1);
    const FlowNumber a = table.insert(key_number(1), 1);
    const FlowNumber b = table.insert(key_number(2), 2);
    const FlowNumber c = table.insert(key_number(3), 3);
    assert_int_equal(table.live(FlowRank::embryonic), 3);
    table.touch(b, 4, FlowRank::busy);
    table.touch(a, 5, FlowRank::busy);
    assert_int_equal(table.oldest(FlowRank::embryonic), c);
    assert_int_equal(table.oldest(FlowRank::busy), b);
    assert_int_equal(table.next_oldest(b), a);
    table.move_to(b, FlowRank::over);  // keeps its time
    assert_int_equal(table.touched_ns(b), 4);
    assert_true(table.rank(b) == FlowRank::over);
    assert_int_equal(table.oldest(FlowRank::busy), a);
    table.move_to(a, FlowRank::busy);  // it stands there
    assert_int_equal(table.live(FlowRank::busy), 1);
    table.erase(b);
    assert_int_equal(table.oldest(FlowRank::over), no_flow);
    assert_int_equal(table.live(FlowRank::over), 0);
    assert_int_equal(table.live(), 2);
}

void a_table_of_one_works(void**) {
    FlowTable table(1, 1);
    for (std::uint32_t n = 0; n < 10; ++n) {
        const FlowNumber flow = table.insert(key_number(n), n);
        assert_int_equal(flow, 0);
        assert_int_equal(table.insert(key_number(n + 1), n), no_flow);
        table.erase(flow);
    }
}

// A long random run against a map and lists that do the same.
void behaves_like_a_map_and_lists(void**) {
    constexpr std::uint32_t capacity = 300, keys = 600, steps = 60000;
    static FlowTable table(capacity, 42);
    static std::map<std::uint32_t, FlowNumber> model;
    static std::list<std::uint32_t> ages[flow_rank_count];
    std::uint32_t random = 7;
    const auto forget = [](std::uint32_t n) {
        for (auto& list : ages)
            list.remove(n);
    };
    for (std::uint32_t step = 0; step < steps; ++step) {
        random = random * 1664525 + 1013904223;
        const std::uint32_t n = (random >> 8) % keys;
        const std::uint32_t rank = (random >> 4) % flow_rank_count;
        const auto known = model.find(n);
        assert_int_equal(table.find(key_number(n)), known == model.end() ? no_flow : known->second);
        if (known == model.end()) {
            const FlowNumber flow = table.insert(key_number(n), step);
            assert_int_equal(flow == no_flow, model.size() == capacity);
            if (flow == no_flow) continue;
            model[n] = flow;
            ages[static_cast<std::size_t>(FlowRank::embryonic)].push_back(n);
        } else if ((random >> 29) < 3) {
            table.touch(known->second, step, static_cast<FlowRank>(rank));
            forget(n);
            ages[rank].push_back(n);
        } else if ((random >> 29) < 6 || model.size() == capacity) {
            table.erase(known->second);
            forget(n);
            model.erase(known);
        }
        assert_int_equal(table.live(), model.size());
        const auto& list = ages[rank];
        assert_int_equal(table.oldest(static_cast<FlowRank>(rank)),
                         list.empty() ? no_flow : model[list.front()]);
        assert_int_equal(table.live(static_cast<FlowRank>(rank)), list.size());
    }
    for (std::size_t rank = 0; rank < flow_rank_count; ++rank) {
        FlowNumber flow = table.oldest(static_cast<FlowRank>(rank));
        for (const std::uint32_t n : ages[rank]) {
            assert_int_equal(flow, model[n]);
            flow = table.next_oldest(flow);
        }
        assert_int_equal(flow, no_flow);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_have_one_key),
        cmocka_unit_test(every_part_of_the_key_tells_flows_apart),
        cmocka_unit_test(finds_what_was_inserted_and_nothing_else),
        cmocka_unit_test(a_full_table_says_so_and_takes_again_after_an_erase),
        cmocka_unit_test(entries_stand_in_order_of_their_last_touch),
        cmocka_unit_test(an_entry_stays_where_it_is_for_the_grain_of_time),
        cmocka_unit_test(every_rank_has_ages_of_its_own),
        cmocka_unit_test(a_table_of_one_works),
        cmocka_unit_test(behaves_like_a_map_and_lists),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
