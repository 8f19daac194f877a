// Leaves of pieces whose bytes are nowhere: uploads of hundreds of megabytes, told by lists of made
// up leaves, beside a model that has all pieces as the storage has them.
#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "dataplane/assembly/assembly.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/pieces.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::uint64_t mib = tree_leaf_bytes;
constexpr Now now{ns_per_s, 0};
// No room for any byte: only leaves stay.
AssemblyLimits limits_with(std::uint32_t leaves) {
    return {64, 4096, 0, 3600 * ns_per_s, leaves};
}

struct Made {
    std::uint64_t length;
    std::vector<TreeDigest> leaves;
};

Made made(std::uint64_t length, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Made piece{length, std::vector<TreeDigest>(leaves_of(length))};
    for (TreeDigest& leaf : piece.leaves) {
        for (std::uint8_t& byte : leaf.bytes)
            byte = static_cast<std::uint8_t>(random());
    }
    return piece;
}

struct Upload {
    Assembly* assembly;
    PieceTicket ticket{};
    DigestState state{};

    bool begin(const PieceRequest& request) {
        state.start(piece_kinds);
        return assembly->begin(request, 0, now, &ticket, &state).result ==
               PieceBegun::Result::begun;
    }
    // In runs, as a worker that drains its list does.
    bool leaves(const Made& piece, std::size_t run) {
        bool kept = true;
        for (std::size_t at = 0; at < piece.leaves.size(); at += run)
            kept = assembly->keep_leaves(ticket,
                                         std::span(piece.leaves)
                                             .subspan(at)
                                             .first(std::min(run, piece.leaves.size() - at))) &&
                   kept;
        return kept;
    }
    void end(const Made& piece) {
        PieceSum sum{piece.length, {}};
        if (!piece.leaves.empty())
            std::copy_n(piece.leaves[0].bytes, sum.digest.size(), sum.digest.begin());
        if (ticket.place == PiecePlace::spooled && piece.length != 0)
            static_cast<void>(assembly->keep(ticket, as_bytes("no room for it"), now));
        assembly->end(ticket, sum, state, now);
    }
    void close(PieceAnswer answer = PieceAnswer::accepted) {
        assembly->answered(ticket, answer);
        assembly->close(ticket.upload, now);
    }
};

void put(Assembly* assembly, std::uint64_t index, const Made& piece,
         PieceAnswer answer = PieceAnswer::accepted) {
    Upload upload{assembly};
    assert_true(upload.begin(part(1, index)));
    assert_true(upload.leaves(piece, 3));
    upload.end(piece);
    upload.close(answer);
}

using Root = std::array<std::uint8_t, 32>;

Root root_of(const TreeFold& fold) {
    Root root;
    std::uint8_t bytes[32];
    fold.root(bytes);
    std::copy_n(bytes, root.size(), root.begin());
    return root;
}

Root root_of(const std::vector<const Made*>& pieces) {
    TreeFold fold;
    fold.start();
    for (const Made* piece : pieces)
        fold.add(piece->leaves);
    return root_of(fold);
}

// The root of the pieces in that order, read a few leaves at a time, or why it cannot be told.
struct Read {
    LeafStep step = LeafStep::end;
    Root root{};
    std::uint64_t bytes = 0;
};

Read read(Assembly* assembly, const std::vector<std::uint64_t>& list) {
    const UploadRef upload = assembly->find(part(1, 0).key, 0, now);
    if (!upload) return {LeafStep::missing};
    Read got;
    TreeFold fold;
    fold.start();
    LeafCursor cursor;
    std::array<TreeDigest, 5> room;
    for (std::size_t at = 0; at < list.size() && got.step == LeafStep::end;) {
        LeafList leaves{room};
        PieceSum sum{};
        const LeafStep step = assembly->read_leaves(upload, list[at], &cursor, &leaves, &sum);
        fold.add(leaves.leaves());
        if (step == LeafStep::leaves) continue;
        got.step = step;
        got.bytes += sum.length;
        ++at;
    }
    assembly->close(upload, now);
    got.root = root_of(fold);
    return got;
}

void pieces_in_any_order_have_the_root_of_their_object(void**) {
    std::mt19937 random(20261122);
    for (int round = 0; round < 200; ++round) {
        Assembly assembly(limits_with(4096), 7);
        std::vector<Made> pieces;
        const std::size_t count = 1 + random() % 12;
        for (std::size_t n = 0; n < count; ++n) {
            const bool is_odd = n + 1 == count && random() % 2 == 0;
            pieces.push_back(
                made((1 + random() % 40) * mib + (is_odd ? random() % mib : 0), random()));
        }
        std::vector<std::uint64_t> list(count);
        std::vector<const Made*> all(count);
        for (std::size_t n = 0; n < count; ++n) {
            list[n] = n + 1;
            all[n] = &pieces[n];
        }
        std::vector<std::uint64_t> order = list;
        std::shuffle(order.begin(), order.end(), random);
        for (const std::uint64_t index : order)
            put(&assembly, index, pieces[index - 1]);
        const Read whole = read(&assembly, list);
        assert_int_equal(whole.step, LeafStep::end);
        assert_true(whole.root == root_of(all));
        // A commit may leave some out.
        std::vector<std::uint64_t> some;
        std::vector<const Made*> some_of;
        for (std::size_t n = 0; n < count; ++n) {
            if (random() % 2 == 0) continue;
            some.push_back(n + 1);
            some_of.push_back(&pieces[n]);
        }
        const Read subset = read(&assembly, some);
        assert_int_equal(subset.step, LeafStep::end);
        assert_true(subset.root == root_of(some_of));
    }
}

void only_the_last_piece_may_be_no_whole_number_of_leaves(void**) {
    Assembly assembly(limits_with(4096), 7);
    put(&assembly, 1, made(2 * mib, 1));
    put(&assembly, 2, made(2 * mib - 1, 2));
    put(&assembly, 3, made(mib, 3));
    assert_int_equal(read(&assembly, {1, 2}).step, LeafStep::end);
    assert_int_equal(read(&assembly, {1, 3, 2}).step, LeafStep::end);
    assert_int_equal(read(&assembly, {1, 2, 3}).step, LeafStep::none);
    put(&assembly, 4, made(0, 4));  // nothing comes behind
    assert_int_equal(read(&assembly, {1, 2, 4}).step, LeafStep::end);
    assert_int_equal(read(&assembly, {1, 5}).step, LeafStep::missing);
}

void a_piece_that_comes_again_counts_as_the_storage_has_it(void**) {
    const Made first = made(3 * mib, 1), second = made(2 * mib, 2), other = made(2 * mib, 3);
    Assembly assembly(limits_with(4096), 7);
    put(&assembly, 1, first);
    put(&assembly, 2, second);
    put(&assembly, 2, second);  // its answer was lost
    assert_true(read(&assembly, {1, 2}).root == root_of({&first, &second}));
    put(&assembly, 2, other);
    assert_true(read(&assembly, {1, 2}).root == root_of({&first, &other}));
    put(&assembly, 2, second, PieceAnswer::refused);
    assert_true(read(&assembly, {1, 2}).root == root_of({&first, &other}));
    // While one is on its way nobody knows.
    Upload again{&assembly};
    assert_true(again.begin(part(1, 2)));
    assert_int_equal(read(&assembly, {1, 2}).step, LeafStep::in_flight);
    assembly.abort(again.ticket, nullptr, now);
    assert_true(read(&assembly, {1, 2}).root == root_of({&first, &other}));
}

// What changes while it is read is not mixed up.
void a_piece_that_is_replaced_while_it_is_read_is_noticed(void**) {
    Assembly assembly(limits_with(4096), 7);
    put(&assembly, 1, made(9 * mib, 1));
    const UploadRef upload = assembly.find(part(1, 0).key, 0, now);
    LeafCursor cursor;
    std::array<TreeDigest, 4> room;
    LeafList list{room};
    PieceSum sum{};
    assert_int_equal(assembly.read_leaves(upload, 1, &cursor, &list, &sum), LeafStep::leaves);
    put(&assembly, 1, made(9 * mib, 2));
    list.count = 0;
    assert_int_equal(assembly.read_leaves(upload, 1, &cursor, &list, &sum), LeafStep::in_flight);
    assembly.close(upload, now);
}

void leaves_are_bounded_and_go_with_their_upload(void**) {
    Assembly assembly(limits_with(64), 7);
    put(&assembly, 1, made(8 * mib, 1));
    put(&assembly, 2, made(16 * mib, 2));
    Upload large{&assembly};
    const Made piece = made(36 * mib, 3);  // there would be room
    assert_true(large.begin(part(1, 3)));
    assert_false(large.leaves(piece, 8));  // no upload has more than it leaves to the others
    large.end(piece);
    large.close();
    assert_int_equal(read(&assembly, {1, 2}).step, LeafStep::end);
    assert_int_equal(read(&assembly, {1, 2, 3}).step, LeafStep::none);
    assert_true(assembly.leaf_spool().bytes_used() <= 64 * sizeof(TreeDigest));
    for (int n = 0; n < 64; ++n)
        assembly.expire({now.ns + 7200 * ns_per_s, 0});
    assert_int_equal(assembly.uploads(), 0);
    assert_int_equal(assembly.pieces(), 0);
    assert_int_equal(assembly.leaf_spool().bytes_used(), 0);
}

void of_pieces_that_only_leave_leaves_one_may_be_odd(void**) {
    Assembly assembly(limits_with(64), 7);
    Upload one{&assembly}, two{&assembly}, again{&assembly};
    assert_true(one.begin(part(1, 5)) && two.begin(part(1, 6)));
    assert_true(assembly.may_go_by_leaves(one.ticket, 2 * mib));
    assert_true(assembly.may_go_by_leaves(one.ticket, 2 * mib + 1));
    assert_false(assembly.may_go_by_leaves(two.ticket, 5000000));
    assert_false(assembly.may_go_by_leaves(two.ticket, piece_unknown));
    assert_true(assembly.may_go_by_leaves(two.ticket, 2 * mib));
    assembly.abort(one.ticket, nullptr, now);
    assert_true(again.begin(part(1, 5)));  // its client tries again
    assert_true(assembly.may_go_by_leaves(again.ticket, 2 * mib + 1));
    assembly.abort(two.ticket, nullptr, now);
    assembly.abort(again.ticket, nullptr, now);
}

// Beside what the storage has: what is told is the root of that, or nothing.
void schedules_of_pieces_tell_what_the_storage_has(void**) {
    std::mt19937 random(815);
    std::size_t told = 0;
    for (int round = 0; round < 300; ++round) {
        Assembly assembly(limits_with(256), 7);
        std::map<std::uint64_t, Made> stored;
        struct Under {
            Upload upload;
            std::uint64_t index;
            Made piece;
        };
        std::vector<Under> under;
        for (int turn = 0; turn < 40; ++turn) {
            if (under.size() < 4 && random() % 2 == 0) {
                const std::uint64_t index = 1 + random() % 4;
                Under fresh{
                    {&assembly},
                    index,
                    made((1 + random() % 12) * mib - (random() % 4 == 0 ? 5 : 0), random() % 6)};
                if (!fresh.upload.begin(part(1, index))) continue;
                static_cast<void>(fresh.upload.leaves(fresh.piece, 1 + random() % 5));
                under.push_back(fresh);
            } else if (!under.empty()) {
                const std::size_t at = random() % under.size();
                Under one = under[at];
                under.erase(under.begin() + static_cast<std::ptrdiff_t>(at));
                if (random() % 5 == 0) {
                    assembly.abort(one.upload.ticket, nullptr, now);
                    continue;
                }
                const bool accepted = random() % 4 != 0;
                one.upload.end(one.piece);
                one.upload.close(accepted ? PieceAnswer::accepted : PieceAnswer::refused);
                if (accepted) stored[one.index] = one.piece;
            }
            std::vector<std::uint64_t> list;
            std::vector<const Made*> all;
            for (std::uint64_t index = 1; index <= 4; ++index) {
                if (random() % 3 == 0 || !stored.contains(index)) continue;
                list.push_back(index);
                all.push_back(&stored[index]);
            }
            if (list.empty()) continue;
            const Read got = read(&assembly, list);
            if (got.step != LeafStep::end) continue;
            ++told;
            assert_true(got.root == root_of(all));
        }
        for (Under& one : under)
            assembly.abort(one.upload.ticket, nullptr, now);
    }
    assert_true(told > 300);
}

void workers_keep_leaves_at_once(void**) {
    Assembly assembly({64, 4096, 0, 3600 * ns_per_s, 8192}, 7);
    constexpr std::uint64_t workers = 4, each = 40;
    std::vector<Made> pieces;
    for (std::uint64_t n = 0; n < workers * each; ++n)
        pieces.push_back(made((1 + n % 9) * mib, n));
    std::vector<std::thread> threads;
    for (std::uint64_t worker = 0; worker < workers; ++worker) {
        threads.emplace_back([&, worker] {
            for (std::uint64_t n = worker; n < pieces.size(); n += workers) {
                Upload upload{&assembly};
                if (!upload.begin(part(1, n + 1)) || !upload.leaves(pieces[n], 2)) return;
                upload.end(pieces[n]);
                upload.close();
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    std::vector<std::uint64_t> list;
    std::vector<const Made*> all;
    for (std::uint64_t n = 0; n < pieces.size(); ++n) {
        list.push_back(n + 1);
        all.push_back(&pieces[n]);
    }
    const Read got = read(&assembly, list);
    assert_int_equal(got.step, LeafStep::end);
    assert_true(got.root == root_of(all));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(pieces_in_any_order_have_the_root_of_their_object),
        cmocka_unit_test(only_the_last_piece_may_be_no_whole_number_of_leaves),
        cmocka_unit_test(a_piece_that_comes_again_counts_as_the_storage_has_it),
        cmocka_unit_test(a_piece_that_is_replaced_while_it_is_read_is_noticed),
        cmocka_unit_test(leaves_are_bounded_and_go_with_their_upload),
        cmocka_unit_test(of_pieces_that_only_leave_leaves_one_may_be_odd),
        cmocka_unit_test(schedules_of_pieces_tell_what_the_storage_has),
        cmocka_unit_test(workers_keep_leaves_at_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
