// The operator's own list on the disk: what may come in, what is durable, and what it tells.
#include "control/local/local_list.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr std::uint64_t now_s = 1'800'000'000;
constexpr const char* digest_text =
    "sha256:3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855e";

std::string directory;

int setup(void**) {
    char name[] = "/tmp/cordon-local-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    return 0;
}

int teardown(void**) {
    std::filesystem::remove_all(directory);
    return 0;
}

std::string path() {
    return directory + "/local.json";
}

std::string file() {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write(const std::string& text) {
    std::ofstream(path(), std::ios::binary) << text;
}

feed::SecretKey node() {
    feed::SecretKey key;
    key.bytes.fill(7);
    return key;
}

LocalList loaded() {
    LocalList list(path());
    assert_true(list.load(node()).has_value());
    return list;
}

LocalEntry entry_of(const LocalList& list, std::string_view digest = digest_text) {
    const Result<LocalDigest> parsed = parse_local_digest(digest);
    assert_true(parsed.has_value());
    LocalEntry entry;
    entry.origin = LocalOrigin::hotline;
    entry.id = "INHOPE-2026/17";
    entry.kind = parsed->kind;
    entry.tag = list.tag_of(*parsed);
    entry.size = 1234;
    entry.until_s = now_s + 1000;
    entry.requester = {1000, "olga", "operator"};
    entry.approver = Person{1001, "anna", "admin"};
    return entry;
}

void assert_code(const Result<LocalDigest>& parsed, ErrorCode code) {
    assert_false(parsed.has_value());
    assert_int_equal(parsed.error().code, code);
}

void reads_digests_of_three_kinds_and_nothing_else(void**) {
    assert_int_equal(parse_local_digest(digest_text)->kind, IndicatorKind::sha256);
    assert_int_equal(
        parse_local_digest("sha1:aabbccddeeff00112233445566778899aabbccdd")->bytes.size(), 20);
    assert_int_equal(parse_local_digest("md5:aabbccddeeff00112233445566778899")->bytes.size(), 16);
    const std::string right = digest_text;
    for (std::size_t n = 0; n < right.size(); ++n)  // cut anywhere
        assert_code(parse_local_digest(right.substr(0, n)), ErrorCode::usage);
    for (const std::string& wrong :
         {right + "0", right + " ", " " + right, right + std::string(1, '\0'),
          "SHA256:" + right.substr(7), "sha256-tree:" + right.substr(7),
          "sha512:" + right.substr(7), "sha256:" + std::string(64, 'g'),
          "sha256:" + std::string(64, 'A'), right.substr(7), std::string("pattern:abc"),
          std::string(100000, ':')})
        assert_code(parse_local_digest(wrong), ErrorCode::usage);
}

void refuses_what_would_list_innocent_files(void**) {
    assert_code(parse_local_digest("md5:d41d8cd98f00b204e9800998ecf8427e"), ErrorCode::refused);
    assert_code(parse_local_digest("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"),
                ErrorCode::refused);
    assert_code(parse_local_digest(
                    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                ErrorCode::refused);
    assert_code(parse_local_digest("md5:93b885adfe0da089cdf634904fd59f71"),  // one byte of zero
                ErrorCode::refused);
    assert_code(parse_local_digest("md5:" + std::string(32, '0')), ErrorCode::refused);
    assert_code(parse_local_digest("md5:" + std::string(32, 'f')), ErrorCode::refused);
}

void holds_an_entry_to_its_rules(void**) {
    const LocalList list = loaded();
    const LocalEntry right = entry_of(list);
    assert_true(list.may_add(right, now_s).has_value());
    const auto refused = [&](auto&& change) {
        LocalEntry entry = right;
        change(&entry);
        return !list.may_add(entry, now_s).has_value();
    };
    assert_true(refused([](LocalEntry* e) { e->id.clear(); }));
    assert_true(refused([](LocalEntry* e) { e->id = "Mr X"; }));
    assert_true(refused([](LocalEntry* e) { e->id = "a\nb"; }));
    assert_true(refused([](LocalEntry* e) { e->id = std::string(65, 'a'); }));
    assert_true(refused([](LocalEntry* e) { e->size = 0; }));
    assert_true(refused([](LocalEntry* e) { e->until_s = now_s; }));
    assert_true(refused([](LocalEntry* e) { e->until_s = now_s + 90 * 86400 + 1; }));
    assert_false(refused([](LocalEntry* e) { e->until_s = now_s + 90 * 86400; }));
    assert_false(refused([](LocalEntry* e) { e->size.reset(); }));
}

void what_was_added_is_there_after_a_restart(void**) {
    LocalList list = loaded();
    const Result<LocalEntry> added = list.add(entry_of(list), now_s);
    assert_int_equal(added->number, 1);
    const LocalList again = loaded();
    assert_int_equal(again.entries().size(), 1);
    const LocalEntry& kept = *again.find(1);
    assert_int_equal(kept.origin, LocalOrigin::hotline);
    assert_string_equal(kept.id.c_str(), "INHOPE-2026/17");
    assert_true(kept.tag == entry_of(list).tag);
    assert_int_equal(*kept.size, 1234);
    assert_int_equal(kept.added_s, now_s);
    assert_int_equal(kept.until_s, now_s + 1000);
    assert_true(kept.requester == added->requester && kept.approver == added->approver);
    // Under the same key, and so a second one of the same is refused.
    assert_false(again.may_add(entry_of(again), now_s).has_value());
}

void no_digest_and_no_key_lies_on_the_disk(void**) {
    LocalList list = loaded();
    assert_true(list.add(entry_of(list), now_s).has_value());
    const std::string text = file();
    assert_true(text.find(std::string(digest_text).substr(7)) == std::string::npos);
    assert_true(text.find(feed::to_hex(list.in_force()->key.bytes)) == std::string::npos);
    assert_int_equal(std::filesystem::status(path()).permissions(),
                     std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    // Two appliances have two keys: their tags have nothing to do with each other.
    std::filesystem::remove(path());
    assert_false(loaded().tag_of(*parse_local_digest(digest_text)) == entry_of(list).tag);
}

void a_number_is_given_once(void**) {
    LocalList list = loaded();
    assert_int_equal(list.add(entry_of(list), now_s)->number, 1);
    assert_int_equal(list.remove(1)->number, 1);
    assert_false(list.remove(1).has_value());
    LocalList again = loaded();
    assert_int_equal(again.add(entry_of(again), now_s)->number, 2);
}

void what_has_ended_is_forgotten(void**) {
    LocalList list = loaded();
    LocalEntry soon = entry_of(list);
    soon.until_s = now_s + 5;
    assert_true(list.add(soon, now_s).has_value());
    assert_true(
        list.add(entry_of(list, "md5:aabbccddeeff00112233445566778899"), now_s).has_value());
    assert_int_equal(list.next_end_s(), now_s + 5);
    assert_int_equal(list.forget_ended(now_s + 5)->size(), 0);
    assert_int_equal(list.forget_ended(now_s + 6)->at(0).number, 1);
    assert_int_equal(loaded().entries().size(), 1);
    assert_int_equal(loaded().next_end_s(), now_s + 1000);
}

// Every change is another generation: an index that is older is told by it.
void goes_into_an_index_with_its_ends_and_reports_only(void**) {
    LocalList list = loaded();
    const std::uint64_t before = list.in_force()->generation;
    assert_true(list.add(entry_of(list), now_s).has_value());
    const auto local = list.in_force();
    assert_true(local->generation > before);
    assert_int_equal(loaded().in_force()->generation, local->generation);
    assert_int_equal(local->entries.size(), 1);
    const KeyedIndicator& entry = local->entries[0];
    assert_int_equal(entry.flags, record_flag::report_only);
    assert_int_equal(*entry.not_after_s, now_s + 1000);
    assert_int_equal(entry.reference, 1);
    assert_int_equal(entry.source, LocalOrigin::hotline);
}

void is_full_at_ten_thousand(void**) {
    { const LocalList made = loaded(); }
    nlohmann::json all = nlohmann::json::parse(file());
    const nlohmann::json person = {{"uid", 1}, {"name", "a"}, {"role", "admin"}};
    for (std::uint64_t n = 1; n <= LocalList::entries_max; ++n) {
        char tag[33];
        std::snprintf(tag, sizeof tag, "%032llx", static_cast<unsigned long long>(n));
        all["entries"].push_back({{"number", n},
                                  {"origin", "order"},
                                  {"id", "O"},
                                  {"kind", "md5"},
                                  {"tag", tag},
                                  {"size", nullptr},
                                  {"added", now_s},
                                  {"until", now_s + 10},
                                  {"requester", person},
                                  {"approver", nullptr}});
    }
    all["next"] = LocalList::entries_max + 1;
    write(all.dump());
    LocalList list = loaded();
    const Result<LocalEntry> refused = list.add(entry_of(list), now_s);
    assert_false(refused.has_value());
    assert_true(refused.error().text.find("full") != std::string::npos);
    assert_true(list.remove(5).has_value());
    assert_int_equal(list.add(entry_of(list), now_s)->number, LocalList::entries_max + 1);
    // One more by hand is no list of ours.
    all["entries"].push_back(all["entries"].back());
    all["entries"].back()["number"] = LocalList::entries_max + 1;
    all["next"] = LocalList::entries_max + 2;
    write(all.dump());
    assert_false(LocalList(path()).load(node()).has_value());
}

void a_damaged_file_is_told_and_stays_as_it_is(void**) {
    {
        LocalList list = loaded();
        assert_true(list.add(entry_of(list), now_s).has_value());
    }
    const std::string whole = file();
    const auto is_refused = [](const std::string& text) {
        write(text);
        LocalList list(path());
        const Result<void> read = list.load(node());
        const bool refused = !read.has_value();
        if (refused) {
            assert_int_equal(read.error().code, ErrorCode::integrity);
            assert_false(list.problem().empty());
            assert_true(list.entries().empty());
            LocalEntry entry;
            entry.id = "A";
            entry.until_s = now_s + 1;
            assert_int_equal(list.add(entry, now_s).error().code, ErrorCode::integrity);
            assert_int_equal(list.remove(1).error().code, ErrorCode::integrity);
        }
        assert_true(file() == text);
        return refused;
    };
    for (std::size_t n = 0; n + 1 < whole.size(); ++n)  // but for the newline
        assert_true(is_refused(whole.substr(0, n)));
    const nlohmann::json right = nlohmann::json::parse(whole);
    const std::pair<const char*, nlohmann::json> wrong[] = {
        {"/key", "00"},
        {"/key", std::string(160, '0')},
        {"/next", 1},
        {"/next", -1},
        {"/next", UINT64_MAX},
        {"/generation", "7"},
        {"/entries/0/number", 0},
        {"/entries/0/number", 2},
        {"/entries/0/origin", "police"},
        {"/entries/0/id", "Mr X"},
        {"/entries/0/kind", "pattern"},
        {"/entries/0/tag", std::string(32, '0')},
        {"/entries/0/tag", "00"},
        {"/entries/0/size", 0},
        {"/entries/0/until", now_s + 91 * 86400},
        {"/entries/0/requester", "olga"},
        {"/entries", 7},
    };
    for (const auto& [where, value] : wrong) {
        nlohmann::json text = right;
        text[nlohmann::json::json_pointer(where)] = value;
        assert_true(is_refused(text.dump()));
    }
    assert_false(is_refused(whole));
    // Of another appliance.
    LocalList list(path());
    feed::SecretKey other;
    other.bytes.fill(8);
    assert_int_equal(list.load(other).error().code, ErrorCode::integrity);
}

void what_cannot_be_written_changes_nothing(void**) {
    LocalList list = loaded();
    assert_true(list.add(entry_of(list), now_s).has_value());
    const std::uint64_t generation = list.in_force()->generation;
    LocalList lost(directory + "/nowhere/local.json");
    assert_false(lost.load(node()).has_value());
    assert_false(lost.problem().empty());
    // The directory is gone: nothing can be written.
    std::filesystem::rename(directory, directory + ".away");
    assert_false(
        list.add(entry_of(list, "md5:aabbccddeeff00112233445566778899"), now_s).has_value());
    assert_false(list.remove(1).has_value());
    assert_false(list.forget_ended(now_s + 10000).has_value());
    std::filesystem::rename(directory + ".away", directory);
    assert_int_equal(list.entries().size(), 1);
    assert_int_equal(list.in_force()->generation, generation);
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        TEST(reads_digests_of_three_kinds_and_nothing_else),
        TEST(refuses_what_would_list_innocent_files),
        TEST(holds_an_entry_to_its_rules),
        TEST(what_was_added_is_there_after_a_restart),
        TEST(no_digest_and_no_key_lies_on_the_disk),
        TEST(a_number_is_given_once),
        TEST(what_has_ended_is_forgotten),
        TEST(goes_into_an_index_with_its_ends_and_reports_only),
        TEST(is_full_at_ten_thousand),
        TEST(a_damaged_file_is_told_and_stays_as_it_is),
        TEST(what_cannot_be_written_changes_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
