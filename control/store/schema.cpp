#include "control/store/schema.h"

#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "control/store/text.h"

namespace cordon {

namespace {

constexpr std::int64_t application_id = 0x43445354;  // "CDST"

// Integers that are unsigned in the records stand with the same 64 bits. Times are Unix
// nanoseconds, UTC. `record` is the list of all that was ever taken from a journal; its key makes
// "exactly once" of "read at least once". The checksum stands in the key because of one rare case:
// a disk that failed a sync and then lost a record that was already read, so that its number was
// given again. Both are kept, and `odd_record` tells.
constexpr const char* steps[] = {
    R"(
CREATE TABLE record (
    node TEXT NOT NULL, journal BLOB NOT NULL, sequence INTEGER NOT NULL,
    checksum INTEGER NOT NULL, type INTEGER NOT NULL, stored_ns INTEGER NOT NULL,
    PRIMARY KEY (node, journal, sequence, checksum)
) WITHOUT ROWID;

CREATE TABLE incident (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL, journal BLOB NOT NULL, sequence INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    case_number TEXT NOT NULL, time_ns INTEGER NOT NULL,
    object_bytes INTEGER NOT NULL, policy_generation INTEGER NOT NULL,
    client TEXT NOT NULL, client_port INTEGER NOT NULL,
    forwarded TEXT NOT NULL, forwarded_port INTEGER NOT NULL,
    server TEXT NOT NULL, server_port INTEGER NOT NULL, vlan INTEGER NOT NULL,
    action INTEGER NOT NULL, form INTEGER NOT NULL, complete INTEGER NOT NULL,
    lab INTEGER NOT NULL, service TEXT NOT NULL, legal_basis TEXT NOT NULL,
    method TEXT NOT NULL, host TEXT NOT NULL, account TEXT NOT NULL, target TEXT NOT NULL,
    enforced_ns INTEGER, storage_reset INTEGER NOT NULL DEFAULT 0,
    client_answered INTEGER NOT NULL DEFAULT 0,
    UNIQUE (node, journal, sequence, checksum),
    FOREIGN KEY (node, journal, sequence, checksum) REFERENCES record
);
CREATE INDEX incident_case ON incident (case_number);
CREATE INDEX incident_time ON incident (time_ns);

CREATE TABLE incident_match (
    incident INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    section TEXT NOT NULL, generation INTEGER NOT NULL, reference INTEGER NOT NULL,
    source INTEGER NOT NULL, category INTEGER NOT NULL, kinds INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    PRIMARY KEY (incident, position)
) WITHOUT ROWID;

CREATE TABLE enforced (
    node TEXT NOT NULL, journal BLOB NOT NULL, sequence INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    decided_sequence INTEGER NOT NULL, case_number TEXT NOT NULL, time_ns INTEGER NOT NULL,
    storage_reset INTEGER NOT NULL, client_answered INTEGER NOT NULL,
    PRIMARY KEY (node, journal, sequence, checksum),
    FOREIGN KEY (node, journal, sequence, checksum) REFERENCES record
) WITHOUT ROWID;

CREATE TABLE gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL, journal BLOB NOT NULL, sequence INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    service TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
    bytes INTEGER NOT NULL, packets INTEGER NOT NULL, reason INTEGER NOT NULL,
    UNIQUE (node, journal, sequence, checksum),
    FOREIGN KEY (node, journal, sequence, checksum) REFERENCES record
);

CREATE TABLE mode_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL, journal BLOB NOT NULL, sequence INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    service TEXT NOT NULL, time_ns INTEGER NOT NULL,
    mode_from INTEGER NOT NULL, mode_to INTEGER NOT NULL,
    UNIQUE (node, journal, sequence, checksum),
    FOREIGN KEY (node, journal, sequence, checksum) REFERENCES record
);

CREATE TABLE odd_record (
    node TEXT NOT NULL, journal BLOB NOT NULL, sequence INTEGER NOT NULL,
    checksum INTEGER NOT NULL, type INTEGER NOT NULL, reason TEXT NOT NULL,
    stored_ns INTEGER NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY (node, journal, sequence, checksum)
) WITHOUT ROWID;

CREATE TABLE fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL, journal BLOB NOT NULL, time_ns INTEGER NOT NULL,
    kind INTEGER NOT NULL, segment TEXT NOT NULL,
    first_sequence INTEGER NOT NULL, count INTEGER NOT NULL,
    UNIQUE (node, journal, kind, segment, first_sequence)
);

CREATE TABLE journal_position (
    node TEXT NOT NULL, journal BLOB NOT NULL, next_sequence INTEGER NOT NULL,
    PRIMARY KEY (node, journal)
) WITHOUT ROWID;
)",
    R"(
ALTER TABLE incident ADD COLUMN field TEXT NOT NULL DEFAULT '';
ALTER TABLE incident ADD COLUMN file_name TEXT NOT NULL DEFAULT '';
ALTER TABLE incident ADD COLUMN member TEXT NOT NULL DEFAULT '';
ALTER TABLE incident ADD COLUMN container TEXT NOT NULL DEFAULT '';
ALTER TABLE incident ADD COLUMN content_type INTEGER NOT NULL DEFAULT 0;
)",
    // Requests that control makes itself have no record: their case or their parent is their key.
    // Host and target stand as they came, because the object is fetched by them; `ends` are three
    // Endpoints of the record. How many wait is counted along, so that a flood of requests does not
    // cost the square of its size.
    R"(
CREATE TABLE verify_request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL, journal BLOB, sequence INTEGER, checksum INTEGER,
    parent INTEGER UNIQUE, case_number TEXT UNIQUE,
    reason INTEGER NOT NULL, service TEXT NOT NULL, method TEXT NOT NULL,
    host BLOB NOT NULL, target BLOB NOT NULL, cut INTEGER NOT NULL,
    account TEXT NOT NULL, ends BLOB NOT NULL, requested_ns INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0, outcome INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0, next_ns INTEGER NOT NULL,
    finished_ns INTEGER NOT NULL DEFAULT 0, visible_ns INTEGER NOT NULL DEFAULT 0,
    http_status INTEGER NOT NULL DEFAULT 0, object_bytes INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '', etag TEXT NOT NULL DEFAULT '',
    object_version TEXT NOT NULL DEFAULT '', incident TEXT NOT NULL DEFAULT '',
    deleting INTEGER NOT NULL DEFAULT 0,
    UNIQUE (node, journal, sequence, checksum)
);
CREATE INDEX verify_due ON verify_request (state, next_ns);
CREATE TABLE verify_waiting (n INTEGER NOT NULL);
INSERT INTO verify_waiting VALUES (0);
CREATE TRIGGER verify_enters AFTER INSERT ON verify_request WHEN new.state < 2
BEGIN UPDATE verify_waiting SET n = n + 1; END;
CREATE TRIGGER verify_moves AFTER UPDATE OF state ON verify_request
BEGIN UPDATE verify_waiting SET n = n + (new.state < 2) - (old.state < 2); END;
ALTER TABLE incident ADD COLUMN verified_after_write INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incident ADD COLUMN visible_ns INTEGER NOT NULL DEFAULT 0;
)",
    // Requests of a storage that has enough jobs under way are passed over in the index alone.
    R"(
DROP INDEX verify_due;
CREATE INDEX verify_due ON verify_request (state, next_ns, service);
)",
    // All that is counted of incidents: status reads this and not the incidents.
    R"(
CREATE INDEX incident_counts
    ON incident (service, action, enforced_ns, storage_reset, client_answered);
)",
    // What an incident tells of a person is sealed; seal_incidents() moves what there was.
    R"(
CREATE TABLE personal (
    incident INTEGER PRIMARY KEY REFERENCES incident (id) ON DELETE CASCADE,
    key_id BLOB NOT NULL, sealed BLOB NOT NULL
);
ALTER TABLE incident ADD COLUMN names_object INTEGER NOT NULL DEFAULT 0;
UPDATE incident SET names_object = method = 'PUT' OR target LIKE '%uploadId=%';
)",
    // So is what a request for verification tells, and a record kept aside: seal_requests().
    R"(
ALTER TABLE verify_request ADD COLUMN server TEXT NOT NULL DEFAULT '';
ALTER TABLE verify_request ADD COLUMN server_port INTEGER NOT NULL DEFAULT 0;
ALTER TABLE verify_request ADD COLUMN key_id BLOB NOT NULL DEFAULT x'';
ALTER TABLE verify_request ADD COLUMN sealed BLOB NOT NULL DEFAULT x'';
ALTER TABLE odd_record ADD COLUMN key_id BLOB NOT NULL DEFAULT x'';
)",
    // What is counted of the operator's own list: local_hits.cpp asks in these words.
    R"(
CREATE INDEX local_match ON incident_match (source, reference) WHERE (flags & 2) <> 0;
)",
    // Vectors of self-tests are no cases: they are counted apart, and only the newest are kept.
    R"(
ALTER TABLE incident ADD COLUMN test INTEGER NOT NULL DEFAULT 0;
DROP INDEX incident_counts;
CREATE INDEX incident_counts
    ON incident (test, service, action, enforced_ns, storage_reset, client_answered);
CREATE INDEX incident_tests ON incident (id) WHERE test <> 0;
)",
    // For whose list two persons answer, from when on: said with each match of it.
    R"(
CREATE TABLE list_rights (
    node TEXT NOT NULL, section TEXT NOT NULL, since_ns INTEGER NOT NULL,
    curator TEXT NOT NULL, legal_basis TEXT NOT NULL,
    PRIMARY KEY (node, section, since_ns)
) WITHOUT ROWID;
CREATE INDEX match_lists ON incident_match (section);
)",
};
constexpr std::int64_t sealing_step = 6;
constexpr std::int64_t sealing_requests_step = 7;

// Between the step that makes room for it and the end of the transaction.
Result<void> seal_incidents(Database& database, CaseKeys* keys) {
    Statement rows(database,
                   "SELECT id, case_number, client, client_port, forwarded, forwarded_port, host,"
                   " target, account, field, file_name, member, container, time_ns FROM incident");
    Statement insert(database, "INSERT INTO personal VALUES (?, ?, ?)");
    keys->begin();
    while (rows.row()) {
        const Personal personal = {{rows.text(2), static_cast<std::uint16_t>(rows.integer(3))},
                                   {rows.text(4), static_cast<std::uint16_t>(rows.integer(5))},
                                   rows.text(6),
                                   rows.text(7),
                                   rows.text(8),
                                   rows.text(9),
                                   rows.text(10),
                                   rows.text(11),
                                   rows.text(12)};
        const SealingKey key = keys->make(rows.number(13));
        const std::vector<std::uint8_t> sealed = seal_personal(personal, key.key, rows.text(1));
        insert.bind_unsigned(rows.number(0)).bind(Bytes(key.id)).bind(Bytes(sealed)).run();
    }
    return keys->commit();
}

void drop_open_columns(Database& database) {
    for (const char* column : {"client", "client_port", "forwarded", "forwarded_port", "host",
                               "target", "account", "field", "file_name", "member", "container"})
        database.run(("ALTER TABLE incident DROP COLUMN " + std::string(column)).c_str());
}

// Of those that retention has emptied nothing is there to be sealed.
Result<void> seal_requests(Database& database, CaseKeys* keys) {
    Statement rows(database,
                   "SELECT id, host, target, account, ends, requested_ns FROM verify_request"
                   " WHERE ends <> x''");
    Statement put(database,
                  "UPDATE verify_request SET key_id = ?, sealed = ?, server = ?, server_port = ?"
                  " WHERE id = ?");
    keys->begin();
    while (rows.row()) {
        Endpoint ends[3] = {};
        if (rows.blob(4).size() == sizeof ends) std::memcpy(ends, rows.blob(4).data(), sizeof ends);
        Personal personal;
        personal.client = peer_of(ends[0]);
        personal.forwarded = peer_of(ends[1]);
        personal.host = clean_text(as_text(rows.blob(1)));
        personal.target = clean_text(as_text(rows.blob(2)));
        personal.account = rows.text(3);
        const SealingKey key = keys->make(rows.number(5));
        const auto sealed = seal_personal(personal, key.key, verification_seal);
        const PeerAddress server = peer_of(ends[2]);
        put.bind(Bytes(key.id)).bind(Bytes(sealed)).bind(server.address);
        put.bind_unsigned(server.port).bind_unsigned(rows.number(0)).run();
    }
    for (const char* column : {"host", "target", "account", "ends"})
        database.run(("ALTER TABLE verify_request DROP COLUMN " + std::string(column)).c_str());
    return keys->commit();
}

Result<void> seal_odd_records(Database& database, CaseKeys* keys) {
    Statement rows(database,
                   "SELECT node, journal, sequence, checksum, payload, stored_ns FROM odd_record"
                   " WHERE payload <> x''");
    Statement put(database,
                  "UPDATE odd_record SET key_id = ?, payload = ? WHERE node = ? AND journal = ?"
                  " AND sequence = ? AND checksum = ? AND key_id = x''");
    keys->begin();
    while (rows.row()) {
        const SealingKey key = keys->make(rows.number(5));
        const auto sealed = seal_record(rows.blob(4), key.key);
        const std::string node = rows.text(0);
        const std::string journal(as_text(rows.blob(1)));
        put.bind(Bytes(key.id)).bind(Bytes(sealed)).bind(node).bind(as_bytes(journal));
        put.bind_integer(rows.integer(2)).bind_integer(rows.integer(3)).run();
    }
    return keys->commit();
}

// What a step leaves to be done by us.
Result<void> finish_step(std::int64_t step, Database& database, CaseKeys* keys) {
    if (step == sealing_step) {
        const Result<void> sealed = seal_incidents(database, keys);
        if (sealed) drop_open_columns(database);
        return sealed;
    }
    if (step != sealing_requests_step) return {};
    const Result<void> sealed = seal_requests(database, keys);
    return sealed ? seal_odd_records(database, keys) : sealed;
}

Failure refuse(const std::string& why) {
    return failure(ErrorCode::integrity, why);
}

}  // namespace

std::uint32_t newest_schema() {
    return static_cast<std::uint32_t>(std::size(steps));
}

Failure refuse_newer(std::int64_t version) {
    return refuse("the store was made by a newer version (schema " + std::to_string(version) +
                  ", this one knows " + std::to_string(newest_schema()) +
                  "): install that version, or name another store");
}

Result<void> open_store_database(const StoreOptions& options, Database* database, CaseKeys* keys) {
    if (auto opened = keys->open(case_keys_path(options.path)); !opened) return opened;
    if (options.server.empty()) {
        const Result<void> opened = database->open(options.path);
        return opened ? prepare_schema(*database, keys) : opened;
    }
    ServerOptions server = {options.server, options.node,  newest_schema(),
                            options.stop,   options.later, {}};
    server.prepare = [keys, node = options.node](Database& connected) {
        return prepare_shared_schema(connected, node, keys);
    };
    return database->connect(std::move(server));
}

Result<void> prepare_schema(Database& database, CaseKeys* keys) {
    // Looked at before anything is changed: not even the journal mode of a file that is not ours.
    const std::int64_t owner = database.integer("PRAGMA application_id");
    const std::int64_t tables = database.integer("SELECT count(*) FROM sqlite_schema");
    const std::int64_t version = database.integer("PRAGMA user_version");
    if (database.failed()) return tl::unexpected<Error>(database.take_error());
    if (owner != application_id && tables != 0) return refuse("the store is not a store of Cordon");
    if (version > newest_schema()) return refuse_newer(version);
    const std::string mode = database.text("PRAGMA journal_mode = WAL");
    if (!database.failed() && mode != "wal") {
        return failure(ErrorCode::io, "the file system of the store does not allow WAL mode");
    }
    database.run(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
        "PRAGMA secure_delete = ON;");
    database.run("BEGIN IMMEDIATE");
    // Again, now that nobody else can be doing the same.
    const std::int64_t from = database.integer("PRAGMA user_version");
    for (std::int64_t n = from; n < static_cast<std::int64_t>(newest_schema()); ++n) {
        database.run(steps[n]);
        if (database.failed()) break;
        if (auto done = finish_step(n + 1, database, keys); !done) return done;
        database.run(("PRAGMA user_version = " + std::to_string(n + 1)).c_str());
    }
    database.run(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
    if (auto done = database.commit(); !done) return done;
    // What stood open is not only dropped, it is gone.
    if (from != 0 && from < sealing_requests_step) {
        database.run("VACUUM");
        database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    if (database.failed()) return tl::unexpected<Error>(database.take_error());
    return {};
}

}  // namespace cordon
