#include <time.h>

#include <algorithm>
#include <cstring>

#include "control/store/database.h"
#include "control/store/incident_counts.h"
#include "control/store/incident_filter.h"
#include "control/store/list_rights.h"
#include "control/store/schema.h"
#include "control/store/store.h"
#include "control/store/text.h"
#include "control/store/verify_insert.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

std::uint64_t unix_now() {
    timespec now;
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * ns_per_s +
           static_cast<std::uint64_t>(now.tv_nsec);
}

// The record in its struct; false when it is not of its size.
template <typename T>
bool decode(Bytes payload, T* record) {
    if (payload.size() != sizeof *record) return false;
    std::memcpy(record, payload.data(), sizeof *record);
    return true;
}

bool well_formed(const IncidentRecord& record) {
    const auto action = static_cast<std::uint8_t>(record.action);
    const auto form = static_cast<std::uint8_t>(record.form);
    return action >= 1 && action <= 4 && form < object_form_count &&
           static_cast<std::size_t>(record.content_type) < content_type_count &&
           record.match_count <= std::size(record.matches);
}

Personal personal_of(const IncidentRecord& incident) {
    return {peer_of(incident.client),       peer_of(incident.forwarded),
            clean_field(incident.host),     clean_field(incident.target),
            clean_field(incident.account),  clean_field(incident.field),
            clean_field(incident.name),     clean_field(incident.member),
            clean_field(incident.container)};
}

// An object that can be asked for by this request's target.
bool names_object(const std::string& method, const std::string& target) {
    return method == "PUT" || target.find("uploadId=") != std::string::npos;
}

constexpr const char* incident_columns =
    "SELECT id, case_number, time_ns, enforced_ns, storage_reset, client_answered, node, journal,"
    " sequence, server, server_port, vlan, service, method, form, object_bytes, complete, action,"
    " policy_generation, legal_basis, lab, content_type, verified_after_write, visible_ns,"
    " test FROM incident";

class SqlStore final : public Store {
  public:
    explicit SqlStore(std::string node) : node_(std::move(node)) {}

    Result<void> open(const StoreOptions& options) {
        if (auto opened = open_store_database(options, &database_, &keys_); !opened) return opened;
        own_ = database_.own_rows();
        inserts_ = std::make_unique<Inserts>(database_);
        return checked();
    }

    Result<std::uint64_t> next_sequence(const JournalId& journal) override;
    Result<void> apply(const RecordBatch& batch) override;
    Result<std::vector<Incident>> list_incidents(const IncidentFilter& filter, std::uint32_t limit,
                                                 std::uint64_t before) override;
    Result<std::vector<Incident>> incidents_after(const IncidentFilter& filter, std::uint32_t limit,
                                                  std::uint64_t after) override;
    Result<std::optional<Incident>> get_incident(const std::string& case_number) override;
    Result<std::vector<Gap>> gaps_after(std::uint32_t limit, std::uint64_t after) override;
    Result<std::vector<ModeChange>> mode_changes_after(std::uint32_t limit,
                                                       std::uint64_t after) override;
    Result<StorePosition> newest() override;
    Result<std::vector<StoredFault>> faults(std::uint32_t limit) override;
    Result<void> set_list_rights(const ListRights& rights, std::uint64_t now_ns) override;
    Result<StoreStatistics> statistics() override;
    Result<std::vector<LocalHits>> local_hits() override {
        return read_local_hits(database_, node_);
    }

  private:
    struct Inserts {
        explicit Inserts(Database& database);
        Statement record, others, odd, incident, forget_tests, personal, match, enforced, confirm,
            confirm_case, gap, mode, fault, position, next;
        VerifyInsert verify;
    };
    struct Key {
        Bytes journal;
        const JournalRecord& record;
        std::uint64_t now_ns;
    };

    Result<void> checked();
    void put(const Key& key);
    bool put_record(const Key& key);
    void put_odd(const Key& key, std::string_view reason);
    bool put_content(const Key& key);
    void put_incident(const Key& key, const IncidentRecord& incident);
    void put_matches(std::int64_t id, const IncidentRecord& incident);
    void put_enforced(const Key& key, const EnforcedRecord& enforced);
    void put_gap(const Key& key, const GapRecord& gap);
    void put_mode(const Key& key, const ModeRecord& mode);
    void put_fault(Bytes journal, const JournalFault& fault, std::uint64_t now_ns);
    Statement& keyed(Statement& statement, const Key& key);
    std::vector<Incident> read_incidents(Statement* statement);
    void read_matches(Incident* incident);
    Result<std::vector<Incident>> query(const IncidentFilter& filter, std::uint32_t limit,
                                        std::uint64_t from, const char* order);

    std::string node_;
    std::string own_;  // the condition for rows of this box
    Database database_;
    CaseKeys keys_;
    std::unique_ptr<Inserts> inserts_;  // dies before the database
};

SqlStore::Inserts::Inserts(Database& database)
    : record(database, "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      others(database,
             "SELECT count(*) FROM record WHERE node = ? AND journal = ? AND sequence = ?"
             " AND checksum <> ?"),
      odd(database,
          "INSERT INTO odd_record (node, journal, sequence, checksum, type, reason, stored_ns,"
          " payload, key_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      incident(database,
               "INSERT INTO incident (node, journal, sequence, checksum, case_number, time_ns,"
               " object_bytes, policy_generation, server, server_port, vlan, action, form,"
               " complete, lab, service, legal_basis, method, names_object, content_type, test)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
               " RETURNING id"),
      forget_tests(database, "DELETE FROM incident WHERE test <> 0 AND " + database.own_rows() +
                                 " AND id <= (SELECT id FROM incident WHERE test <> 0 AND " +
                                 database.own_rows() + " ORDER BY id DESC LIMIT 1 OFFSET ?)"),
      personal(database, "INSERT INTO personal VALUES (?, ?, ?)"),
      match(database, "INSERT INTO incident_match VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      enforced(database, "INSERT INTO enforced VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      confirm(database,
              "UPDATE incident SET enforced_ns = ?1, storage_reset = storage_reset | ?2,"
              " client_answered = client_answered | ?3"
              " WHERE node = ?4 AND journal = ?5 AND sequence = ?6 AND case_number = ?7"),
      confirm_case(database,
                   "UPDATE incident SET enforced_ns = ?1, storage_reset = storage_reset | ?2,"
                   " client_answered = client_answered | ?3"
                   " WHERE node = ?4 AND journal <> ?5 AND case_number = ?6"),
      gap(database,
          "INSERT INTO gap (node, journal, sequence, checksum, service, from_ns, to_ns, bytes,"
          " packets, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      mode(database,
           "INSERT INTO mode_change (node, journal, sequence, checksum, service, time_ns,"
           " mode_from, mode_to) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
      fault(database,
            "INSERT INTO fault (node, journal, time_ns, kind, segment, first_sequence, count)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      position(database,
               "INSERT INTO journal_position VALUES (?, ?, ?) ON CONFLICT (node, journal)"
               " DO UPDATE SET next_sequence = excluded.next_sequence"),
      next(database, "SELECT next_sequence FROM journal_position WHERE node = ? AND journal = ?"),
      verify(database) {}

Result<void> SqlStore::checked() {
    if (!database_.failed()) return {};
    return tl::unexpected<Error>(database_.take_error());
}

// --- taking records ------------------------------------------------------------------------------

Result<std::uint64_t> SqlStore::next_sequence(const JournalId& journal) {
    Statement& next = inserts_->next;
    next.bind(node_).bind(Bytes(journal));
    const std::uint64_t sequence = next.row() ? next.number(0) : 0;
    next.reset();
    if (auto ok = checked(); !ok) return tl::unexpected<Error>(ok.error());
    return sequence;
}

Result<void> SqlStore::apply(const RecordBatch& batch) {
    const Bytes journal(batch.journal);
    const std::uint64_t now_ns = unix_now();
    database_.begin();
    keys_.begin();
    for (const JournalRecord& record : batch.records)
        put({journal, record, now_ns});
    for (const JournalFault& fault : batch.faults)
        put_fault(journal, fault, now_ns);
    if (batch.next_sequence != 0) {
        inserts_->position.bind(node_).bind(journal).bind_unsigned(batch.next_sequence).run();
    }
    // First the keys: one without its incident is only a key.
    auto done = database_.failed() ? checked() : keys_.commit();
    if (done) done = database_.commit();
    keys_.roll_back();
    if (!done) database_.roll_back();
    return done;
}

void SqlStore::put(const Key& key) {
    if (!put_record(key)) return;
    if (!put_content(key)) put_odd(key, "type, size or a value is not known");
}

// False when it was stored before.
bool SqlStore::put_record(const Key& key) {
    keyed(inserts_->record, key)
        .bind_unsigned(static_cast<std::uint16_t>(key.record.type))
        .bind_unsigned(key.now_ns)
        .run();
    if (database_.failed() || database_.changes() == 0) return false;
    const bool contradicts = keyed(inserts_->others, key).row() && inserts_->others.integer(0) != 0;
    inserts_->others.reset();
    if (contradicts) put_odd(key, "contradicts a record stored before; both are kept");
    return true;
}

void SqlStore::put_odd(const Key& key, std::string_view reason) {
    const SealingKey sealing = keys_.make(key.now_ns);
    const std::vector<std::uint8_t> sealed = seal_record(key.record.payload, sealing.key);
    keyed(inserts_->odd, key)
        .bind_unsigned(static_cast<std::uint16_t>(key.record.type))
        .bind(reason)
        .bind_unsigned(key.now_ns)
        .bind(Bytes(sealed))
        .bind(Bytes(sealing.id))
        .run();
}

bool SqlStore::put_content(const Key& key) {
    IncidentRecord incident;
    EnforcedRecord enforced;
    GapRecord gap;
    ModeRecord mode;
    switch (key.record.type) {
        case RecordType::decided:
            if (!decode(key.record.payload, &incident) || !well_formed(incident)) return false;
            put_incident(key, incident);
            return true;
        case RecordType::enforced:
            if (!decode(key.record.payload, &enforced)) return false;
            put_enforced(key, enforced);
            return true;
        case RecordType::gap:
            if (!decode(key.record.payload, &gap)) return false;
            put_gap(key, gap);
            return true;
        case RecordType::mode:
            if (!decode(key.record.payload, &mode)) return false;
            put_mode(key, mode);
            return true;
        case RecordType::verify:
            return inserts_->verify.put(node_, key.journal, key.record, &keys_, key.now_ns);
    }
    return false;
}

void SqlStore::put_incident(const Key& key, const IncidentRecord& incident) {
    const std::string case_number = clean_field(incident.case_number);
    const std::string server = peer_of(incident.server).address;
    const std::string service = clean_field(incident.service);
    const std::string legal_basis = clean_field(incident.legal_basis);
    const std::string method = clean_field(incident.method);
    const Personal personal = personal_of(incident);
    keyed(inserts_->incident, key)
        .bind(case_number)
        .bind_unsigned(incident.time_ns)
        .bind_unsigned(incident.object_bytes)
        .bind_unsigned(incident.policy_generation)
        .bind(server)
        .bind_unsigned(incident.server.port)
        .bind_integer(incident.vlan)
        .bind_unsigned(static_cast<std::uint8_t>(incident.action))
        .bind_unsigned(static_cast<std::uint8_t>(incident.form))
        .bind_integer(incident.complete != 0)
        .bind_integer(incident.lab != 0)
        .bind(service)
        .bind(legal_basis)
        .bind(method)
        .bind_integer(names_object(method, personal.target))
        .bind_unsigned(static_cast<std::uint8_t>(incident.content_type))
        .bind_integer(is_test(incident));
    const std::int64_t id = inserts_->incident.row() ? inserts_->incident.integer(0) : 0;
    inserts_->incident.reset();
    put_matches(id, incident);
    if (is_test(incident))
        inserts_->forget_tests.bind(node_).bind(node_).bind_unsigned(tests_kept_max).run();
    if (is_test(incident) || !tells_of_person(incident)) return;
    const SealingKey sealing = keys_.make(key.now_ns);
    const std::vector<std::uint8_t> sealed = seal_personal(personal, sealing.key, case_number);
    inserts_->personal.bind_integer(id).bind(Bytes(sealing.id)).bind(Bytes(sealed)).run();
}

void SqlStore::put_matches(std::int64_t id, const IncidentRecord& incident) {
    for (int n = 0; n < incident.match_count; ++n) {
        const MatchRecord& match = incident.matches[n];
        const std::string section = clean_field(match.section);
        inserts_->match.bind_integer(id)
            .bind_integer(n)
            .bind(section)
            .bind_unsigned(match.generation)
            .bind_unsigned(match.reference)
            .bind_unsigned(match.source)
            .bind_unsigned(match.category)
            .bind_unsigned(match.kinds)
            .bind_unsigned(match.flags)
            .run();
    }
}

void SqlStore::put_enforced(const Key& key, const EnforcedRecord& enforced) {
    const std::string case_number = clean_field(enforced.case_number);
    const bool reset = enforced.storage_reset != 0;
    const bool answered = enforced.client_answered != 0;
    keyed(inserts_->enforced, key)
        .bind_unsigned(enforced.decided_sequence)
        .bind(case_number)
        .bind_unsigned(enforced.time_ns)
        .bind_integer(reset)
        .bind_integer(answered)
        .run();
    inserts_->confirm.bind_unsigned(enforced.time_ns)
        .bind_integer(reset)
        .bind_integer(answered)
        .bind(node_)
        .bind(key.journal)
        .bind_unsigned(enforced.decided_sequence)
        .bind(case_number)
        .run();
    if (database_.changes() != 0) return;
    // The journal began anew in between: only the case number joins the two.
    inserts_->confirm_case.bind_unsigned(enforced.time_ns)
        .bind_integer(reset)
        .bind_integer(answered)
        .bind(node_)
        .bind(key.journal)
        .bind(case_number)
        .run();
}

void SqlStore::put_gap(const Key& key, const GapRecord& gap) {
    const std::string service = clean_field(gap.service);
    keyed(inserts_->gap, key)
        .bind(service)
        .bind_unsigned(gap.from_ns)
        .bind_unsigned(gap.to_ns)
        .bind_unsigned(gap.bytes)
        .bind_unsigned(gap.packets)
        .bind_unsigned(static_cast<std::uint8_t>(gap.reason))
        .run();
}

void SqlStore::put_mode(const Key& key, const ModeRecord& mode) {
    const std::string service = clean_field(mode.service);
    keyed(inserts_->mode, key)
        .bind(service)
        .bind_unsigned(mode.time_ns)
        .bind_unsigned(mode.from)
        .bind_unsigned(mode.to)
        .run();
}

void SqlStore::put_fault(Bytes journal, const JournalFault& fault, std::uint64_t now_ns) {
    const std::string segment = clean_text(fault.segment);
    inserts_->fault.bind(node_)
        .bind(journal)
        .bind_unsigned(now_ns)
        .bind_unsigned(static_cast<std::uint8_t>(fault.kind))
        .bind(segment)
        .bind_unsigned(fault.first_sequence)
        .bind_unsigned(fault.count)
        .run();
}

Statement& SqlStore::keyed(Statement& statement, const Key& key) {
    return statement.bind(node_)
        .bind(key.journal)
        .bind_unsigned(key.record.sequence)
        .bind_unsigned(key.record.checksum);
}

// --- answering -----------------------------------------------------------------------------------

IncidentStatus status_of(const Incident& incident) {
    if (incident.enforced_time.empty()) return IncidentStatus::decided;
    if (incident.storage_reset && incident.client_answered) return IncidentStatus::enforced;
    return IncidentStatus::unconfirmed;
}

Incident read_incident(const Statement& row) {
    Incident incident;
    int n = 0;
    incident.id = row.number(n++);
    incident.case_number = row.text(n++);
    incident.time = iso_time(row.number(n++));
    if (!row.is_null(n)) incident.enforced_time = iso_time(row.number(n));
    ++n;
    incident.storage_reset = row.integer(n++) != 0;
    incident.client_answered = row.integer(n++) != 0;
    incident.node = row.text(n++);
    incident.journal = hex_text(row.blob(n++));
    incident.sequence = row.number(n++);
    incident.server.address = row.text(n++);
    incident.server.port = static_cast<std::uint16_t>(row.integer(n++));
    incident.vlan = static_cast<std::int32_t>(row.integer(n++));
    incident.service = row.text(n++);
    incident.method = row.text(n++);
    incident.form = static_cast<ObjectForm>(row.integer(n++));
    incident.size = row.number(n++);
    incident.complete = row.integer(n++) != 0;
    incident.action = static_cast<MatchAction>(row.integer(n++));
    incident.policy_generation = row.number(n++);
    incident.legal_basis = row.text(n++);
    incident.lab = row.integer(n++) != 0;
    incident.content_type = static_cast<ContentType>(row.integer(n++));
    incident.verified_after_write = row.integer(n++) != 0;
    incident.visible_ns = row.number(n++);
    incident.test = row.integer(n++) != 0;
    incident.status = status_of(incident);
    return incident;
}

std::vector<Incident> SqlStore::read_incidents(Statement* statement) {
    std::vector<Incident> incidents;
    while (statement->row())
        incidents.push_back(read_incident(*statement));
    for (Incident& incident : incidents)
        read_matches(&incident);
    return incidents;
}

void SqlStore::read_matches(Incident* incident) {
    Statement statement(database_,
                        "SELECT section, generation, reference, source, category, kinds, flags,"
                        " (SELECT curator FROM list_rights r WHERE r.section = m.section"
                        "   AND r.since_ns <= i.time_ns AND " +
                            own_ +
                            " ORDER BY since_ns DESC LIMIT 1),"
                            " (SELECT r.legal_basis FROM list_rights r WHERE r.section = m.section"
                            "   AND r.since_ns <= i.time_ns AND " +
                            own_ +
                            " ORDER BY since_ns DESC LIMIT 1)"
                            " FROM incident_match m JOIN incident i ON i.id = m.incident"
                            " WHERE m.incident = ? ORDER BY position");
    statement.bind(node_).bind(node_).bind_unsigned(incident->id);
    while (statement.row()) {
        incident->matches.push_back({statement.text(0), statement.number(1), statement.number(2),
                                     static_cast<std::uint32_t>(statement.integer(3)),
                                     static_cast<std::uint32_t>(statement.integer(4)),
                                     static_cast<std::uint32_t>(statement.integer(5)),
                                     static_cast<std::uint32_t>(statement.integer(6)),
                                     statement.text(7), statement.text(8)});
    }
}

Result<std::vector<Incident>> SqlStore::query(const IncidentFilter& filter, std::uint32_t limit,
                                              std::uint64_t from, const char* order) {
    Statement statement(database_, incident_columns + conditions(own_, filter) + order);
    bind_conditions(node_, filter, &statement);
    statement.bind_unsigned(from).bind_unsigned(limit);
    std::vector<Incident> incidents = read_incidents(&statement);
    if (auto ok = checked(); !ok) return tl::unexpected<Error>(ok.error());
    return incidents;
}

Result<std::vector<Incident>> SqlStore::list_incidents(const IncidentFilter& filter,
                                                       std::uint32_t limit, std::uint64_t before) {
    return query(filter, limit, before == 0 ? INT64_MAX : before,
                 " AND id < ? ORDER BY id DESC LIMIT ?");
}

Result<std::vector<Incident>> SqlStore::incidents_after(const IncidentFilter& filter,
                                                        std::uint32_t limit, std::uint64_t after) {
    return query(filter, limit, after, " AND id > ? ORDER BY id LIMIT ?");
}

Result<std::optional<Incident>> SqlStore::get_incident(const std::string& case_number) {
    Statement statement(database_, std::string(incident_columns) + " WHERE case_number = ? AND " +
                                       own_ + " ORDER BY id DESC LIMIT 1");
    statement.bind(case_number).bind(node_);
    std::vector<Incident> found = read_incidents(&statement);
    if (auto ok = checked(); !ok) return tl::unexpected<Error>(ok.error());
    if (found.empty()) return std::optional<Incident>();
    return std::optional<Incident>(std::move(found.front()));
}

Result<std::vector<Gap>> SqlStore::gaps_after(std::uint32_t limit, std::uint64_t after) {
    Statement row(database_,
                  "SELECT id, node, service, from_ns, to_ns, bytes, packets, reason FROM gap"
                  " WHERE id > ? AND " +
                      own_ + " ORDER BY id LIMIT ?");
    row.bind_unsigned(after).bind(node_).bind_unsigned(limit);
    std::vector<Gap> gaps;
    while (row.row()) {
        gaps.push_back({row.number(0), row.text(1), row.text(2), iso_time(row.number(3)),
                        iso_time(row.number(4)), row.number(5), row.number(6),
                        static_cast<GapReason>(row.integer(7))});
    }
    if (auto ok = checked(); !ok) return tl::unexpected<Error>(ok.error());
    return gaps;
}

Result<std::vector<ModeChange>> SqlStore::mode_changes_after(std::uint32_t limit,
                                                             std::uint64_t after) {
    Statement row(database_,
                  "SELECT id, node, service, time_ns, mode_from, mode_to FROM mode_change"
                  " WHERE id > ? AND " +
                      own_ + " ORDER BY id LIMIT ?");
    row.bind_unsigned(after).bind(node_).bind_unsigned(limit);
    std::vector<ModeChange> changes;
    while (row.row()) {
        changes.push_back({row.number(0), row.text(1), row.text(2), iso_time(row.number(3)),
                           static_cast<std::uint8_t>(row.integer(4)),
                           static_cast<std::uint8_t>(row.integer(5))});
    }
    if (auto ok = checked(); !ok) return tl::unexpected<Error>(ok.error());
    return changes;
}

Result<StorePosition> SqlStore::newest() {
    Statement row(database_, "SELECT (SELECT max(id) FROM incident WHERE " + own_ +
                                 "), (SELECT max(id) FROM gap WHERE " + own_ +
                                 "), (SELECT max(id) FROM mode_change WHERE " + own_ + ")");
    row.bind(node_).bind(node_).bind(node_);
    StorePosition at;
    if (row.row()) at = {row.number(0), row.number(1), row.number(2)};
    if (auto ok = checked(); !ok) return tl::unexpected<Error>(ok.error());
    return at;
}

Result<std::vector<StoredFault>> SqlStore::faults(std::uint32_t limit) {
    Statement row(database_,
                  "SELECT time_ns, kind, segment, first_sequence, count FROM fault"
                  " WHERE " +
                      own_ + " ORDER BY id DESC LIMIT ?");
    row.bind(node_).bind_unsigned(limit);
    std::vector<StoredFault> faults;
    while (row.row()) {
        faults.push_back({iso_time(row.number(0)), static_cast<FaultKind>(row.integer(1)),
                          row.text(2), row.number(3), row.number(4)});
    }
    if (auto ok = checked(); !ok) return tl::unexpected<Error>(ok.error());
    return faults;
}

Result<StoreStatistics> SqlStore::statistics() {
    StoreStatistics s;
    count_incidents(database_, node_, &s);
    s.lists = read_list_rights(database_, node_);
    const std::string own = " WHERE " + own_;
    Statement row(database_,
                  "SELECT (SELECT count(*) FROM record" + own + "), (SELECT count(*) FROM gap" +
                      own + "), (SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM gap" + own +
                      "), (SELECT count(*) FROM odd_record" + own +
                      "), (SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM fault" + own +
                      " AND kind = 1), (SELECT count(*) FROM fault" + own + " AND kind = 2)");
    for (int n = 0; n < 6; ++n)
        row.bind(node_);
    if (row.row()) {
        int n = 0;
        for (std::uint64_t* value :
             {&s.records, &s.gaps, &s.gap_bytes, &s.odd_records, &s.missing, &s.damaged})
            *value = row.number(n++);
    }
    s.schema_version = newest_schema();
    if (auto ok = checked(); !ok) return tl::unexpected<Error>(ok.error());
    return s;
}

Result<void> SqlStore::set_list_rights(const ListRights& rights, std::uint64_t now_ns) {
    put_list_rights(database_, node_, rights, now_ns);
    return checked();
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const StoreOptions& options) {
    auto store = std::make_unique<SqlStore>(options.node);
    if (auto opened = store->open(options); !opened) return Failure(opened.error());
    return std::unique_ptr<Store>(std::move(store));
}

}  // namespace cordon
