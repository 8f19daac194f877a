#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdio>
#include <ios>  // before cmocka.h, which defines fail()
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dataplane/fingerprint/blocks.h"
#include "dataplane/fingerprint/fingerprinter.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/digest_text.h"
#include "tests/support/guard_page.h"

namespace {

using namespace cordon;
using kernels::Digest;
using kernels::Kernel;
using kernels::KernelSet;
using test::evp;
using test::hex;

constexpr std::uint32_t seed = 20261105;
constexpr std::size_t mib = 1u << 20;
constexpr const char* names[] = {"scalar", "openssl", "shani", "avx2", "avx512"};
constexpr Digest digests[] = {Digest::sha256, Digest::sha1, Digest::md5};

// What this processor can run. What it cannot is named, so that nobody takes it for tested.
const std::vector<const KernelSet*>& sets() {
    static const std::vector<const KernelSet*> found = [] {
        std::vector<const KernelSet*> made;
        for (const char* name : names) {
            if (const KernelSet* set = kernels::kernels_named(name); set != nullptr)
                made.push_back(set);
            else
                print_message("not tried, this processor has no %s\n", name);
        }
        return made;
    }();
    return found;
}

std::vector<std::uint8_t> random_bytes(std::mt19937_64* random, std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    for (std::uint8_t& byte : bytes)
        byte = static_cast<std::uint8_t>((*random)());
    return bytes;
}

// The root of the tree from its definition, with OpenSSL.
std::string slow_tree(Bytes bytes) {
    std::vector<std::string> level;
    do {
        const Bytes leaf = bytes.first(std::min(bytes.size(), mib));
        bytes = bytes.subspan(leaf.size());
        std::string digest(32, '\0');
        SHA256(leaf.data(), leaf.size(), reinterpret_cast<std::uint8_t*>(digest.data()));
        level.push_back(digest);
    } while (!bytes.empty());
    while (level.size() > 1) {
        std::vector<std::string> above;
        for (std::size_t at = 0; at < level.size(); at += 2) {
            std::string digest = level[at];
            if (at + 1 < level.size()) {
                const std::string pair = level[at] + level[at + 1];
                SHA256(as_bytes(pair).data(), pair.size(),
                       reinterpret_cast<std::uint8_t*>(digest.data()));
            }
            above.push_back(digest);
        }
        level = above;
    }
    return hex(as_bytes(level[0]));
}

void assert_digests_of(const Digests& made, Bytes bytes) {
    assert_int_equal(made.size, bytes.size());
    if (made.present.has(IndicatorKind::sha256))
        assert_string_equal(hex(made.sha256).c_str(), evp(EVP_sha256(), bytes).c_str());
    if (made.present.has(IndicatorKind::sha1))
        assert_string_equal(hex(made.sha1).c_str(), evp(EVP_sha1(), bytes).c_str());
    if (made.present.has(IndicatorKind::md5))
        assert_string_equal(hex(made.md5).c_str(), evp(EVP_md5(), bytes).c_str());
    if (made.present.has(IndicatorKind::sha256_tree))
        assert_string_equal(hex(made.sha256_tree).c_str(), slow_tree(bytes).c_str());
}

// One lane's words after `blocks` blocks, by OpenSSL's own code.
void expect_words(Digest digest, std::uint32_t* words, const std::uint8_t* data,
                  std::size_t blocks) {
    switch (digest) {
        case Digest::sha256:
            return blocks::sha256(*reinterpret_cast<std::uint32_t(*)[8]>(words), data, blocks);
        case Digest::sha1:
            return blocks::sha1(*reinterpret_cast<std::uint32_t(*)[5]>(words), data, blocks);
        case Digest::md5:
            return blocks::md5(*reinterpret_cast<std::uint32_t(*)[4]>(words), data, blocks);
    }
}

// Random words, as if there had been blocks before; every lane's bytes end at an unreadable page.
void try_kernel(const Kernel& kernel, Digest digest, std::size_t blocks, std::mt19937_64* random) {
    const std::size_t count = std::size_t{kernel.lanes} * kernel.groups;
    const std::size_t each = kernels::words_of(digest);
    alignas(64) std::uint32_t words[kernels::words_max * kernels::lanes_max];
    std::uint32_t expected[kernels::lanes_max][kernels::words_max];
    const std::uint8_t* data[kernels::lanes_max];
    std::vector<std::unique_ptr<test::GuardedBytes>> pages;
    const auto place = [&](std::size_t lane, std::size_t word) -> std::uint32_t& {
        return words[(lane / kernel.lanes * each + word) * kernel.lanes + lane % kernel.lanes];
    };
    for (std::size_t lane = 0; lane < count; ++lane) {
        pages.push_back(std::make_unique<test::GuardedBytes>(
            Bytes(random_bytes(random, blocks * digest_block_bytes))));
        data[lane] = pages.back()->bytes().data();
        for (std::size_t n = 0; n < each; ++n)
            place(lane, n) = expected[lane][n] = static_cast<std::uint32_t>((*random)());
        expect_words(digest, expected[lane], data[lane], blocks);
    }
    kernel.run(words, data, blocks);
    for (std::size_t lane = 0; lane < count; ++lane)
        for (std::size_t n = 0; n < each; ++n)
            assert_int_equal(place(lane, n), expected[lane][n]);
}

void every_kernel_gives_every_lane_what_openssl_gives(void**) {
    std::mt19937_64 random(seed);
    for (const KernelSet* set : sets()) {
        for (const Digest digest : digests) {
            std::size_t wider = SIZE_MAX;
            for (const Kernel& kernel : set->widths[static_cast<std::size_t>(digest)]) {
                if (kernel.run == nullptr) break;
                for (const std::size_t blocks : {1u, 2u, 3u, 7u, 22u})
                    try_kernel(kernel, digest, blocks, &random);
                const std::size_t count = std::size_t{kernel.lanes} * kernel.groups;
                assert_true(count < wider && kernel.least <= count);
                wider = count;
            }
            assert_int_equal(wider, 1);  // whatever is left over finds a kernel
        }
    }
}

// Every choice of digests of one object; the bytes end at an unreadable page.
void stitched_digests_are_those_of_openssl(void**) {
    std::mt19937_64 random(seed);
    std::size_t tried = 0;
    for (const KernelSet* set : sets()) {
        if (set->stitched == nullptr) continue;
        for (unsigned choice = 0; choice < 16; ++choice) {
            for (const std::size_t blocks : {0u, 1u, 2u, 22u}) {
                const test::GuardedBytes page(
                    Bytes(random_bytes(&random, blocks * digest_block_bytes)));
                const std::uint8_t* data = page.bytes().data();
                std::uint32_t words[4][kernels::words_max], expected[4][kernels::words_max];
                for (auto& one : words)
                    for (std::uint32_t& word : one)
                        word = static_cast<std::uint32_t>(random());
                std::memcpy(expected, words, sizeof words);
                constexpr Digest of[4] = {Digest::sha256, Digest::sha256, Digest::sha1,
                                          Digest::md5};
                std::uint32_t* chosen[4] = {};
                for (std::size_t n = 0; n < 4; ++n) {
                    if ((choice >> n & 1) == 0) continue;
                    chosen[n] = words[n];
                    expect_words(of[n], expected[n], data, blocks);
                }
                set->stitched({chosen[0], chosen[1], chosen[2], chosen[3]}, data, blocks);
                assert_memory_equal(words, expected, sizeof words);
                ++tried;
            }
        }
    }
    if (tried == 0) print_message("not tried, this processor has no SHA-NI\n");
}

void a_name_that_is_none_gives_no_kernels(void**) {
    assert_null(kernels::kernels_named("avx1024"));
    assert_null(kernels::kernels_named(""));
    assert_non_null(kernels::kernels_named("scalar"));
}

// FIPS 180-4 and RFC 1321, as the content of any number of objects at once.
void every_width_computes_the_published_vectors(void**) {
    const std::string_view one_block = "abc";
    const std::string_view two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (const KernelSet* set : sets()) {
        for (std::uint32_t count = 1; count <= 40; ++count) {
            Fingerprinter fingerprinter(count, 256, set);
            std::vector<ObjectSlot> slots;
            for (std::uint32_t n = 0; n < count; ++n) {
                slots.push_back(fingerprinter.open(exact_kinds));
                fingerprinter.submit(slots[n], as_bytes(n % 2 == 0 ? one_block : two_blocks));
            }
            for (std::uint32_t n = 0; n < count; ++n) {
                Digests made;
                fingerprinter.close(slots[n], &made);
                const bool even = n % 2 == 0;
                assert_string_equal(
                    hex(made.sha256).c_str(),
                    even ? "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
                         : "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
                assert_string_equal(hex(made.sha1).c_str(),
                                    even ? "a9993e364706816aba3e25717850c26c9cd0d89d"
                                         : "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
                if (even)
                    assert_string_equal(hex(made.md5).c_str(), "900150983cd24fb0d6963f7d28e17f72");
            }
        }
        // A million times `a`, in forty objects side by side.
        Fingerprinter fingerprinter(40, 256, set);
        const std::string piece(10000, 'a');
        std::vector<ObjectSlot> slots(40);
        for (ObjectSlot& slot : slots)
            slot = fingerprinter.open(exact_kinds);
        for (int n = 0; n < 100; ++n)
            for (const ObjectSlot slot : slots)
                fingerprinter.submit(slot, as_bytes(piece));
        for (const ObjectSlot slot : slots) {
            Digests made;
            fingerprinter.close(slot, &made);
            assert_string_equal(hex(made.sha256).c_str(),
                                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
            assert_string_equal(hex(made.sha1).c_str(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
        }
    }
}

// Objects of all lengths around three blocks at once, each split somewhere, each piece at the end
// of a readable page.
void every_length_and_split_around_block_boundaries(void**) {
    constexpr std::size_t lengths = 200;
    std::mt19937_64 random(seed);
    for (const KernelSet* set : sets()) {
        Fingerprinter fingerprinter(lengths, 2 * lengths, set);
        for (int round = 0; round < 8; ++round) {
            std::vector<std::vector<std::uint8_t>> contents;
            std::vector<std::unique_ptr<test::GuardedBytes>> pages;
            std::vector<ObjectSlot> slots;
            for (std::size_t length = 0; length < lengths; ++length) {
                contents.push_back(random_bytes(&random, length));
                slots.push_back(fingerprinter.open(computed_kinds));
                const std::size_t at = random() % (length + 1);
                pages.push_back(
                    std::make_unique<test::GuardedBytes>(Bytes(contents.back()).first(at)));
                fingerprinter.submit(slots.back(), pages.back()->bytes());
                pages.push_back(
                    std::make_unique<test::GuardedBytes>(Bytes(contents.back()).subspan(at)));
                fingerprinter.submit(slots.back(), pages.back()->bytes());
            }
            fingerprinter.flush();
            pages.clear();
            for (std::size_t length = 0; length < lengths; ++length) {
                Digests made;
                fingerprinter.close(slots[length], &made);
                assert_digests_of(made, contents[length]);
            }
        }
    }
}

struct Running {
    ObjectSlot slot = no_object;
    std::vector<std::uint8_t> bytes;
    std::size_t done = 0;
};

// More objects than the widest kernel has lanes, of any kinds and lengths, with pieces from one
// byte to many segments, flushes, peeks and drops anywhere between.
void interleave(const KernelSet& set, std::mt19937_64* random) {
    constexpr std::uint32_t objects_max = 48;
    std::vector<Running> running(objects_max);
    Fingerprinter fingerprinter(objects_max, 100, &set);
    int closed = 0;
    for (int step = 0; step < 12000; ++step) {
        Running& one = running[(*random)() % objects_max];
        Digests made;
        if (one.slot == no_object) {
            one.bytes = random_bytes(random, (*random)() % ((*random)() % 8 == 0 ? 60000 : 6000));
            one.done = 0;
            one.slot = fingerprinter.open(KindSet(static_cast<std::uint8_t>((*random)() % 32)));
            continue;
        }
        const std::size_t left = one.bytes.size() - one.done;
        const std::uint64_t what = (*random)() % 200;
        if (what < 3) {
            fingerprinter.drop(one.slot);
            one.slot = no_object;
        } else if (what < 6) {
            fingerprinter.peek(one.slot, &made);
            assert_digests_of(made, Bytes(one.bytes).first(one.done));
        } else if (what < 9) {
            const std::size_t more = std::min<std::size_t>(left, (*random)() % 200);
            fingerprinter.peek_with(one.slot, Bytes(one.bytes).subspan(one.done, more), &made);
            assert_digests_of(made, Bytes(one.bytes).first(one.done + more));
        } else if (what < 12) {
            fingerprinter.flush();
        } else if (left == 0) {
            fingerprinter.close(one.slot, &made);
            assert_digests_of(made, one.bytes);
            one.slot = no_object;
            ++closed;
        } else {
            const std::size_t most = (*random)() % 16 == 0 ? 20000 : 1460;
            const std::size_t take = 1 + (*random)() % std::min<std::size_t>(left, most);
            fingerprinter.submit(one.slot, Bytes(one.bytes).subspan(one.done, take));
            one.done += take;
        }
    }
    assert_true(closed > 100);
}

void interleaved_objects_do_not_touch_each_other(void**) {
    for (const KernelSet* set : sets()) {
        std::mt19937_64 random(seed);
        interleave(*set, &random);
    }
}

// Leaves end in the middle of a burst, at another block of each object.
void leaves_end_in_their_lanes(void**) {
    std::mt19937_64 random(seed);
    const std::vector<std::uint8_t> bytes = random_bytes(&random, 2 * mib + 80000);
    for (const KernelSet* set : sets()) {
        if (std::string_view(set->name) == "scalar") continue;  // 40 MiB byte by byte take long
        constexpr std::size_t count = 18;
        Fingerprinter fingerprinter(count, 64, set);
        std::vector<ObjectSlot> slots;
        std::vector<std::vector<TreeDigest>> rooms(count, std::vector<TreeDigest>(4));
        std::vector<LeafList> lists(count);
        const std::size_t size = 2 * mib + 40000;
        for (std::size_t n = 0; n < count; ++n) {
            lists[n].room = rooms[n];
            slots.push_back(fingerprinter.open(exact_kinds));
            fingerprinter.collect_leaves(slots[n], &lists[n]);
            fingerprinter.submit(slots[n], Bytes(bytes).subspan(n * 1000, n * 1717));
        }
        for (std::size_t at = 0; at < size; at += 150001)
            for (std::size_t n = 0; n < count; ++n) {
                const std::size_t from = at + n * 1717;
                if (from >= size) continue;
                fingerprinter.submit(
                    slots[n], Bytes(bytes).subspan(n * 1000 + from,
                                                   std::min<std::size_t>(150001, size - from)));
            }
        for (std::size_t n = 0; n < count; ++n) {
            Digests made;
            fingerprinter.close(slots[n], &made);
            assert_digests_of(made, Bytes(bytes).subspan(n * 1000, size));
            assert_int_equal(lists[n].count, 3);
            assert_string_equal(
                hex(rooms[n][1].bytes).c_str(),
                evp(EVP_sha256(), Bytes(bytes).subspan(n * 1000 + mib, mib)).c_str());
        }
    }
}

// Objects that are alone on the lanes for a part of their bytes, or for all of them: of one flush,
// of unequal lengths, with leaves that end there, after a beginning that is no whole block.
void few_objects_of_unequal_lengths(void**) {
    std::mt19937_64 random(seed);
    const std::vector<std::uint8_t> bytes = random_bytes(&random, 3 * mib);
    constexpr KindSet choices[] = {
        computed_kinds, exact_kinds,
        KindSet{IndicatorKind::sha256, IndicatorKind::sha1, IndicatorKind::md5},
        KindSet{IndicatorKind::sha256, IndicatorKind::sha256_tree},
        KindSet{IndicatorKind::sha1, IndicatorKind::md5}};
    for (const KernelSet* set : sets()) {
        if (std::string_view(set->name) == "scalar") continue;
        for (std::size_t count = 1; count <= 5; ++count) {
            for (const KindSet kinds : choices) {
                Fingerprinter fingerprinter(static_cast<std::uint32_t>(count), 64, set);
                std::vector<ObjectSlot> slots;
                std::vector<Bytes> objects;
                for (std::size_t n = 0; n < count; ++n) {
                    const std::size_t begun = random() % 200;
                    const std::size_t size = random() % (n == 0 ? bytes.size() : mib / 4);
                    objects.push_back(Bytes(bytes).last(std::max(begun, size)));
                    slots.push_back(fingerprinter.open(kinds));
                    fingerprinter.submit(slots[n], objects[n].first(begun));
                    fingerprinter.flush();
                    for (std::size_t at = begun; at < objects[n].size(); at += mib)
                        fingerprinter.submit(
                            slots[n],
                            objects[n].subspan(at, std::min(mib, objects[n].size() - at)));
                }
                for (std::size_t n = 0; n < count; ++n) {
                    Digests made;
                    fingerprinter.close(slots[n], &made);
                    assert_digests_of(made, objects[n]);
                }
            }
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_gives_every_lane_what_openssl_gives),
        cmocka_unit_test(stitched_digests_are_those_of_openssl),
        cmocka_unit_test(a_name_that_is_none_gives_no_kernels),
        cmocka_unit_test(every_width_computes_the_published_vectors),
        cmocka_unit_test(every_length_and_split_around_block_boundaries),
        cmocka_unit_test(interleaved_objects_do_not_touch_each_other),
        cmocka_unit_test(leaves_end_in_their_lanes),
        cmocka_unit_test(few_objects_of_unequal_lengths),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
