#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdio>
#include <ios>  // before cmocka.h, which defines fail()
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "dataplane/fingerprint/fingerprinter.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/digest_text.h"
#include "tests/support/guard_page.h"

namespace {

using namespace cordon;
using test::evp;
using test::hex;

constexpr std::uint32_t seed = 20260917;
constexpr KindSet tree_only{IndicatorKind::sha256_tree};
constexpr std::size_t mib = 1u << 20;

struct TreeVector {
    std::size_t size;
    const char* root;
};

// Made by tests/support/tree_vectors.py.
const TreeVector vectors[] = {
    {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {1, "5a6e7a4754af8e7f47fc9493040d853e7b01e39d537cb1dd353c93b7ae58eb3d"},
    {63, "8075ba3e987db69cac2860c04afb293dd26b9c714aae957520dc13144cbbbbab"},
    {64, "c82191a310bcd974e428362f9ca9efddd2155f2ca4cc7451c366585c690209ef"},
    {65, "154576010c8e5e9a1b411e570888b6a7c9fed8a53d1647984a7ea5e597a07d16"},
    {1048575, "4323a8d89bec2220f65ecbd713be98c028b8e3f9b9373936b5975b61b5742233"},
    {1048576, "8936491f7e7dd3ca297960ec425e8375f1b9db51278d5fff5481205c0992a132"},
    {1048577, "d24b8fe0a162e01b232190eaaee1d46b5167ba1cad691d1e7181e4670da51702"},
    {2097152, "a80b4f386d2d413705c286ed74011a4f8dec6c0626c7284a38665c2a7eaba04e"},
    {2097153, "d3e4c6ec850d27f6d48e8fcb0196176399bedb3ff904694f3ffcc447ca66c6d4"},
    {3145728, "642365e9537994d8fa8b3d6551147a644ec9ad51ff39ce55dc6aed01c0fb3217"},
    {3645728, "d7e034695f2e1d193754c45f4b3a299b86282f166fb6a6da3310757f09026c1b"},
    {4194304, "e1609b591594815dbf9d5d1a6278db6b0db3b8b91bee1f676dde4a58acc2feb2"},
    {5242880, "aed04d0bdac7a838ba2e83d7d99306dcc393e32dcda07709a97ad14bcdb1a93e"},
    {6291456, "9d1a837d359ff5d9e6d005750ac877eaa815e56c08ce09fc4660e5fc8a1ac9ec"},
    {6291520, "98bf5c0a1461659441d1ba0a00a67f3bab28d29e41a45c15036716400fce3c82"},
    {7340032, "53c6c75d9b43ff5d9d4afc802ba844d10d5145348ad47c23418253076c170536"},
    {7352377, "83a5ef5b5dda72c5a53579ee7299cb82151d0f204f200721c6828b148e87405f"},
    {8388608, "ffadfd263c2b561b49cfa75e2c21e1eacda99bada9f3dd4a85fd134040317cb9"},
    {9437183, "64d4e3cf9a4d6dc726a9ca93b739ace4140e87d1ed1cc8892f91719ca78caff8"},
};

// The content the vectors were made of.
const std::vector<std::uint8_t>& content() {
    static const std::vector<std::uint8_t> bytes = [] {
        std::vector<std::uint8_t> made(9 * mib);
        for (std::uint64_t n = 0; n * 32 < made.size(); ++n)
            SHA256(reinterpret_cast<const std::uint8_t*>(&n), sizeof n, made.data() + n * 32);
        return made;
    }();
    return bytes;
}

Bytes content(std::size_t size) {
    return Bytes(content()).first(size);
}

std::string root_of(const TreeFold& fold) {
    std::uint8_t root[32];
    fold.root(root);
    return hex(root);
}

std::string tree_of(Bytes bytes) {
    DigestState state;
    state.start(tree_only);
    state.take(bytes);
    Digests digests;
    state.finish(&digests);
    return hex(digests.of(IndicatorKind::sha256_tree));
}

// Level by level, from the definition: another way to the root than the code's.
std::string slow_root(std::vector<TreeDigest> level) {
    while (level.size() > 1) {
        std::vector<TreeDigest> above;
        for (std::size_t at = 0; at < level.size(); at += 2) {
            TreeDigest up = level[at];
            if (at + 1 < level.size()) SHA256(level[at].bytes, 64, up.bytes);
            above.push_back(up);
        }
        level = above;
    }
    return hex(level[0].bytes);
}

void computes_the_tree_of_every_shape(void**) {
    for (const TreeVector& vector : vectors) {
        assert_string_equal(tree_of(content(vector.size)).c_str(), vector.root);
        // And in pieces that mean nothing to blocks and leaves.
        Fingerprinter fingerprinter(1, 7);
        const ObjectSlot slot = fingerprinter.open(computed_kinds);
        for (std::size_t at = 0; at < vector.size; at += 60001)
            fingerprinter.submit(slot, content(vector.size)
                                           .subspan(at)
                                           .first(std::min<std::size_t>(60001, vector.size - at)));
        Digests digests;
        fingerprinter.close(slot, &digests);
        assert_true(digests.present == computed_kinds);
        assert_string_equal(hex(digests.of(IndicatorKind::sha256_tree)).c_str(), vector.root);
    }
}

void an_object_without_a_byte_is_one_empty_leaf(void**) {
    const char* of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_string_equal(tree_of({}).c_str(), of_nothing);
    TreeFold fold;
    fold.start();
    assert_string_equal(root_of(fold).c_str(), of_nothing);
}

void folds_any_number_of_leaves_as_the_definition_does(void**) {
    std::mt19937_64 random(seed);
    std::vector<TreeDigest> leaves;
    TreeFold fold;
    fold.start();
    for (std::size_t count = 1; count <= 200; ++count) {
        TreeDigest leaf;
        for (std::uint8_t& byte : leaf.bytes)
            byte = static_cast<std::uint8_t>(random());
        leaves.push_back(leaf);
        std::uint8_t ahead[32];
        fold.root_with(leaf, ahead);
        fold.add(leaf);
        const std::string expected = slow_root(leaves);
        assert_string_equal(root_of(fold).c_str(), expected.c_str());
        assert_string_equal(hex(ahead).c_str(), expected.c_str());
    }
}

// A split at every place around a boundary of blocks, of leaves, and of both.
void does_not_depend_on_where_a_piece_crosses_a_leaf(void**) {
    const std::size_t size = mib + 200;
    const std::string expected = tree_of(content(size));
    DigestState before;
    before.start(tree_only);
    before.take(content(mib - 200));
    for (std::size_t split = mib - 200; split <= mib + 200; ++split) {
        DigestState state = before;
        state.take(content(split).subspan(mib - 200));
        const test::GuardedBytes rest(content(size).subspan(split));
        state.take(rest.bytes());
        Digests digests;
        state.finish(&digests);
        assert_string_equal(hex(digests.sha256_tree).c_str(), expected.c_str());
    }
}

struct Piece {
    std::size_t begin;
    std::size_t size;
    std::vector<TreeDigest> room;
    LeafList list;
};

// Pieces of whole leaves that come in any order, several at once: their lists fold to the root of
// the object.
void pieces_in_any_order_fold_to_the_root_of_the_object(void**) {
    std::mt19937_64 random(seed);
    for (int round = 0; round < 6; ++round) {
        const std::size_t size = 1 + random() % content().size();
        std::vector<Piece> pieces;
        for (std::size_t at = 0; at < size;) {
            const std::size_t take = std::min(size - at, mib * (1 + random() % 3));
            pieces.push_back({at, take, std::vector<TreeDigest>(leaves_of(take)), {}});
            at += take;
        }
        std::vector<std::size_t> order(pieces.size());
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), random);
        Fingerprinter fingerprinter(16);
        std::vector<ObjectSlot> slots(pieces.size());
        for (const std::size_t n : order) {
            pieces[n].list.room = pieces[n].room;
            slots[n] = fingerprinter.open(tree_only);
            fingerprinter.collect_leaves(slots[n], &pieces[n].list);
        }
        for (std::size_t done = 0; done < 3 * mib; done += 100000) {
            for (const std::size_t n : order) {
                if (done >= pieces[n].size) continue;
                const std::size_t take = std::min<std::size_t>(100000, pieces[n].size - done);
                fingerprinter.submit(slots[n],
                                     Bytes(content()).subspan(pieces[n].begin + done, take));
            }
        }
        for (const std::size_t n : order) {
            Digests digests;
            fingerprinter.peek(slots[n], &digests);  // must not add a leaf
            fingerprinter.close(slots[n], &digests);
        }
        TreeFold fold;
        fold.start();
        for (const Piece& piece : pieces) {
            assert_int_equal(piece.list.count, leaves_of(piece.size));
            assert_false(piece.list.overflowed);
            fold.add(piece.list.leaves());
        }
        assert_string_equal(root_of(fold).c_str(), tree_of(content(size)).c_str());
    }
}

void a_full_list_of_leaves_says_so_and_writes_no_further(void**) {
    TreeDigest room[3]{};
    LeafList list{std::span(room).first(2)};
    Fingerprinter fingerprinter(1);
    const ObjectSlot slot = fingerprinter.open(tree_only);
    fingerprinter.collect_leaves(slot, &list);
    fingerprinter.submit(slot, content(2 * mib));
    fingerprinter.flush();
    assert_int_equal(list.count, 2);
    assert_false(list.overflowed);
    fingerprinter.submit(slot, content(1));
    Digests digests;
    fingerprinter.close(slot, &digests);
    assert_int_equal(list.count, 2);
    assert_true(list.overflowed);
    assert_string_equal(hex(room[2].bytes).c_str(), std::string(64, '0').c_str());
    // The object's own tree does not depend on the list.
    std::vector<std::uint8_t> all(content(2 * mib).begin(), content(2 * mib).end());
    all.push_back(content()[0]);
    assert_string_equal(hex(digests.sha256_tree).c_str(), tree_of(all).c_str());
}

void a_closed_slot_forgets_its_list(void**) {
    TreeDigest room[4];
    LeafList list{room};
    Fingerprinter fingerprinter(1);
    ObjectSlot slot = fingerprinter.open(tree_only);
    fingerprinter.collect_leaves(slot, &list);
    fingerprinter.drop(slot);
    slot = fingerprinter.open(tree_only);
    fingerprinter.submit(slot, content(mib + 1));
    Digests digests;
    fingerprinter.close(slot, &digests);
    assert_int_equal(list.count, 0);
}

void assert_digests_of(const Digests& digests, Bytes bytes) {
    assert_int_equal(digests.size, bytes.size());
    assert_string_equal(hex(digests.sha256).c_str(), evp(EVP_sha256(), bytes).c_str());
    assert_string_equal(hex(digests.sha1).c_str(), evp(EVP_sha1(), bytes).c_str());
    assert_string_equal(hex(digests.md5).c_str(), evp(EVP_md5(), bytes).c_str());
    assert_string_equal(hex(digests.sha256_tree).c_str(), tree_of(bytes).c_str());
    DigestState fresh;
    fresh.start({IndicatorKind::head});
    fresh.take(bytes);
    Digests head;
    fresh.finish(&head);
    assert_string_equal(hex(digests.head).c_str(), hex(head.head).c_str());
}

// An upload in pieces: each opens a slot with the state that the one before it left, anywhere.
void a_state_saved_anywhere_goes_on_in_another_slot(void**) {
    std::mt19937_64 random(seed);
    for (int round = 0; round < 40; ++round) {
        const Bytes all = content(random() % (round % 8 == 0 ? 3 * mib : 9000));
        DigestState state;
        state.start(computed_kinds);
        Fingerprinter fingerprinter(2);
        for (std::size_t done = 0; done < all.size();) {
            const ObjectSlot slot = fingerprinter.resume(state);
            assert_int_equal(fingerprinter.size(slot), done);
            std::size_t left = std::min<std::size_t>(all.size() - done, 1 + random() % all.size());
            while (left != 0) {
                const std::size_t part = 1 + random() % left;
                fingerprinter.submit(slot, all.subspan(done, part));
                done += part;
                left -= part;
            }
            fingerprinter.save(slot, &state);
            Digests so_far;
            state.finish(&so_far);
            assert_digests_of(so_far, all.first(done));
            fingerprinter.close(slot, &so_far);
            assert_digests_of(so_far, all.first(done));
        }
        Digests digests;
        state.finish(&digests);
        assert_digests_of(digests, all);
    }
}

void two_copies_of_a_state_go_different_ways(void**) {
    DigestState first;
    first.start(computed_kinds);
    first.take(content(mib + 100));
    DigestState second = first;
    first.take(content(1000));
    std::vector<std::uint8_t> all(content(mib + 100).begin(), content(mib + 100).end());
    Digests digests;
    second.finish(&digests);
    assert_digests_of(digests, all);
    all.insert(all.end(), content().begin(), content().begin() + 1000);
    first.finish(&digests);
    assert_digests_of(digests, all);
}

void a_full_pool_takes_no_state_either(void**) {
    DigestState state;
    state.start(tree_only);
    Fingerprinter fingerprinter(1);
    assert_int_not_equal(fingerprinter.resume(state), no_object);
    assert_int_equal(fingerprinter.resume(state), no_object);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(computes_the_tree_of_every_shape),
        cmocka_unit_test(an_object_without_a_byte_is_one_empty_leaf),
        cmocka_unit_test(folds_any_number_of_leaves_as_the_definition_does),
        cmocka_unit_test(does_not_depend_on_where_a_piece_crosses_a_leaf),
        cmocka_unit_test(pieces_in_any_order_fold_to_the_root_of_the_object),
        cmocka_unit_test(a_full_list_of_leaves_says_so_and_writes_no_further),
        cmocka_unit_test(a_closed_slot_forgets_its_list),
        cmocka_unit_test(a_state_saved_anywhere_goes_on_in_another_slot),
        cmocka_unit_test(two_copies_of_a_state_go_different_ways),
        cmocka_unit_test(a_full_pool_takes_no_state_either),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
