// Damage: every rule of index_format.h, by an image that breaks it.
#include "dataplane/contract/index_verify.h"

#include <ios>  // before cmocka.h, which defines fail()
#include <vector>

#include "dataplane/index/index_view.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;

std::vector<Match> find(const IndexView& view, IndicatorKind kind, const Digest& digest,
                        std::uint64_t at_s = index_now_s) {
    std::vector<Match> matches(limits::sections_max);
    matches.resize(view.lookup(kind, cut(digest, kind), at_s, matches.data(), matches.size()));
    return matches;
}

IndexStatus open(Bytes image, IndexView* view, bool allow_lab = true) {
    const char* why = nullptr;
    const IndexStatus status = IndexView::open(image, allow_lab, view, &why);
    // Every refusal says why.
    assert_true(status == IndexStatus::ok || (why != nullptr && *why != '\0'));
    return status;
}

template <typename T>
T* part_of(MutableBytes image, std::size_t section, IndexPart part) {
    const auto* head = reinterpret_cast<const IndexHead*>(image.data());
    return reinterpret_cast<T*>(
        image.data() + head->sections[section].parts[static_cast<std::size_t>(part)].offset);
}

void the_small_index_has_a_continued_bucket(void**) {
    AlignedBytes image = small_index();
    const auto* head = reinterpret_cast<const IndexHead*>(image.bytes().data());
    const auto* buckets = part_of<TagBucket>(image.mutable_bytes(), 0, IndexPart::tags);
    assert_true(std::any_of(buckets, buckets + head->sections[0].bucket_count,
                            [](const TagBucket& bucket) { return bucket_is_continued(bucket); }));
}

void refuses_every_truncation(void**) {
    const AlignedBytes image = small_index();
    AlignedBytes own(image.bytes().size());
    for (std::size_t length = 0; length < image.bytes().size(); ++length) {
        IndexView view;
        const char* why = "";
        assert_int_not_equal(IndexView::copy_and_verify(image.bytes().first(length),
                                                        own.mutable_bytes(), true, &view, &why),
                             IndexStatus::ok);
    }
}

void refuses_bytes_behind_the_end(void**) {
    const AlignedBytes image = small_index();
    AlignedBytes longer(image.bytes().size() + 64);
    std::memcpy(longer.mutable_bytes().data(), image.bytes().data(), image.bytes().size());
    IndexView view;
    assert_int_equal(open(longer.bytes(), &view), IndexStatus::truncated);
}

void refuses_every_damaged_byte(void**) {
    AlignedBytes image = small_index();
    const MutableBytes bytes = image.mutable_bytes();
    IndexView view;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const int flip : {0x01, 0x80, 0xff}) {
            bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ flip);
            assert_int_not_equal(open(bytes, &view), IndexStatus::ok);
            bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ flip);
        }
    }
    assert_int_equal(open(bytes, &view), IndexStatus::ok);
}

void refuses_memory_that_is_not_aligned(void**) {
    const AlignedBytes image = small_index();
    AlignedBytes own(image.bytes().size() + 64);
    const MutableBytes shifted = own.mutable_bytes().subspan(8, image.bytes().size());
    IndexView view;
    const char* why = "";
    assert_int_equal(IndexView::copy_and_verify(image.bytes(), shifted, true, &view, &why),
                     IndexStatus::misaligned);
}

// With checksums that fit: every changed byte is refused by a rule, or leaves an index in which
// every look-up stays within the image (the guard page and the sanitizer watch).
void is_safe_with_damage_that_has_right_checksums(void**) {
    const AlignedBytes original = small_index();
    GuardedBytes guarded(original.bytes());
    const MutableBytes bytes = guarded.mutable_bytes();
    std::size_t refused = 0;
    std::size_t accepted = 0;
    IndexView view;
    const char* why = "";
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const int flip : {0x01, 0x80, 0xff}) {
            std::memcpy(bytes.data(), original.bytes().data(), bytes.size());
            bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ flip);
            reseal(bytes);
            if (IndexView::open(bytes, true, &view, &why) != IndexStatus::ok) {
                ++refused;
                continue;
            }
            ++accepted;
            for (std::uint64_t n = 0; n < 9; ++n)
                find(view, IndicatorKind::sha256, digest_of(n));
            find(view, IndicatorKind::md5, digest_of(50));
            find(view, IndicatorKind::sha1, digest_of(60));
        }
    }
    print_message("refused %zu, harmless %zu\n", refused, accepted);
    assert_true(refused > accepted);
}

// One field changed by hand, checksums made right: the rule that refuses it.
template <typename Change>
IndexStatus status_after(Change&& change) {
    AlignedBytes image = small_index();
    auto* head = reinterpret_cast<IndexHead*>(image.mutable_bytes().data());
    change(head, image.mutable_bytes());
    reseal(image.mutable_bytes());
    IndexView view;
    return open(image.bytes(), &view);
}

void refuses_other_purposes(void**) {
    assert_int_equal(status_after([](IndexHead* head, MutableBytes) {
                         head->sections[0].purpose = static_cast<ListPurpose>(2);
                     }),
                     IndexStatus::purpose_refused);
}

void refuses_a_local_list_that_may_block(void**) {
    assert_int_equal(status_after([](IndexHead* head, MutableBytes) {
                         head->sections[1].ceiling = RightsCeiling::block;
                     }),
                     IndexStatus::malformed);
}

void refuses_other_versions_and_magics(void**) {
    assert_int_equal(status_after([](IndexHead* head, MutableBytes) { ++head->version; }),
                     IndexStatus::wrong_version);
    assert_int_equal(status_after([](IndexHead* head, MutableBytes) { head->magic ^= 1; }),
                     IndexStatus::not_an_index);
}

void refuses_keys_outside_a_lab(void**) {
    assert_int_equal(status_after([](IndexHead* head, MutableBytes) {
                         head->flags = 0;
                         head->sections[0].kind = SectionKind::feed;
                     }),
                     IndexStatus::malformed);
    assert_int_equal(
        status_after([](IndexHead* head, MutableBytes) { head->sections[0].key[0] ^= 1; }),
        IndexStatus::malformed);
}

// A list made by hand has no grant; a feed's key may come from one, also in a lab.
void only_a_feed_may_stand_in_a_lab_index_without_its_key(void**) {
    for (const SectionKind kind : {SectionKind::feed, SectionKind::lab}) {
        const IndexStatus status = status_after([=](IndexHead* head, MutableBytes) {
            head->sections[0].kind = kind;
            std::fill(std::begin(head->sections[0].key), std::end(head->sections[0].key), 0);
        });
        assert_int_equal(status,
                         kind == SectionKind::feed ? IndexStatus::ok : IndexStatus::malformed);
    }
}

void two_sections_of_a_name_differ_in_their_epoch(void**) {
    const auto renamed = [](std::uint32_t epoch) {
        return status_after([=](IndexHead* head, MutableBytes) {
            std::memcpy(head->sections[1].name, head->sections[0].name,
                        sizeof head->sections[0].name);
            head->sections[1].epoch = epoch;
        });
    };
    assert_int_equal(renamed(1), IndexStatus::malformed);
    assert_int_equal(renamed(2), IndexStatus::ok);
}

void refuses_terms_that_step_up_again(void**) {
    const auto with = [](const SectionTerms& terms) {
        return status_after(
            [=](IndexHead* head, MutableBytes) { head->sections[0].terms = terms; });
    };
    assert_int_equal(with({9, 10, 20, 30}), IndexStatus::ok);
    assert_int_equal(with({9, 21, 20, 30}), IndexStatus::malformed);
    assert_int_equal(with({9, 10, 31, 30}), IndexStatus::malformed);
}

void refuses_overlapping_and_distant_parts(void**) {
    constexpr auto tags = static_cast<std::size_t>(IndexPart::tags);
    constexpr auto records = static_cast<std::size_t>(IndexPart::records);
    for (const std::uint64_t place : {std::uint64_t{0}, std::uint64_t{4224}, UINT64_MAX - 63}) {
        assert_int_equal(status_after([=](IndexHead* head, MutableBytes) {
                             head->sections[0].parts[records].offset = place;
                         }),
                         IndexStatus::malformed);
        assert_int_equal(status_after([=](IndexHead* head, MutableBytes) {
                             head->sections[0].parts[tags].bytes = place;
                         }),
                         IndexStatus::malformed);
    }
    assert_int_equal(
        status_after([](IndexHead* head, MutableBytes) { head->sections[1].parts[5].bytes = 64; }),
        IndexStatus::malformed);
}

void refuses_record_numbers_out_of_range(void**) {
    assert_int_equal(status_after([](IndexHead* head, MutableBytes image) {
                         part_of<NumberBucket>(image, 0, IndexPart::numbers)->records[0] =
                             head->sections[0].record_count;
                     }),
                     IndexStatus::malformed);
}

// An end stands in the place of a head, and only in a local list.
void refuses_ends_where_none_may_be(void**) {
    const auto with = [](std::size_t section, std::uint8_t flags, std::uint8_t head) {
        return status_after([=](IndexHead*, MutableBytes image) {
            IndexRecord* record = part_of<IndexRecord>(image, section, IndexPart::records);
            record->flags = static_cast<std::uint8_t>(record->flags | flags);
            record->head[0] = head;
        });
    };
    assert_int_equal(with(1, record_flag::has_end, 1), IndexStatus::ok);
    assert_int_equal(with(1, record_flag::has_end, 0), IndexStatus::ok);  // ended long ago
    assert_int_equal(with(1, 0, 1), IndexStatus::malformed);
    assert_int_equal(with(1, record_flag::has_end | record_flag::has_head, 1),
                     IndexStatus::malformed);
    assert_int_equal(with(0, record_flag::has_end, 1), IndexStatus::malformed);
    assert_int_equal(with(1, 128, 0), IndexStatus::malformed);
}

void refuses_a_tag_that_no_look_up_finds(void**) {
    assert_int_equal(status_after([](IndexHead*, MutableBytes image) {
                         auto* tags = part_of<TagBucket>(image, 0, IndexPart::tags)->tags;
                         std::swap(tags[0], tags[1]);
                     }),
                     IndexStatus::malformed);
    assert_int_equal(status_after([](IndexHead* head, MutableBytes image) {
                         auto* tags = part_of<TagBucket>(image, 0, IndexPart::tags);
                         const std::uint32_t last = head->sections[0].bucket_count - 1;
                         tags[0].tags[0] = tags[last].tags[0];  // far from its home
                     }),
                     IndexStatus::malformed);
}

// Finds the first bucket of section 0 that `fits`; the tests below need one.
template <typename Fits>
std::uint32_t bucket_that(MutableBytes image, Fits&& fits) {
    const auto* head = reinterpret_cast<const IndexHead*>(image.data());
    const auto* buckets = part_of<TagBucket>(image, 0, IndexPart::tags);
    for (std::uint32_t b = 0; b < head->sections[0].bucket_count; ++b) {
        if (fits(buckets[b])) return b;
    }
    fail_msg("the small index has no such bucket");
    return 0;
}

void assert_refused(MutableBytes image, const char* expected) {
    reseal(image);
    IndexView view;
    const char* why = "";
    assert_int_equal(IndexView::open(image, true, &view, &why), IndexStatus::malformed);
    assert_string_equal(why, expected);
}

// The last bucket is filled up and its order turned round: a look-up would read behind the table.
void refuses_a_last_bucket_that_is_continued(void**) {
    AlignedBytes image = small_index();
    const MutableBytes bytes = image.mutable_bytes();
    SectionDescriptor& section = reinterpret_cast<IndexHead*>(bytes.data())->sections[0];
    const std::uint32_t last = section.bucket_count - 1;
    Tag(&tags)[4] = part_of<TagBucket>(bytes, 0, IndexPart::tags)[last].tags;
    auto& numbers = part_of<NumberBucket>(bytes, 0, IndexPart::numbers)[last].records;
    if (tags[0].empty()) tags[0] = {UINT64_MAX, 1};
    for (std::size_t i = 1; i < 4; ++i) {
        if (tags[i].empty()) tags[i] = {UINT64_MAX, i + 1};
    }
    std::reverse(std::begin(tags), std::end(tags));
    std::reverse(std::begin(numbers), std::end(numbers));
    assert_refused(bytes, "the last bucket claims to be continued");
}

// Without its mark the search for the tag that was pushed on would end too early.
void refuses_a_pushed_on_tag_without_the_mark(void**) {
    AlignedBytes image = small_index();
    const MutableBytes bytes = image.mutable_bytes();
    const std::uint32_t b = bucket_that(bytes, bucket_is_continued);
    TagBucket& tags = part_of<TagBucket>(bytes, 0, IndexPart::tags)[b];
    NumberBucket& numbers = part_of<NumberBucket>(bytes, 0, IndexPart::numbers)[b];
    std::reverse(std::begin(tags.tags), std::end(tags.tags));
    std::reverse(std::begin(numbers.records), std::end(numbers.records));
    assert_refused(bytes, "a tag stands where no look-up finds it");
}

void refuses_a_search_that_is_too_short(void**) {
    AlignedBytes image = small_index();
    SectionDescriptor& section =
        reinterpret_cast<IndexHead*>(image.mutable_bytes().data())->sections[0];
    assert_true(section.probe_max > 1 && section.bucket_count - section.home_buckets <= 1);
    section.probe_max = 1;
    assert_refused(image.mutable_bytes(), "a tag stands where no look-up finds it");
}

void refuses_anything_behind_an_empty_slot(void**) {
    const auto has_two = [](const TagBucket& bucket) {
        return !bucket.tags[1].empty() && bucket.tags[2].empty();
    };
    AlignedBytes image = small_index();
    const std::uint32_t b = bucket_that(image.mutable_bytes(), has_two);
    TagBucket& tags = part_of<TagBucket>(image.mutable_bytes(), 0, IndexPart::tags)[b];
    std::swap(tags.tags[1], tags.tags[2]);
    NumberBucket& numbers = part_of<NumberBucket>(image.mutable_bytes(), 0, IndexPart::numbers)[b];
    std::swap(numbers.records[1], numbers.records[2]);
    assert_refused(image.mutable_bytes(), "a tag stands behind an empty slot");

    AlignedBytes other = small_index();
    part_of<NumberBucket>(other.mutable_bytes(), 0, IndexPart::numbers)[b].records[3] = 1;
    assert_refused(other.mutable_bytes(), "an empty slot has a record");
}

void refuses_counts_that_are_not_those_of_the_records(void**) {
    assert_int_equal(
        status_after([](IndexHead* head, MutableBytes) { ++head->sections[0].kind_tags_sized[1]; }),
        IndexStatus::malformed);
    assert_int_equal(status_after([](IndexHead*, MutableBytes image) {
                         part_of<IndexRecord>(image, 0, IndexPart::records)->kinds = 0b11;
                     }),
                     IndexStatus::malformed);
    assert_int_equal(status_after([](IndexHead*, MutableBytes image) {
                         part_of<IndexRecord>(image, 0, IndexPart::records)->size = 0;
                     }),
                     IndexStatus::malformed);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_small_index_has_a_continued_bucket),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_bytes_behind_the_end),
        cmocka_unit_test(refuses_every_damaged_byte),
        cmocka_unit_test(refuses_memory_that_is_not_aligned),
        cmocka_unit_test(is_safe_with_damage_that_has_right_checksums),
        cmocka_unit_test(refuses_other_purposes),
        cmocka_unit_test(refuses_a_local_list_that_may_block),
        cmocka_unit_test(refuses_other_versions_and_magics),
        cmocka_unit_test(refuses_keys_outside_a_lab),
        cmocka_unit_test(only_a_feed_may_stand_in_a_lab_index_without_its_key),
        cmocka_unit_test(two_sections_of_a_name_differ_in_their_epoch),
        cmocka_unit_test(refuses_terms_that_step_up_again),
        cmocka_unit_test(refuses_overlapping_and_distant_parts),
        cmocka_unit_test(refuses_record_numbers_out_of_range),
        cmocka_unit_test(refuses_ends_where_none_may_be),
        cmocka_unit_test(refuses_a_tag_that_no_look_up_finds),
        cmocka_unit_test(refuses_a_last_bucket_that_is_continued),
        cmocka_unit_test(refuses_a_pushed_on_tag_without_the_mark),
        cmocka_unit_test(refuses_a_search_that_is_too_short),
        cmocka_unit_test(refuses_anything_behind_an_empty_slot),
        cmocka_unit_test(refuses_counts_that_are_not_those_of_the_records),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
