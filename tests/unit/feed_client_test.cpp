// What a client of a feed believes: every attack of the threat table that concerns a feed is
// refused with its name, and what was believed before stays.
#include <fstream>

#include "control/feed/folder_fetch.h"
#include "control/feed/grant.h"
#include "control/feed/sealed_part.h"
#include "tests/support/feed_centre.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

struct Client {
    TrustState state;

    explicit Client(FeedCentre& centre) { state.root = centre.bytes("root", 1); }
    // "" when all is believed, else the first word of what was refused.
    std::string refresh_from(FeedCentre& centre, std::uint64_t now_s = 0) {
        TrustState kept;
        const auto done = refresh(state, centre, now_s == 0 ? centre.now_s : now_s, &kept);
        state = kept;
        if (!done) return word(done.error());
        newest = done->releases ? done->releases->newest() : newest;
        suspended = done->revocations ? done->revocations->suspensions.size() : suspended;
        if (!done->revocations) return "revocations " + word(done->revocations.error());
        if (!done->releases) return "releases " + word(done->releases.error());
        return "";
    }
    static std::string word(const Error& error) {
        return error.text.substr(0, error.text.find(':'));
    }
    std::uint64_t newest = 0;
    std::size_t suspended = 0;
};

#define assert_says(is, should) assert_string_equal((is).c_str(), should)

void follows_a_feed_and_fetches_only_what_is_new(void**) {
    FeedCentre centre;
    Client client(centre);
    assert_says(client.refresh_from(centre), "");
    centre.next_versions(60);
    centre.put_snapshot();
    assert_says(client.refresh_from(centre), "");
    assert_int_equal(centre.fetched["metadata/1.targets.json"], 1);
    assert_int_equal(centre.fetched["metadata/1.revocations.json"], 1);
    assert_int_equal(centre.fetched["metadata/timestamp.json"], 2);
    assert_says(client.refresh_from(centre), "");
    assert_int_equal(centre.fetched["metadata/2.snapshot.json"], 1);
}

void a_forged_document_of_any_role_is_refused(void**) {
    for (const char* role : {"targets", "snapshot", "releases", "revocations"}) {
        FeedCentre centre;
        Client client(centre);
        const Holders others(3, 2);
        nlohmann::json body = std::string(role) == "targets"    ? to_json(centre.targets)
                              : std::string(role) == "snapshot" ? to_json(centre.snapshot)
                              : std::string(role) == "releases" ? to_json(centre.releases)
                                                                : to_json(centre.revocations);
        centre.put(role, 1, others.signed_text(body));
        if (std::string(role) == "snapshot") {
            centre.timestamp.snapshot = centre.file_of("snapshot", 1);
            centre.put_timestamp();
        } else {
            centre.announce();
        }
        const std::string said = client.refresh_from(centre);
        assert_true(said.ends_with("forged"));
    }
    FeedCentre centre;
    Client client(centre);
    centre.timestamp_keys = Holders(1, 1);
    centre.put_timestamp();
    assert_says(client.refresh_from(centre), "forged");
}

void fewer_signatures_than_the_threshold_are_none(void**) {
    FeedCentre centre;
    Client client(centre);
    const nlohmann::json body = to_json(centre.releases);
    centre.put("releases", 1, write_envelope(body, centre.releases_keys.sign_all(body, 1)));
    centre.announce();
    assert_says(client.refresh_from(centre), "releases forged");
    // The same signature twice is no second one, and no document either.
    auto twice = centre.releases_keys.sign_all(body, 1);
    twice.push_back(twice[0]);
    centre.put("releases", 1, write_envelope(body, twice));
    centre.next_versions(1);
    centre.announce();
    assert_says(client.refresh_from(centre), "releases malformed");
}

void a_role_speaks_for_itself_only(void**) {
    FeedCentre centre;
    Client client(centre);
    // Both on-call holders together are no curator.
    const nlohmann::json body = to_json(centre.releases);
    centre.put("releases", 1, write_envelope(body, centre.revocations_keys.sign_all(body, 2)));
    centre.announce();
    assert_says(client.refresh_from(centre), "releases forged");
}

void going_back_is_refused(void**) {
    FeedCentre centre;
    Client client(centre);
    const FeedCentre first = centre;
    centre.next_versions(60);
    ++centre.releases.version;
    centre.serve();
    assert_says(client.refresh_from(centre), "");
    FeedCentre back = first;
    assert_says(client.refresh_from(back, centre.now_s), "backdated");
    // With the timestamp key alone: an old snapshot under a new timestamp.
    centre.next_versions(60);
    centre.timestamp.snapshot = centre.file_of("snapshot", 1);
    centre.timestamp.issued_s = centre.now_s;
    centre.put_timestamp();
    assert_says(client.refresh_from(centre), "rolled-back");
    // With both online keys: an old document in a new snapshot.
    --centre.releases.version;
    centre.announce();
    assert_says(client.refresh_from(centre), "rolled-back");
    ++centre.releases.version;
    centre.snapshot.files.erase("revocations.json");
    centre.put_snapshot();
    assert_says(client.refresh_from(centre), "rolled-back");
}

void standing_still_is_noticed_at_every_role(void**) {
    FeedCentre centre;
    Client client(centre);
    assert_says(client.refresh_from(centre), "");
    assert_says(client.refresh_from(centre, centre.now_s + timestamp_life_s), "frozen");
    // The online keys go on alone: everything below ends in its time.
    centre.next_versions(snapshot_life_s);
    centre.timestamp.expires_s = centre.now_s + timestamp_life_s;
    centre.timestamp.issued_s = centre.now_s;
    centre.put_timestamp();
    assert_says(client.refresh_from(centre), "frozen");
    centre.announce();
    assert_says(client.refresh_from(centre), "revocations frozen");
    centre.next_versions(root_life_s);
    centre.announce();
    assert_says(client.refresh_from(centre), "frozen");
}

void weakening_does_not_wait_for_strengthening(void**) {
    FeedCentre centre;
    Client client(centre);
    assert_says(client.refresh_from(centre), "");
    centre.next_versions(targets_life_s);  // targets and releases have ended
    ++centre.revocations.version;
    centre.revocations.expires_s = centre.now_s + revocations_life_s;
    centre.revocations.suspensions = {
        {SuspensionOf::reference, 7, centre.now_s, centre.now_s + day_s, "complaint"}};
    centre.serve();
    assert_says(client.refresh_from(centre), "releases frozen");
    assert_int_equal(client.suspended, 1);
}

void no_new_generation_without_revocations(void**) {
    FeedCentre centre;
    Client client(centre);
    assert_says(client.refresh_from(centre), "");
    centre.next_versions(60);
    ++centre.releases.version;
    centre.revocations.expires_s = centre.now_s;
    ++centre.revocations.version;
    RecordFile file;
    file.generation = 1;
    centre.add_release(file, 0);
    centre.serve();
    assert_says(client.refresh_from(centre), "revocations frozen");
    assert_int_equal(client.newest, 0);
}

void truncated_endless_and_mixed_files_are_refused(void**) {
    FeedCentre centre;
    Client client(centre);
    const std::string whole = centre.bytes("targets", 1);
    centre.bytes("targets", 1) = whole.substr(0, whole.size() - 1);
    assert_says(client.refresh_from(centre), "truncated");
    centre.bytes("targets", 1) = whole + " ";
    assert_says(client.refresh_from(centre), "endless");
    centre.bytes("targets", 1) = whole;
    centre.bytes("targets", 1)[whole.size() / 2] ^= 1;
    assert_says(client.refresh_from(centre), "mixed");
    centre.files.erase(FeedCentre::path_of("targets", 1));
    assert_says(client.refresh_from(centre), "unreachable");
    centre.bytes("targets", 1) = whole;
    centre.files["metadata/timestamp.json"].resize(timestamp_bytes_max + 1, ' ');
    assert_says(client.refresh_from(centre), "endless");
    centre.files["metadata/timestamp.json"] = "{";
    assert_says(client.refresh_from(centre), "malformed");
}

void a_clock_or_a_timestamp_that_went_back_is_named(void**) {
    FeedCentre centre;
    Client client(centre);
    assert_says(client.refresh_from(centre), "");
    assert_says(client.refresh_from(centre, centre.now_s - 3600), "backdated");
    ++centre.timestamp.version;
    --centre.timestamp.issued_s;
    centre.put_timestamp();
    assert_says(client.refresh_from(centre), "backdated");
}

void follows_roots_one_by_one(void**) {
    FeedCentre centre;
    Client client(centre);
    for (int i = 0; i < 3; ++i) {
        const Holders before = centre.root_keys;
        centre.root_keys = Holders(5, 3);
        centre.put_next_root(before);
    }
    assert_says(client.refresh_from(centre), "");
    assert_string_equal(client.state.root.c_str(), centre.bytes("root", 4).c_str());
}

void a_root_that_the_old_holders_did_not_sign_is_refused(void**) {
    FeedCentre centre;
    Client client(centre);
    centre.root_keys = Holders(5, 3);
    centre.put_next_root(centre.root_keys);
    assert_says(client.refresh_from(centre), "forged");
    assert_string_equal(client.state.root.c_str(), centre.bytes("root", 1).c_str());
}

void a_root_does_not_skip_or_become_another_feed(void**) {
    FeedCentre centre;
    Client client(centre);
    centre.root.version = 2;
    centre.put_next_root(centre.root_keys);
    centre.files[FeedCentre::path_of("root", 2)] = centre.bytes("root", 3);
    assert_says(client.refresh_from(centre), "rolled-back");
    centre.root.version = 1;
    centre.root.feed = "other";
    centre.put_next_root(centre.root_keys);
    assert_says(client.refresh_from(centre), "mixed");
}

void versions_pushed_ahead_are_forgotten_with_the_keys(void**) {
    FeedCentre centre;
    Client client(centre);
    FeedCentre stolen = centre;  // both online keys
    stolen.timestamp.version = 1'000'000;
    stolen.snapshot.version = 1'000'000;
    stolen.announce();
    assert_says(client.refresh_from(stolen), "");
    centre.next_versions(60);
    centre.announce();
    assert_says(client.refresh_from(centre), "rolled-back");
    centre.snapshot_keys = Holders(1, 1);
    centre.timestamp_keys = Holders(1, 1);
    centre.put_next_root(centre.root_keys);
    centre.announce();
    assert_says(client.refresh_from(centre), "");
}

void another_purpose_is_refused(void**) {
    FeedCentre centre;
    Client client(centre);
    RecordFile file;
    file.generation = 1;
    const std::string name = centre.add_release(file, 0);
    centre.releases.targets[name].purpose = "copyright";
    centre.serve();
    assert_says(client.refresh_from(centre), "releases malformed");
}

RecordFile full_of(const RecordSet& set, std::uint64_t generation) {
    RecordFile file;
    file.generation = generation;
    file.added = set.records();
    file.state = set.state().bytes();
    return file;
}

struct Applied {
    FeedCentre centre;
    RecordSet one = *RecordSet::of({feed_record(1), feed_record(2)});

    std::string try_it(const std::string& name, const RecordSet& from = {}) {
        const auto done =
            fetch_and_apply(name, centre.releases.targets.at(name), centre.targets.caps,
                            centre.epoch_key, from, centre, nullptr);
        return done ? "" : Client::word(done.error());
    }
};

void a_target_is_taken_only_as_it_was_announced(void**) {
    Applied test;
    const std::string name = test.centre.add_release(full_of(test.one, 5), 2);
    assert_says(test.try_it(name), "");
    TargetFile& file = test.centre.releases.targets[name];
    std::string& bytes = test.centre.files[target_location(name, file.sha256)];
    const std::string whole = bytes;
    bytes.pop_back();
    assert_says(test.try_it(name), "truncated");
    bytes = whole + "x";
    assert_says(test.try_it(name), "endless");
    bytes = whole;
    bytes[40] ^= 1;
    assert_says(test.try_it(name), "mixed");
    bytes = whole;
    file.count = 3;
    assert_says(test.try_it(name), "mixed");
    file.count = 2;
    ++file.generation;
    assert_says(test.try_it(name), "mixed");
    --file.generation;
    file.state[0] ^= 1;
    assert_says(test.try_it(name), "mixed");
    file.state[0] ^= 1;
    --file.bytes;
    assert_says(test.try_it(name), "malformed");
    test.centre.epoch_key = SecretKey::random();
    assert_says(test.try_it(name), "mixed");
}

void two_stolen_curator_keys_cannot_list_the_world(void**) {
    Applied test;
    std::vector<FeedRecord> many = test.one.records();
    for (std::uint8_t n = 10; n < 21; ++n)
        many.push_back(feed_record(n));
    RecordFile file;
    file.base = 5;
    file.generation = 6;
    test.one.changes_to(*RecordSet::of(many), &file);
    assert_says(test.try_it(test.centre.add_release(file, 13), test.one), "over-caps");
    // A source or a kind that targets does not name.
    const RecordSet other = *RecordSet::of({feed_record(1, 2)});
    assert_says(test.try_it(test.centre.add_release(full_of(other, 7), 1)), "over-caps");
    FeedRecord sha1 = feed_record(1);
    sha1.kind = IndicatorKind::sha1;
    const RecordSet kinds = *RecordSet::of({sha1});
    assert_says(test.try_it(test.centre.add_release(full_of(kinds, 8), 1)), "over-caps");
    test.centre.targets.caps.total = 1;
    assert_says(test.try_it(test.centre.add_release(full_of(test.one, 9), 2)), "over-caps");
}

void goes_the_way_of_fewest_bytes(void**) {
    ReleasesMetadata releases;
    const auto add = [&](std::uint64_t base, std::uint64_t generation, std::uint64_t length,
                         std::uint32_t epoch) {
        const std::string name = (base == 0 ? "full/" : "delta/" + std::to_string(base) + "-") +
                                 std::to_string(generation) + ".rec";
        TargetFile& file = releases.targets[name];
        file.base = base;
        file.generation = generation;
        file.length = length;
        file.epoch = epoch;
    };
    add(0, 10, 1000, 1);
    for (std::uint64_t g = 10; g < 14; ++g)
        add(g, g + 1, 10, 1);
    add(10, 13, 25, 1);
    const auto way = [&](std::uint64_t own, std::uint32_t epoch) {
        std::string text;
        for (const std::string& name : cheapest_path(releases, own, epoch))
            text += name + " ";
        return text;
    };
    assert_says(way(14, 1), "");
    assert_says(way(13, 1), "delta/13-14.rec ");
    assert_says(way(10, 1), "delta/10-13.rec delta/13-14.rec ");
    assert_says(way(11, 1), "delta/11-12.rec delta/12-13.rec delta/13-14.rec ");
    assert_says(way(0, 0), "full/10.rec delta/10-13.rec delta/13-14.rec ");
    assert_says(way(9, 1), "full/10.rec delta/10-13.rec delta/13-14.rec ");
    // Held under another epoch's key, the own set is no base.
    assert_says(way(13, 2), "full/10.rec delta/10-13.rec delta/13-14.rec ");
    add(0, 14, 20, 2);
    assert_says(way(10, 1), "full/14.rec ");
}

// What of a line of `digests` is in a record: its tag, and what is sealed with it.
bool is_of(const std::string& kind, const std::string& text, const SecretKey& key,
           const FeedRecord& record) {
    if (kind == "sha256" || kind == "md5") {
        std::vector<std::uint8_t> digest(text.size() / 2);
        assert_true(from_hex(text, digest));
        const Tag tag = keyed_tag(
            TagKey(key.bytes), kind == "md5" ? IndicatorKind::md5 : IndicatorKind::sha256, digest);
        return std::memcmp(record.tag.data(), &tag, sizeof tag) == 0;
    }
    FeedRecord wanted;
    if (kind == "pdq") {
        std::array<std::uint8_t, pdq_bytes> hash;
        assert_true(from_hex(text.substr(0, 64), hash));
        PartSealer(key).seal(IndicatorKind::pdq, hash, &wanted);
        wanted.distance = static_cast<std::uint8_t>(std::stoul(text.substr(65)));
    } else {
        const std::string part = pattern_part(
            kind == "pattern" ? PatternSyntax::literal : PatternSyntax::expression, text);
        PartSealer(key).seal(IndicatorKind::pattern, as_bytes(part), &wanted);
    }
    return wanted.tag == record.tag && wanted.sealed == record.sealed &&
           wanted.distance == record.distance;
}

// The feeds that the documentation shows; an independent script reads them too.
void reads_vectors(const std::string& folder, const char* now, std::size_t count) {
    FolderFetch fetch(folder);
    const std::uint64_t now_s = *read_time(now);
    TrustState state;
    state.root = **fetch.get("metadata/1.root.json", root_bytes_max);
    const auto feed = refresh(state, fetch, now_s);
    assert_true(feed && feed->releases && feed->revocations);
    assert_int_equal(feed->releases->newest(), 2);
    assert_int_equal(feed->revocations->suspensions.at(0).value, 2);
    SecretKey node;
    const std::string digits = **fetch.get("node.key", 65);
    assert_true(from_hex(digits.substr(0, 64), node.bytes));
    const std::string sealed = **fetch.get("grants/box-1.grant", grant_bytes_max);
    const auto grant =
        open_grant(as_bytes(sealed), feed->targets, "vectors/known-csam", "box-1", node);
    assert_true(grant.has_value());
    const SecretKey& key = grant->epochs.at(1);
    RecordSet set;
    for (const std::string& name : cheapest_path(*feed->releases, 0, 0))
        set = *fetch_and_apply(name, feed->releases->targets.at(name), feed->targets.caps, key, set,
                               fetch, nullptr);
    std::ifstream lines(folder + "/digests");
    std::string kind, text;
    std::size_t found = 0;
    while (lines >> kind && std::getline(lines >> std::ws, text)) {
        for (const FeedRecord& record : set.records())
            found += is_of(kind, text, key, record) ? 1u : 0u;
    }
    assert_int_equal(found, count);
    assert_int_equal(set.records().size(), count);
}

void reads_the_vectors_of_the_documentation(void**) {
    reads_vectors("tests/feed/vectors", "2026-11-22T06:00:00Z", 8);
    reads_vectors("tests/feed/vectors-sections", "2026-11-22T22:40:00Z", 7);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(follows_a_feed_and_fetches_only_what_is_new),
        cmocka_unit_test(a_forged_document_of_any_role_is_refused),
        cmocka_unit_test(fewer_signatures_than_the_threshold_are_none),
        cmocka_unit_test(a_role_speaks_for_itself_only),
        cmocka_unit_test(going_back_is_refused),
        cmocka_unit_test(standing_still_is_noticed_at_every_role),
        cmocka_unit_test(weakening_does_not_wait_for_strengthening),
        cmocka_unit_test(no_new_generation_without_revocations),
        cmocka_unit_test(truncated_endless_and_mixed_files_are_refused),
        cmocka_unit_test(a_clock_or_a_timestamp_that_went_back_is_named),
        cmocka_unit_test(follows_roots_one_by_one),
        cmocka_unit_test(a_root_that_the_old_holders_did_not_sign_is_refused),
        cmocka_unit_test(a_root_does_not_skip_or_become_another_feed),
        cmocka_unit_test(versions_pushed_ahead_are_forgotten_with_the_keys),
        cmocka_unit_test(another_purpose_is_refused),
        cmocka_unit_test(a_target_is_taken_only_as_it_was_announced),
        cmocka_unit_test(two_stolen_curator_keys_cannot_list_the_world),
        cmocka_unit_test(goes_the_way_of_fewest_bytes),
        cmocka_unit_test(reads_the_vectors_of_the_documentation),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
