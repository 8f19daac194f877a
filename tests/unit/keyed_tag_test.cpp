// The expected values were computed with Python's hmac and hashlib, the XXH3-128 of "abc" is the
// published one: an independent way to the same bytes.
#include "dataplane/contract/keyed_tag.h"

#include <cstdio>
#include <new>

#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"

namespace {

using namespace cordon;

constexpr std::uint8_t sha256_abc[32] = {
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
constexpr std::uint8_t sha1_abc[20] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                       0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
constexpr std::uint8_t md5_abc[16] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                      0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
constexpr std::uint8_t xxh3_abc[16] = {0x06, 0xb0, 0x5a, 0xb6, 0x73, 0x3a, 0x61, 0x85,
                                       0x78, 0xaf, 0x5f, 0x94, 0x89, 0x2f, 0x39, 0x50};

TagKey counting_key() {
    std::array<std::uint8_t, tag_key_bytes> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(i);
    return TagKey(bytes);
}

void assert_tag(const Tag& tag, const char* hex) {
    char text[33];
    std::uint8_t bytes[16];
    std::memcpy(bytes, &tag, sizeof bytes);
    for (std::size_t i = 0; i < sizeof bytes; ++i)
        std::snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, hex);
}

void tag_is_hmac_of_kind_and_digest(void**) {
    const TagKey key = counting_key();
    assert_tag(keyed_tag(key, IndicatorKind::sha256, sha256_abc),
               "f6bf99d36c949e810cd442f447aa83dd");
    assert_tag(keyed_tag(key, IndicatorKind::sha1, sha1_abc), "66ade5fb6ce07b65b16bfb0ddd4ea33b");
    assert_tag(keyed_tag(key, IndicatorKind::md5, md5_abc), "0ba636ade750e16055fb9fa02af618b4");
    // The same 32 bytes as another kind are another tag.
    assert_tag(keyed_tag(key, IndicatorKind::sha256_tree, sha256_abc),
               "737ef5e7d9b7be8c86c5e46bec94bbf6");
}

void head_is_hmac_of_word_and_xxh3(void**) {
    const HeadFingerprint head = keyed_head(counting_key(), xxh3_abc);
    const HeadFingerprint expected = {0x49, 0xcf, 0x6a, 0x89, 0x8e, 0xcb, 0x49, 0xb0};
    assert_memory_equal(head.data(), expected.data(), head.size());
}

void check_value_tells_keys_apart(void**) {
    const KeyCheck expected = {0x4d, 0xbc, 0x0b, 0x66, 0x2b, 0x90, 0x43, 0xdb,
                               0x52, 0x9d, 0x49, 0x5b, 0x84, 0x3e, 0xce, 0x6a};
    const KeyCheck check = key_check(counting_key());
    assert_memory_equal(check.data(), expected.data(), check.size());

    std::array<std::uint8_t, tag_key_bytes> other;
    other.fill(0xff);
    const KeyCheck expected_other = {0x42, 0xaa, 0x69, 0x56, 0xa3, 0x64, 0xc4, 0xf9,
                                     0x95, 0xc0, 0x48, 0x69, 0x01, 0x29, 0xd7, 0x85};
    const KeyCheck check_other = key_check(TagKey(other));
    assert_memory_equal(check_other.data(), expected_other.data(), check_other.size());
}

void digest_may_end_at_a_guard_page(void**) {
    const test::GuardedBytes digest(sha256_abc);
    assert_tag(keyed_tag(counting_key(), IndicatorKind::sha256, digest.bytes()),
               "f6bf99d36c949e810cd442f447aa83dd");
}

void key_is_wiped_on_destruction(void**) {
    alignas(TagKey) std::uint8_t memory[sizeof(TagKey)];
    auto* key = new (memory) TagKey(counting_key());
    const std::uint8_t zero[sizeof(TagKey)] = {};
    assert_memory_not_equal(memory, zero, sizeof memory);
    key->~TagKey();
    // Read as volatile: what a destroyed object leaves behind is the question.
    const volatile std::uint8_t* left = memory;
    unsigned sum = 0;
    for (std::size_t i = 0; i < sizeof memory; ++i)
        sum += left[i];
    assert_int_equal(sum, 0);
}

void kind_sets_hold_what_was_added(void**) {
    KindSet set{IndicatorKind::sha256, IndicatorKind::md5};
    assert_int_equal(set.bits, 0b101);
    assert_true(set.has(IndicatorKind::md5));
    assert_false(set.has(IndicatorKind::sha1));
    set.add(IndicatorKind::sha1);
    assert_int_equal(set.bits, 0b111);
    assert_true((set & KindSet{IndicatorKind::head}).empty());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(tag_is_hmac_of_kind_and_digest),
        cmocka_unit_test(head_is_hmac_of_word_and_xxh3),
        cmocka_unit_test(check_value_tells_keys_apart),
        cmocka_unit_test(digest_may_end_at_a_guard_page),
        cmocka_unit_test(key_is_wiped_on_destruction),
        cmocka_unit_test(kind_sets_hold_what_was_added),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
