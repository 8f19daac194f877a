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
    assert_int_equal(first.terms.not_after_s, now_s + 100);
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
    const std::span<const TagKey> useless[] = {{}, wrong};
    for (const std::span<const TagKey> keys : useless) {
        assert_int_equal(IndexView::open(image.bytes(), false, &view, &why, keys), IndexStatus::ok);
        assert_false(view.section(0).has_key);
        assert_false(view.in_force(0, now_s));
        assert_true(view.plan(now_s).empty());
        assert_int_equal(find(view, IndicatorKind::sha256, listed).size(), 0);
    }
    const TagKey right[] = {TagKey(key_of(8)), TagKey(key_of(7))};
    assert_int_equal(IndexView::open(image.bytes(), false, &view, &why, right), IndexStatus::ok);
    assert_int_equal(find(view, IndicatorKind::sha256, listed).size(), 1);
    assert_true(view.section(0).has_key);
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

bool same(const Match& a, const Match& b) {
    return a.reference == b.reference && a.size == b.size && a.section == b.section &&
           a.source == b.source && a.category == b.category && a.flags == b.flags &&
           a.kind == b.kind && a.kinds == b.kinds && a.added == b.added;
}

// With so many tags that buckets are continued, in several sections, some of which have a digest
// of one kind and not of another.
AlignedBytes crowded_index() {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = now_s});
    for (std::uint64_t section = 0; section < 3; ++section) {
        const std::string name = "part" + std::to_string(section);
        const auto kind = section == 2 ? IndicatorKind::sha1 : IndicatorKind::sha256;
        const std::uint32_t number =
            *builder.add_section({.name = name, .terms = terms_until(now_s + 100 * section)},
                                 key_of(static_cast<std::uint8_t>(section + 1)));
        for (std::uint64_t n = section; n < 8000; n += section + 1)
            builder.add(number, indicator(kind, digest_of(n), 10 * n + section));
    }
    return built(&builder);
}

// Steps of many digests between each other, with and without compare().
void a_batch_finds_what_single_look_ups_find(void**) {
    const AlignedBytes image = crowded_index();
    IndexView view;
    assert_int_equal(open(image.bytes(), &view), IndexStatus::ok);
    std::size_t found = 0;
    std::size_t went_on = 0;
    for (std::uint64_t first = 0; first < 10000; first += 16) {
        for (const IndicatorKind kind : {IndicatorKind::sha256, IndicatorKind::sha1}) {
            IndexView::Probe probes[16];
            for (std::uint64_t n = 0; n < 16; ++n)
                view.prepare(kind, cut(digest_of(first + n), kind), &probes[n]);
            for (std::uint64_t n = 0; n < 16; n += 1 + first % 3) {
                view.compare(&probes[n]);
                if (probes[n].open != 0) ++went_on;
            }
            const std::uint64_t at_s = now_s + 50 * (first % 5);
            for (std::uint64_t n = 0; n < 16; ++n) {
                Match matches[limits::sections_max];
                const std::size_t count =
                    view.lookup(&probes[n], at_s, matches, limits::sections_max);
                const std::vector<Match> single = find(view, kind, digest_of(first + n), at_s);
                assert_int_equal(count, single.size());
                for (std::size_t i = 0; i < count; ++i)
                    assert_true(same(matches[i], single[i]));
                found += count;
            }
        }
    }
    assert_true(found > 4000);
    assert_true(went_on > 500);
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
        cmocka_unit_test(agrees_with_a_map_for_many_sizes_of_table),
        cmocka_unit_test(a_tag_and_its_record_number_cost_at_most_32_bytes),
        cmocka_unit_test(a_batch_finds_what_single_look_ups_find),
        cmocka_unit_test(opening_and_looking_up_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
