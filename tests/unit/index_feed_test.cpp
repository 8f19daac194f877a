// Indexes made of the records of feeds.
#include "control/index/feed_index.h"

#include "dataplane/index/index_view.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;
using feed::FeedRecord;

constexpr std::uint64_t now_s = index_now_s;
constexpr auto sha256 = IndicatorKind::sha256;
constexpr auto sha1 = IndicatorKind::sha1;

// As a publisher makes it.
FeedRecord record_of(const TagKey& key, IndicatorKind kind, const Digest& digest,
                     std::uint64_t reference) {
    std::uint8_t mac[32];
    const auto kind_byte = static_cast<std::uint8_t>(kind);
    key.mac({&kind_byte, 1}, cut(digest, kind), &mac);
    FeedRecord record;
    std::copy_n(mac, record.tag.size(), record.tag.begin());
    record.reference = reference;
    record.source = 5;
    record.category = 2;
    record.kind = kind;
    return record;
}

void by_tag(std::vector<FeedRecord>* records) {
    std::sort(records->begin(), records->end(),
              [](const FeedRecord& a, const FeedRecord& b) { return a.tag < b.tag; });
}

// A list of `count` files, from file number `first` on.
struct List {
    TagKey key;
    std::vector<FeedRecord> records;
    SectionInfo info;

    List(const char* name, std::uint8_t key_number, std::uint64_t first, std::uint64_t count)
        : key(key_of(key_number)) {
        info = {.name = name, .kind = SectionKind::feed, .epoch = key_number};
        for (std::uint64_t n = first; n < first + count; ++n)
            records.push_back(record_of(key, sha256, digest_of(n), 1000 + n));
        by_tag(&records);
    }
    FeedSection section() const {
        return {.info = info, .check = key_check(key), .records = records};
    }
};

struct Opened {
    AlignedBytes image;
    IndexView view;
    BuildReport report;

    Opened(const FeedIndexOptions& options, std::span<const TagKey> keys) {
        const Result<BuildReport> made = build_feed_index(options, &image);
        assert_true(made.has_value());
        report = *made;
        const char* why = "";
        assert_int_equal(IndexView::open(image.bytes(), options.index.lab, &view, &why, keys),
                         IndexStatus::ok);
    }
    std::vector<Match> find(IndicatorKind kind, const Digest& digest) const {
        std::vector<Match> found(limits::sections_max);
        found.resize(view.lookup(kind, cut(digest, kind), now_s, found.data(), found.size()));
        return found;
    }
    std::vector<Match> find(std::uint64_t file) const { return find(sha256, digest_of(file)); }
};

void holds_lists_with_different_keys(void**) {
    const List one("one", 1, 0, 500), other("other", 2, 400, 500);
    const TagKey keys[] = {other.key, one.key};
    const Opened index({.index = {}, .feeds = {one.section(), other.section()}}, keys);
    assert_int_equal(index.report.built.tags, 1000);
    assert_int_equal(index.find(10).size(), 1);
    assert_int_equal(index.find(10)[0].section, 0);
    assert_int_equal(index.find(10)[0].reference, 1010);
    assert_int_equal(index.find(10)[0].source, 5);
    assert_int_equal(index.find(450).size(), 2);
    assert_int_equal(index.find(899)[0].section, 1);
    assert_int_equal(index.find(900).size(), 0);
}

void a_list_without_its_key_is_not_in_force_and_takes_no_other_with_it(void**) {
    const List one("one", 1, 0, 50), other("other", 2, 40, 50);
    const TagKey keys[] = {other.key};
    const Opened index({.index = {}, .feeds = {one.section(), other.section()}}, keys);
    assert_int_equal(index.find(10).size(), 0);
    assert_int_equal(index.find(45).size(), 1);
    assert_int_equal(index.find(45)[0].section, 1);
    assert_false(index.view.section(0).has_key);
    assert_true(index.view.section(1).has_key);
}

void holds_two_epochs_of_one_list(void**) {
    const List now("centre", 1, 0, 50), next("centre", 2, 0, 60);
    const TagKey keys[] = {now.key, next.key};
    const Opened index({.index = {}, .feeds = {now.section(), next.section()}}, keys);
    assert_int_equal(index.find(10).size(), 2);
    assert_int_equal(index.find(55).size(), 1);
    assert_int_equal(index.view.section(0).epoch, 1);
    assert_int_equal(index.view.section(1).epoch, 2);

    AlignedBytes image;
    assert_false(build_feed_index({.index = {}, .feeds = {now.section(), now.section()}}, &image)
                     .has_value());
}

void no_key_of_a_feed_comes_into_the_file(void**) {
    for (const bool lab : {true, false}) {
        const List one("one", 1, 0, 50);
        const TagKey keys[] = {one.key};
        const Opened index({.index = {.lab = lab}, .feeds = {one.section()}}, keys);
        const std::string_view bytes = as_text(index.image.bytes());
        assert_true(bytes.find(as_text(key_of(1))) == std::string_view::npos);
        assert_int_equal(index.view.lab(), lab);
        assert_int_equal(index.find(10).size(), 1);
    }
}

template <typename Change>
void assert_refused(Change&& change) {
    List list("one", 1, 0, 500);
    change(&list);
    AlignedBytes image;
    const auto made = build_feed_index({.index = {}, .feeds = {list.section()}}, &image);
    assert_false(made.has_value());
    assert_false(made.error().text.empty());
}

struct Local {
    TagKey key{key_of(9)};
    std::vector<KeyedIndicator> entries;
    SectionInfo info = {.name = "local",
                        .kind = SectionKind::local,
                        .ceiling = RightsCeiling::report,
                        .generation = 3};

    void list(std::uint64_t file, std::optional<std::uint64_t> until_s) {
        entries.push_back({.tag = keyed_tag(key, sha256, cut(digest_of(file), sha256)),
                           .reference = file,
                           .source = 2,
                           .flags = record_flag::report_only,
                           .not_after_s = until_s});
    }
    LocalSection section() const {
        return {.info = info, .check = key_check(key), .entries = entries};
    }
};

void a_local_list_stands_beside_the_feeds(void**) {
    const List one("one", 1, 0, 5);
    Local own;
    own.list(7, now_s + 10);
    own.list(3, now_s + 10);
    const LocalSection section = own.section();
    const TagKey keys[] = {one.key, own.key};
    const Opened index({.index = {}, .feeds = {one.section()}, .local = &section}, keys);
    assert_int_equal(index.find(3).size(), 2);
    const std::vector<Match> found = index.find(7);
    assert_int_equal(found.size(), 1);
    assert_int_equal(index.view.section(found[0].section).ceiling, RightsCeiling::report);
    assert_int_equal(index.view.section(found[0].section).kind, SectionKind::local);
    assert_int_equal(found[0].source, 2);

    own.info.ceiling = RightsCeiling::block;
    const LocalSection blocking = own.section();
    AlignedBytes image;
    assert_false(
        build_feed_index({.index = {}, .feeds = {}, .local = &blocking}, &image).has_value());
}

// Whether or not anybody builds a new index.
void an_entry_of_a_local_list_ends_by_itself(void**) {
    Local own;
    own.list(7, now_s + 10);
    own.list(8, now_s + 20);
    own.list(9, std::nullopt);
    const LocalSection section = own.section();
    const TagKey keys[] = {own.key};
    const Opened index({.index = {}, .feeds = {}, .local = &section}, keys);
    const auto found = [&](std::uint64_t file, std::uint64_t at_s) {
        Match match;
        return index.view.lookup(sha256, cut(digest_of(file), sha256), at_s, &match, 1) != 0;
    };
    for (const std::uint64_t at_s : {now_s, now_s + 10, now_s + 11, now_s + 20, now_s + 21}) {
        assert_int_equal(found(7, at_s), at_s <= now_s + 10);
        assert_int_equal(found(8, at_s), at_s <= now_s + 20);
        assert_true(found(9, at_s));
    }
}

void of_a_digest_listed_twice_the_earlier_end_holds(void**) {
    for (const bool earlier_first : {true, false}) {
        Local own;
        own.list(7, now_s + (earlier_first ? 10 : 20));
        own.list(7, now_s + (earlier_first ? 20 : 10));
        const LocalSection section = own.section();
        const TagKey keys[] = {own.key};
        const Opened index({.index = {}, .feeds = {}, .local = &section}, keys);
        Match match;
        const auto at = [&](std::uint64_t at_s) {
            return index.view.lookup(sha256, cut(digest_of(7), sha256), at_s, &match, 1);
        };
        assert_int_equal(at(now_s + 10), 1);
        assert_int_equal(at(now_s + 11), 0);
    }
}

void nothing_but_an_entry_of_a_local_list_ends_by_itself(void**) {
    IndexBuilder builder({.lab = false});
    const List one("one", 1, 0, 1);
    const auto feed = *builder.add_keyed_section(one.info, key_check(one.key));
    KeyedIndicator ending = {.tag = {1, 2}, .reference = 1, .not_after_s = now_s};
    assert_int_equal(builder.add_keyed(feed, ending), AddOutcome::bad_end);
    const auto local = *builder.add_keyed_section(Local().info, key_check(one.key));
    ending.head = HeadFingerprint{1};
    assert_int_equal(builder.add_keyed(local, ending), AddOutcome::bad_end);
    ending.head.reset();
    assert_int_equal(builder.add_keyed(local, ending), AddOutcome::added);
}

void sizes_and_heads_of_a_feed_rule_objects_out(void**) {
    List list("one", 1, 0, 0);
    const std::array<std::uint8_t, head_digest_bytes> head = {1, 2, 3};
    FeedRecord record = record_of(list.key, sha256, digest_of(1), 77);
    record.flags = record_flag::has_size | record_flag::has_head | record_flag::weak;
    record.size = 5000;
    record.head = keyed_head(list.key, head);
    list.records = {record};
    const TagKey keys[] = {list.key};
    const Opened index({.index = {}, .feeds = {list.section()}}, keys);
    assert_int_equal(index.find(1)[0].flags, record.flags);
    assert_int_equal(index.find(1)[0].size, 5000);
    const std::uint8_t raw[head_digest_bytes] = {1, 2, 3};
    const std::uint8_t raw_other[head_digest_bytes] = {3, 2, 1};
    const KindSet asked{sha256};
    assert_true(index.view.candidates(asked, {4096, 5000, &raw}, now_s).kinds == asked);
    assert_true(index.view.candidates(asked, {4096, 5000, &raw_other}, now_s).kinds.empty());
    assert_true(index.view.candidates(asked, {5001, {}, &raw}, now_s).kinds.empty());
}

void digests_of_one_indicator_share_a_record_whatever_their_tags(void**) {
    List list("one", 1, 0, 0);
    for (std::uint64_t n = 0; n < 100; ++n) {
        for (const IndicatorKind kind : {sha256, sha1})
            list.records.push_back(record_of(list.key, kind, digest_of(n), n));
    }
    by_tag(&list.records);
    const TagKey keys[] = {list.key};
    const Opened index({.index = {}, .feeds = {list.section()}}, keys);
    assert_int_equal(index.report.built.tags, 200);
    assert_int_equal(index.report.built.records, 100);
    assert_true(index.find(sha1, digest_of(42))[0].kinds == (KindSet{sha256, sha1}));
    assert_int_equal(index.find(sha1, digest_of(42))[0].reference, 42);
}

void keeps_terms_and_the_generation_of_every_record(void**) {
    List list("one", 1, 0, 50);
    list.info.terms = {now_s + 40, now_s + 10, now_s + 20, now_s + 30};
    std::vector<std::uint64_t> added;
    for (const FeedRecord& record : list.records)
        added.push_back(0x1000000 + record.reference);
    FeedSection section = list.section();
    section.added_in = added;
    const TagKey keys[] = {list.key};
    const Opened index({.index = {}, .feeds = {section}}, keys);
    assert_true(index.view.section(0).terms == list.info.terms);
    for (std::uint64_t n = 0; n < 50; ++n)
        assert_int_equal(index.find(n)[0].added, 1000 + n);  // of 24 bits
    added.pop_back();
    section.added_in = added;
    AlignedBytes image;
    assert_false(build_feed_index({.index = {}, .feeds = {section}}, &image).has_value());
}

// A record set is checked where it is read; what an index cannot hold is refused here again.
void refuses_what_cannot_stand_in_an_index(void**) {
    assert_refused([](List* list) { list->records[9].tag = {}; });
    assert_refused([](List* list) { list->records[9].kind = IndicatorKind::head; });
    assert_refused([](List* list) { list->records[9].flags = record_flag::has_size; });
    assert_refused([](List* list) { list->info.kind = SectionKind::local; });
    assert_refused([](List* list) { list->info.kind = SectionKind::lab; });
    assert_refused([](List* list) { list->info.purpose = static_cast<ListPurpose>(2); });
    assert_refused([](List* list) {
        list->info.terms.fresh_until_s = now_s, list->info.terms.weak_until_s = 1;
    });
    // Tags that somebody chose, so that look-ups would be long.
    assert_refused([](List* list) {
        for (std::size_t i = 0; i < list->records.size(); ++i)
            std::fill_n(list->records[i].tag.begin(), 8, std::uint8_t{7});
    });
}

// Sealed records are no tags, and what is opened of them is for a lab's index only.
void patterns_come_opened_and_into_a_lab_only(void**) {
    List list("one", 1, 0, 5);
    list.records[1].kind = IndicatorKind::pattern;
    list.records[2].kind = IndicatorKind::pdq;
    const TagKey keys[] = {list.key};
    FeedSection section = list.section();
    const Opened without({.index = {}, .feeds = {section}}, keys);
    assert_int_equal(without.report.built.tags, 3);
    assert_int_equal(without.report.built.patterns, 0);
    section.patterns = {{.text = "https://example.test/", .reference = 9, .added_in = 4}};
    const Opened lab({.index = {.lab = true}, .feeds = {section}}, keys);
    assert_int_equal(lab.report.built.tags, 3);
    assert_int_equal(lab.report.built.patterns, 1);
    const Match match = lab.view.pattern_match(0, 0);
    assert_int_equal(match.reference, 9);
    assert_int_equal(match.added, 4);
    AlignedBytes image;
    assert_false(build_feed_index({.index = {}, .feeds = {section}}, &image).has_value());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(holds_lists_with_different_keys),
        cmocka_unit_test(patterns_come_opened_and_into_a_lab_only),
        cmocka_unit_test(a_list_without_its_key_is_not_in_force_and_takes_no_other_with_it),
        cmocka_unit_test(holds_two_epochs_of_one_list),
        cmocka_unit_test(no_key_of_a_feed_comes_into_the_file),
        cmocka_unit_test(a_local_list_stands_beside_the_feeds),
        cmocka_unit_test(an_entry_of_a_local_list_ends_by_itself),
        cmocka_unit_test(of_a_digest_listed_twice_the_earlier_end_holds),
        cmocka_unit_test(nothing_but_an_entry_of_a_local_list_ends_by_itself),
        cmocka_unit_test(sizes_and_heads_of_a_feed_rule_objects_out),
        cmocka_unit_test(digests_of_one_indicator_share_a_record_whatever_their_tags),
        cmocka_unit_test(keeps_terms_and_the_generation_of_every_record),
        cmocka_unit_test(refuses_what_cannot_stand_in_an_index),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
