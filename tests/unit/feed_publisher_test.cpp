// The publisher's side of a feed, in a folder of its own and with a clock of the test.
#include "control/feed/canonical_json.h"
#include "control/publisher/online_keys.h"

// Last: it includes cmocka.h, which defines macros with names such as fail().
#include "tests/support/publisher_lab.h"

using namespace cordon;
using namespace cordon::feed;
using namespace cordon::test;

namespace {

void a_client_follows_what_is_published(void**) {
    import("iwf", rows(0, 10));
    assert_int_equal(release(), 1);
    const RecordSet first = synced(0, {});
    assert_int_equal(first.records().size(), 10);
    clock_s += 60;
    import("iwf", rows(5, 12));
    assert_int_equal(release(), 2);
    const RecordSet by_delta = synced(1, first);
    assert_int_equal(by_delta.records().size(), 7);
    assert_true(by_delta.records() == asserted_set(*store)->records());
    assert_true(synced(0, {}).state() == by_delta.state());
}

void an_item_lives_while_any_source_asserts_it(void**) {
    import("iwf", rows(0, 4));
    import("hotline", rows(2, 6));
    assert_int_equal(asserted_set(*store)->records().size(), 6);
    const Imported gone = import("iwf", rows(0, 1));
    assert_int_equal(gone.withdrawn, 3);
    assert_int_equal(asserted_set(*store)->records().size(), 5);
    // An incremental list withdraws only what it says.
    std::vector<Row> tombstone = rows(2, 3);
    tombstone[0].withdrawn = true;
    import("hotline", tombstone, false);
    assert_int_equal(asserted_set(*store)->records().size(), 4);
}

void digests_of_one_file_share_a_reference_for_good(void**) {
    Row both = row(1);
    both.digests[1] = digest(1, IndicatorKind::md5);
    both.digest_count = 2;
    import("iwf", {row(9), both});
    const auto references = [](std::uint32_t n) {
        Statement query(store->db(),
                        "SELECT count(*), count(DISTINCT reference), "
                        "min(reference) FROM digest WHERE digest IN (?, ?)");
        const RowDigest sha = digest(n);
        const RowDigest md5 = digest(n, IndicatorKind::md5);
        query.bind(sha.bytes()).bind(md5.bytes());
        query.row();
        return std::array<std::uint64_t, 3>{query.number(0), query.number(1), query.number(2)};
    };
    const auto first = references(1);
    assert_int_equal(first[0], 2);
    assert_int_equal(first[1], 1);
    import("iwf", {});
    assert_int_equal(asserted_set(*store)->records().size(), 0);
    Row other = row(1);
    other.digests[1] = digest(1, IndicatorKind::md5);
    other.digest_count = 2;
    import("hotline", {other});
    assert_true(references(1) == first);
}

void restraints_of_all_sources_hold(void**) {
    import("iwf", rows(0, 1));
    const ImportOf weak = {"hotline", "list", true, record_flag::weak, clock_s};
    assert_true(import_rows(*store, weak, rows(0, 1), *known_good).has_value());
    const auto set = asserted_set(*store);
    assert_int_equal(set->records().size(), 1);
    assert_int_equal(set->records()[0].flags, record_flag::weak);
    assert_int_equal(set->records()[0].source, 1);
}

// The vector of a self-test; and nobody makes a test of what another source lists.
void a_test_is_one_only_if_all_sources_say_so(void**) {
    std::vector<Row> tests = rows(0, 2);
    for (Row& one : tests)
        one.category = category_test;
    import("iwf", tests);
    import("hotline", rows(1, 2));
    const auto set = asserted_set(*store);
    assert_int_equal(set->records().size(), 2);
    int count = 0;
    for (const FeedRecord& record : set->records())
        count += (record.flags & record_flag::test) != 0 ? 1 : 0;
    assert_int_equal(count, 1);
}

void what_innocent_files_have_is_left_out_and_named(void**) {
    const auto of = [](std::string_view text) {
        Row one = row(1);
        one.digests[0].digest = sha256(as_bytes(text));
        return one;
    };
    std::filesystem::create_directories(directory + "/system");
    std::ofstream(directory + "/system/file") << "good";
    std::ofstream(directory + "/more") << to_hex(sha256(as_bytes("listed"))) << "\n";
    std::ofstream(directory + "/nsrl") << "\"SHA-1\",\"MD5\",\"CRC32\"\n\"" << std::string(40, '1')
                                       << "\",\"0123456789abcdef0123456789abcdef\",\"0\"\n";
    KnownGood good;
    KnownFiles system(directory + "/system", store->path("known-files.db"));
    assert_int_equal(*good.add_system(system, {IndicatorKind::sha256}, {}), 1);
    assert_int_equal(*good.add_list(directory + "/more"), 1);
    assert_int_equal(*good.add_list(directory + "/nsrl"), 2);
    KnownFiles nothing(directory + "/nothing", store->path("known-files.db"));
    assert_false(good.add_system(nothing, {IndicatorKind::sha256}, {}).has_value());
    good.seal();
    Row nsrl = row(8);
    nsrl.digests[0].kind = IndicatorKind::md5;
    from_hex("0123456789abcdef0123456789abcdef", MutableBytes(nsrl.digests[0].digest).first(16));
    Row no_size = row(7);
    no_size.size = 0;
    Row also_good = row(3);  // one digest of it is of a good file: so is the file
    also_good.digests[1] = of("good").digests[0];
    also_good.digest_count = 2;
    const ImportOf about = {"iwf", "list", true, 0, clock_s};
    const std::string zeros(8192, '\0');
    const std::string ones(4096, '\xff');
    const auto done = import_rows(
        *store, about,
        {of(""), of("good"), of("listed"), of(zeros), of(ones), nsrl, no_size, also_good, row(2)},
        good);
    assert_int_equal(done->refused, 8);
    assert_int_equal(done->refusals.size(), 8);
    assert_int_equal(asserted_set(*store)->records().size(), 1);
}

void caps_hold_before_anybody_signs(void**) {
    import("iwf", rows(0, 500));
    release();
    clock_s += 60;
    import("iwf", rows(0, 1500), false);
    assert_true(stage().has_value());
    release();
    clock_s += 60;
    import("iwf", rows(0, 1501), false);
    assert_false(stage().has_value());  // the day's additions are used up
    clock_s += day_s;
    assert_true(stage().has_value());
    import("iwf", rows(200, 1501));
    assert_false(stage().has_value());  // too many removals
    import("stranger", rows(0, 1));
    const auto refused = stage();
    assert_false(refused.has_value());
}

void a_source_that_targets_does_not_name_is_refused(void**) {
    import("iwf", rows(0, 1));
    import("hotline", rows(1, 2));
    import("stranger", rows(2, 3));
    const auto refused = stage();
    assert_false(refused.has_value());
    assert_non_null(std::strstr(refused.error().text.c_str(), "source 3"));
}

void one_curator_alone_publishes_nothing(void**) {
    import("iwf", rows(0, 3));
    release();
    import("iwf", rows(0, 4));
    clock_s += 60;
    assert_true(stage().has_value());
    sign_by(curators, 1, "releases");
    sign_by(curators, 1, "releases");  // again: still one person
    assert_false(publish(*store, clock_s).has_value());
    assert_int_equal(client_sees()->releases->newest(), 1);
    assert_false(Documents(*store).sign_staged(on_call[0], clock_s, {"releases"}).has_value());
}

void staging_anew_forgets_the_signatures(void**) {
    import("iwf", rows(0, 3));
    assert_true(stage().has_value());
    sign_by(curators, 2, "releases");
    import("iwf", rows(0, 4));
    assert_true(stage().has_value());
    const auto published = publish(*store, clock_s);  // root and targets are ready, this is not
    assert_false(published.has_value());
    assert_int_equal(Documents(*store).staged("releases")->signatures.size(), 0);
}

void what_approvers_see_is_opened_from_the_files(void**) {
    import("iwf", rows(0, 3));
    release();
    clock_s += 60;
    import("iwf", rows(1, 5));
    assert_true(stage().has_value());
    const auto seen = staged_difference(*store);
    assert_true(seen.has_value());
    assert_int_equal(seen->added, 2);
    assert_int_equal(seen->removed, 1);
    assert_int_equal(seen->lines.size(), 1);
    assert_string_equal(seen->lines[0].source_name.c_str(), "iwf");
    for (const auto& entry :
         std::filesystem::directory_iterator(directory + "/feed/public/targets/delta"))
        std::ofstream(entry.path(), std::ios::app) << "x";
    assert_false(staged_difference(*store).has_value());
}

void metadata_stays_small_through_five_weeks_of_hourly_releases(void**) {
    std::uint32_t n = 3;
    import("iwf", rows(0, n));
    release();
    RecordSet week_old;
    std::uint64_t week_old_generation = 0;
    for (int hour = 0; hour < 24 * 35; hour += 6) {  // four releases a day are enough of a year
        clock_s += 6 * hour_s;
        Documents documents(*store);
        assert_true(stage_revocations(*store, {}, std::nullopt, on_call[0], clock_s).has_value());
        import("iwf", rows(0, ++n), false);
        const std::uint64_t generation = release();
        if (hour == 24 * 27) {
            week_old = *asserted_set(*store);
            week_old_generation = generation;
        }
    }
    const auto feed = client_sees();
    assert_true(feed && feed->releases);
    std::size_t full = 0, delta = 0;
    for (const auto& [name, file] : feed->releases->targets)
        file.base == 0 ? ++full : ++delta;
    assert_int_equal(full, full_sets_listed);
    assert_in_range(delta, hourly_listed, hourly_listed + daily_listed + weekly_listed);
    assert_true(feed->state.releases.size() < 32 * 1024);
    assert_int_equal(synced(week_old_generation, week_old).records().size(), n);
    // Files that nothing names are gone.
    std::size_t files = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(directory + "/feed/public/targets"))
        files += entry.is_regular_file() ? 1u : 0u;
    assert_in_range(files, full + delta, full + delta + 4);  // one of each span before
}

// Without --full, in less than a day: more than deltas are listed.
void more_urgent_releases_than_deltas_are_listed_lead_a_fresh_client_on(void**) {
    constexpr std::uint32_t releases = 2 * hourly_listed + 6;
    std::size_t full = 0;
    for (std::uint32_t n = 1; n <= releases; ++n) {
        import("iwf", rows(0, n), false);
        const auto staged = stage();
        assert_true(staged.has_value());
        full += staged->full ? 1u : 0u;
        assert_int_equal(release(), n);
        const RecordSet fresh = synced(0, {});
        assert_int_equal(fresh.records().size(), n);
        assert_true(fresh.state() == asserted_set(*store)->state());
        clock_s += 60;
    }
    assert_int_equal(full, 3);  // as few as lead there
    assert_true(client_sees()->state.releases.size() < 32 * 1024);
}

void a_suspension_reaches_clients_without_a_curator(void**) {
    import("iwf", rows(0, 3));
    release();
    clock_s += 60;
    const Suspension one = {SuspensionOf::reference, 2, clock_s, clock_s + day_s, "complaint"};
    assert_true(stage_revocations(*store, {one}, std::nullopt, on_call[1], clock_s).has_value());
    assert_true(publish(*store, clock_s).has_value());
    assert_int_equal(client_sees()->revocations->suspensions.size(), 1);
    clock_s += 60;
    assert_true(stage_revocations(*store, {}, one, on_call[0], clock_s).has_value());
    assert_true(publish(*store, clock_s).has_value());
    assert_int_equal(client_sees()->revocations->suspensions.size(), 0);
    assert_false(stage_revocations(*store, {one}, std::nullopt, curators[0], clock_s).has_value());
}

void a_suspension_is_published_while_targets_wait(void**) {
    import("iwf", rows(0, 3));
    release();
    clock_s += 60;
    auto targets = Documents(*store).targets();
    Documents(*store).stage("targets", to_json(*targets));
    const Suspension one = {SuspensionOf::source, 1, clock_s, clock_s + day_s, "wrong list"};
    assert_true(stage_revocations(*store, {one}, std::nullopt, on_call[0], clock_s).has_value());
    const auto done = publish(*store, clock_s);
    assert_true(done.has_value());
    assert_int_equal(done->documents.size(), 1);
    assert_int_equal(done->waiting.size(), 1);
    assert_int_equal(client_sees()->revocations->suspensions.size(), 1);
}

void a_clock_that_went_back_publishes_nothing(void**) {
    import("iwf", rows(0, 3));
    release();
    clock_s -= 60;
    assert_false(refresh_timestamp(*store, clock_s).has_value());
}

void refreshing_keeps_a_feed_alive_and_adds_nothing(void**) {
    import("iwf", rows(0, 3));
    release();
    import("iwf", rows(0, 4));
    assert_true(stage().has_value());
    for (int i = 0; i < 60; ++i) {
        clock_s += 1200;
        assert_true(refresh_timestamp(*store, clock_s).has_value());
        const auto feed = client_sees();
        assert_true(feed && feed->releases);
        assert_int_equal(feed->releases->newest(), 1);
    }
}

void rename_key(const std::string& from, const std::string& to) {
    for (const char* end : {"", ".pub"})
        std::filesystem::rename(store->path("keys/" + from + end), store->path("keys/" + to + end));
}

// A thief of the machine gains nothing by it, and nobody has to hurry: until the root that names
// the new key is published the old one signs. What a crash leaves of the renames is no matter.
void a_new_key_of_the_machine_is_not_used_before_it_is_named(void**) {
    import("iwf", rows(0, 3));
    release();
    TrustState seen = client_sees()->state;
    const PublicKey old = online_key(*store, "timestamp")->public_key;
    const auto key_file = make_next_online_key(*store, "timestamp");
    assert_true(key_file.has_value());
    const PublicKey fresh = read_public_key_file(*key_file)->public_key;
    auto root = Documents(*store).root();
    root->keys.erase(key_id(old));
    root->keys[key_id(fresh)] = fresh;
    root->timestamp.keyids = {key_id(fresh)};
    Documents(*store).stage("root", to_json(*root));
    const auto follows = [&seen] {
        clock_s += 60;
        if (!refresh_timestamp(*store, clock_s)) return false;
        const auto feed = client_sees(seen);
        if (feed) seen = feed->state;
        return feed.has_value() && feed->timestamp.issued_s == clock_s;
    };
    assert_true(follows());
    assert_true(online_key(*store, "timestamp")->public_key == old);
    sign_by(root_holders, 3, "root");
    assert_true(follows());  // signed, and not published
    assert_true(online_key(*store, "timestamp")->public_key == old);
    clock_s += 60;
    assert_true(publish(*store, clock_s).has_value());
    assert_true(follows());
    assert_true(online_key(*store, "timestamp")->public_key == fresh);
    assert_false(std::filesystem::exists(store->path("keys/timestamp.key.next")));

    rename_key("timestamp.key", "timestamp.key.next");
    assert_true(online_key(*store, "timestamp")->public_key == fresh);
    assert_false(make_next_online_key(*store, "timestamp").has_value());
    assert_true(follows());
    assert_true(std::filesystem::exists(store->path("keys/timestamp.key.pub")));
    assert_false(std::filesystem::exists(store->path("keys/timestamp.key.next.pub")));
    assert_true(make_next_online_key(*store, "timestamp").has_value());
}

void an_open_feed_releases_at_most_hourly(void**) {
    teardown(nullptr);
    setup(nullptr);
    auto root = Documents(*store).root();
    root->lab = false;
    Documents(*store).stage("root", to_json(*root));
    sign_by(root_holders, 3, "root");
    import("iwf", rows(0, 3));
    release();
    clock_s += hour_s - 1;
    import("iwf", rows(0, 4));
    assert_false(stage().has_value());
    ++clock_s;
    assert_true(stage().has_value());
}

Result<Staged> stage_next_epoch(bool urgent = false) {
    StageOptions options;
    options.now_s = clock_s;
    options.next_epoch = true;
    options.urgent = urgent;
    return stage_release(*store, options);
}

void enroll(const char* name, std::uint64_t granted_s) {
    Statement put(store->db(),
                  "INSERT OR REPLACE INTO node VALUES (?, ?, 'law', '', '[]', 1, ?, NULL)");
    const PublicKey key = box_public(SecretKey::random());
    put.bind(std::string_view(name)).bind(Bytes(key)).bind_unsigned(granted_s).run();
}

void a_next_epoch_waits_for_every_node(void**) {
    import("iwf", rows(0, 10));
    release();
    enroll("box1", clock_s);
    assert_false(stage_next_epoch().has_value());
    clock_s += 60;
    assert_int_equal(make_next_epoch(*store, clock_s).value(), 2);
    assert_false(make_next_epoch(*store, clock_s).has_value());
    assert_int_equal(epoch_in_force(*store), 1);
    // Its key is made and not taken: releases go on as before.
    import("iwf", rows(0, 11));
    release();
    const auto feed = client_sees();
    assert_int_equal(feed->releases->targets.begin()->second.epoch, 1);
    assert_false(stage_next_epoch().has_value());
    enroll("box1", clock_s + 1);
    assert_true(stage_next_epoch().has_value());
    assert_int_equal(epoch_in_force(*store), 2);
}

void a_new_epoch_is_the_same_set_under_another_key(void**) {
    import("iwf", rows(0, 200));
    release();
    assert_true(make_next_epoch(*store, clock_s).has_value());
    clock_s += 60;
    // More records than caps lets change in a day, and none of them does.
    const auto staged = stage_next_epoch();
    assert_true(staged.has_value());
    assert_true(staged->full);
    assert_int_equal(staged->difference.added + staged->difference.removed, 0);
    assert_int_equal(staged_difference(*store)->added, 0);
    sign_by(curators, 2, "releases");
    assert_true(publish(*store, clock_s).has_value());
    const auto feed = client_sees();
    const std::vector<std::string> path = cheapest_path(*feed->releases, 1, 1);
    assert_int_equal(path.size(), 1);
    const TargetFile& file = feed->releases->targets.at(path[0]);
    assert_int_equal(file.base, 0);
    assert_int_equal(file.epoch, 2);
    FolderFetch fetch(store->path("public"));
    const auto set = fetch_and_apply(path[0], file, feed->targets.caps, *epoch_key(*store, 2), {},
                                     fetch, nullptr);
    assert_true(set.has_value());
    assert_int_equal(set->records().size(), 200);
    assert_false(fetch_and_apply(path[0], file, feed->targets.caps, *epoch_key(*store, 1), {},
                                 fetch, nullptr)
                     .has_value());
}

void no_delta_crosses_an_epoch(void**) {
    std::uint32_t count = 20;
    std::map<std::uint64_t, std::uint32_t> epochs;
    for (int day = 0; day < 20; ++day) {
        clock_s += day_s;
        import("iwf", rows(0, count++));
        if (day == 9) assert_true(make_next_epoch(*store, clock_s).has_value());
        const auto staged = day == 9 ? stage_next_epoch(true) : stage();
        assert_true(staged.has_value());
        sign_by(curators, 2, "releases");
        epochs[publish(*store, clock_s)->generation] = epoch_in_force(*store);
        const auto releases = read_releases(Documents(*store).published("releases")->envelope());
        assert_true(releases.has_value());
        for (const auto& [name, file] : releases->targets) {
            assert_int_equal(file.epoch, epochs.at(file.generation));
            if (file.base != 0) assert_int_equal(file.epoch, epochs.at(file.base));
        }
    }
}

void columns_categories_and_tombstones_of_a_csv(void**) {
    CategoryMap categories;
    assert_true(add_category("A=baseline", &categories).has_value());
    assert_true(add_category("not=drop", &categories).has_value());
    assert_false(add_category("B=anything", &categories).has_value());
    const auto columns = parse_columns("sha256=Hash,category=3,deleted=gone", ';');
    const std::string a(64, 'a');
    const std::string text = "\xef\xbb\xbfHash;name;class;gone\r\n" + a + ";\"x;\"\"\n\";A;\r\n\n" +
                             std::string(64, 'B') + ";y;not;false\n" + std::string(64, 'c') +
                             ";z;whatever;true";
    const ReadRows read = read_csv(text, *columns, categories);
    assert_int_equal(read.problem_count, 0);
    assert_int_equal(read.rows.size(), 3);
    assert_int_equal(read.rows[0].category, 5);
    assert_int_equal(read.rows[1].line, 5);
    assert_false(read.rows[0].withdrawn);
    assert_true(read.rows[1].withdrawn);
    assert_true(read.rows[2].withdrawn);
}

void a_wrong_row_gives_no_rows_and_its_reason(void**) {
    CategoryMap categories;
    assert_true(add_category("A=baseline", &categories).has_value());
    const auto columns = parse_columns("md5=1,category=2,size=3", ',');
    const std::string good = "00112233445566778899aabbccddeeff,A,5\n";
    const std::pair<std::string, const char*> wrong[] = {
        {"0011,A,5", "hex digits"},
        {"00112233445566778899aabbccddeefg,A,5", "hex digits"},
        {"00112233445566778899aabbccddeeff,C,5", "not mapped"},
        {"00112233445566778899aabbccddeeff", "no category"},
        {"00112233445566778899aabbccddeeff,A,-5", "number of bytes"},
        {",A,5", "no digest"},
        {"\"0011", "quote"},
        {"\"0011\"2,A,5", "quote"},
    };
    for (const auto& [line, why] : wrong) {
        const ReadRows read = read_csv(good + line + "\n", *columns, categories);
        assert_int_equal(read.rows.size(), 0);
        assert_int_equal(read.problem_count, 1);
        assert_int_equal(read.problems[0].line, 2);
        assert_non_null(std::strstr(read.problems[0].why.c_str(), why));
    }
    assert_false(parse_columns("md5", ',').has_value());
    assert_false(parse_columns("phone=3", ',').has_value());
    const auto named = parse_columns("md5=MD5", ',');
    assert_int_equal(read_csv(good, *named, categories).problem_count, 1);
    assert_int_equal(read_plain("0011\n", categories).problem_count, 1);
    assert_int_equal(read_plain("00112233445566778899aabbccddeeff\n", categories).problem_count, 1);
}

void a_key_file_opens_with_its_passphrase_only(void**) {
    const std::string path = directory + "/anna.key";
    const std::string secret = directory + "/secret";
    std::ofstream(secret) << "correct horse\n";
    assert_true(make_key_file(path, "anna", "correct horse").has_value());
    assert_false(make_key_file(path, "anna", "correct horse").has_value());
    assert_false(make_key_file(path + "2", "no spaces", std::nullopt).has_value());
    assert_false(make_key_file(path + "2", "anna", "short").has_value());
    ::setenv("CORDON_FEED_PASSPHRASE_FILE", secret.c_str(), 1);
    assert_true(open_key_file(path).has_value());
    std::ofstream(secret) << "battery staple\n";
    assert_int_equal(static_cast<int>(open_key_file(path).error().code),
                     static_cast<int>(ErrorCode::permission));
    ::unsetenv("CORDON_FEED_PASSPHRASE_FILE");
    assert_true(read_public_key_file(path + ".pub").has_value());
    assert_false(open_key_file(path + ".pub").has_value());
}

}  // namespace

#define with_feed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        with_feed(a_client_follows_what_is_published),
        with_feed(an_item_lives_while_any_source_asserts_it),
        with_feed(digests_of_one_file_share_a_reference_for_good),
        with_feed(restraints_of_all_sources_hold),
        with_feed(a_test_is_one_only_if_all_sources_say_so),
        with_feed(what_innocent_files_have_is_left_out_and_named),
        with_feed(caps_hold_before_anybody_signs),
        with_feed(a_source_that_targets_does_not_name_is_refused),
        with_feed(one_curator_alone_publishes_nothing),
        with_feed(staging_anew_forgets_the_signatures),
        with_feed(what_approvers_see_is_opened_from_the_files),
        with_feed(metadata_stays_small_through_five_weeks_of_hourly_releases),
        with_feed(more_urgent_releases_than_deltas_are_listed_lead_a_fresh_client_on),
        with_feed(a_suspension_reaches_clients_without_a_curator),
        with_feed(a_suspension_is_published_while_targets_wait),
        with_feed(a_clock_that_went_back_publishes_nothing),
        with_feed(refreshing_keeps_a_feed_alive_and_adds_nothing),
        with_feed(a_new_key_of_the_machine_is_not_used_before_it_is_named),
        with_feed(an_open_feed_releases_at_most_hourly),
        with_feed(a_next_epoch_waits_for_every_node),
        with_feed(a_new_epoch_is_the_same_set_under_another_key),
        with_feed(no_delta_crosses_an_epoch),
        with_feed(columns_categories_and_tombstones_of_a_csv),
        with_feed(a_wrong_row_gives_no_rows_and_its_reason),
        with_feed(a_key_file_opens_with_its_passphrase_only),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
