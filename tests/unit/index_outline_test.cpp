// What an index says of an object before its end: by which kinds an indicator may be of it.
#include <ios>  // before cmocka.h, which defines fail()
#include <random>
#include <set>
#include <vector>

#include "dataplane/index/index_view.h"
#include "tests/support/allocation_watch.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::uint64_t now_s = index_now_s;
constexpr std::uint32_t seed = 20261122;
constexpr IndicatorKind sha256 = IndicatorKind::sha256;
constexpr IndicatorKind sha1 = IndicatorKind::sha1;
constexpr IndicatorKind md5 = IndicatorKind::md5;

using Head = std::array<std::uint8_t, head_digest_bytes>;

Head head_of(std::uint64_t n) {
    Head head{};
    std::copy_n(digest_of(n + 1'000'000).begin(), head.size(), head.begin());
    return head;
}

KindSet candidates(const IndexView& view, std::uint64_t least, std::optional<std::uint64_t> size,
                   std::optional<Head> head = {}, std::uint64_t at_s = now_s) {
    std::uint8_t bytes[head_digest_bytes];
    if (head) std::copy(head->begin(), head->end(), bytes);
    return view.candidates(exact_kinds, {least, size, head ? &bytes : nullptr}, at_s).kinds;
}

void open(const AlignedBytes& image, IndexView* view) {
    const char* why = "";
    assert_int_equal(IndexView::open(image.bytes(), true, view, &why), IndexStatus::ok);
}

// One section; whether its records have a size and a head.
AlignedBytes index_with(bool sizes, bool heads, bool one_without = false) {
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = now_s});
    const std::uint32_t section = *builder.add_section({.name = "lab"}, key_of(1));
    for (std::uint64_t n = 0; n < 100; ++n) {
        const Digest digest = digest_of(n);
        Indicator one = indicator(sha256, digest, n);
        if (sizes && !(one_without && n == 50)) one.size = 10'000 + n;
        if (heads && !(one_without && n == 51)) one.head = head_of(n);
        assert_int_equal(builder.add(section, one), AddOutcome::added);
    }
    return built(&builder);
}

void a_size_that_no_record_has_rules_its_kind_out(void**) {
    IndexView view;
    const AlignedBytes image = index_with(true, false);
    open(image, &view);
    assert_true(candidates(view, 0, {}) == KindSet{sha256});
    for (std::uint64_t n = 0; n < 100; ++n)
        assert_true(candidates(view, 1, 10'000 + n) == KindSet{sha256});
    // About one in 1600 is taken for a listed one: this one is not.
    assert_true(candidates(view, 1, 20'000).empty());
    assert_true(candidates(view, 10'099, {}) == KindSet{sha256});
    assert_true(candidates(view, 10'100, {}).empty());
    // And when to ask again.
    assert_int_equal(view.candidates(exact_kinds, {0, {}, nullptr}, now_s).until, 10'100);
    assert_false(view.asks_for_heads(now_s));
}

void a_head_that_no_record_has_rules_its_kind_out(void**) {
    IndexView view;
    const AlignedBytes image = index_with(false, true);
    open(image, &view);
    assert_true(view.asks_for_heads(now_s));
    assert_true(candidates(view, 1 << 30, 7) == KindSet{sha256});
    assert_int_equal(view.candidates(exact_kinds, {0, {}, nullptr}, now_s).until, head_bytes);
    for (std::uint64_t n = 0; n < 100; ++n)
        assert_true(candidates(view, head_bytes, {}, head_of(n)) == KindSet{sha256});
    assert_true(candidates(view, head_bytes, {}, head_of(100)).empty());
}

void one_record_without_turns_it_off_for_its_kind(void**) {
    IndexView view;
    const AlignedBytes image = index_with(true, true, true);
    open(image, &view);
    assert_true(candidates(view, 1 << 30, 5, head_of(200)) == KindSet{sha256});
    assert_false(view.asks_for_heads(now_s));
    const auto* head = reinterpret_cast<const IndexHead*>(image.bytes().data());
    assert_int_equal(head->sections[0].parts[static_cast<std::size_t>(IndexPart::sizes)].bytes, 0);
}

// Another kind goes on being ruled out, and sections speak for themselves.
void a_kind_is_ruled_out_in_every_section_or_not_at_all(void**) {
    IndexView view;
    const AlignedBytes image = small_index();
    open(image, &view);
    // sha256 has sizes in the first section only, md5 has a head there, sha1 nothing in the second.
    assert_true(candidates(view, 1 << 20, 5, head_of(1)) == (KindSet{sha256, sha1}));
    Head listed{1, 2, 3};
    assert_true(candidates(view, 5000, 5, listed) == (KindSet{sha256, sha1, md5}));
    // After the end of the first section its indicators rule nothing in.
    assert_true(candidates(view, 5000, 5, listed, now_s + 101) == (KindSet{sha256, sha1}));
    assert_true(view.asks_for_heads(now_s) && !view.asks_for_heads(now_s + 101));
}

// Records with any kinds, sizes, heads, duplicates: what an index rules out, no record is.
void never_rules_out_an_object_that_is_listed(void**) {
    std::mt19937_64 random(seed);
    print_message("seed %u\n", seed);
    std::uint64_t ruled_out = 0;
    for (int round = 0; round < 300; ++round) {
        IndexBuilder builder({.lab = true, .generation = 1, .created_s = now_s});
        struct Record {
            IndicatorKind kind;
            std::uint64_t size, head;
        };
        std::vector<Record> listed;
        const bool sizes = random() % 4 != 0, heads = random() % 4 != 0;
        const std::uint64_t sections = 1 + random() % 3, count = random() % 60;
        for (std::uint64_t s = 0; s < sections; ++s) {
            const std::string name = "s" + std::to_string(s);
            assert_true(builder.add_section({.name = name}, key_of(static_cast<std::uint8_t>(s)))
                            .has_value());
        }
        for (std::uint64_t n = 0; n < count; ++n) {
            constexpr IndicatorKind kinds[] = {sha256, sha1, md5};
            const Record record{kinds[random() % 3], 1 + random() % 50, random() % 50};
            // The same digest comes again, perhaps with another size.
            const Digest digest = digest_of(random() % 40);
            Indicator one = indicator(record.kind, digest, random() % 3);
            if (sizes && random() % 30 != 0) one.size = record.size;
            if (heads && random() % 30 != 0) one.head = head_of(record.head);
            builder.add(static_cast<std::uint32_t>(random() % sections), one);
            listed.push_back(record);
        }
        IndexView view;
        const AlignedBytes image = built(&builder);
        open(image, &view);
        for (const Record& record : listed) {
            assert_true(
                candidates(view, record.size, record.size, head_of(record.head)).has(record.kind));
            assert_true(candidates(view, random() % (record.size + 1), {}).has(record.kind));
        }
        ruled_out += candidates(view, 100, 100, head_of(100)).empty() ? 1U : 0U;
    }
    assert_true(ruled_out > 50);
}

void a_set_forgets_nothing_and_mistakes_little(void**) {
    std::mt19937_64 random(seed);
    for (const std::uint64_t count : {1u, 31u, 33u, 100'000u}) {
        std::vector<SetBlock> blocks(set_blocks(count));
        std::set<std::uint64_t> values;
        // Sizes are small numbers next to each other, heads are anything.
        for (std::uint64_t n = 0; n < count; ++n)
            values.insert(n % 2 != 0 ? n : random());
        for (const std::uint64_t value : values)
            set_add(blocks, value);
        for (const std::uint64_t value : values)
            assert_true(set_has(blocks, value));
        std::uint64_t mistaken = 0;
        for (std::uint64_t n = 0; n < 100'000; ++n)
            mistaken += set_has(blocks, n % 2 != 0 ? 1'000'000 + n : random()) ? 1U : 0U;
        print_message("%llu values: %llu of 100000 others\n",
                      static_cast<unsigned long long>(count),
                      static_cast<unsigned long long>(mistaken));
        assert_true(mistaken < 200);
    }
}

template <typename Change>
void assert_refused(Change&& change, const char* expected) {
    AlignedBytes image = small_index();
    const MutableBytes bytes = image.mutable_bytes();
    change(&reinterpret_cast<IndexHead*>(bytes.data())->sections[0], bytes);
    reseal(bytes);
    IndexView view;
    const char* why = "";
    assert_int_equal(IndexView::open(bytes, true, &view, &why), IndexStatus::malformed);
    assert_string_equal(why, expected);
}

SetBlock* blocks_of(const SectionDescriptor* section, MutableBytes bytes, IndexPart part) {
    const PartDescriptor& found = section->parts[static_cast<std::size_t>(part)];
    return reinterpret_cast<SetBlock*>(bytes.data() + found.offset);
}

void refuses_a_set_without_one_of_its_records(void**) {
    for (const std::uint64_t n : {0u, 17u, 39u}) {
        assert_refused(
            [n](SectionDescriptor* section, MutableBytes bytes) {
                SetBlock* sizes = blocks_of(section, bytes, IndexPart::sizes) + 1;
                const SetPlace place = set_place(1000 + n, set_blocks(40));
                sizes[place.block].words[0] &= ~(std::uint64_t{1} << (place.bits & 63));
            },
            "the size of a record is not among the sizes");
    }
    assert_refused([](SectionDescriptor* section,
                      MutableBytes bytes) { *blocks_of(section, bytes, IndexPart::heads) = {}; },
                   "the head of a record is not among the heads");
}

void refuses_bounds_that_are_not_those_of_the_records(void**) {
    for (const int by : {-1, 1}) {
        assert_refused(
            [by](SectionDescriptor* section, MutableBytes bytes) {
                auto* bounds =
                    reinterpret_cast<SizeBounds*>(blocks_of(section, bytes, IndexPart::sizes));
                bounds->largest[0] += static_cast<std::uint64_t>(by);
            },
            "the largest sizes are not those of the records");
    }
}

// Bits too many only cost work.
void takes_a_set_in_which_everything_is(void**) {
    AlignedBytes image = small_index();
    const MutableBytes bytes = image.mutable_bytes();
    const auto* section = reinterpret_cast<const IndexHead*>(bytes.data())->sections;
    for (SetBlock* block : {blocks_of(section, bytes, IndexPart::sizes) + 1,
                            blocks_of(section, bytes, IndexPart::heads)})
        std::fill(std::begin(block->words), std::end(block->words), UINT64_MAX);
    reseal(bytes);
    IndexView view;
    open(image, &view);
    assert_true(candidates(view, 5000, 5, head_of(1)).has(md5));
}

void asking_allocates_nothing(void**) {
    const AlignedBytes image = small_index();
    IndexView view;
    open(image, &view);
    const Head head = head_of(1);
    KindSet found;
    std::uint64_t allocations = 1;
    {
        const AllocationWatch watch;
        found = candidates(view, 5000, 5, head);
        allocations = watch.count();
    }
    assert_false(found.empty());
    assert_int_equal(allocations, 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_size_that_no_record_has_rules_its_kind_out),
        cmocka_unit_test(a_head_that_no_record_has_rules_its_kind_out),
        cmocka_unit_test(one_record_without_turns_it_off_for_its_kind),
        cmocka_unit_test(a_kind_is_ruled_out_in_every_section_or_not_at_all),
        cmocka_unit_test(never_rules_out_an_object_that_is_listed),
        cmocka_unit_test(a_set_forgets_nothing_and_mistakes_little),
        cmocka_unit_test(refuses_a_set_without_one_of_its_records),
        cmocka_unit_test(refuses_bounds_that_are_not_those_of_the_records),
        cmocka_unit_test(takes_a_set_in_which_everything_is),
        cmocka_unit_test(asking_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
