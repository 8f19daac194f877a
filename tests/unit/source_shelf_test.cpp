// What is known of objects that a storage may be told to copy, beside a model that knows which
// requests were under way together.
#include <atomic>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/assembly/source_shelf.h"
#include "dataplane/base/limits.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr std::uint64_t mib = tree_leaf_bytes;
constexpr std::uint64_t hour = 3600 * ns_per_s;
constexpr Now now{hour, 0};

SourceName name(std::uint64_t number) {
    return {{number * 0x9e3779b97f4a7c15ull, number * 0xff51afd7ed558ccdull + 1}, number};
}

TreeDigest leaf(std::uint64_t seed) {
    TreeDigest digest{};
    std::memcpy(digest.bytes, &seed, sizeof seed);
    return digest;
}

bool is_known(const SourceSlice& slice) {
    return static_cast<bool>(slice);
}

struct Shelf {
    explicit Shelf(std::uint32_t places = 64, std::uint64_t leaves = 4096)
        : spool(leaves * sizeof(TreeDigest)), shelf(places, hour, &spool) {}

    SourceObject object(std::uint64_t bytes, std::uint64_t seed) {
        SourceObject made;
        made.bytes = bytes;
        for (std::uint64_t n = 0; n < leaves_of(bytes); ++n) {
            const TreeDigest one = leaf(seed + n);
            if (!shelf.keep(&made, std::span(&one, 1))) return made;
        }
        made.is_whole = true;
        return made;
    }
    bool put(std::uint64_t number, std::uint64_t bytes, std::uint64_t seed, Now at = now) {
        SourceWrite write = shelf.begin(name(number), 0, at);
        SourceObject made = object(bytes, seed);
        return shelf.end(&write, SourceAnswer::stored, &made, at);
    }
    SourceSlice slice(std::uint64_t number, std::uint64_t offset = 0,
                      std::uint64_t length = piece_unknown, Now at = now) {
        return shelf.slice({name(number), offset, length, true}, 0, at);
    }
    // The seeds of the leaves; empty: they are gone.
    std::vector<std::uint64_t> read(const SourceSlice& slice, std::size_t step) {
        std::vector<std::uint64_t> seeds;
        std::vector<TreeDigest> room(step);
        SpoolCursor at;
        while (true) {
            LeafList list{room};
            PieceMarks marks;
            if (!shelf.read(slice, &at, &list, &marks)) return {};
            if (list.count == 0) return seeds;
            for (const TreeDigest& each : list.leaves()) {
                std::uint64_t seed;
                std::memcpy(&seed, each.bytes, sizeof seed);
                seeds.push_back(seed);
            }
        }
    }

    LeafSpool spool;
    SourceShelf shelf;
};

void a_slice_has_the_leaves_of_its_range(void**) {
    Shelf one;
    assert_true(one.put(1, 20 * mib + 5, 100));
    for (const std::size_t step : {1u, 3u, 8u, 64u}) {
        for (std::uint64_t from = 0; from <= 20; ++from) {
            for (std::uint64_t to = from + 1; to <= 21; ++to) {
                const std::uint64_t bytes =
                    to == 21 ? 20 * mib + 5 - from * mib : (to - from) * mib;
                const SourceSlice slice = one.slice(1, from * mib, bytes);
                assert_true(is_known(slice));
                assert_int_equal(slice.ends, to == 21);
                const std::vector<std::uint64_t> seeds = one.read(slice, step);
                assert_int_equal(seeds.size(), to - from);
                for (std::size_t n = 0; n < seeds.size(); ++n)
                    assert_int_equal(seeds[n], 100 + from + n);
            }
        }
    }
}

void only_whole_leaves_or_the_end_are_a_slice(void**) {
    Shelf one;
    assert_true(one.put(1, 3 * mib + 5, 1));
    assert_true(is_known(one.slice(1)));
    assert_true(is_known(one.slice(1, 3 * mib)));
    assert_false(is_known(one.slice(1, 1)));
    assert_false(is_known(one.slice(1, 0, mib + 1)));
    assert_false(is_known(one.slice(1, 0, 0)));
    assert_false(is_known(one.slice(1, 3 * mib, 4)));
    assert_false(is_known(one.slice(1, 3 * mib, 6)));
    assert_false(is_known(one.slice(1, 4 * mib)));
    assert_false(is_known(one.slice(1, UINT64_MAX - 1, 1)));
    assert_false(is_known(one.slice(1, mib, UINT64_MAX - 1)));
    assert_false(is_known(one.slice(2)));
}

void another_object_takes_the_place_and_its_leaves_go(void**) {
    Shelf one;
    assert_true(one.put(1, 9 * mib, 1));
    const SourceSlice old = one.slice(1);
    assert_true(one.put(1, 2 * mib, 50));
    assert_true(one.read(old, 4).empty());
    assert_true(one.read(one.slice(1), 4) == std::vector<std::uint64_t>({50, 51}));
    assert_int_equal(one.spool.bytes_used(), LeafSpool::block_bytes);
}

void what_is_not_all_there_is_not_known(void**) {
    Shelf one;
    SourceWrite write = one.shelf.begin(name(1), 0, now);
    SourceObject part = one.object(3 * mib, 1);
    part.is_whole = false;
    assert_false(one.shelf.end(&write, SourceAnswer::stored, &part, now));
    assert_false(is_known(one.slice(1)));
    assert_int_equal(one.spool.bytes_used(), 0);
}

// Whichever is answered first: the storage may have taken them in the other order.
void of_two_that_are_under_way_together_neither_is_known(void**) {
    for (const bool first_ends_first : {true, false}) {
        for (const SourceAnswer answer : {SourceAnswer::stored, SourceAnswer::refused}) {
            Shelf one;
            SourceWrite writes[2] = {one.shelf.begin(name(1), 0, now),
                                     one.shelf.begin(name(1), 0, now)};
            SourceObject objects[2] = {one.object(mib, 1), one.object(mib, 2)};
            const std::size_t first = first_ends_first ? 0 : 1;
            assert_false(one.shelf.end(&writes[first], answer, &objects[first], now));
            assert_false(is_known(one.slice(1)));
            // What was refused changed nothing.
            const bool is_alone = answer == SourceAnswer::refused;
            assert_int_equal(
                one.shelf.end(&writes[1 - first], SourceAnswer::stored, &objects[1 - first], now),
                is_alone);
            assert_int_equal(is_known(one.slice(1)), is_alone);
            assert_true(one.put(1, mib, 7));
        }
    }
}

// For a minute: then whatever it was has happened.
void what_was_not_answered_may_still_take_effect(void**) {
    Shelf one;
    SourceWrite lost = one.shelf.begin(name(1), 0, now);
    one.shelf.end(&lost, SourceAnswer::unknown, nullptr, now);
    assert_false(one.put(1, mib, 1, {now.ns + ns_per_s, 0}));
    const Now later{now.ns + limits::assembly_source_doubt_seconds * ns_per_s, 0};
    assert_true(one.put(1, mib, 1, later));
    assert_true(is_known(one.slice(1, 0, mib, later)));
}

void what_nobody_can_place_makes_all_of_its_service_unknown(void**) {
    Shelf one;
    assert_true(one.put(1, mib, 1));
    SourceWrite of_other = one.shelf.begin_any(5);
    assert_true(is_known(one.slice(1)));
    one.shelf.end(&of_other, SourceAnswer::stored, nullptr, now);
    SourceWrite any = one.shelf.begin_any(0);
    assert_false(is_known(one.slice(1)));
    assert_false(one.put(2, mib, 1));  // while it is under way
    SourceWrite across = one.shelf.begin(name(3), 0, now);
    one.shelf.end(&any, SourceAnswer::refused, nullptr, now);
    SourceObject made = one.object(mib, 1);
    assert_false(one.shelf.end(&across, SourceAnswer::stored, &made, now));
    assert_false(is_known(one.slice(1)));
    assert_true(one.put(1, mib, 1));
    assert_true(is_known(one.slice(1)));
    one.shelf.forget_all();
    assert_false(is_known(one.slice(1)));
}

// A set holds eight: what has no place in it makes all unknown as long as it is under way.
void writes_without_a_place_are_taken_for_any(void**) {
    Shelf one(8);
    std::vector<SourceWrite> under_way;
    for (std::uint64_t n = 0; n < 8; ++n)
        under_way.push_back(one.shelf.begin(name(n), 0, now));
    SourceWrite ninth = one.shelf.begin(name(9), 0, now);
    assert_int_equal(ninth.place, SourceWrite::any);
    SourceObject made = one.object(mib, 1);
    assert_false(one.shelf.end(&under_way[0], SourceAnswer::stored, &made, now));
    one.shelf.end(&ninth, SourceAnswer::stored, nullptr, now);
    for (std::uint64_t n = 1; n < 8; ++n)
        one.shelf.end(&under_way[n], SourceAnswer::refused, nullptr, now);
    assert_true(one.put(1, mib, 1));
}

// Nobody gets rid of what may still take effect by many other names.
void a_place_in_doubt_that_is_needed_leaves_its_doubt_to_all(void**) {
    Shelf one(8);
    SourceWrite lost = one.shelf.begin(name(1), 0, now);
    one.shelf.end(&lost, SourceAnswer::unknown, nullptr, now);
    for (std::uint64_t n = 2; n < 12; ++n)
        one.put(n, mib, n, {now.ns + n, 0});
    assert_false(one.put(1, mib, 1, {now.ns + 50, 0}));
    const Now later{now.ns + 50 + limits::assembly_source_doubt_seconds * ns_per_s, 0};
    assert_true(one.put(1, mib, 1, later));
}

void leaves_are_half_of_the_spool_at_most_and_expire(void**) {
    Shelf one(64, 128);
    std::uint64_t kept = 0;
    for (std::uint64_t n = 0; n < 32; ++n)
        kept += one.put(n, 8 * mib, n) ? 1u : 0u;
    assert_int_equal(kept, 8);
    assert_int_equal(one.spool.bytes_used(), one.spool.bytes_max() / 2);
    const Now later{now.ns + hour, 0};
    const Now before{later.ns - 1, 0};
    SourceWrite refused = one.shelf.begin(name(0), 0, before);  // which keeps nothing alive
    one.shelf.end(&refused, SourceAnswer::refused, nullptr, before);
    assert_true(is_known(one.slice(0, 0, mib, before)));
    assert_false(is_known(one.slice(0, 0, mib, later)));
    for (int n = 0; n < 64; ++n)
        one.shelf.expire(later);
    assert_true(one.shelf.is_empty());
    assert_int_equal(one.spool.bytes_used(), 0);
}

// Of every name the model has what was stored last, and whether that is certain.
void schedules_of_writes_tell_what_is_stored(void**) {
    std::mt19937 random(20261122);
    std::size_t told = 0;
    for (int round = 0; round < 400; ++round) {
        Shelf one(16);
        struct Under {
            SourceWrite write;
            std::uint64_t number;
            std::uint64_t seed;
        };
        std::vector<Under> under;
        std::map<std::uint64_t, std::uint64_t> stored;
        for (int turn = 0; turn < 60; ++turn) {
            const std::uint64_t number = random() % 5;
            if (under.size() < 3 && random() % 2 == 0) {
                const bool is_any = random() % 8 == 0;
                under.push_back(
                    {is_any ? one.shelf.begin_any(0) : one.shelf.begin(name(number), 0, now),
                     is_any ? random() % 5 : number, random()});
            } else if (!under.empty()) {
                const std::size_t at = random() % under.size();
                Under ended = under[at];
                under.erase(under.begin() + static_cast<std::ptrdiff_t>(at));
                // The storage does it at any time while it is under way; here at its end.
                const auto answer = static_cast<SourceAnswer>(random() % 3);
                SourceObject made = one.object(mib, ended.seed);
                one.shelf.end(&ended.write, answer, &made, now);
                if (answer != SourceAnswer::refused) stored[ended.number] = ended.seed;
            }
            for (std::uint64_t each = 0; each < 5; ++each) {
                const SourceSlice slice = one.slice(each);
                if (!slice) continue;
                ++told;
                for (const Under& other : under)
                    assert_true(other.number != each);
                assert_true(one.read(slice, 4) == std::vector<std::uint64_t>({stored[each]}));
            }
        }
        for (Under& each : under)
            one.shelf.end(&each.write, SourceAnswer::unknown, nullptr, now);
    }
    assert_true(told > 1000);
}

void workers_share_it(void**) {
    Shelf one(256, 1 << 16);
    std::vector<std::thread> threads;
    std::atomic<std::uint64_t> wrong{0};
    for (std::uint64_t worker = 0; worker < 4; ++worker) {
        threads.emplace_back([&, worker] {
            std::mt19937 random(static_cast<unsigned>(worker));
            for (int n = 0; n < 3000; ++n) {
                const std::uint64_t number = random() % 64;
                if (random() % 2 == 0) {
                    one.put(number, 3 * mib, number * 1000);
                } else if (const SourceSlice slice = one.slice(number)) {
                    const std::vector<std::uint64_t> seeds = one.read(slice, 2);
                    if (!seeds.empty() && (seeds.size() != 3 || seeds[2] != number * 1000 + 2))
                        ++wrong;
                }
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    assert_int_equal(wrong.load(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_slice_has_the_leaves_of_its_range),
        cmocka_unit_test(only_whole_leaves_or_the_end_are_a_slice),
        cmocka_unit_test(another_object_takes_the_place_and_its_leaves_go),
        cmocka_unit_test(what_is_not_all_there_is_not_known),
        cmocka_unit_test(of_two_that_are_under_way_together_neither_is_known),
        cmocka_unit_test(what_was_not_answered_may_still_take_effect),
        cmocka_unit_test(what_nobody_can_place_makes_all_of_its_service_unknown),
        cmocka_unit_test(writes_without_a_place_are_taken_for_any),
        cmocka_unit_test(a_place_in_doubt_that_is_needed_leaves_its_doubt_to_all),
        cmocka_unit_test(leaves_are_half_of_the_spool_at_most_and_expire),
        cmocka_unit_test(schedules_of_writes_tell_what_is_stored),
        cmocka_unit_test(workers_share_it),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
