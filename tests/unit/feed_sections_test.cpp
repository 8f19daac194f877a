// Patterns and perceptual hashes on their way through a feed: from a list to the set of a client.
#include "control/feed/sealed_file.h"
#include "control/feed/sealed_part.h"

// Last: it includes cmocka.h, which defines macros with names such as fail().
#include "tests/support/publisher_lab.h"

using namespace cordon;
using namespace cordon::feed;
using namespace cordon::test;

namespace {

// Half of its bits are set.
const std::string hash_1 = std::string(32, '0') + std::string(32, 'f');
const std::string hash_2 = std::string(32, 'f') + std::string(32, '0');

CategoryMap baseline() {
    CategoryMap map;
    assert_true(add_category("baseline", &map).has_value());
    return map;
}

std::vector<Row> plain(const std::string& text) {
    const ReadRows read = read_plain(text, baseline());
    assert_int_equal(read.problem_count, 0);
    return read.rows;
}

ReadRows csv(const std::string& text) {
    const auto columns = parse_columns("md5=md5,pdq=pdq,distance=distance", ',');
    return read_csv("md5,pdq,distance\n" + text, *columns, baseline());
}

// The holders of targets say that these may be listed.
void admit(std::set<std::string> kinds) {
    TargetsMetadata targets = *Documents(*store).targets();
    targets.caps.kinds = std::move(kinds);
    targets.caps.total = 100'000;
    assert_true(store
                    ->transaction([&]() -> Result<void> {
                        Documents(*store).stage("targets", to_json(targets));
                        return {};
                    })
                    .has_value());
    sign_by(targets_holders, 2, "targets");
}

// What a client finds sealed in a set: "kind reference flags distance part" a line, in order.
std::vector<std::string> opened(const RecordSet& set) {
    const PartSealer sealer(*epoch_key(*store, 1));
    std::vector<std::string> lines;
    for (const FeedRecord& record : set.records()) {
        if (record.sealed.bytes().empty()) continue;
        const auto part = sealer.open(record);
        assert_true(part.has_value());
        lines.push_back(
            std::string(indicator_kind_name(record.kind)) + " " + std::to_string(record.flags) +
            " " + std::to_string(record.distance) + " " +
            (record.kind == IndicatorKind::pdq ? to_hex(as_bytes(*part)) : part->substr(1)));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

using Lines = std::vector<std::string>;

void patterns_go_from_a_list_to_a_client(void**) {
    admit({"sha256", "pattern"});
    import("iwf",
           plain(to_hex(sha256(as_bytes("a file"))) + "\npattern: https://example.test/A#b  \n"
                                                      "expression: exam+ple\\.test/[a-z]+x\n"));
    assert_int_equal(release(), 1);
    const RecordSet first = synced(0, {});
    assert_int_equal(first.records().size(), 3);
    assert_true(opened(first) == Lines({"pattern 8 0 exam+ple\\.test/[a-z]+x",
                                        "pattern 8 0 https://example.test/A#b"}));
    clock_s += 60;
    import("iwf", plain("pattern: https://example.test/A#b\npattern: https://example.test/C\n"));
    assert_int_equal(release(), 2);
    const RecordSet by_delta = synced(1, first);
    assert_true(opened(by_delta) == Lines({"pattern 8 0 https://example.test/A#b",
                                           "pattern 8 0 https://example.test/C"}));
    assert_true(by_delta.state() == synced(0, {}).state());
    // By the reference that it keeps for good, as a digest does.
    const auto reference = [](const RecordSet& set) {
        const PartSealer sealer(*epoch_key(*store, 1));
        for (const FeedRecord& record : set.records())
            if (!record.sealed.bytes().empty() && sealer.open(record)->ends_with("A#b"))
                return record.reference;
        return std::uint64_t{0};
    };
    assert_true(reference(first) != 0 && reference(first) == reference(by_delta));
    clock_s += 60;
    Statement withdraw(store->db(), "INSERT INTO withdrawal VALUES (?, 'wrong', 1)");
    withdraw.bind_unsigned(reference(by_delta)).run();
    assert_int_equal(release(), 3);
    assert_true(opened(synced(2, by_delta)) == Lines({"pattern 8 0 https://example.test/C"}));
}

void a_pattern_that_cannot_be_listed_is_left_out_and_named(void**) {
    const Imported done = import(
        "iwf", plain("pattern: long enough\npattern: abc\nexpression: (open\nexpression: .*\n"
                     "pattern: " +
                     std::string(513, 'x') + "\n"));
    assert_int_equal(done.refused, 4);
    assert_int_equal(done.added, 1);
    assert_int_equal(done.refusals.at(0).line, 2);
    assert_string_equal(done.refusals.at(0).why.c_str(), "pattern: it is shorter than 6 bytes");
    assert_int_equal(done.refusals.at(1).line, 3);
    assert_true(done.refusals.at(3).why.find("longer than 512") != std::string::npos);
}

void kinds_are_listed_by_the_word_of_the_holders_of_targets(void**) {
    import("iwf", plain("pattern: https://example.test/\n"));
    const auto staged = stage();
    assert_false(staged.has_value());
    assert_true(staged.error().text.find("targets does not allow pattern") != std::string::npos);
    admit({"sha256", "pattern"});
    assert_int_equal(release(), 1);
    // A client whose targets do not name it takes none, whoever published it.
    const auto feed = client_sees();
    TargetFile file = feed->releases->targets.at("full/1.rec");
    Caps caps = feed->targets.caps;
    caps.kinds = {"sha256"};
    FolderFetch fetch(store->path("public"));
    const auto refused =
        fetch_and_apply("full/1.rec", file, caps, *epoch_key(*store, 1), {}, fetch, nullptr);
    assert_false(refused.has_value());
    assert_true(refused.error().text.find("over-caps: a kind") == 0);
}

void perceptual_hashes_go_from_a_list_to_a_client(void**) {
    admit({"md5", "pdq"});
    const std::string md5 = "00112233445566778899aabbccddeeff";
    const ReadRows read = csv(md5 + "," + hash_1 + ",\n," + hash_2 + ",20\n");
    assert_int_equal(read.problem_count, 0);
    import("iwf", read.rows);
    assert_int_equal(release(), 1);
    const RecordSet first = synced(0, {});
    assert_int_equal(first.count(IndicatorKind::pdq), 2);
    assert_true(opened(first) == Lines({"pdq 0 20 " + hash_2, "pdq 0 31 " + hash_1}));
    // Digest and hash of one file have one reference.
    std::map<std::uint64_t, int> references;
    for (const FeedRecord& record : first.records())
        ++references[record.reference];
    assert_int_equal(references.size(), 2);
    // The least of what the sources say holds; the record that differs comes by a delta.
    clock_s += 60;
    import("hotline", csv("," + hash_1 + ",7\n").rows);
    assert_int_equal(release(), 2);
    const RecordSet second = synced(1, first);
    assert_true(opened(second) == Lines({"pdq 0 20 " + hash_2, "pdq 0 7 " + hash_1}));
    clock_s += 60;
    import("hotline", {});
    assert_int_equal(release(), 3);
    assert_true(opened(synced(2, second)) == opened(first));
}

void a_hash_or_distance_that_is_none_refuses_the_list(void**) {
    for (const std::string& line :
         {"," + hash_1.substr(1) + ",", "," + hash_1 + "0,", "," + hash_1 + ",32",
          "," + hash_1 + ",-1", "," + hash_1 + ",x", std::string(",,5")}) {
        const ReadRows read = csv(line + "\n");
        assert_int_equal(read.problem_count, 1);
        assert_int_equal(read.problems[0].line, 2);
        assert_int_equal(read.rows.size(), 0);
    }
}

void a_hash_of_a_flat_picture_is_left_out_and_the_digest_beside_it_is_not(void**) {
    const std::string md5 = "00112233445566778899aabbccddeeff";
    const std::string flat = std::string(60, '0') + "ffff";
    const Imported done =
        import("iwf", csv(md5 + "," + flat + ",\n," + std::string(64, '0') + ",\n").rows);
    assert_int_equal(done.refused, 2);
    assert_int_equal(done.added, 1);
    assert_int_equal(done.refusals.at(1).line, 3);
    const auto set = asserted_set(*store);
    assert_int_equal(set->records().size(), 1);
    assert_int_equal(set->records()[0].kind, IndicatorKind::md5);
}

// An appliance would refuse the whole generation.
void more_patterns_than_an_index_holds_are_not_staged(void**) {
    admit({"pattern"});
    std::string list;
    for (std::size_t i = 0; i <= limits::patterns_max; ++i)
        list += "pattern: https://example.test/" + std::to_string(i) + "\n";
    import("iwf", plain(list));
    const auto staged = stage();
    assert_false(staged.has_value());
    assert_true(staged.error().text.find("a feed has at most 16384 patterns") == 0);
    assert_int_equal(published_generation(*store), 0);
}

// A feed's database of the version before.
void an_older_store_is_carried_forward(void**) {
    import("iwf", rows(0, 3));
    store->db().run("ALTER TABLE assertion DROP COLUMN distance");
    store->db().run("PRAGMA user_version=2");
    store.reset();
    auto opened_again = FeedStore::open(directory + "/feed");
    assert_true(opened_again.has_value());
    store = std::move(*opened_again);
    assert_int_equal(store->db().integer("PRAGMA user_version"), 3);
    assert_int_equal(asserted_set(*store)->records().size(), 3);
    admit({"sha256", "pdq"});
    import("hotline", csv("," + hash_1 + ",9\n").rows);
    assert_int_equal(release(), 1);
    assert_true(opened(synced(0, {})) == Lines({"pdq 0 9 " + hash_1}));
}

// Under a new key everything has other tags and is sealed anew; nothing else changes.
void a_new_epoch_changes_no_pattern(void**) {
    admit({"sha256", "pattern", "pdq"});
    import("iwf", plain("pattern: https://example.test/\n"));
    import("hotline", csv("," + hash_1 + ",9\n").rows);
    assert_int_equal(release(), 1);
    const RecordSet first = synced(0, {});
    assert_int_equal(*make_next_epoch(*store, clock_s), 2);
    clock_s += 60;
    StageOptions options;
    options.next_epoch = true;
    options.now_s = clock_s;
    const auto staged = stage_release(*store, options);
    assert_true(staged.has_value());
    assert_int_equal(staged->difference.added, 0);
    assert_int_equal(staged->difference.removed, 0);
    const RecordSet second = *set_of(*store, 2);
    assert_int_equal(second.records().size(), 2);
    const PartSealer sealer(*epoch_key(*store, 2));
    for (const FeedRecord& record : second.records()) {
        assert_true(sealer.open(record).has_value());
        for (const FeedRecord& before : first.records())
            assert_false(before.tag == record.tag || before.sealed == record.sealed);
    }
}

// Who signs, and has the key, can still not name one text and seal another.
void a_part_that_is_not_its_tags_is_refused_by_a_client(void**) {
    admit({"sha256", "pattern"});
    import("iwf", plain("pattern: https://example.test/\n"));
    assert_int_equal(release(), 1);
    const auto feed = client_sees();
    const SecretKey key = *epoch_key(*store, 1);
    RecordFile file;
    file.generation = 1;
    file.epoch = 1;
    file.check = key_check(TagKey(key.bytes));
    file.added = synced(0, {}).records();
    file.added[0].tag[0] ^= 1;
    file.state = RecordSet::of(file.added)->state().bytes();
    const std::string bytes = encode_records(file);
    const std::string sealed = *seal_target(key, "full/1.rec", as_bytes(bytes));
    TargetFile target = feed->releases->targets.at("full/1.rec");
    target.length = sealed.size();
    target.sha256 = sha256(as_bytes(sealed));
    target.bytes = bytes.size();
    target.state = file.state;
    std::ofstream(store->path("public/" + target_location("full/1.rec", target.sha256)),
                  std::ios::binary)
        << sealed;
    FolderFetch fetch(store->path("public"));
    const auto refused =
        fetch_and_apply("full/1.rec", target, feed->targets.caps, key, {}, fetch, nullptr);
    assert_false(refused.has_value());
    assert_true(refused.error().text.find("malformed: what is sealed in reference") == 0);
}

}  // namespace

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        test(patterns_go_from_a_list_to_a_client),
        test(a_pattern_that_cannot_be_listed_is_left_out_and_named),
        test(kinds_are_listed_by_the_word_of_the_holders_of_targets),
        test(perceptual_hashes_go_from_a_list_to_a_client),
        test(a_hash_or_distance_that_is_none_refuses_the_list),
        test(a_hash_of_a_flat_picture_is_left_out_and_the_digest_beside_it_is_not),
        test(more_patterns_than_an_index_holds_are_not_staged),
        test(an_older_store_is_carried_forward),
        test(a_new_epoch_changes_no_pattern),
        test(a_part_that_is_not_its_tags_is_refused_by_a_client),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
