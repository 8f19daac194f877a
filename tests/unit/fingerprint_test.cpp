#include <openssl/evp.h>
#include <xxhash.h>

#include <cstdio>
#include <ios>  // before cmocka.h, which defines fail()
#include <random>
#include <string>
#include <vector>

#include "dataplane/fingerprint/fingerprinter.h"
#include "tests/support/allocation_watch.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/digest_text.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"

namespace {

using namespace cordon;
using test::evp;
using test::hex;

constexpr std::uint32_t seed = 20260102;

std::string xxh3_head(Bytes bytes) {
    const Bytes head = bytes.first(std::min(bytes.size(), head_bytes));
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(head.data(), head.size()));
    return hex(canonical.digest);
}

void assert_digests_of(const Digests& digests, Bytes bytes) {
    assert_int_equal(digests.size, bytes.size());
    if (digests.present.has(IndicatorKind::sha256))
        assert_string_equal(hex(digests.sha256).c_str(), evp(EVP_sha256(), bytes).c_str());
    if (digests.present.has(IndicatorKind::sha1))
        assert_string_equal(hex(digests.sha1).c_str(), evp(EVP_sha1(), bytes).c_str());
    if (digests.present.has(IndicatorKind::md5))
        assert_string_equal(hex(digests.md5).c_str(), evp(EVP_md5(), bytes).c_str());
    if (digests.present.has(IndicatorKind::head))
        assert_string_equal(hex(digests.head).c_str(), xxh3_head(bytes).c_str());
}

std::vector<std::uint8_t> random_bytes(std::mt19937_64* random, std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    for (std::uint8_t& byte : bytes)
        byte = static_cast<std::uint8_t>((*random)());
    return bytes;
}

Digests digests_of(Bytes bytes) {
    Fingerprinter fingerprinter(1);
    const ObjectSlot slot = fingerprinter.open(computed_kinds);
    fingerprinter.submit(slot, bytes);
    Digests digests;
    fingerprinter.close(slot, &digests);
    return digests;
}

struct Vector {
    const char* text;
    std::size_t repeat;
    const char* sha256;
    const char* sha1;
    const char* md5;
};

// FIPS 180-4 examples and RFC 1321 appendix A.5; those the documents do not give are null.
const Vector vectors[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "da39a3ee5e6b4b0d3255bfef95601890afd80709", "d41d8cd98f00b204e9800998ecf8427e"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     "a9993e364706816aba3e25717850c26c9cd0d89d", "900150983cd24fb0d6963f7d28e17f72"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
     "84983e441c3bd26ebaae4aa1f95129e5e54670f1", nullptr},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
     "34aa973cd4c4daa4f61eeb2bdbad27316534016f", nullptr},
    {"a", 1, nullptr, nullptr, "0cc175b9c0f1b6a831c399e269772661"},
    {"message digest", 1, nullptr, nullptr, "f96b697d7cb7938d525a2f31aaf161d0"},
    {"abcdefghijklmnopqrstuvwxyz", 1, nullptr, nullptr, "c3fcd3d76192e4007dfb496cca67e13b"},
    {"1234567890", 8, nullptr, nullptr, "57edf4a22be3c955ac49da2e2107b67a"},
};

void computes_the_published_vectors(void**) {
    for (const Vector& vector : vectors) {
        std::string text;
        for (std::size_t i = 0; i < vector.repeat; ++i)
            text += vector.text;
        const Digests digests = digests_of(as_bytes(text));
        assert_true(digests.present == computed_kinds);
        if (vector.sha256 != nullptr)
            assert_string_equal(hex(digests.of(IndicatorKind::sha256)).c_str(), vector.sha256);
        if (vector.sha1 != nullptr)
            assert_string_equal(hex(digests.of(IndicatorKind::sha1)).c_str(), vector.sha1);
        if (vector.md5 != nullptr)
            assert_string_equal(hex(digests.of(IndicatorKind::md5)).c_str(), vector.md5);
    }
}

void head_is_the_published_xxh3_of_the_first_4096_bytes(void**) {
    assert_string_equal(hex(digests_of(as_bytes("abc")).head).c_str(),
                        "06b05ab6733a618578af5f94892f3950");
    std::mt19937_64 random(seed);
    for (const std::size_t size : {0u, 1u, 240u, 241u, 4095u, 4096u, 4097u, 9000u}) {
        const std::vector<std::uint8_t> bytes = random_bytes(&random, size);
        assert_string_equal(hex(digests_of(bytes).head).c_str(), xxh3_head(bytes).c_str());
    }
    // Bytes behind the head do not change it.
    std::vector<std::uint8_t> bytes = random_bytes(&random, 5000);
    const std::string head = hex(digests_of(bytes).head);
    bytes[4096] ^= 1;
    assert_string_equal(hex(digests_of(bytes).head).c_str(), head.c_str());
    bytes[4095] ^= 1;
    assert_string_not_equal(hex(digests_of(bytes).head).c_str(), head.c_str());
}

void does_not_depend_on_how_the_bytes_arrive(void**) {
    std::mt19937_64 random(seed);
    const std::vector<std::uint8_t> bytes = random_bytes(&random, 200);
    const test::GuardedBytes guarded(bytes);
    Fingerprinter fingerprinter(1, 7);  // a short queue: it flushes itself
    test::every_split(guarded.bytes(), [&](const std::vector<Bytes>& pieces) {
        const ObjectSlot slot = fingerprinter.open(computed_kinds);
        for (const Bytes piece : pieces)
            fingerprinter.submit(slot, piece);
        Digests digests;
        fingerprinter.close(slot, &digests);
        assert_digests_of(digests, bytes);
    });
}

// The head is there with the bytes, before anything was hashed.
void leaves_out_what_was_dismissed_and_goes_on_with_the_rest(void**) {
    std::mt19937_64 random(seed);
    const std::vector<std::uint8_t> bytes = random_bytes(&random, 3 * head_bytes);
    Fingerprinter fingerprinter(3);
    const KindSet all = KindSet{IndicatorKind::head, IndicatorKind::sha256, IndicatorKind::md5};
    const ObjectSlot other = fingerprinter.open(all);
    const ObjectSlot some = fingerprinter.open(all);
    const ObjectSlot none = fingerprinter.open(all);
    for (const ObjectSlot slot : {other, some, none}) {
        fingerprinter.submit(slot, Bytes(bytes).first(1000));
        assert_null(fingerprinter.head(slot));
        fingerprinter.submit(slot, Bytes(bytes).subspan(1000, head_bytes));
        assert_string_equal(hex(*fingerprinter.head(slot)).c_str(), xxh3_head(bytes).c_str());
    }
    fingerprinter.dismiss(some, {IndicatorKind::md5});
    fingerprinter.dismiss(none, {IndicatorKind::md5});
    fingerprinter.dismiss(none, {IndicatorKind::sha256, IndicatorKind::sha1});
    assert_false(fingerprinter.is_dismissed(some));
    assert_true(fingerprinter.is_dismissed(none));
    for (const ObjectSlot slot : {other, some, none})
        fingerprinter.submit(slot, Bytes(bytes).subspan(1000 + head_bytes, 5000));
    fingerprinter.pass_over(none, bytes.size() - 6000 - head_bytes);
    DigestState state;
    fingerprinter.save(none, &state);
    fingerprinter.drop(none);
    const ObjectSlot again = fingerprinter.resume(state);
    assert_true(fingerprinter.is_dismissed(again));
    for (const ObjectSlot slot : {other, some})
        fingerprinter.submit(slot, Bytes(bytes).subspan(6000 + head_bytes));
    Digests digests;
    fingerprinter.close(other, &digests);
    assert_digests_of(digests, bytes);
    assert_true(digests.dismissed.empty());
    fingerprinter.close(some, &digests);
    assert_digests_of(digests, bytes);
    assert_true((digests.present == KindSet{IndicatorKind::head, IndicatorKind::sha256}));
    assert_true(digests.dismissed == KindSet{IndicatorKind::md5});
    fingerprinter.close(again, &digests);
    assert_digests_of(digests, bytes);
    assert_true(digests.present == KindSet{IndicatorKind::head});
    assert_true((digests.dismissed == KindSet{IndicatorKind::sha256, IndicatorKind::md5}));
    assert_int_equal(digests.size, bytes.size());
}

void head_does_not_depend_on_where_a_piece_crosses_its_end(void**) {
    std::mt19937_64 random(seed);
    const std::vector<std::uint8_t> bytes = random_bytes(&random, 4200);
    Fingerprinter fingerprinter(1);
    for (std::size_t at = 4000; at < bytes.size(); ++at) {
        const ObjectSlot slot = fingerprinter.open({IndicatorKind::head});
        fingerprinter.submit(slot, Bytes(bytes).first(at));
        fingerprinter.submit(slot, Bytes(bytes).subspan(at));
        Digests digests;
        fingerprinter.close(slot, &digests);
        assert_digests_of(digests, bytes);
    }
}

// Many objects whose pieces come mixed, with flushes, peeks and drops anywhere between.
void interleaved_objects_do_not_touch_each_other(void**) {
    std::mt19937_64 random(seed);
    print_message("seed %u\n", seed);
    constexpr std::uint32_t objects_max = 16;
    struct Running {
        ObjectSlot slot = no_object;
        std::vector<std::uint8_t> bytes;
        std::size_t done = 0;
    };
    Running running[objects_max];
    Fingerprinter fingerprinter(objects_max, 32);
    std::size_t closed = 0;
    for (int step = 0; step < 40000; ++step) {
        Running& one = running[random() % objects_max];
        if (one.slot == no_object) {
            one.bytes = random_bytes(&random, random() % 6000);
            one.done = 0;
            one.slot = fingerprinter.open(KindSet(static_cast<std::uint8_t>(random() % 32)));
            assert_int_not_equal(one.slot, no_object);
            continue;
        }
        const std::size_t left = one.bytes.size() - one.done;
        const std::uint64_t what = random() % 100;
        Digests digests;
        if (what < 3) {
            fingerprinter.drop(one.slot);
            one.slot = no_object;
        } else if (what < 8) {
            fingerprinter.peek(one.slot, &digests);
            assert_digests_of(digests, Bytes(one.bytes).first(one.done));
        } else if (what < 12) {
            fingerprinter.flush();
        } else if (left == 0) {
            fingerprinter.close(one.slot, &digests);
            assert_digests_of(digests, one.bytes);
            one.slot = no_object;
            ++closed;
        } else {
            const std::size_t take = 1 + random() % std::min<std::size_t>(left, 1500);
            fingerprinter.submit(one.slot, Bytes(one.bytes).subspan(one.done, take));
            one.done += take;
            assert_int_equal(fingerprinter.size(one.slot), one.done);
        }
    }
    assert_true(closed > 100);
}

void peek_does_not_disturb(void**) {
    std::mt19937_64 random(seed);
    const std::vector<std::uint8_t> bytes = random_bytes(&random, 5000);
    Fingerprinter fingerprinter(1);
    const ObjectSlot slot = fingerprinter.open(computed_kinds);
    Digests digests;
    for (std::size_t done = 0; done < bytes.size();) {
        const std::size_t take = std::min<std::size_t>(bytes.size() - done, 63);
        fingerprinter.submit(slot, Bytes(bytes).subspan(done, take));
        done += take;
        for (int twice = 0; twice < 2; ++twice) {
            fingerprinter.peek(slot, &digests);
            assert_digests_of(digests, Bytes(bytes).first(done));
        }
    }
    fingerprinter.close(slot, &digests);
    assert_digests_of(digests, bytes);
}

void bytes_may_change_after_a_flush(void**) {
    std::uint8_t buffer[100];
    std::vector<std::uint8_t> all;
    Fingerprinter fingerprinter(1);
    const ObjectSlot slot = fingerprinter.open(computed_kinds);
    for (std::uint8_t i = 0; i < 10; ++i) {
        std::memset(buffer, i, sizeof buffer);
        all.insert(all.end(), std::begin(buffer), std::end(buffer));
        fingerprinter.submit(slot, buffer);
        fingerprinter.flush();
    }
    Digests digests;
    fingerprinter.close(slot, &digests);
    assert_digests_of(digests, all);
}

void computes_only_what_is_asked_for(void**) {
    Fingerprinter fingerprinter(1);
    // A kind that nobody knows is left out.
    const KindSet asked = KindSet{IndicatorKind::md5} | KindSet(std::uint8_t{1u << 7});
    const ObjectSlot slot = fingerprinter.open(asked);
    fingerprinter.submit(slot, as_bytes("abc"));
    Digests digests;
    fingerprinter.close(slot, &digests);
    assert_true(digests.present == KindSet{IndicatorKind::md5});
    assert_int_equal(digests.of(IndicatorKind::sha256).size(), 0);
    assert_int_equal(digests.of(IndicatorKind::sha256_tree).size(), 0);
    assert_int_equal(digests.of(IndicatorKind::md5).size(), 16);
}

void counts_bytes_even_without_a_digest(void**) {
    Fingerprinter fingerprinter(1);
    const ObjectSlot slot = fingerprinter.open({});
    fingerprinter.submit(slot, as_bytes("abc"));
    fingerprinter.submit(slot, {});
    Digests digests;
    fingerprinter.close(slot, &digests);
    assert_true(digests.present.empty());
    assert_int_equal(digests.size, 3);
}

void a_full_pool_says_so_and_a_closed_slot_is_used_again(void**) {
    Fingerprinter fingerprinter(2);
    const ObjectSlot first = fingerprinter.open(computed_kinds);
    const ObjectSlot second = fingerprinter.open(computed_kinds);
    assert_int_not_equal(first, second);
    assert_int_equal(fingerprinter.open(computed_kinds), no_object);
    assert_int_equal(fingerprinter.open_count(), 2);
    fingerprinter.drop(first);
    assert_int_equal(fingerprinter.open_count(), 1);
    const ObjectSlot again = fingerprinter.open(computed_kinds);
    assert_int_not_equal(again, no_object);
    // Nothing of its former object is left in it.
    Digests digests;
    fingerprinter.close(again, &digests);
    assert_digests_of(digests, {});
}

// The bytes of a dropped object may be gone: a flush must not read them, nor may they reach the
// object that got its slot.
void forgets_the_pieces_of_a_dropped_object(void**) {
    Fingerprinter fingerprinter(1);
    const ObjectSlot dropped = fingerprinter.open(computed_kinds);
    {
        const test::GuardedBytes gone(as_bytes("gone"));
        fingerprinter.submit(dropped, gone.bytes());
        fingerprinter.drop(dropped);
    }
    const ObjectSlot slot = fingerprinter.open(computed_kinds);
    assert_int_equal(slot, dropped);
    fingerprinter.submit(slot, as_bytes("kept"));
    fingerprinter.flush();
    Digests digests;
    fingerprinter.close(slot, &digests);
    assert_digests_of(digests, as_bytes("kept"));
}

void allocates_nothing_after_construction(void**) {
    std::mt19937_64 random(seed);
    const std::vector<std::uint8_t> bytes = random_bytes(&random, 10000);
    Fingerprinter fingerprinter(8);
    Digests digests;
    std::uint64_t allocations = 0;
    std::uint64_t watched = 0;
    {
        const test::AllocationWatch watch;
        for (int round = 0; round < 10; ++round) {
            ObjectSlot slots[8];
            for (ObjectSlot& slot : slots)
                slot = fingerprinter.open(computed_kinds);
            for (std::size_t at = 0; at + 1000 <= bytes.size(); at += 1000) {
                for (const ObjectSlot slot : slots)
                    fingerprinter.submit(slot, Bytes(bytes).subspan(at, 1000));
                fingerprinter.peek(slots[0], &digests);
            }
            for (const ObjectSlot slot : slots)
                fingerprinter.close(slot, &digests);
        }
        allocations = watch.count();
        // The watch itself sees what it should.
        const std::string longer_than_a_string_holds_inside(100, 'x');
        watched = watch.count() - allocations;
    }
    assert_digests_of(digests, bytes);
    assert_int_equal(allocations, 0);
    assert_true(watched > 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(computes_the_published_vectors),
        cmocka_unit_test(head_is_the_published_xxh3_of_the_first_4096_bytes),
        cmocka_unit_test(does_not_depend_on_how_the_bytes_arrive),
        cmocka_unit_test(leaves_out_what_was_dismissed_and_goes_on_with_the_rest),
        cmocka_unit_test(head_does_not_depend_on_where_a_piece_crosses_its_end),
        cmocka_unit_test(interleaved_objects_do_not_touch_each_other),
        cmocka_unit_test(peek_does_not_disturb),
        cmocka_unit_test(bytes_may_change_after_a_flush),
        cmocka_unit_test(computes_only_what_is_asked_for),
        cmocka_unit_test(counts_bytes_even_without_a_digest),
        cmocka_unit_test(a_full_pool_says_so_and_a_closed_slot_is_used_again),
        cmocka_unit_test(forgets_the_pieces_of_a_dropped_object),
        cmocka_unit_test(allocates_nothing_after_construction),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
