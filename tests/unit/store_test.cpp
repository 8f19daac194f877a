// The store, in a file and on a server: what comes in from a journal and what can be asked.
#include <sys/stat.h>

#include <cstring>
#include <filesystem>

#include "control/store/text.h"
#include "control/store/verify_queue.h"
#include "dataplane/contract/index_format.h"
#include "tests/support/stored_incidents.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

using Fixture = StoreFixture;
constexpr JournalId id = journal_id;
constexpr JournalId other_id = other_journal_id;

Fixture& of(void** state) {
    return store_of(state);
}

EnforcedRecord enforced(std::uint64_t decided, const char* case_number, bool reset, bool answered) {
    EnforcedRecord record{};
    record.decided_sequence = decided;
    record.time_ns = noon + 2000000000;
    record.storage_reset = reset;
    record.client_answered = answered;
    fill(record.case_number, case_number);
    return record;
}

Incident get(Fixture& fixture, const char* case_number) {
    auto found = fixture.store->get_incident(case_number);
    assert_true(found.has_value() && found->has_value());
    return **found;
}

Personal revealed(Fixture& fixture, const char* case_number) {
    auto data = std::move(*PersonalData::open(fixture.options));
    auto personal = data->reveal(case_number);
    assert_true(personal.has_value() && personal->has_value());
    return **personal;
}

void gives_back_every_field_of_an_incident(void** state) {
    Fixture& fixture = of(state);
    IncidentRecord record = incident("AB-0001");
    record.forwarded = v4(99, 0);
    std::memset(record.forwarded.address, 0, 16);
    record.forwarded.address[15] = 1;
    record.vlan = 12;
    record.lab = 1;
    record.complete = 0;
    record.match_count = 2;
    fill(record.matches[1].section, "local");
    record.matches[1].source = 3;
    record.matches[1].category = 2;
    record.matches[1].kinds = 5;
    record.matches[1].flags = match_flag::weak;
    fixture.add(RecordType::decided, 41, record);
    assert_true(fixture.apply(id).has_value());

    const Incident got = get(fixture, "AB-0001");
    assert_string_equal(got.time.c_str(), "2024-03-01T12:00:00.123456789Z");
    assert_int_equal(got.status, IncidentStatus::decided);
    assert_true(got.enforced_time.empty());
    assert_string_equal(got.node.c_str(), "node-1");
    assert_string_equal(got.journal.c_str(), "abcd0000000000000000000000000000");
    assert_int_equal(got.sequence, 41);
    assert_string_equal(got.server.address.c_str(), "192.0.2.80");
    assert_int_equal(got.server.port, 8080);
    assert_int_equal(got.vlan, 12);
    assert_string_equal(got.service.c_str(), "uploads");
    assert_string_equal(got.method.c_str(), "PUT");
    assert_int_equal(got.content_type, ContentType::empty);
    assert_int_equal(got.form, ObjectForm::body);
    assert_true(got.size == 5000000000);
    assert_false(got.complete);
    assert_true(got.lab);
    assert_int_equal(got.action, MatchAction::block);
    assert_int_equal(got.policy_generation, 4);
    assert_string_equal(got.legal_basis.c_str(), "detection order 12/2024");
    assert_int_equal(got.matches.size(), 2);
    assert_string_equal(got.matches[0].section.c_str(), "centre");
    assert_true(got.matches[0].reference == 0xfedcba9876543210);
    assert_int_equal(got.matches[0].generation, 17);
    assert_int_equal(got.matches[0].kinds, 4);
    assert_string_equal(got.matches[1].section.c_str(), "local");
    assert_int_equal(got.matches[1].source, 3);
    assert_int_equal(got.matches[1].category, 2);
    assert_int_equal(got.matches[1].flags, 1);
    const Personal expected = {{"192.0.2.7", 40000},
                               {"::1", 0},
                               "files.example",
                               "/bucket/a.jpg",
                               "AKIAEXAMPLE",
                               "upload",
                               "a.zip",
                               "x/a.jpg",
                               "y.zip"};
    assert_true(revealed(fixture, "AB-0001") == expected);
}

// A match in any form the dataplane names is an incident, with that name.
void stores_incidents_of_every_form(void** state) {
    Fixture& fixture = of(state);
    std::uint64_t sequence = 1;
    for (std::size_t n = 0; n < object_form_count; ++n) {
        const auto form = static_cast<ObjectForm>(n);
        const std::string number = "AB-000" + std::to_string(sequence);
        IncidentRecord record = incident(number.c_str());
        record.form = form;
        fixture.add(RecordType::decided, sequence++, record);
        assert_true(fixture.apply(id).has_value());
        assert_int_equal(get(fixture, number.c_str()).form, form);
    }
    assert_int_equal(fixture.store->statistics()->odd_records, 0);
}

void counts_what_the_entries_of_a_local_list_met(void** state) {
    Fixture& fixture = of(state);
    const auto hit = [&](std::uint64_t sequence, std::uint64_t entry, std::uint16_t origin,
                         bool feed_too) {
        IncidentRecord record = incident(("AB-000" + std::to_string(sequence)).c_str());
        record.time_ns = noon + sequence * 1000000000;
        record.match_count = feed_too ? 2 : 1;
        record.matches[1] = record.matches[0];                                    // of the feed
        record.matches[0].flags = match_flag::weak | match_flag::local | 1 << 2;  // may report
        record.matches[0].reference = entry;
        record.matches[0].source = origin;
        record.matches[1].flags = 2 << 2;  // may block
        fixture.add(RecordType::decided, sequence, record);
    };
    hit(1, 7, 2, false);
    hit(2, 7, 2, true);
    hit(3, 9, 1, true);
    fixture.add(RecordType::decided, 4, incident("AB-0004"));  // of a feed alone
    assert_true(fixture.apply(id).has_value());
    const std::vector<LocalHits> hits = *fixture.store->local_hits();
    assert_int_equal(hits.size(), 2);
    const LocalHits& nine = hits[hits[0].entry == 9 ? 0 : 1];
    const LocalHits& seven = hits[hits[0].entry == 9 ? 1 : 0];
    assert_int_equal(nine.hits, 1);
    assert_int_equal(nine.origin, 1);
    assert_int_equal(seven.hits, 2);
    assert_int_equal(seven.origin, 2);
    assert_string_equal(seven.last.c_str(), "2024-03-01T12:00:02.000000000Z");
    const Incident both = get(fixture, "AB-0002");
    assert_int_equal(both.matches[0].flags, match_flag::weak | match_flag::local | 1 << 2);
    assert_int_equal(both.matches[1].flags, 2 << 2);
}

void stores_a_record_that_comes_again_once(void** state) {
    Fixture& fixture = of(state);
    for (int n = 0; n < 3; ++n) {
        fixture.add(RecordType::decided, 1, incident("AB-0001"));
        fixture.add(RecordType::enforced, 2, enforced(1, "AB-0001", true, true));
        assert_true(fixture.apply(id).has_value());
    }
    const StoreStatistics statistics = *fixture.store->statistics();
    assert_int_equal(statistics.records, 2);
    assert_int_equal(statistics.incidents, 1);
    assert_int_equal(statistics.enforced, 1);
    assert_int_equal(statistics.odd_records, 0);
    assert_int_equal(fixture.store->list_incidents({}, 10, 0)->size(), 1);
}

void keeps_both_of_two_records_that_contradict_each_other(void** state) {
    Fixture& fixture = of(state);
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    assert_true(fixture.apply(id).has_value());
    fixture.add(RecordType::decided, 1, incident("AB-0002"));
    fixture.records[0].checksum = 999;
    assert_true(fixture.apply(id).has_value());
    assert_int_equal(get(fixture, "AB-0001").sequence, 1);
    assert_int_equal(get(fixture, "AB-0002").sequence, 1);
    assert_int_equal(fixture.store->statistics()->odd_records, 1);
    // The word of enforcement goes to the case that it names.
    fixture.add(RecordType::enforced, 2, enforced(1, "AB-0002", true, true));
    assert_true(fixture.apply(id).has_value());
    assert_int_equal(get(fixture, "AB-0001").status, IncidentStatus::decided);
    assert_int_equal(get(fixture, "AB-0002").status, IncidentStatus::enforced);
}

void tells_the_same_sequence_of_two_journals_apart(void** state) {
    Fixture& fixture = of(state);
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    assert_true(fixture.apply(id).has_value());
    fixture.add(RecordType::decided, 1, incident("AB-0002"));
    assert_true(fixture.apply(other_id).has_value());
    assert_int_equal(fixture.store->statistics()->incidents, 2);
    assert_int_equal(fixture.store->statistics()->odd_records, 0);
}

void joins_what_was_enforced_to_what_was_decided(void** state) {
    Fixture& fixture = of(state);
    for (std::uint64_t n = 1; n <= 3; ++n) {
        const char* cases[] = {"", "AB-0001", "AB-0002", "AB-0003"};
        fixture.add(RecordType::decided, n, incident(cases[n]));
    }
    fixture.add(RecordType::enforced, 4, enforced(1, "AB-0001", true, true));
    fixture.add(RecordType::enforced, 5, enforced(2, "AB-0002", true, false));
    assert_true(fixture.apply(id).has_value());
    assert_int_equal(get(fixture, "AB-0001").status, IncidentStatus::enforced);
    assert_string_equal(get(fixture, "AB-0001").enforced_time.c_str(),
                        "2024-03-01T12:00:02.000000000Z");
    assert_int_equal(get(fixture, "AB-0002").status, IncidentStatus::unconfirmed);
    assert_int_equal(get(fixture, "AB-0003").status, IncidentStatus::decided);
    const StoreStatistics statistics = *fixture.store->statistics();
    assert_int_equal(statistics.enforced, 1);
    assert_int_equal(statistics.unconfirmed, 1);
    assert_int_equal(statistics.decided, 1);
    assert_int_equal(statistics.blocked, 3);
}

void joins_by_case_number_when_the_journal_began_anew_in_between(void** state) {
    Fixture& fixture = of(state);
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    assert_true(fixture.apply(id).has_value());
    fixture.add(RecordType::enforced, 1, enforced(1, "AB-0001", true, true));
    assert_true(fixture.apply(other_id).has_value());
    assert_int_equal(get(fixture, "AB-0001").status, IncidentStatus::enforced);
}

void lists_newest_first_in_pages_and_follows_new_ones(void** state) {
    Fixture& fixture = of(state);
    for (std::uint64_t n = 1; n <= 5; ++n) {
        fixture.add(RecordType::decided, n, incident(("AB-000" + std::to_string(n)).c_str()));
    }
    assert_true(fixture.apply(id).has_value());
    const auto first = *fixture.store->list_incidents({}, 2, 0);
    assert_int_equal(first.size(), 2);
    assert_string_equal(first[0].case_number.c_str(), "AB-0005");
    const auto second = *fixture.store->list_incidents({}, 10, first[1].id);
    assert_int_equal(second.size(), 3);
    assert_string_equal(second[0].case_number.c_str(), "AB-0003");
    assert_int_equal(second[0].matches.size(), 1);
    const auto after = *fixture.store->incidents_after({}, 10, second[0].id);
    assert_int_equal(after.size(), 2);
    assert_string_equal(after[0].case_number.c_str(), "AB-0004");
}

void filters_by_service_action_status_and_time(void** state) {
    Fixture& fixture = of(state);
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    IncidentRecord other = incident("AB-0002");
    fill(other.service, "mail");
    other.service[4] = 0;
    other.action = MatchAction::report;
    other.time_ns = noon + 60000000000;
    fixture.add(RecordType::decided, 2, other);
    fixture.add(RecordType::enforced, 3, enforced(1, "AB-0001", true, true));
    assert_true(fixture.apply(id).has_value());
    const auto only = [&](const IncidentFilter& filter) {
        const auto found = *fixture.store->list_incidents(filter, 10, 0);
        assert_int_equal(found.size(), 1);
        return found[0].case_number;
    };
    IncidentFilter filter;
    filter.service = "mail";
    assert_string_equal(only(filter).c_str(), "AB-0002");
    filter = {};
    filter.action = MatchAction::block;
    assert_string_equal(only(filter).c_str(), "AB-0001");
    filter = {};
    filter.status = IncidentStatus::enforced;
    assert_string_equal(only(filter).c_str(), "AB-0001");
    filter = {};
    filter.status = IncidentStatus::decided;
    assert_string_equal(only(filter).c_str(), "AB-0002");
    filter = {};
    filter.from_ns = noon + 30000000000;
    assert_string_equal(only(filter).c_str(), "AB-0002");
    filter.service = "uploads";
    assert_true(fixture.store->list_incidents(filter, 10, 0)->empty());
    filter.service = "' OR 1 --";
    assert_true(fixture.store->list_incidents(filter, 10, 0)->empty());
}

void text_of_the_wire_is_clean_utf8_and_can_be_read_back(void** state) {
    Fixture& fixture = of(state);
    IncidentRecord record = incident("AB-0001");
    fill(record.target, "/\xc3\xa4\xff\x1b[2J\\\xe2\x80\xae\xed\xa0\x80\xc0\xaf\xf0\x9f\x98\x80");
    std::memset(record.host, 'h', sizeof record.host);  // without a NUL
    fixture.add(RecordType::decided, 1, record);
    assert_true(fixture.apply(id).has_value());
    const Personal got = revealed(fixture, "AB-0001");
    assert_string_equal(got.target.c_str(),
                        "/\xc3\xa4\\xff\\x1b[2J\\x5c\\xe2\\x80\\xae\\xed\\xa0\\x80\\xc0\\xaf"
                        "\xf0\x9f\x98\x80");
    assert_int_equal(got.host.size(), sizeof record.host);
}

void a_truncated_character_is_escaped_and_not_read_past(void**) {
    assert_string_equal(clean_text("a\xe2\x82").c_str(), "a\\xe2\\x82");
    assert_string_equal(clean_text("\xf4\x90\x80\x80").c_str(), "\\xf4\\x90\\x80\\x80");
    assert_string_equal(clean_text("\xe0\x80\xaf").c_str(), "\\xe0\\x80\\xaf");
    assert_string_equal(clean_text("\xc2\x9b").c_str(), "\\xc2\\x9b");
    assert_string_equal(clean_text("").c_str(), "");
}

void keeps_records_it_does_not_know_aside(void** state) {
    Fixture& fixture = of(state);
    fixture.add(RecordType::decided, 1, std::uint64_t{5});
    fixture.add(static_cast<RecordType>(77), 2, std::uint64_t{6});
    IncidentRecord wrong = incident("AB-0003");
    wrong.match_count = 9;
    fixture.add(RecordType::decided, 3, wrong);
    fixture.add(RecordType::decided, 4, incident("AB-0004"));
    assert_true(fixture.apply(id).has_value());
    const StoreStatistics statistics = *fixture.store->statistics();
    assert_int_equal(statistics.odd_records, 3);
    assert_int_equal(statistics.incidents, 1);
    assert_int_equal(statistics.records, 4);
}

void counts_incidents_by_service_and_action(void** state) {
    Fixture& fixture = of(state);
    IncidentRecord other = incident("AB-0003");
    fill(other.service, "videos");
    other.action = MatchAction::report;
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    fixture.add(RecordType::decided, 2, incident("AB-0002"));
    fixture.add(RecordType::decided, 3, other);
    assert_true(fixture.apply(id).has_value());
    const std::vector<ServiceIncidents> services = fixture.store->statistics()->services;
    assert_int_equal(services.size(), 2);
    assert_string_equal(services[0].service.c_str(), "uploads");
    assert_int_equal(services[0].action, MatchAction::block);
    assert_int_equal(services[0].incidents, 2);
    assert_string_equal(services[1].service.c_str(), "videos");
    assert_int_equal(services[1].action, MatchAction::report);
    assert_int_equal(services[1].incidents, 1);
}

IncidentRecord vector_of(const char* case_number) {
    IncidentRecord record = incident(case_number);
    for (int n = 0; n < record.match_count; ++n)
        record.matches[n].flags = match_flag::test;
    return record;
}

// A case of nobody: counted apart, and with nothing that could be revealed.
void the_vector_of_a_self_test_is_no_case(void** state) {
    Fixture& fixture = of(state);
    fixture.add_incident(1, incident("AB-0001"));
    fixture.add_incident(2, vector_of("AB-0002"));
    fixture.add(RecordType::enforced, 3, enforced(2, "AB-0002", true, true));
    assert_true(fixture.apply(id).has_value());
    assert_false(get(fixture, "AB-0001").test);
    assert_true(get(fixture, "AB-0002").test);
    assert_int_equal(get(fixture, "AB-0002").status, IncidentStatus::enforced);
    const StoreStatistics statistics = *fixture.store->statistics();
    assert_int_equal(statistics.incidents, 1);
    assert_int_equal(statistics.tests, 1);
    assert_int_equal(statistics.blocked, 1);
    assert_int_equal(statistics.enforced, 0);
    auto data = std::move(*PersonalData::open(fixture.options));
    assert_true((*data->reveal("AB-0001")).has_value());
    assert_false((*data->reveal("AB-0002")).has_value());
    IncidentFilter filter;
    assert_int_equal(fixture.store->list_incidents(filter, 10, 0)->size(), 2);
    filter.test = false;
    assert_string_equal(fixture.store->list_incidents(filter, 10, 0)->at(0).case_number.c_str(),
                        "AB-0001");
    filter.test = true;
    assert_string_equal(fixture.store->incidents_after(filter, 10, 0)->at(0).case_number.c_str(),
                        "AB-0002");
}

void only_the_newest_vectors_are_kept(void** state) {
    Fixture& fixture = of(state);
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    constexpr std::uint32_t more = 5;
    for (std::uint32_t n = 0; n < tests_kept_max + more; ++n)
        fixture.add(RecordType::decided, 2 + n, vector_of(("T-" + std::to_string(n)).c_str()));
    assert_true(fixture.apply(id).has_value());
    assert_int_equal(fixture.store->statistics()->tests, tests_kept_max);
    assert_int_equal(fixture.store->statistics()->incidents, 1);
    assert_false((*fixture.store->get_incident("T-4")).has_value());
    get(fixture, "T-5");
    // One that was forgotten does not come back when the journal is read again.
    fixture.add(RecordType::decided, 2, vector_of("T-0"));
    assert_true(fixture.apply(id).has_value());
    assert_false((*fixture.store->get_incident("T-0")).has_value());
}

void gaps_and_modes_are_listed(void** state) {
    Fixture& fixture = of(state);
    GapRecord gap{};
    gap.from_ns = noon;
    gap.to_ns = noon + 1000000000;
    gap.bytes = 1000;
    gap.packets = 3;
    fill(gap.service, "uploads");
    gap.reason = GapReason::hung;
    fixture.add(RecordType::gap, 1, gap);
    ModeRecord mode{};
    mode.time_ns = noon;
    fill(mode.service, "uploads");
    mode.from = 0;
    mode.to = 2;
    fixture.add(RecordType::mode, 2, mode);
    assert_true(fixture.apply(id).has_value());
    const auto gaps = *fixture.store->gaps_after(10, 0);
    assert_int_equal(gaps.size(), 1);
    assert_string_equal(gaps[0].from.c_str(), "2024-03-01T12:00:00.000000000Z");
    assert_string_equal(gaps[0].to.c_str(), "2024-03-01T12:00:01.000000000Z");
    assert_int_equal(gaps[0].bytes, 1000);
    assert_int_equal(gaps[0].packets, 3);
    assert_int_equal(gaps[0].reason, GapReason::hung);
    const auto changes = *fixture.store->mode_changes_after(10, 0);
    assert_int_equal(changes.size(), 1);
    const StorePosition newest = *fixture.store->newest();
    assert_int_equal(newest.incident, 0);
    assert_int_equal(newest.gap, gaps[0].id);
    assert_int_equal(newest.mode_change, changes[0].id);
    assert_int_equal(fixture.store->gaps_after(10, newest.gap)->size(), 0);
    assert_int_equal(fixture.store->mode_changes_after(10, newest.mode_change)->size(), 0);
    assert_int_equal(changes[0].to, 2);
    assert_int_equal(fixture.store->statistics()->gap_bytes, 1000);
}

void faults_are_told_once(void** state) {
    Fixture& fixture = of(state);
    for (int n = 0; n < 2; ++n) {
        assert_true(fixture.apply(id, {{FaultKind::missing, "incident-5.cdj", 5, 3}}).has_value());
        assert_true(fixture.apply({}, {{FaultKind::damaged, "incident-8.cdj", 8, 0}}).has_value());
    }
    assert_int_equal(fixture.store->faults(10)->size(), 2);
    assert_int_equal(fixture.store->statistics()->missing, 3);
    assert_int_equal(fixture.store->statistics()->damaged, 1);
}

void remembers_the_read_position_of_each_journal(void** state) {
    Fixture& fixture = of(state);
    assert_int_equal(*fixture.store->next_sequence(id), 0);
    fixture.add(RecordType::decided, 41, incident("AB-0001"));
    assert_true(fixture.apply(id).has_value());
    fixture.open();
    assert_int_equal(*fixture.store->next_sequence(id), 42);
    assert_int_equal(*fixture.store->next_sequence(other_id), 0);
    assert_int_equal(get(fixture, "AB-0001").sequence, 41);
}

void a_batch_that_fails_leaves_nothing(void** state) {
    Fixture& fixture = of(state);
    const bool on_server = !fixture.options.server.empty();
    fixture.run(on_server
                    ? "ALTER TABLE incident ADD CONSTRAINT no CHECK (case_number <> 'AB-0002')"
                    : "CREATE TRIGGER no BEFORE INSERT ON incident"
                      " WHEN new.case_number = 'AB-0002'"
                      " BEGIN SELECT raise(ABORT, 'no'); END");
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    fixture.add(RecordType::decided, 2, incident("AB-0002"));
    assert_false(fixture.apply(id).has_value());
    assert_int_equal(fixture.store->statistics()->records, 0);
    assert_int_equal(*fixture.store->next_sequence(id), 0);
    fixture.run(on_server ? "ALTER TABLE incident DROP CONSTRAINT no" : "DROP TRIGGER no");
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    fixture.add(RecordType::decided, 2, incident("AB-0002"));
    assert_true(fixture.apply(id).has_value());
    assert_int_equal(fixture.store->statistics()->incidents, 2);
}

void its_file_is_durable_and_private(void** state) {
    Fixture& fixture = of(state);
    if (!fixture.options.server.empty()) return;
    struct stat status;
    assert_int_equal(::stat(fixture.path.c_str(), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    assert_true(fixture.apply(id).has_value());
    assert_true(std::filesystem::exists(fixture.path + "-wal"));
}

// A store as the first version left it keeps what it has.
void brings_an_older_store_up_to_date(void** state) {
    Fixture& fixture = of(state);
    if (!fixture.options.server.empty()) return;  // there was no server then
    fixture.add(RecordType::decided, 1, incident("AB-0001"));
    assert_true(fixture.apply(id).has_value());
    fixture.store.reset();
    fixture.run("DROP TABLE verify_request; DROP TABLE verify_waiting; DROP INDEX incident_counts");
    fixture.run(
        "DROP TABLE personal; DROP INDEX local_match; DROP INDEX incident_tests;"
        " DROP TABLE list_rights; DROP INDEX match_lists;"
        " ALTER TABLE odd_record DROP COLUMN key_id");
    for (const char* column :
         {"content_type", "verified_after_write", "visible_ns", "names_object", "test"})
        fixture.run(("ALTER TABLE incident DROP COLUMN " + std::string(column)).c_str());
    for (const char* column : {"client", "forwarded", "host", "account", "target"})
        fixture.run(("ALTER TABLE incident ADD COLUMN " + std::string(column) +
                     " TEXT NOT NULL DEFAULT 'of " + column + "'")
                        .c_str());
    for (const char* column : {"client_port", "forwarded_port"})
        fixture.run(("ALTER TABLE incident ADD COLUMN " + std::string(column) +
                     " INTEGER NOT NULL DEFAULT 7")
                        .c_str());
    fixture.run("PRAGMA user_version = 1");
    fixture.open();
    const Personal expected = {{"of client", 7},
                               {"of forwarded", 7},
                               "of host",
                               "of target",
                               "of account",
                               {},
                               {},
                               {},
                               {}};
    assert_true(revealed(fixture, "AB-0001") == expected);
    assert_int_equal(get(fixture, "AB-0001").sequence, 1);
    fixture.store.reset();
    assert_false(fixture.holds("of target"));
}

// What version 6 had open of requests and of records kept aside is sealed, and gone.
void seals_what_an_older_store_had_open(void** state) {
    Fixture& fixture = of(state);
    if (!fixture.options.server.empty()) return;
    fixture.add(static_cast<RecordType>(77), 1, std::uint64_t{6});
    assert_true(fixture.apply(id).has_value());
    fixture.store.reset();
    for (const char* column : {"server", "server_port", "key_id", "sealed"})
        fixture.run(("ALTER TABLE verify_request DROP COLUMN " + std::string(column)).c_str());
    for (const char* column : {"host BLOB", "target BLOB", "account TEXT", "ends BLOB"})
        fixture.run(("ALTER TABLE verify_request ADD COLUMN " + std::string(column)).c_str());
    fixture.run(
        "DROP INDEX local_match; DROP INDEX incident_tests; DROP INDEX incident_counts;"
        " ALTER TABLE incident DROP COLUMN test;"
        " CREATE INDEX incident_counts ON incident (service, action);"
        " DROP TABLE list_rights; DROP INDEX match_lists;"
        " ALTER TABLE odd_record DROP COLUMN key_id");
    fixture.run("UPDATE odd_record SET payload = CAST('KEPT ASIDE' AS BLOB)");
    const Endpoint ends[3] = {v4(7, 40000), {}, v4(80, 8080)};
    const std::string blob = hex_text({reinterpret_cast<const std::uint8_t*>(ends), sizeof ends});
    fixture.run(
        ("INSERT INTO verify_request (node, journal, sequence, checksum, reason, service,"
         " method, host, target, cut, account, ends, requested_ns, next_ns) VALUES ('node-1',"
         " x'ab', 1, 1, 2, 's', 'PUT', CAST('files.example' AS BLOB),"
         " CAST('/OF-A-PERSON' AS BLOB), 0, 'OF-AN-ACCOUNT', x'" +
         blob + "', 5, 5)")
            .c_str());
    fixture.run("PRAGMA user_version = 6");
    assert_true(fixture.holds("/OF-A-PERSON"));
    fixture.open();
    fixture.store.reset();
    for (const char* text : {"/OF-A-PERSON", "OF-AN-ACCOUNT", "KEPT ASIDE"})
        assert_false(fixture.holds(text));
    auto queue = std::move(*open_verify_queue(fixture.options));
    const auto taken = *queue->take(noon);
    assert_true(taken.has_value());
    assert_string_equal(taken->target.c_str(), "/OF-A-PERSON");
    assert_string_equal(taken->account.c_str(), "OF-AN-ACCOUNT");
    assert_memory_equal(&taken->client, &ends[0], sizeof ends[0]);
    assert_memory_equal(&taken->server, &ends[2], sizeof ends[2]);
}

void refuses_a_store_from_a_newer_version(void** state) {
    Fixture& fixture = of(state);
    fixture.store.reset();
    fixture.run(fixture.options.server.empty() ? "PRAGMA user_version = 1000"
                                               : "UPDATE cordon_schema SET version = 1000");
    const auto opened = open_store(fixture.options);
    assert_false(opened.has_value());
    assert_int_equal(opened.error().code, ErrorCode::integrity);
    assert_non_null(std::strstr(opened.error().text.c_str(), "newer"));
}

void refuses_a_file_that_is_not_its_own(void** state) {
    Fixture& fixture = of(state);
    if (!fixture.options.server.empty()) return;
    fixture.store.reset();
    std::filesystem::remove_all(fixture.directory);
    std::filesystem::create_directory(fixture.directory);
    fixture.run("CREATE TABLE somebody_elses (a)");
    assert_int_equal(open_store({fixture.path, "n"}).error().code, ErrorCode::integrity);
    FILE* file = std::fopen(fixture.path.c_str(), "w");
    for (int n = 0; n < 1000; ++n)
        std::fputs("this is no database. ", file);
    std::fclose(file);
    assert_int_equal(open_store({fixture.path, "n"}).error().code, ErrorCode::integrity);
    assert_int_equal(open_store({"/nonexistent/x.db", "n"}).error().code, ErrorCode::io);
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, remove_store)
    const CMUnitTest tests[] = {
        TEST(gives_back_every_field_of_an_incident),
        TEST(stores_incidents_of_every_form),
        TEST(stores_incidents_of_every_form),
        TEST(counts_what_the_entries_of_a_local_list_met),
        TEST(stores_a_record_that_comes_again_once),
        TEST(keeps_both_of_two_records_that_contradict_each_other),
        TEST(tells_the_same_sequence_of_two_journals_apart),
        TEST(joins_what_was_enforced_to_what_was_decided),
        TEST(joins_by_case_number_when_the_journal_began_anew_in_between),
        TEST(lists_newest_first_in_pages_and_follows_new_ones),
        TEST(filters_by_service_action_status_and_time),
        TEST(text_of_the_wire_is_clean_utf8_and_can_be_read_back),
        TEST(keeps_records_it_does_not_know_aside),
        TEST(counts_incidents_by_service_and_action),
        TEST(the_vector_of_a_self_test_is_no_case),
        TEST(only_the_newest_vectors_are_kept),
        TEST(gaps_and_modes_are_listed),
        TEST(faults_are_told_once),
        TEST(remembers_the_read_position_of_each_journal),
        TEST(a_batch_that_fails_leaves_nothing),
        TEST(its_file_is_durable_and_private),
        TEST(brings_an_older_store_up_to_date),
        TEST(seals_what_an_older_store_had_open),
        TEST(refuses_a_store_from_a_newer_version),
        TEST(refuses_a_file_that_is_not_its_own),
        cmocka_unit_test(a_truncated_character_is_escaped_and_not_read_past),
    };
    return run_on_both_stores(tests);
}
