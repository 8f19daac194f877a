#include "dataplane/index/index_view.h"

#include <ios>  // before cmocka.h, which defines fail()
#include <map>
#include <random>
#include <vector>

#include "tests/support/allocation_watch.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::uint64_t now_s = index_now_s;
constexpr std::uint32_t seed = 20260101;

std::vector<Match> find(const IndexView& view, IndicatorKind kind, const Digest& digest,
                        std::uint64_t at_s = now_s) {
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

void finds_what_was_added_in_every_section(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    assert_int_equal(view.generation(), 7);
    assert_int_equal(view.created_s(), now_s);
    assert_int_equal(view.section_count(), 2);
    assert_int_equal(view.indicator_count(), 43);
    assert_true(view.lab());

    const std::vector<Match> both = find(view, IndicatorKind::sha256, digest_of(0));
    assert_int_equal(both.size(), 2);
    assert_int_equal(both[0].section, 0);
    assert_int_equal(both[0].reference, 100);
    assert_int_equal(both[0].size, 1000);
    assert_int_equal(both[0].flags, record_flag::has_size);
    assert_int_equal(both[0].source, 5);
    assert_int_equal(both[0].category, 2);
    assert_int_equal(both[1].section, 1);
    assert_int_equal(both[1].reference, 200);

    const std::vector<Match> weak = find(view, IndicatorKind::md5, digest_of(50));
    assert_int_equal(weak.size(), 1);
    assert_int_equal(weak[0].flags, record_flag::weak | record_flag::has_head);
    assert_true(weak[0].kinds == KindSet{IndicatorKind::md5});
    assert_int_equal(find(view, IndicatorKind::sha1, digest_of(60)).size(), 1);
}

void finds_nothing_that_was_not_added(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    for (std::uint64_t n = 1000; n < 2000; ++n) {
        assert_int_equal(find(view, IndicatorKind::sha256, digest_of(n)).size(), 0);
    }
    // The same bytes as a digest of another kind.
    assert_int_equal(find(view, IndicatorKind::sha256_tree, digest_of(0)).size(), 0);
    assert_int_equal(find(view, IndicatorKind::md5, digest_of(0)).size(), 0);
}

void finds_nothing_without_an_index(void**) {
    const IndexView view;
    assert_int_equal(find(view, IndicatorKind::sha256, digest_of(0)).size(), 0);
    assert_true(view.plan(now_s).empty());
    assert_int_equal(view.generation(), 0);
    assert_int_equal(view.indicator_count(), 0);
}

void writes_no_more_matches_than_there_is_room_for(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    Match one[2] = {};
    const Digest digest = digest_of(0);
    assert_int_equal(view.lookup(IndicatorKind::sha256, digest, now_s, one, 1), 1);
    assert_int_equal(one[1].reference, 0);
    assert_int_equal(view.lookup(IndicatorKind::sha256, digest, now_s, one, 0), 0);
}

void skips_a_section_past_its_end(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    assert_int_equal(find(view, IndicatorKind::sha256, digest_of(0), now_s + 100).size(), 2);
    const std::vector<Match> left = find(view, IndicatorKind::sha256, digest_of(0), now_s + 101);
    assert_int_equal(left.size(), 1);
    assert_int_equal(left[0].section, 1);
    // And its kinds are no longer computed.
    assert_true(view.plan(now_s) ==
                (KindSet{IndicatorKind::sha256, IndicatorKind::md5, IndicatorKind::sha1}));
    assert_true(view.plan(now_s + 101) == (KindSet{IndicatorKind::sha256, IndicatorKind::sha1}));
}

void tells_sections_and_their_counts(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    const SectionView first = view.section(0);
    assert_true(first.name == "first");
    assert_int_equal(first.kind, SectionKind::lab);
    assert_int_equal(first.ceiling, RightsCeiling::block);
    assert_int_equal(first.generation, 3);
    assert_int_equal(first.not_after_s, now_s + 100);
    assert_int_equal(first.tag_count, 41);
    assert_int_equal(first.kind_tags[static_cast<std::size_t>(IndicatorKind::sha256)], 40);
    assert_int_equal(first.kind_tags_sized[static_cast<std::size_t>(IndicatorKind::sha256)], 40);
    assert_int_equal(first.kind_tags[static_cast<std::size_t>(IndicatorKind::md5)], 1);
    assert_int_equal(first.kind_tags_headed[static_cast<std::size_t>(IndicatorKind::md5)], 1);
    assert_int_equal(view.section(1).ceiling, RightsCeiling::report);
}

void refuses_a_lab_index_outside_a_lab(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view, false), IndexStatus::lab_refused);
    assert_false(view.is_open());
    assert_int_equal(find(view, IndicatorKind::sha256, digest_of(0)).size(), 0);
}

void needs_the_key_of_a_section_that_is_not_in_the_file(void**) {
    IndexBuilder builder({.lab = false, .generation = 1, .created_s = now_s});
    const std::uint32_t feed =
        *builder.add_section({.name = "feed", .kind = SectionKind::feed}, key_of(7));
    const Digest listed = digest_of(1);
    builder.add(feed, indicator(IndicatorKind::sha256, listed, 11));
    const AlignedBytes image = built(&builder);
    IndexView view;
    const char* why = nullptr;
    const TagKey wrong[] = {TagKey(key_of(8))};
    assert_int_equal(IndexView::open(image.bytes(), false, &view, &why), IndexStatus::key_missing);
    assert_int_equal(IndexView::open(image.bytes(), false, &view, &why, wrong),
                     IndexStatus::key_missing);
    const TagKey right[] = {TagKey(key_of(8)), TagKey(key_of(7))};
    assert_int_equal(IndexView::open(image.bytes(), false, &view, &why, right), IndexStatus::ok);
    assert_int_equal(find(view, IndicatorKind::sha256, listed).size(), 1);
    assert_false(view.lab());
}

void a_file_that_is_not_lab_holds_no_key(void**) {
    const TagKeyBytes key = key_of(7);
    for (const bool lab : {true, false}) {
        IndexBuilder builder({.lab = lab, .generation = 1, .created_s = now_s});
        const auto added = builder.add_section({.name = "feed", .kind = SectionKind::feed}, key);
        assert_true(added.has_value());
        const AlignedBytes image = built(&builder);
        const bool found = as_text(image.bytes()).find(as_text(key)) != std::string_view::npos;
        assert_int_equal(found, lab);
    }
}

void opening_a_bad_image_closes_the_view(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    assert_int_equal(open(image.bytes().first(100), &view), IndexStatus::truncated);
    assert_false(view.is_open());
    assert_int_equal(find(view, IndicatorKind::sha256, digest_of(0)).size(), 0);
}

void an_empty_section_matches_nothing(void**) {
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = now_s});
    assert_true(builder.add_section({.name = "empty"}, key_of(1)).has_value());
    const AlignedBytes image = built(&builder);
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    assert_int_equal(view.indicator_count(), 0);
    assert_int_equal(find(view, IndicatorKind::sha256, digest_of(0)).size(), 0);
}

void the_copy_is_what_is_used(void**) {
    AlignedBytes source = small_index();
    AlignedBytes own(source.bytes().size());
    IndexView view;
    const char* why = "";
    assert_int_equal(
        IndexView::copy_and_verify(source.bytes(), own.mutable_bytes(), true, &view, &why),
        IndexStatus::ok);
    std::memset(source.mutable_bytes().data(), 0xaa, source.bytes().size());
    assert_int_equal(find(view, IndicatorKind::sha256, digest_of(0)).size(), 2);
}

// --- damage --------------------------------------------------------------------------------------

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
    assert_int_equal(status_after([](IndexHead* head, MutableBytes) { head->version = 2; }),
                     IndexStatus::version);
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

// --- many ----------------------------------------------------------------------------------------

void agrees_with_a_map_for_many_sizes_of_table(void**) {
    std::mt19937_64 random(seed);
    print_message("seed %u\n", seed);
    for (const std::size_t count : {1u, 2u, 3u, 4u, 5u, 8u, 11u, 12u, 100u, 1000u, 20000u}) {
        IndexBuilder builder({.lab = true, .generation = 1, .created_s = now_s});
        const std::uint32_t section = *builder.add_section({.name = "many"}, key_of(3));
        std::map<Digest, std::uint64_t> expected;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t n = random();
            const Digest digest = digest_of(n);
            expected[digest] = n;
            assert_int_equal(builder.add(section, indicator(IndicatorKind::sha256, digest, n)),
                             AddOutcome::added);
        }
        const AlignedBytes image = built(&builder);
        const GuardedBytes guarded(image.bytes());
        IndexView view;
        assert_int_equal(open(guarded.bytes(), &view), IndexStatus::ok);
        assert_int_equal(view.indicator_count(), expected.size());
        for (const auto& [digest, reference] : expected) {
            const std::vector<Match> found = find(view, IndicatorKind::sha256, digest);
            assert_int_equal(found.size(), 1);
            assert_int_equal(found[0].reference, reference);
        }
        for (std::size_t i = 0; i < 1000; ++i) {
            assert_int_equal(find(view, IndicatorKind::sha256, digest_of(random())).size(), 0);
        }
    }
}

void a_tag_and_its_record_number_cost_at_most_32_bytes(void**) {
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = now_s});
    const std::uint32_t section = *builder.add_section({.name = "many"}, key_of(3));
    constexpr std::uint64_t count = 50000;
    for (std::uint64_t n = 0; n < count; ++n) {
        const Digest digest = digest_of(n);
        builder.add(section, indicator(IndicatorKind::sha256, digest, 1));
    }
    const AlignedBytes image = built(&builder);
    const auto* head = reinterpret_cast<const IndexHead*>(image.bytes().data());
    const SectionDescriptor& made = head->sections[0];
    assert_true(made.parts[0].bytes + made.parts[1].bytes <= 32 * count);
    // And most look-ups read one line.
    const auto* buckets =
        reinterpret_cast<const TagBucket*>(image.bytes().data() + made.parts[0].offset);
    std::mt19937_64 random(seed);
    constexpr std::uint64_t searches = 100000;
    std::uint64_t lines = 0;
    for (std::uint64_t i = 0; i < searches; ++i) {
        const Tag tag = {random(), random()};
        std::uint32_t b = home_bucket(tag, made.home_buckets);
        for (++lines; search_goes_on(buckets[b], tag); ++b)
            ++lines;
    }
    print_message("%.3f lines a look-up, probe_max %u\n",
                  static_cast<double>(lines) / static_cast<double>(searches), made.probe_max);
    assert_true(lines < searches + searches / 7);
}

void a_batch_finds_what_single_look_ups_find(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    IndexView::Probe probes[16];
    for (std::uint64_t n = 0; n < 16; ++n) {
        view.prepare(IndicatorKind::sha256, digest_of(n), &probes[n]);
    }
    for (std::uint64_t n = 0; n < 16; ++n) {
        Match matches[limits::sections_max];
        const std::size_t count = view.lookup(probes[n], now_s, matches, limits::sections_max);
        const std::vector<Match> single = find(view, IndicatorKind::sha256, digest_of(n));
        assert_int_equal(count, single.size());
        for (std::size_t i = 0; i < count; ++i)
            assert_int_equal(matches[i].reference, single[i].reference);
    }
}

void opening_and_looking_up_allocate_nothing(void**) {
    const AlignedBytes image = small_index();
    AlignedBytes own(image.bytes().size());
    IndexView view;
    const char* why = "";
    Match matches[limits::sections_max];
    const Digest known = digest_of(0);
    const Digest unknown = digest_of(1000);
    std::size_t found = 0;
    IndexStatus status = IndexStatus::malformed;
    std::uint64_t allocations = 0;
    {
        const AllocationWatch watch;
        status = IndexView::copy_and_verify(image.bytes(), own.mutable_bytes(), true, &view, &why);
        for (const Digest& digest : {known, unknown}) {
            found += view.lookup(IndicatorKind::sha256, digest, now_s, matches, 8);
        }
        allocations = watch.count();
    }
    assert_int_equal(status, IndexStatus::ok);
    assert_int_equal(found, 2);
    assert_int_equal(allocations, 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added_in_every_section),
        cmocka_unit_test(finds_nothing_that_was_not_added),
        cmocka_unit_test(finds_nothing_without_an_index),
        cmocka_unit_test(writes_no_more_matches_than_there_is_room_for),
        cmocka_unit_test(skips_a_section_past_its_end),
        cmocka_unit_test(tells_sections_and_their_counts),
        cmocka_unit_test(refuses_a_lab_index_outside_a_lab),
        cmocka_unit_test(needs_the_key_of_a_section_that_is_not_in_the_file),
        cmocka_unit_test(a_file_that_is_not_lab_holds_no_key),
        cmocka_unit_test(opening_a_bad_image_closes_the_view),
        cmocka_unit_test(an_empty_section_matches_nothing),
        cmocka_unit_test(the_copy_is_what_is_used),
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
        cmocka_unit_test(refuses_overlapping_and_distant_parts),
        cmocka_unit_test(refuses_record_numbers_out_of_range),
        cmocka_unit_test(refuses_a_tag_that_no_look_up_finds),
        cmocka_unit_test(refuses_a_last_bucket_that_is_continued),
        cmocka_unit_test(refuses_a_pushed_on_tag_without_the_mark),
        cmocka_unit_test(refuses_a_search_that_is_too_short),
        cmocka_unit_test(refuses_anything_behind_an_empty_slot),
        cmocka_unit_test(refuses_counts_that_are_not_those_of_the_records),
        cmocka_unit_test(agrees_with_a_map_for_many_sizes_of_table),
        cmocka_unit_test(a_tag_and_its_record_number_cost_at_most_32_bytes),
        cmocka_unit_test(a_batch_finds_what_single_look_ups_find),
        cmocka_unit_test(opening_and_looking_up_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
