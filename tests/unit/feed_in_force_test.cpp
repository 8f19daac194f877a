// From the sets of feeds to the index that the dataplane reads: what is in it, and what is refused.
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/feed/sealed_part.h"
#include "control/index/aligned_bytes.h"
#include "control/index/index_files.h"
#include "control/sync/index_of_feeds.h"
#include "dataplane/contract/suspensions.h"
#include "dataplane/index/index_view.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;

namespace {

constexpr std::uint64_t noon = 1'800'000'000;

feed::Hash digest_of(const std::string& text) {
    return feed::sha256(as_bytes(text));
}

struct Fixture {
    std::string directory;
    feed::KnownFiles files;
    feed::SecretKey node = feed::SecretKey::random();
    IndexOfFeeds index;
    FeedInForce feed;
    std::vector<feed::FeedRecord> records;

    explicit Fixture(const std::string& where)
        : directory(where),
          files(where + "/system", where + "/files.sqlite", nullptr),
          index({where + "/index.cdx", where}, feed::box_public(node), true, files) {
        std::filesystem::create_directories(where + "/system/bin");
        write("bin/tool", "a program");
        feed.name = "centre";
        feed.ceiling = RightsCeiling::block;
        feed.key = feed::SecretKey::random();
        feed.not_after_s = noon + feed::day_s;
        feed.issued_s = noon;
        add("one", 1);
        add("two", 2);
        of_generation(1);
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(directory + "/system/" + name) << text;
    }
    void add(const std::string& text, std::uint64_t reference) {
        add(IndicatorKind::sha256, digest_of(text), reference);
    }
    void add(IndicatorKind kind, Bytes digest, std::uint64_t reference) {
        feed::FeedRecord record;
        const Tag tag = keyed_tag(TagKey(feed.key.bytes), kind, digest);
        std::memcpy(record.tag.data(), &tag, sizeof tag);
        record.kind = kind;
        record.reference = reference;
        record.source = static_cast<std::uint16_t>(reference);
        records.push_back(record);
    }
    void add_pattern(const std::string& text, std::uint64_t reference) {
        feed::FeedRecord record;
        const std::string part = feed::pattern_part(PatternSyntax::literal, text);
        feed::PartSealer(feed.key).seal(IndicatorKind::pattern, as_bytes(part), &record);
        record.reference = reference;
        record.source = 1;
        record.category = 5;
        record.flags = record_flag::report_only;
        records.push_back(record);
    }
    void add_picture(std::uint64_t reference) {
        feed::FeedRecord record;
        const std::string hash(feed::pdq_bytes, '\x55');
        feed::PartSealer(feed.key).seal(IndicatorKind::pdq, as_bytes(hash), &record);
        record.reference = reference;
        records.push_back(record);
    }
    void of_generation(std::uint64_t generation) {
        feed.set = feed.set.follow(*feed::RecordSet::of(records), generation);
        feed.generation = {generation, 1, noon, records.size()};
    }
    std::string put() {
        const auto done = index.put(feed, noon);
        return done ? "" : done.error().message();
    }
    std::string suspend(std::vector<feed::Suspension> suspensions) {
        feed.suspensions = std::move(suspensions);
        const auto done = index.suspend(feed, noon);
        return done ? "" : done.error().message();
    }
    AlignedBytes file() const {
        std::ifstream in(directory + "/index.cdx", std::ios::binary);
        std::stringstream bytes;
        bytes << in.rdbuf();
        const std::string text = bytes.str();
        AlignedBytes image(text.size());
        std::memcpy(image.mutable_bytes().data(), text.data(), text.size());
        return image;
    }
    // What the dataplane acts on: 0 nothing, else the reference; 100 more when it only reports.
    std::uint64_t find(const std::string& text, std::uint64_t at_s = noon) const {
        const AlignedBytes image = file();
        const TagKey key(feed.key.bytes);
        IndexView view;
        const char* why = "";
        if (IndexView::open(image.bytes(), true, &view, &why, {&key, 1}) != IndexStatus::ok)
            return 999;
        Match match;
        if (view.lookup(IndicatorKind::sha256, digest_of(text), at_s, &match, 1) == 0) return 0;
        const auto mode =
            suspensions().mode_of({feed.name, match.reference, match.source, match.added}, at_s);
        if (mode == SuspensionMode::suspended) return 0;
        return match.reference + (mode == SuspensionMode::report_only ? 100 : 0);
    }
    Suspensions suspensions() const {
        std::ifstream in(directory + "/" + suspensions_name, std::ios::binary);
        std::stringstream bytes;
        bytes << in.rdbuf();
        auto read = Suspensions::read(as_bytes(bytes.str()));
        assert_true(read.has_value());
        return *read;
    }
};

int setup(void** state) {
    char directory[] = "/tmp/cordon-in-force-XXXXXX";
    if (::mkdtemp(directory) == nullptr) return -1;
    *state = new Fixture(directory);
    return 0;
}
int teardown(void** state) {
    auto* f = static_cast<Fixture*>(*state);
    std::filesystem::remove_all(f->directory);
    delete f;
    return 0;
}
Fixture& of(void** state) {
    return *static_cast<Fixture*>(*state);
}

#define assert_says(is, should) assert_string_equal((is).c_str(), should)
#define assert_has(text, part) assert_true((text).find(part) != std::string::npos)

void what_is_put_is_found_and_nothing_else(void** state) {
    Fixture& f = of(state);
    assert_says(f.put(), "");
    assert_int_equal(f.find("one"), 1);
    assert_int_equal(f.find("two"), 2);
    assert_int_equal(f.find("three"), 0);
    assert_true(f.index.holds("centre", f.feed.generation, RightsCeiling::block));
    assert_false(f.index.holds("centre", {2, 1, 0, 0}, RightsCeiling::block));
    assert_false(f.index.holds("other", f.feed.generation, RightsCeiling::block));
    assert_false(f.index.holds("centre", f.feed.generation, RightsCeiling::report));
}

// Its text, reference and generation come out of what is sealed in the set.
void a_pattern_of_a_feed_is_in_the_index_of_a_lab(void** state) {
    Fixture& f = of(state);
    f.add_pattern("example.test/one", 7);
    f.of_generation(2);
    f.add_pattern("example.test/two", 8);
    f.add_picture(9);  // passed over: an index has no place for it
    f.of_generation(3);
    assert_says(f.put(), "");
    assert_int_equal(f.find("one"), 1);
    const AlignedBytes image = f.file();
    const TagKey key(f.feed.key.bytes);
    IndexView view;
    const char* why = "";
    assert_int_equal(IndexView::open(image.bytes(), true, &view, &why, {&key, 1}), IndexStatus::ok);
    const PatternPart part = view.patterns(0);
    assert_int_equal(part.entries.size(), 2);
    const std::size_t first = part.texts.starts_with("example.test/one") ? 0 : 1;
    const Match match = view.pattern_match(0, first);
    assert_int_equal(match.reference, 7);
    assert_int_equal(match.added, 2);
    assert_int_equal(match.category, 5);
    assert_int_equal(match.flags, record_flag::report_only);
    assert_int_equal(view.pattern_match(0, 1 - first).reference, 8);
    assert_int_equal(view.pattern_match(0, 1 - first).added, 3);
}

void an_index_for_production_has_no_text_in_clear(void** state) {
    Fixture& f = of(state);
    f.add_pattern("example.test/one", 7);
    f.of_generation(2);
    IndexOfFeeds production({f.directory + "/index.cdx", f.directory}, feed::box_public(f.node),
                            false, f.files);
    assert_true(production.put(f.feed, noon).has_value());
    const auto index = describe_index(f.directory + "/index.cdx");
    assert_true(index.has_value());
    assert_int_equal(index->patterns, 0);
    assert_int_equal(index->tags, 2);
    for (const auto& entry : std::filesystem::directory_iterator(f.directory)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        std::stringstream bytes;
        bytes << in.rdbuf();
        assert_true(bytes.str().find("example.test") == std::string::npos);
    }
}

void a_pattern_that_cannot_be_refuses_the_generation(void** state) {
    Fixture& f = of(state);
    assert_says(f.put(), "");
    f.add_pattern("example.test/one", 7);
    f.records.back().tag[0] ^= 1;  // sealed under another tag
    f.of_generation(2);
    assert_has(f.put(), "what is sealed in reference 7 is not what its tag says");
    f.records.pop_back();
    feed::FeedRecord odd;
    const std::string part = feed::pattern_part(PatternSyntax::expression, "(no end of it");
    feed::PartSealer(f.feed.key).seal(IndicatorKind::pattern, as_bytes(part), &odd);
    odd.reference = 8;
    f.records.push_back(odd);
    f.of_generation(2);
    assert_has(f.put(), "pattern 8 of centre: ");
    assert_true(f.index.holds("centre", {1, 1, 0, 0}, RightsCeiling::block));
}

void what_is_suspended_here_does_nothing_until_its_end(void** state) {
    Fixture& f = of(state);
    assert_says(f.put(), "");
    f.feed.own = {{feed::SuspensionOf::reference, 1, noon, noon + 60, "case X"}};
    assert_false(f.index.suspends(f.feed));
    assert_says(f.suspend({}), "");
    assert_true(f.index.suspends(f.feed));
    assert_int_equal(f.find("one"), 0);
    assert_int_equal(f.find("two"), 2);
    assert_int_equal(f.find("one", noon + 61), 1);
}

void a_list_that_has_a_file_of_the_system_is_refused(void** state) {
    Fixture& f = of(state);
    assert_says(f.put(), "");
    f.add("a program", 3);
    f.of_generation(2);
    assert_has(f.put(), "lists " + f.directory + "/system/bin/tool of this system (reference 3)");
    assert_int_equal(f.find("one"), 1);
    assert_true(f.index.holds("centre", {1, 1, 0, 0}, RightsCeiling::block));
    // A file that comes to the system later is found.
    f.records.pop_back();
    f.add("an update", 3);
    f.of_generation(2);
    assert_says(f.put(), "");
    f.write("bin/new", "an update");
    assert_has(f.put(), "system/bin/new");
    // … but that keeps no suspension waiting.
    assert_says(f.suspend({{feed::SuspensionOf::reference, 1, noon, noon + 60, ""}}), "");
    assert_int_equal(f.find("one"), 0);
}

void a_file_of_the_system_is_told_by_any_kind(void** state) {
    Fixture& f = of(state);
    f.write("bin/tool", std::string(feed::file_leaf_bytes + 1, 'x'));
    const auto tool = feed::digest_file(f.directory + "/system/bin/tool", exact_kinds);
    for (const IndicatorKind kind : exact_kind_list) {
        f.add(kind, tool->of(kind), 3);
        f.of_generation(2);
        assert_has(f.put(), "lists " + f.directory + "/system/bin/tool");
        f.records.pop_back();
    }
    f.of_generation(2);
    assert_says(f.put(), "");
}

void a_file_that_changed_in_place_is_hashed_again(void** state) {
    Fixture& f = of(state);
    assert_says(f.put(), "");
    f.write("bin/tool", "two");
    assert_has(f.put(), "bin/tool");
}

void without_system_files_nothing_is_put(void** state) {
    Fixture& f = of(state);
    std::filesystem::remove_all(f.directory + "/system");
    assert_has(f.put(), "no file is below");
}

void suspended_references_are_not_acted_on_and_the_rest_only_reports(void** state) {
    Fixture& f = of(state);
    f.add("three", 3);
    f.of_generation(2);
    assert_says(f.put(), "");
    const std::uint64_t index = f.index.generation();
    assert_says(f.suspend({{feed::SuspensionOf::reference, 1, noon, noon + 60, ""}}), "");
    assert_int_equal(f.find("one"), 0);
    assert_int_equal(f.find("two"), 2);
    // Its entry ends, and nobody has reaffirmed it.
    assert_int_equal(f.find("one", noon + 61), 0);
    assert_says(f.suspend({{feed::SuspensionOf::source, 2, noon, noon + 60, ""}}), "");
    assert_int_equal(f.find("one"), 1);
    assert_int_equal(f.find("two"), 102);
    assert_int_equal(f.find("two", noon + 61), 2);
    assert_says(f.suspend({{feed::SuspensionOf::generation, 2, noon, noon + 60, ""}}), "");
    assert_int_equal(f.find("two"), 2);
    assert_int_equal(f.find("three"), 103);
    // A new index does not lift it.
    assert_says(f.put(), "");
    assert_int_equal(f.find("three"), 103);
    assert_says(f.suspend({}), "");
    assert_int_equal(f.find("three"), 3);
    assert_true(f.index.generation() != index);
}

void a_suspension_needs_no_new_index(void** state) {
    Fixture& f = of(state);
    assert_says(f.put(), "");
    const std::uint64_t index = f.index.generation();
    assert_says(f.suspend({{feed::SuspensionOf::reference, 1, noon, noon + 60, ""}}), "");
    assert_int_equal(f.index.generation(), index);
    assert_int_equal(f.suspensions().ages().size(), 1);
    assert_int_equal(f.suspensions().ages()[0].fresh_until_s, noon + feed::day_s);
}

void what_the_dataplane_refused_gives_way_to_the_one_before(void** state) {
    Fixture& f = of(state);
    assert_false(f.index.dataplane_refused().has_value());
    assert_says(f.put(), "");
    f.add("three", 3);
    f.of_generation(2);
    assert_says(f.put(), "");
    assert_int_equal(f.find("three"), 3);
    assert_true(f.index.dataplane_refused().has_value());
    assert_int_equal(f.find("three"), 0);
    assert_int_equal(f.find("one"), 1);
}

void feeds_share_an_index(void** state) {
    Fixture& f = of(state);
    FeedInForce other = f.feed;
    other.name = "other";
    f.index.set_others(
        [&](const std::string& but) -> Result<std::vector<FeedInForce>> {
            assert_string_equal(but.c_str(), "centre");
            return std::vector<FeedInForce>{other};
        },
        [&](const std::string&) { return std::vector<FeedStanding>{other}; });
    assert_says(f.put(), "");
    assert_true(f.index.holds("centre", f.feed.generation, RightsCeiling::block));
    assert_true(f.index.holds("other", other.generation, RightsCeiling::block));
}

// What cannot be read of another feed is no reason to forget what was said of it.
void a_feed_that_is_not_read_keeps_its_suspensions(void** state) {
    Fixture& f = of(state);
    FeedInForce other = f.feed;
    other.name = "other";
    other.suspensions = {{feed::SuspensionOf::source, 7, noon, noon + 60, ""},
                         {feed::SuspensionOf::generation, (1u << 24) + 5, noon, noon + 60, ""}};
    assert_true(f.index.suspend(other, noon).has_value());
    assert_true(f.index.suspends(other));
    FeedStanding damaged = {"other", 0, {}, false};
    f.index.set_others([](const std::string&) { return std::vector<FeedInForce>(); },
                       [&](const std::string&) { return std::vector<FeedStanding>{damaged}; });
    assert_says(f.suspend({{feed::SuspensionOf::reference, 1, noon, noon + 60, ""}}), "");
    assert_true(f.index.suspends(other) && f.index.suspends(f.feed));
    assert_int_equal(f.suspensions().ages().size(), 2);
    damaged.is_read = true;
    assert_says(f.suspend({}), "");
    assert_false(f.index.suspends(other));
}

}  // namespace

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        test(what_is_put_is_found_and_nothing_else),
        test(a_pattern_of_a_feed_is_in_the_index_of_a_lab),
        test(an_index_for_production_has_no_text_in_clear),
        test(a_pattern_that_cannot_be_refuses_the_generation),
        test(what_is_suspended_here_does_nothing_until_its_end),
        test(a_list_that_has_a_file_of_the_system_is_refused),
        test(a_file_of_the_system_is_told_by_any_kind),
        test(a_file_that_changed_in_place_is_hashed_again),
        test(without_system_files_nothing_is_put),
        test(suspended_references_are_not_acted_on_and_the_rest_only_reports),
        test(a_suspension_needs_no_new_index),
        test(what_the_dataplane_refused_gives_way_to_the_one_before),
        test(feeds_share_an_index),
        test(a_feed_that_is_not_read_keeps_its_suspensions),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
