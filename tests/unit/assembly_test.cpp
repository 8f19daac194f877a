#include "dataplane/assembly/assembly.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "tests/support/cmocka_cpp.h"
#include "tests/support/pieces.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr AssemblyLimits small{64, 4096, 64ull << 20, 3600 * ns_per_s};

struct Store {
    Assembly assembly{small, 99};
    Now now{ns_per_s, 0};
    UploadRef upload;

    bool put(const PieceRequest& request, std::string_view bytes) {
        Sender sender;
        if (!sender.begin(&assembly, request, now)) return false;
        sender.send(bytes, now);
        finish(&sender);
        return true;
    }
    void finish(Sender* sender) {
        sender->end(now);
        upload = sender->ticket.upload;
        advance(&assembly, upload);
        assembly.close(upload, now);
    }
    std::string commit(const std::vector<std::uint64_t>& positions, std::uint64_t key = 1) {
        const UploadRef found = assembly.find(part(key, 0).key, 0, now);
        if (!found) return {};
        const std::string digest = test::commit(&assembly, found, positions);
        assembly.close(found, now);
        return digest;
    }
};

std::string content_of(std::size_t bytes, std::uint64_t seed) {
    std::mt19937 random(seed);
    std::string content(bytes, 0);
    for (char& c : content)
        c = static_cast<char>(random());
    return content;
}

std::vector<std::string> cut(const std::string& content, std::size_t pieces, std::mt19937* random) {
    std::vector<std::size_t> ends{content.size()};
    while (ends.size() < pieces)
        ends.push_back((*random)() % content.size());
    std::sort(ends.begin(), ends.end());
    std::vector<std::string> parts;
    std::size_t at = 0;
    for (const std::size_t end : ends) {
        parts.push_back(content.substr(at, end - at));
        at = end;
    }
    return parts;
}

void pieces_in_order_need_no_spool(void**) {
    Store store;
    const std::string content = content_of(300000, 1);
    for (std::uint64_t n = 1; n <= 3; ++n) {
        assert_true(
            store.put(part(1, n), std::string_view(content).substr((n - 1) * 100000, 100000)));
        assert_int_equal(store.assembly.spool().bytes_used(), 0);
    }
    assert_true(store.commit({1, 2, 3}) == sha256_of(content));
}

void every_order_of_pieces_gives_the_same_object(void**) {
    std::mt19937 random(4711);
    for (int round = 0; round < 300; ++round) {
        Store store;
        const std::string content = content_of(1 + random() % 400000, random());
        std::vector<std::string> parts = cut(content, 1 + random() % 8, &random);
        std::vector<std::uint64_t> order(parts.size());
        std::vector<std::uint64_t> list(parts.size());
        for (std::size_t n = 0; n < parts.size(); ++n)
            order[n] = list[n] = n + 1;
        std::shuffle(order.begin(), order.end(), random);
        // Several at once, each in runs of its own size.
        std::vector<Sender> senders(parts.size());
        std::size_t begun = 0;
        std::size_t ended = 0;
        const std::size_t at_once = 1 + random() % 4;
        std::vector<std::size_t> open;
        bool alone = false;
        while (ended < parts.size()) {
            if (begun < parts.size() && open.size() < at_once) {
                alone = alone || (begun == 0 && at_once == 1 && order[0] != 1);
                assert_true(
                    senders[begun].begin(&store.assembly, part(1, order[begun]), store.now));
                open.push_back(begun++);
                continue;
            }
            const std::size_t which = random() % open.size();
            Sender& sender = senders[open[which]];
            const std::string& bytes = parts[order[open[which]] - 1];
            const std::size_t run =
                std::min<std::size_t>(bytes.size() - sender.sent, random() % 90000);
            sender.send(std::string_view(bytes).substr(sender.sent, run), store.now);
            if (sender.sent != bytes.size()) continue;
            store.finish(&sender);
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
            ++ended;
        }
        const std::string digest = store.commit(list);
        // Who sends one piece and waits, and then one before it, is taken at his word only once.
        if (alone && digest.empty()) continue;
        assert_true(digest == sha256_of(content));
        assert_int_equal(store.assembly.spool().bytes_used(), 0);
    }
}

void offsets_in_every_order_give_the_same_object(void**) {
    std::mt19937 random(815);
    for (int round = 0; round < 300; ++round) {
        Store store;
        const std::string content = content_of(1 + random() % 200000, random());
        std::vector<std::string> parts = cut(content, 1 + random() % 8, &random);
        std::erase(parts, std::string());
        std::vector<std::pair<std::uint64_t, std::string>> order;
        std::uint64_t at = 0;
        for (const std::string& bytes : parts) {
            order.emplace_back(at, bytes);
            at += bytes.size();
        }
        std::shuffle(order.begin(), order.end(), random);
        std::vector<std::string> boundaries;
        for (const auto& [offset, bytes] : order) {
            Sender sender;
            assert_true(sender.begin(&store.assembly,
                                     range(1, offset, bytes.size(), content.size()), store.now));
            sender.send(bytes, store.now);
            sender.end(store.now);
            boundaries.push_back(sha256_of(sender.prefix()));
            DigestState state;
            Standing standing;
            while ((standing = store.assembly.look(sender.ticket, &state)) == Standing::advance) {
                for (const std::string& seen : advance(&store.assembly, sender.ticket.upload))
                    boundaries.push_back(seen);
            }
            assert_int_equal(standing, Standing::clear);
            store.assembly.close(sender.ticket.upload, store.now);
        }
        // The piece with which the object is complete is the one at which it is seen.
        assert_true(boundaries.back() == sha256_of(content));
    }
}

void a_piece_sent_again_changes_nothing(void**) {
    Store store;
    for (const std::uint64_t n : {1ull, 2ull, 1ull, 3ull, 2ull, 3ull})
        store.put(part(1, n), std::string(70000, static_cast<char>('a' + n)));
    assert_true(
        store.commit({1, 2, 3}) ==
        sha256_of(std::string(70000, 'b') + std::string(70000, 'c') + std::string(70000, 'd')));
    assert_int_equal(store.assembly.pieces(), 3);
}

Sender put_and_stay(Store* store, const PieceRequest& request, std::string_view bytes) {
    Sender sender;
    assert_true(sender.begin(&store->assembly, request, store->now));
    sender.send(bytes, store->now);
    sender.end(store->now);
    return sender;
}

void answer(Store* store, const Sender& piece, PieceAnswer answer) {
    store->assembly.answered(piece.ticket, answer);
    store->assembly.close(piece.ticket.upload, store->now);
}

void other_bytes_in_a_place_count_when_the_storage_took_them(void**) {
    Store store;
    store.put(part(1, 1), "first");
    store.put(part(1, 2), "second");
    const Sender again = put_and_stay(&store, part(1, 2), "SECOND");
    assert_true(store.commit({1, 2}).empty());  // nobody knows yet
    store.assembly.answered(again.ticket, PieceAnswer::accepted);
    advance(&store.assembly, again.ticket.upload);
    store.assembly.close(again.ticket.upload, store.now);
    assert_true(store.commit({1, 2}) == sha256_of("firstSECOND"));
}

void other_bytes_that_the_storage_refused_do_not_count(void**) {
    Store store;
    store.put(part(1, 1), "first");
    store.put(part(1, 2), "second");
    for (const std::uint64_t n : {1ull, 2ull})
        answer(&store, put_and_stay(&store, part(1, n), "decoy"), PieceAnswer::refused);
    assert_true(store.commit({1, 2}) == sha256_of("firstsecond"));
}

// Whichever of the two the storage took, and whether it had answered the first one when the other
// came: bytes that it refused afterwards are not there.
void the_same_bytes_are_there_when_one_of_two_answers_says_so(void**) {
    using enum PieceAnswer;
    for (const bool first_is_refused : {false, true}) {
        for (const bool is_late : {false, true}) {
            Store store;
            store.put(part(1, 1), "first");
            const Sender one = put_and_stay(&store, part(1, 2), "second");
            if (!is_late) answer(&store, one, first_is_refused ? refused : accepted);
            const Sender twin = put_and_stay(&store, part(1, 2), "second");
            if (is_late) answer(&store, one, first_is_refused ? refused : accepted);
            answer(&store, twin, first_is_refused ? accepted : refused);
            answer(&store, put_and_stay(&store, part(1, 2), "decoy"), refused);
            assert_true(store.commit({1, 2}) == sha256_of("firstsecond"));
        }
    }
}

// The storage failed: it may have taken them.
void bytes_of_which_nobody_knows_are_not_replaced_by_refused_ones(void**) {
    using enum PieceAnswer;
    Store store;
    store.put(part(1, 1), "first");
    answer(&store, put_and_stay(&store, part(1, 2), "second"), unknown);
    answer(&store, put_and_stay(&store, part(1, 2), "decoy"), refused);
    assert_true(store.commit({1, 2}) == sha256_of("firstsecond"));
}

void an_early_piece_that_is_replaced_loses_what_was_hashed_behind_it(void**) {
    Store store;
    store.put(part(1, 1), "first");
    store.put(part(1, 2), "second");
    const Sender again = put_and_stay(&store, part(1, 1), "FIRST");
    store.assembly.answered(again.ticket, PieceAnswer::accepted);
    advance(&store.assembly, again.ticket.upload);
    store.assembly.close(again.ticket.upload, store.now);
    assert_true(store.commit({1, 2}).empty());
    store.put(part(1, 2), "second");  // and is judged when it comes again
    assert_true(store.commit({1, 2}) == sha256_of("FIRSTsecond"));
}

void the_same_place_at_once_with_other_bytes_is_a_conflict(void**) {
    Store store;
    Sender one;
    Sender two;
    assert_true(one.begin(&store.assembly, part(1, 1), store.now));
    assert_true(two.begin(&store.assembly, part(1, 1), store.now));
    one.send("one", store.now);
    two.send("two", store.now);
    one.end(store.now);
    two.end(store.now);
    store.assembly.answered(one.ticket, PieceAnswer::accepted);
    store.assembly.answered(two.ticket, PieceAnswer::accepted);
    store.assembly.close(one.ticket.upload, store.now);
    store.assembly.close(two.ticket.upload, store.now);
    assert_true(store.commit({1}).empty());
}

void a_piece_that_is_cut_was_never_there(void**) {
    Store store;
    store.put(part(1, 1), "first");
    Sender cut_one;
    assert_true(cut_one.begin(&store.assembly, part(1, 2), store.now));
    cut_one.send("sec", store.now);
    assert_int_equal(cut_one.ticket.place, PiecePlace::next);
    cut_one.abort(store.now);
    assert_true(store.commit({1}) == sha256_of("first"));
    store.put(part(1, 2), "second");
    assert_true(store.commit({1, 2}) == sha256_of("firstsecond"));
}

void a_commit_of_other_pieces_is_judged_or_said_to_be_unknown(void**) {
    Store store;
    store.put(part(1, 1), "first");
    store.put(part(1, 2), "decoy");
    store.put(part(1, 3), "third");
    assert_true(store.commit({1, 2, 3}) == sha256_of("firstdecoythird"));
    assert_true(store.commit({1, 2}) == sha256_of("firstdecoy"));  // one step back is known
    assert_true(store.commit({1, 3}).empty());
    assert_true(store.commit({2, 1, 3}).empty());
    assert_true(store.commit({1, 2, 3, 4}).empty());
    assert_true(store.commit({1, 2, 3, 3}).empty());
    assert_true(store.commit({1}, 2).empty());
}

void pieces_may_begin_with_another_number(void**) {
    Store store;
    for (std::uint64_t n = 2; n <= 5; ++n)
        store.put(part(1, n), std::string(70000, static_cast<char>('a' + n)));
    const std::string content = std::string(70000, 'c') + std::string(70000, 'd') +
                                std::string(70000, 'e') + std::string(70000, 'f');
    assert_true(store.commit({2, 3, 4, 5}) == sha256_of(content));
    // One that comes last and stands first.
    for (const std::uint64_t n : {2U, 3U, 4U, 5U, 1U})
        store.put(part(2, n), std::string(70000, static_cast<char>('a' + n)));
    assert_true(store.commit({1, 2, 3, 4, 5}, 2) == sha256_of(std::string(70000, 'b') + content));
}

void a_full_spool_loses_the_piece_and_says_so(void**) {
    const AssemblyLimits tight{64, 4096, 4 * Spool::block_bytes, 3600 * ns_per_s};
    Assembly assembly(tight, 1);
    const Now now{ns_per_s, 0};
    Sender first;
    Sender second;
    assert_true(first.begin(&assembly, part(1, 1), now));
    assert_true(second.begin(&assembly, part(1, 2), now));
    second.send(std::string(2 * Spool::block_bytes, 'x'), now);
    assert_true(second.kept);  // half of what there is
    second.send("y", now);
    assert_false(second.kept);
    assert_int_equal(assembly.spool().bytes_used(), 0);
    first.send("z", now);
    first.end(now);
    second.end(now);
    advance(&assembly, first.ticket.upload);
    assert_true(commit(&assembly, first.ticket.upload, {1, 2}).empty());
    assert_true(commit(&assembly, first.ticket.upload, {1}) == sha256_of("z"));
    assembly.close(first.ticket.upload, now);
    assembly.close(second.ticket.upload, now);
}

void bytes_that_two_pieces_claim_are_refused_before_they_come(void**) {
    Store store;
    Sender one;
    store.put(range(1, 0, 5), "01234");
    store.put(range(1, 8, 2), "89");
    assert_false(one.begin(&store.assembly, range(1, 5, 4), store.now));
    store.put(range(2, 0, 5), "01234");
    assert_false(one.begin(&store.assembly, range(2, 3, 2), store.now));
    // Of one that is under way the claim counts, not what came of it.
    Sender stalls;
    assert_true(stalls.begin(&store.assembly, range(3, 0, 100), store.now));
    assert_false(one.begin(&store.assembly, range(3, 5, 5), store.now));
    stalls.abort(store.now);
    // Where a storage writes in place, it would have a mixture from the first other byte on.
    PieceRequest in_place = range(4, 0, 5);
    in_place.recipe = Recipe::content_range;
    const Sender taken = put_and_stay(&store, in_place, "01234");
    store.assembly.answered(taken.ticket, PieceAnswer::accepted);
    store.assembly.close(taken.ticket.upload, store.now);
    for (const std::string_view bytes : {"01234", "012", "01239", "012345"}) {
        assert_true(one.begin(&store.assembly, in_place, store.now));
        assert_true(one.ticket.place == PiecePlace::again);
        SpoolCursor cursor;
        const bool same = store.assembly.repeats(one.ticket, &cursor, as_bytes(bytes));
        assert_int_equal(same, std::string_view("01234").starts_with(bytes));
        one.abort(store.now);
    }
    in_place.length = 6;
    assert_false(one.begin(&store.assembly, in_place, store.now));
}

void a_cut_piece_goes_on_where_it_stopped_or_from_its_beginning(void**) {
    for (const bool again : {false, true}) {
        Store store;
        DigestState state;
        store.put(range(1, 0, 5), "01234");
        Sender sender;
        assert_true(sender.begin(&store.assembly, range(1, 5, 5), store.now));
        sender.send("567", store.now);
        sender.abort(store.now);
        Sender rest = again ? put_and_stay(&store, range(1, 5, 5), "56789")
                            : put_and_stay(&store, range(1, 8, 2), "89");
        advance(&store.assembly, rest.ticket.upload);
        assert_int_equal(store.assembly.look(rest.ticket, &state), Standing::clear);
        DigestState prefix;
        SpooledPiece piece;
        assert_true(store.assembly.take(rest.ticket.upload, true, &prefix, &piece));
        assert_true(sha256_of(prefix) == sha256_of("0123456789"));
        store.assembly.give_back(rest.ticket.upload);
        store.assembly.close(rest.ticket.upload, store.now);
    }
}

// Its bytes may be on the storage: they count when what is before them comes.
void bytes_of_a_cut_piece_ahead_of_a_hole_are_judged_with_it(void**) {
    Store store;
    Sender ahead;
    assert_true(ahead.begin(&store.assembly, range(1, 5, 9), store.now));
    ahead.send("56789", store.now);
    ahead.abort(store.now);
    Sender first = put_and_stay(&store, range(1, 0, 5), "01234");
    const std::vector<std::string> seen = advance(&store.assembly, first.ticket.upload);
    assert_int_equal(seen.size(), 1);
    assert_true(seen[0] == sha256_of("0123456789"));
    store.assembly.close(first.ticket.upload, store.now);
}

void what_servers_take_only_in_order_cannot_have_a_hole(void**) {
    Store store;
    DigestState state;
    PieceRequest request = range(1, 5, 5);
    request.recipe = Recipe::tus;
    Sender sender = put_and_stay(&store, request, "56789");
    assert_int_equal(store.assembly.look(sender.ticket, &state), Standing::gap);
    store.assembly.close(sender.ticket.upload, store.now);
}

void an_upload_that_was_forgotten_is_known_to_be(void**) {
    Store store;
    DigestState state;
    store.put(range(1, 5, 5, 10), "56789");
    Now later = store.now;
    later.ns += 3601 * ns_per_s;
    std::uint32_t expired = 0;
    for (int n = 0; n < 20; ++n)
        expired += store.assembly.expire(later);
    assert_int_equal(expired, 1);
    assert_int_equal(store.assembly.uploads(), 0);
    store.now = later;
    // The storage may have the other half: this one would complete it.
    Sender half = put_and_stay(&store, range(1, 0, 5, 10), "01234");
    assert_int_equal(store.assembly.look(half.ticket, &state), Standing::lost);
    store.assembly.close(half.ticket.upload, store.now);
    // All of it is all of it.
    Sender rest = put_and_stay(&store, range(1, 5, 5, 10), "56789");
    assert_int_equal(store.assembly.look(rest.ticket, &state), Standing::clear);
    store.assembly.close(rest.ticket.upload, store.now);
}

void a_crowd_of_uploads_gives_up_the_oldest_that_is_idle(void**) {
    Store store;
    Sender busy;
    assert_true(busy.begin(&store.assembly, part(1, 1), store.now));
    busy.send("one", store.now);
    store.assembly.reopen(store.now);
    assert_true(store.assembly.may_be_older(store.now));
    for (std::uint64_t key = 2; key < 100000; ++key)
        assert_true(store.put(part(key, 1), "x"));
    assert_int_equal(store.assembly.uploads(), 64);
    assert_true(store.assembly.evicted() > 99000);
    // From the first that was given up on, none is taken for one that began before us.
    assert_false(store.assembly.may_be_older(store.now));
    store.finish(&busy);
    assert_true(store.commit({1}) == sha256_of("one"));
    assert_true(store.commit({1}, 2).empty());
}

void uploads_in_use_are_never_given_up(void**) {
    Store store;
    std::vector<Sender> senders(64);
    for (std::uint64_t n = 0; n < 64; ++n)
        assert_true(senders[n].begin(&store.assembly, part(n, 1), store.now));
    Sender more;
    assert_false(more.begin(&store.assembly, part(64, 1), store.now));
    for (Sender& sender : senders)
        sender.abort(store.now);
    assert_int_equal(store.assembly.pieces(), 0);
}

void a_match_is_kept_until_it_is_judged_again(void**) {
    Store store;
    Sender first = put_and_stay(&store, range(1, 0, 5), "01234");
    store.assembly.freeze(first.ticket.upload, first.prefix());
    store.assembly.close(first.ticket.upload, store.now);
    DigestState state;
    Sender again = put_and_stay(&store, range(1, 0, 5), "01234");
    assert_int_equal(store.assembly.look(again.ticket, &state), Standing::matched);
    assert_true(sha256_of(state) == sha256_of("01234"));
    store.assembly.unfreeze(again.ticket.upload);
    assert_int_equal(store.assembly.look(again.ticket, &state), Standing::clear);
    store.assembly.close(again.ticket.upload, store.now);
}

// Four workers put the pieces of the same uploads, each piece on any of them.
void workers_share_one_assembly(void**) {
    constexpr std::uint64_t uploads = 200;
    constexpr std::uint64_t pieces = 8;
    Assembly assembly({1024, 16384, 64ull << 20, 3600 * ns_per_s}, 5);
    std::atomic<std::uint64_t> next{0};
    std::vector<std::uint64_t> order(uploads * pieces);
    for (std::uint64_t n = 0; n < order.size(); ++n)
        order[n] = n;
    std::mt19937 random(7);
    for (std::uint64_t n = 0; n + 32 <= order.size(); n += 16)
        std::shuffle(order.begin() + static_cast<std::ptrdiff_t>(n),
                     order.begin() + static_cast<std::ptrdiff_t>(n + 32), random);
    const auto bytes_of = [](std::uint64_t job) {
        return std::string(1000 + job % 7 * 30000, static_cast<char>('a' + job % 23));
    };
    const auto work = [&] {
        const Now now{ns_per_s, 0};
        std::uint64_t at;
        while ((at = next.fetch_add(1)) < order.size()) {
            const std::uint64_t job = order[at];
            Sender sender;
            if (!sender.begin(&assembly, part(job / pieces, 1 + job % pieces), now)) continue;
            const std::string bytes = bytes_of(job);
            for (std::size_t sent = 0; sent < bytes.size(); sent += 9000)
                sender.send(std::string_view(bytes).substr(sent, 9000), now);
            sender.end(now);
            advance(&assembly, sender.ticket.upload);
            assembly.close(sender.ticket.upload, now);
        }
    };
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n)
        threads.emplace_back(work);
    for (std::thread& thread : threads)
        thread.join();
    std::vector<std::uint64_t> list(pieces);
    for (std::uint64_t n = 0; n < pieces; ++n)
        list[n] = n + 1;
    for (std::uint64_t key = 0; key < uploads; ++key) {
        const UploadRef upload = assembly.find(part(key, 0).key, 0, {ns_per_s, 0});
        assert_true(static_cast<bool>(upload));
        std::string whole;
        for (std::uint64_t n = 0; n < pieces; ++n)
            whole += bytes_of(key * pieces + n);
        const std::string digest = commit(&assembly, upload, list);
        assembly.close(upload, {ns_per_s, 0});
        // A piece that was alone when it ended, and was not the first one, may have been taken for
        // the beginning.
        if (!digest.empty()) assert_true(digest == sha256_of(whole));
    }
    assert_int_equal(assembly.pieces(), uploads * pieces);
}

// The same few places on all workers: nothing is lost, nothing is given out twice.
void workers_hammer_one_upload(void**) {
    Assembly assembly({64, 256, 16 * Spool::block_bytes, 3600 * ns_per_s}, 5);
    std::atomic<bool> odd{false};
    const auto work = [&](unsigned seed) {
        std::mt19937 random(seed);
        const Now now{ns_per_s, 0};
        for (int n = 0; n < 3000; ++n) {
            Sender sender;
            const bool by_offset = random() % 2 == 0;
            const std::uint64_t place = random() % 4;
            const PieceRequest request = by_offset ? range(2, place * 1000, 1000) : part(1, place);
            if (!sender.begin(&assembly, request, now)) continue;
            sender.send(std::string(1000, static_cast<char>('a' + random() % 2)), now);
            if (random() % 4 == 0) {
                sender.abort(now);
                continue;
            }
            sender.end(now);
            advance(&assembly, sender.ticket.upload);
            DigestState state;
            if (by_offset) static_cast<void>(assembly.look(sender.ticket, &state));
            if (random() % 2 == 0)
                assembly.answered(sender.ticket,
                                  random() % 3 != 0 ? PieceAnswer::accepted : PieceAnswer::refused);
            const std::string digest = commit(&assembly, sender.ticket.upload, {place});
            if (!digest.empty() && digest != sha256_of(std::string(1000, 'a')) &&
                digest != sha256_of(std::string(1000, 'b')))
                odd = true;
            assembly.close(sender.ticket.upload, now);
        }
    };
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < 4; ++n)
        threads.emplace_back(work, n);
    for (std::thread& thread : threads)
        thread.join();
    assert_false(odd.load());
    for (int n = 0; n < 1000; ++n)
        assembly.expire({7200 * ns_per_s, 0});
    assert_int_equal(assembly.uploads(), 0);
    assert_int_equal(assembly.pieces(), 0);
    assert_int_equal(assembly.spool().bytes_used(), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(pieces_in_order_need_no_spool),
        cmocka_unit_test(every_order_of_pieces_gives_the_same_object),
        cmocka_unit_test(offsets_in_every_order_give_the_same_object),
        cmocka_unit_test(a_piece_sent_again_changes_nothing),
        cmocka_unit_test(other_bytes_in_a_place_count_when_the_storage_took_them),
        cmocka_unit_test(other_bytes_that_the_storage_refused_do_not_count),
        cmocka_unit_test(the_same_bytes_are_there_when_one_of_two_answers_says_so),
        cmocka_unit_test(bytes_of_which_nobody_knows_are_not_replaced_by_refused_ones),
        cmocka_unit_test(an_early_piece_that_is_replaced_loses_what_was_hashed_behind_it),
        cmocka_unit_test(the_same_place_at_once_with_other_bytes_is_a_conflict),
        cmocka_unit_test(a_piece_that_is_cut_was_never_there),
        cmocka_unit_test(a_commit_of_other_pieces_is_judged_or_said_to_be_unknown),
        cmocka_unit_test(pieces_may_begin_with_another_number),
        cmocka_unit_test(a_full_spool_loses_the_piece_and_says_so),
        cmocka_unit_test(bytes_that_two_pieces_claim_are_refused_before_they_come),
        cmocka_unit_test(a_cut_piece_goes_on_where_it_stopped_or_from_its_beginning),
        cmocka_unit_test(bytes_of_a_cut_piece_ahead_of_a_hole_are_judged_with_it),
        cmocka_unit_test(what_servers_take_only_in_order_cannot_have_a_hole),
        cmocka_unit_test(an_upload_that_was_forgotten_is_known_to_be),
        cmocka_unit_test(a_crowd_of_uploads_gives_up_the_oldest_that_is_idle),
        cmocka_unit_test(uploads_in_use_are_never_given_up),
        cmocka_unit_test(a_match_is_kept_until_it_is_judged_again),
        cmocka_unit_test(workers_share_one_assembly),
        cmocka_unit_test(workers_hammer_one_upload),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
