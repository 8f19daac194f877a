// The threats of docs/feed-threats.md against a whole follower: whoever does what, the last good
// generation and its suspensions stay in force, over a restart too, and the alarm says why.
#include "tests/support/follower_lab.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;
using cordon::test::Appliance;
using cordon::test::feed_record;
using cordon::test::FeedCentre;
using cordon::test::Holders;

namespace {

#define assert_says(is, should) assert_string_equal(std::string(is).c_str(), should)

struct Deed {
    const char* what;
    void (*done)(Appliance& a);
    const char* why;  // what the alarm says
};

// Generation 1 is in force, reference 2 is suspended, generation 2 is out: then the deed is done.
void stays(const Deed& deed) {
    Appliance a;
    a.poll();
    a.suspend(feed::SuspensionOf::reference, 2);
    assert_says(a.poll(), "");
    a.release({1, 2, 3});
    deed.done(a);
    for (const char* when : {"at once", "after a restart"}) {
        const bool said = a.alarm_has(a.poll(true), deed.why);
        const bool stayed =
            a.in_force(1) && a.keeper.suspensions.size() == 1 && a.keeper.suspensions[0].value == 2;
        if (!said || !stayed) print_error("%s, %s\n", deed.what, when);
        assert_true(said && stayed);
        a.restart();
        assert_says(a.started_as, "");
    }
}

template <std::size_t Count>
void stays(const Deed (&deeds)[Count]) {
    for (const Deed& deed : deeds)
        stays(deed);
}

// A document in its place with other signatures, announced as it is.
void put_signed_by(Appliance& a, const char* role, const nlohmann::json& body,
                   const Holders& holders, std::size_t count) {
    FeedCentre& c = a.centre;
    const std::uint64_t version = body.at("version");
    c.put(role, version, feed::write_envelope(body, holders.sign_all(body, count)));
    c.announce();
}

// --- a mirror, or whoever is in between ----------------------------------------------------------

void forged(void**) {
    const Deed deeds[] = {
        {"root",
         [](Appliance& a) {
             a.centre.root_keys = Holders(5, 3);
             a.centre.put_next_root(a.centre.root_keys);
         },
         "forged: root, by the old keys, has 0 of 3"},
        {"timestamp",
         [](Appliance& a) {
             a.centre.timestamp_keys = Holders(1, 1);
             a.centre.put_timestamp();
         },
         "forged: timestamp has 0 of 1"},
        {"snapshot",
         [](Appliance& a) {
             a.centre.snapshot_keys = Holders(1, 1);
             a.centre.announce();
         },
         "forged: snapshot has 0 of 1"},
        {"targets",
         [](Appliance& a) {
             put_signed_by(a, "targets", to_json(a.centre.targets), Holders(3, 2), 2);
         },
         "forged: targets has 0 of 2"},
        {"releases",
         [](Appliance& a) {
             put_signed_by(a, "releases", to_json(a.centre.releases), Holders(3, 2), 2);
         },
         "releases forged: releases has 0 of 2"},
        {"revocations",
         [](Appliance& a) {
             a.centre.revocations.suspensions.clear();
             put_signed_by(a, "revocations", to_json(a.centre.revocations), Holders(2, 1), 1);
         },
         "revocations forged: revocations has 0 of 1"},
    };
    stays(deeds);
}

void rolled_back(void**) {
    const Deed deeds[] = {
        {"the whole feed, as it was",
         [](Appliance& a) {
             static std::string timestamp;
             timestamp = a.centre.files["metadata/timestamp.json"];
             a.keeper.refuses = 2;  // believed, and not in force
             a.poll();
             a.publish();
             a.poll();
             a.centre.files["metadata/timestamp.json"] = timestamp;
         },
         "backdated: timestamp was issued before"},
        {"the version of timestamp",
         [](Appliance& a) {
             a.centre.timestamp.version = 1;
             a.centre.put_timestamp();
         },
         "rolled-back: timestamp"},
        {"an older snapshot",
         [](Appliance& a) {
             a.centre.timestamp.snapshot =
                 a.centre.file_of("snapshot", a.centre.snapshot.version - 2);
             a.centre.put_timestamp();
         },
         "rolled-back: timestamp"},
        {"older targets",
         [](Appliance& a) {
             a.centre.targets.version -= 2;
             a.centre.announce();
         },
         "rolled-back: targets.json"},
        {"older releases",
         [](Appliance& a) {
             a.centre.releases.version -= 2;
             a.centre.announce();
         },
         "rolled-back: releases.json"},
        {"older revocations, from before the suspension",
         [](Appliance& a) {
             a.centre.revocations.version -= 2;
             a.centre.announce();
         },
         "rolled-back: revocations.json"},
        {"no revocations any more",
         [](Appliance& a) {
             a.centre.snapshot.files.erase("revocations.json");
             a.centre.put_snapshot();
         },
         "rolled-back: revocations.json"},
    };
    stays(deeds);
}

void frozen_at_every_role(void**) {
    const Deed deeds[] = {
        {"timestamp", [](Appliance& a) { a.centre.now_s += feed::timestamp_life_s; },
         "frozen: timestamp"},
        {"snapshot",
         [](Appliance& a) {
             a.centre.now_s += feed::snapshot_life_s;
             a.centre.timestamp.expires_s = a.centre.now_s + feed::timestamp_life_s;
             a.centre.put_timestamp();
         },
         "frozen: snapshot"},
        {"targets",
         [](Appliance& a) {
             a.centre.targets.expires_s = a.centre.now_s;
             a.publish(0);
         },
         "releases frozen: targets"},
        {"releases",
         [](Appliance& a) {
             a.publish(0);
             a.centre.releases.expires_s = a.centre.now_s;
             a.centre.serve();
         },
         "releases frozen: releases"},
        {"revocations: nothing is lifted, nothing new is activated",
         [](Appliance& a) {
             a.publish(0);
             a.centre.revocations.suspensions.clear();
             a.centre.revocations.expires_s = a.centre.now_s;
             a.centre.serve();
         },
         "revocations frozen: revocations"},
        {"root",
         [](Appliance& a) {
             a.centre.root.expires_s = a.centre.now_s;
             a.centre.put_next_root(a.centre.root_keys);
         },
         "frozen: root"},
    };
    stays(deeds);
}

void mixed_truncated_and_endless(void**) {
    const Deed deeds[] = {
        {"the releases of another time",
         [](Appliance& a) {
             FeedCentre& c = a.centre;
             c.bytes("releases", c.releases.version) = c.bytes("releases", c.releases.version - 1);
         },
         "releases "},
        {"a snapshot that names another version",
         [](Appliance& a) {
             FeedCentre& c = a.centre;
             ++c.snapshot.files["releases.json"].version;
             c.put("releases", c.releases.version + 1, c.bytes("releases", c.releases.version));
             c.put_snapshot();
         },
         "releases mixed: releases has another version"},
        {"a changed byte",
         [](Appliance& a) { a.centre.bytes("releases", a.centre.releases.version)[10] ^= 1; },
         "releases mixed"},
        {"the records of another time",
         [](Appliance& a) {
             for (auto& [name, file] : a.centre.releases.targets)
                 file.state[0] ^= 1;
             a.publish();
         },
         "release 2: mixed"},
        {"metadata that is cut off",
         [](Appliance& a) { a.centre.bytes("targets", a.centre.targets.version).pop_back(); },
         "truncated: metadata/"},
        {"targets that are cut off",
         [](Appliance& a) {
             for (auto& [path, bytes] : a.centre.files)
                 if (path.starts_with("targets/")) bytes.pop_back();
         },
         "release 2: truncated"},
        {"a timestamp without an end",
         [](Appliance& a) {
             a.centre.files["metadata/timestamp.json"].resize(feed::timestamp_bytes_max + 1, ' ');
         },
         "endless: metadata/timestamp.json"},
        {"a root without an end",
         [](Appliance& a) { a.centre.bytes("root", 2).resize(feed::root_bytes_max + 1, ' '); },
         "endless: metadata/2.root.json"},
        {"metadata without an end",
         [](Appliance& a) { a.centre.bytes("snapshot", a.centre.snapshot.version) += " "; },
         "endless: metadata/"},
        {"targets without an end",
         [](Appliance& a) {
             for (auto& [path, bytes] : a.centre.files)
                 if (path.starts_with("targets/")) bytes += "x";
         },
         "release 2: endless"},
        {"a mirror that is gone", [](Appliance& a) { a.away = true; }, "unreachable"},
        {"a mirror that lacks what it announces",
         [](Appliance& a) {
             std::erase_if(a.centre.files,
                           [](const auto& file) { return file.first.starts_with("targets/"); });
         },
         "release 2: unreachable"},
    };
    stays(deeds);
}

// A walk of one refresh ends after root_steps_max roots; the next one goes on there.
void many_roots_cost_many_polls_and_no_more(void**) {
    Appliance a;
    for (std::uint64_t n = 0; n < feed::root_steps_max + 10; ++n)
        a.centre.put_next_root(a.centre.root_keys);
    a.poll();
    assert_int_equal(a.centre.fetched[FeedCentre::path_of("root", feed::root_steps_max + 2)], 0);
    assert_says(a.poll(), "");
    const auto root = feed::read_envelope(as_bytes(a.follower->state().trust.root), "root");
    assert_int_equal(root->version, feed::root_steps_max + 11);
}

// --- stolen keys ---------------------------------------------------------------------------------

void a_threshold_is_not_met(void**) {
    const Deed deeds[] = {
        {"two of the holders of root",
         [](Appliance& a) {
             ++a.centre.root.version;
             const nlohmann::json body = to_json(a.centre.root);
             a.centre.put("root", a.centre.root.version,
                          feed::write_envelope(body, a.centre.root_keys.sign_all(body, 2)));
         },
         "forged: root, by the old keys, has 2 of 3"},
        {"one of the holders of targets",
         [](Appliance& a) {
             put_signed_by(a, "targets", to_json(a.centre.targets), a.centre.targets_keys, 1);
         },
         "forged: targets has 1 of 2"},
        {"one curator",
         [](Appliance& a) {
             put_signed_by(a, "releases", to_json(a.centre.releases), a.centre.releases_keys, 1);
         },
         "releases forged: releases has 1 of 2"},
        {"one curator, under two ids",
         [](Appliance& a) {
             const nlohmann::json body = to_json(a.centre.releases);
             auto twice = a.centre.releases_keys.sign_all(body, 1);
             twice.push_back(twice[0]);
             twice[1].keyid = a.centre.releases_keys.sign_all(body, 2)[1].keyid;
             a.centre.put("releases", a.centre.releases.version, feed::write_envelope(body, twice));
             a.centre.announce();
         },
         "releases forged: releases has 1 of 2"},
        {"those on call as curators",
         [](Appliance& a) {
             put_signed_by(a, "releases", to_json(a.centre.releases), a.centre.revocations_keys, 2);
         },
         "releases forged: releases has 0 of 2"},
        {"curators as those on call",
         [](Appliance& a) {
             a.centre.revocations.suspensions.clear();
             put_signed_by(a, "revocations", to_json(a.centre.revocations), a.centre.releases_keys,
                           2);
         },
         "revocations forged: revocations has 0 of 1"},
        {"curators as holders of targets",
         [](Appliance& a) {
             a.centre.targets.caps.additions_day = 1000;
             put_signed_by(a, "targets", to_json(a.centre.targets), a.centre.releases_keys, 2);
         },
         "forged: targets has 0 of 2"},
    };
    stays(deeds);
}

// It can hold a feed still for as long as its snapshot lives, and no longer.
void a_stolen_timestamp_key(void**) {
    const Deed deeds[] = {
        {"a snapshot of its own",
         [](Appliance& a) {
             a.centre.snapshot_keys = a.centre.timestamp_keys;
             a.centre.announce();
         },
         "forged: snapshot has 0 of 1"},
        {"an older snapshot",
         [](Appliance& a) {
             a.centre.timestamp.snapshot =
                 a.centre.file_of("snapshot", a.centre.snapshot.version - 2);
             a.centre.put_timestamp();
         },
         "rolled-back: timestamp"},
        {"a time to come",
         [](Appliance& a) {
             a.centre.timestamp.issued_s = a.centre.now_s + 3600;
             a.centre.put_timestamp();
         },
         "backdated: timestamp is issued in the future"},
        {"the snapshot of today, for ever",
         [](Appliance& a) {
             a.centre.now_s += feed::snapshot_life_s;
             ++a.centre.timestamp.version;
             a.centre.timestamp.issued_s = a.centre.now_s;
             a.centre.timestamp.expires_s = a.centre.now_s + feed::timestamp_life_s;
             a.centre.put_timestamp();
         },
         "frozen: snapshot"},
    };
    stays(deeds);
}

// Versions and times that were pushed ahead end with the keys that did it.
void stolen_online_keys_that_push_ahead(void**) {
    Appliance a;
    assert_says(a.poll(), "");
    const FeedCentre honest = a.centre;
    a.centre.timestamp.version = a.centre.snapshot.version = 1'000'000;
    a.centre.announce();
    a.centre.timestamp.issued_s = a.centre.now_s + 599;  // no more is believed
    a.centre.put_timestamp();
    assert_says(a.poll(), "");
    a.centre = honest;
    a.release({1, 2, 3});
    assert_true(a.alarm_has(a.poll(), "backdated"));
    a.publish(600);
    assert_true(a.alarm_has(a.poll(), "rolled-back"));
    assert_true(a.in_force(1));
    a.centre.timestamp_keys = Holders(1, 1);
    a.centre.snapshot_keys = Holders(1, 1);
    a.centre.put_next_root(a.centre.root_keys);
    a.centre.announce();
    assert_says(a.poll(), "");
    assert_true(a.in_force(2));
}

// A release of records that nobody but the two stolen keys stand for.
void put_release(Appliance& a, std::uint64_t base, std::uint64_t generation,
                 const std::vector<feed::FeedRecord>& records) {
    feed::RecordFile file;
    file.base = base;
    file.generation = generation;
    const feed::RecordSet next = *feed::RecordSet::of(records);
    if (base == 0) {
        file.added = next.records();
        file.state = next.state().bytes();
    } else {
        a.set.changes_to(next, &file);
    }
    a.centre.releases.targets.clear();
    a.centre.add_release(file, records.size());
    a.publish();
}

std::vector<feed::FeedRecord> records_of(std::uint8_t from, std::uint8_t to,
                                         std::uint16_t source = 1) {
    std::vector<feed::FeedRecord> records;
    for (std::uint8_t n = from; n <= to; ++n)
        records.push_back(feed_record(n, source));
    return records;
}

// They have the threshold; what bounds them is caps, which the holders of targets sign.
void both_curator_keys_stolen_against_caps(void**) {
    const Deed deeds[] = {
        {"more in a delta than a day may bring",
         [](Appliance& a) {
             a.set = *feed::RecordSet::of(records_of(1, 2));
             put_release(a, 1, 3, records_of(1, 13));
         },
         "release 3: over-caps: more additions"},
        {"more by a full set than a day may bring",
         [](Appliance& a) { put_release(a, 0, 3, records_of(1, 13)); },
         "release 3: over-caps: 11 additions"},
        {"more than there may be", [](Appliance& a) { put_release(a, 0, 3, records_of(1, 101)); },
         "release 3: over-caps: more records"},
        {"a source that nobody named",
         [](Appliance& a) { put_release(a, 0, 3, records_of(1, 3, 7)); },
         "release 3: over-caps: a source"},
        {"a kind that nobody named",
         [](Appliance& a) {
             auto records = records_of(1, 3);
             records[2].kind = IndicatorKind::sha1;
             put_release(a, 0, 3, records);
         },
         "release 3: over-caps: a kind"},
        {"for another purpose",
         [](Appliance& a) {
             a.centre.releases.targets["delta/1-2.rec"].purpose = "copyright";
             a.publish();
         },
         "releases malformed: malformed releases: a target for another purpose"},
        {"a file that every machine has", [](Appliance& a) { a.keeper.refuses = 2; },
         "release 2: it lists /usr/bin/true"},
    };
    stays(deeds);
}

// Removals are bounded as well: a list is not emptied in a night.
void both_curator_keys_stolen_do_not_empty_the_list(void**) {
    Appliance a;
    a.centre.targets.caps.removals_day = 1;
    a.release({1, 2, 3});
    assert_says(a.poll(), "");
    a.release({1});
    assert_true(a.alarm_has(a.poll(), "over-caps"));
    assert_true(a.in_force(2));
    assert_int_equal(a.keeper.there->set.records.records().size(), 3);
}

// A generation out of all reach would make every later one look old. The appliance says so, and its
// operator falls back behind it.
void both_curator_keys_stolen_that_push_ahead(void**) {
    Appliance a;
    assert_says(a.poll(), "");
    FeedCentre thieves = a.centre;
    std::swap(a.centre, thieves);
    put_release(a, 0, std::uint64_t{1} << 52, records_of(1, 3));
    assert_says(a.poll(), "");
    assert_true(a.in_force(std::uint64_t{1} << 52));
    // New curators, named by the holders of targets.
    const std::uint64_t versions = a.centre.targets.version + 1;
    std::swap(a.centre, thieves);
    a.centre.releases_keys = Holders(3, 2);
    a.centre.name_delegated_keys();
    a.centre.targets.version = a.centre.releases.version = a.centre.revocations.version = versions;
    a.centre.snapshot.version = a.centre.timestamp.version = thieves.snapshot.version + 1;
    a.centre.now_s = thieves.now_s;
    a.release({1, 2, 4});
    assert_true(a.alarm_has(a.poll(), "rolled-back: the releases end before"));
    Hold hold;
    hold.until_s = a.centre.now_s + 60;
    hold.pinned = true;
    assert_true(a.follower->fall_back(hold, a.centre.now_s).has_value());
    a.publish();
    assert_says(a.poll(), "");
    assert_true(a.in_force(2));
}

// It can weaken, a little and for days: no more entries than fit, none for longer than it may.
void a_stolen_on_call_key(void**) {
    const Deed deeds[] = {
        {"more than there may be",
         [](Appliance& a) {
             for (std::uint64_t n = 0; n < feed::suspensions_max; ++n)
                 a.centre.revocations.suspensions.push_back({feed::SuspensionOf::reference, 100 + n,
                                                             a.centre.now_s,
                                                             a.centre.now_s + feed::day_s, ""});
             a.publish();
         },
         "revocations malformed"},
        {"a reference for longer than a week",
         [](Appliance& a) {
             a.centre.revocations.suspensions.push_back(
                 {feed::SuspensionOf::reference, 1, a.centre.now_s,
                  a.centre.now_s + feed::reference_suspension_max_s + 1, ""});
             a.publish();
         },
         "revocations malformed"},
        {"a source for longer than three days",
         [](Appliance& a) {
             a.centre.revocations.suspensions.push_back(
                 {feed::SuspensionOf::source, 1, a.centre.now_s,
                  a.centre.now_s + feed::wide_suspension_max_s + 1, ""});
             a.publish();
         },
         "revocations malformed"},
        {"a target in revocations",
         [](Appliance& a) {
             nlohmann::json body = to_json(a.centre.revocations);
             body["targets"] = to_json(a.centre.releases)["targets"];
             put_signed_by(a, "revocations", body, a.centre.revocations_keys, 1);
         },
         "revocations malformed"},
    };
    stays(deeds);
}

// --- grants --------------------------------------------------------------------------------------

// What is in force is not touched by a grant that is not taken; what is refused is said.
void forged_and_older_grants(void**) {
    const auto lay_out = [](Appliance& a, const Holders& signer, const char* node,
                            const char* feed_name, const char* why) {
        const auto own = a.centre.revocations_keys;
        const std::string name = a.centre.root.feed;
        a.centre.revocations_keys = signer;
        a.centre.root.feed = feed_name;
        a.grant(a.centre.now_s + 5 * feed::day_s, node);
        a.centre.revocations_keys = own;
        a.centre.root.feed = name;
        a.publish(grant_every_s);
        assert_true(a.alarm_has(a.poll(), why));
        assert_int_equal(a.follower->state().grant_serial, 1);
        assert_true(a.in_force(1));
        assert_int_equal(a.keeper.there->not_after_s, a.follower->grant().not_after_s);
    };
    Appliance a;
    const std::string first = a.centre.files["grants/box-1.grant"];
    assert_says(a.poll(), "");
    lay_out(a, Holders(1, 1), "box-1", "eu/known", "grant: ");
    lay_out(a, a.centre.releases_keys, "box-1", "eu/known", "grant: ");
    lay_out(a, a.centre.revocations_keys, "box-2", "eu/known", "grant: ");
    lay_out(a, a.centre.revocations_keys, "box-1", "another", "grant: ");
    a.grant(a.centre.now_s + 5 * feed::day_s);
    a.publish(grant_every_s);
    assert_says(a.poll(), "");
    const std::uint64_t serial = a.follower->state().grant_serial;
    assert_true(serial > 1);
    a.centre.files["grants/box-1.grant"] = first;
    for (int restarts = 0; restarts < 2; ++restarts) {
        a.publish(grant_every_s);
        assert_true(a.alarm_has(a.poll(), "grant: its serial"));
        assert_int_equal(a.follower->state().grant_serial, serial);
        assert_true(a.in_force(1));
        a.restart();
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(forged),
        cmocka_unit_test(rolled_back),
        cmocka_unit_test(frozen_at_every_role),
        cmocka_unit_test(mixed_truncated_and_endless),
        cmocka_unit_test(many_roots_cost_many_polls_and_no_more),
        cmocka_unit_test(a_threshold_is_not_met),
        cmocka_unit_test(a_stolen_timestamp_key),
        cmocka_unit_test(stolen_online_keys_that_push_ahead),
        cmocka_unit_test(both_curator_keys_stolen_against_caps),
        cmocka_unit_test(both_curator_keys_stolen_do_not_empty_the_list),
        cmocka_unit_test(both_curator_keys_stolen_that_push_ahead),
        cmocka_unit_test(a_stolen_on_call_key),
        cmocka_unit_test(forged_and_older_grants),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
