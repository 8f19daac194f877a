#include "control/store/verify_queue.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "control/store/database.h"
#include "control/store/schema.h"
#include "control/store/text.h"
#include "control/store/verify_insert.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

// Incidents of the verifier stand under a journal of their own, with the request as sequence. The
// checksum is the same for all: should a match be told twice, the first record stays.
constexpr JournalId verifier_journal = {'c', 'o', 'r', 'd', 'o', 'n', '-', 'v',
                                        'e', 'r', 'i', 'f', 'i', 'e', 'r', 0};
constexpr std::uint64_t one_checksum = 1;

// Older blocks are history: cordond was not away for that long, or the storage was not to be asked.
constexpr std::uint64_t adopted_age_ns = 7 * 86400 * ns_per_s;

constexpr const char* columns =
    "SELECT id, state, outcome, reason, coalesce(case_number, ''), service, method, cut, server,"
    " server_port, requested_ns, next_ns, finished_ns, visible_ns, tries, http_status,"
    " object_bytes, detail, etag, object_version, incident, deleting, key_id, sealed"
    " FROM verify_request";

template <std::size_t N>
std::string_view field(const char (&text)[N]) {
    const std::string_view all(text, N);
    return all.substr(0, all.find('\0'));
}

// What clean_text() made of other bytes, back to those.
std::string original(std::string_view text) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    std::string bytes;
    while (!text.empty()) {
        const bool escaped = text.size() >= 4 && text.starts_with("\\x");
        bytes += escaped ? static_cast<char>(digit(text[2]) << 4 | digit(text[3])) : text[0];
        text.remove_prefix(escaped ? 4 : 1);
    }
    return bytes;
}

Endpoint endpoint_of(const PeerAddress& peer) {
    Endpoint endpoint = {};
    std::string address = peer.address;
    if (address.empty()) return endpoint;
    if (address.find(':') == std::string::npos) address = "::ffff:" + address;
    endpoint.present = ::inet_pton(AF_INET6, address.c_str(), endpoint.address) == 1 ? 1 : 0;
    endpoint.port = peer.port;
    return endpoint;
}

// "?, ?, …" for so many parameters.
std::string places(std::size_t count) {
    std::string text;
    for (std::size_t n = 0; n < count; ++n)
        text += n == 0 ? "?" : ", ?";
    return text;
}

// What is sealed of it is read by unseal().
VerifyRequest read_request(const Statement& row) {
    VerifyRequest r;
    int n = 0;
    r.id = row.number(n++);
    r.state = static_cast<VerifyState>(row.integer(n++));
    r.outcome = static_cast<VerifyOutcome>(row.integer(n++));
    r.reason = static_cast<VerifyReason>(row.integer(n++));
    for (std::string* text : {&r.case_number, &r.service, &r.method})
        *text = row.text(n++);
    r.cut = row.integer(n++) != 0;
    const std::string server = row.text(n++);
    r.server = endpoint_of({server, static_cast<std::uint16_t>(row.integer(n++))});
    for (std::uint64_t* value : {&r.requested_ns, &r.next_ns, &r.finished_ns, &r.visible_ns})
        *value = row.number(n++);
    r.tries = static_cast<std::uint32_t>(row.integer(n++));
    r.http_status = static_cast<std::uint32_t>(row.integer(n++));
    r.object_bytes = row.number(n++);
    for (std::string* text : {&r.detail, &r.etag, &r.object_version, &r.incident})
        *text = row.text(n++);
    r.deleting = row.integer(n++) != 0;
    return r;
}

constexpr int key_column = 22;
constexpr int sealed_column = 23;

// False: its key is destroyed, or on another box.
Result<bool> unseal(const Statement& row, CaseKeys* keys, VerifyRequest* request) {
    const auto key = keys->find(row.blob(key_column));
    if (!key) return Failure(key.error());
    const auto personal =
        *key ? open_personal(row.blob(sealed_column), **key, verification_seal) : std::nullopt;
    if (!personal) return false;
    request->host = original(personal->host);
    request->target = original(personal->target);
    request->account = personal->account;
    request->client = endpoint_of(personal->client);
    request->forwarded = endpoint_of(personal->forwarded);
    return true;
}

class SqlQueue final : public VerifyQueue {
  public:
    explicit SqlQueue(std::string node) : node_(std::move(node)) {}

    Result<void> open(const StoreOptions& options) {
        Result<std::unique_ptr<Store>> store = open_store(options);
        if (!store) return Failure(store.error());
        store_ = std::move(*store);
        const Result<void> opened = open_store_database(options, &database_, &keys_);
        own_ = database_.own_rows();
        return opened;
    }

    Result<std::optional<VerifyRequest>> take(std::uint64_t now_ns,
                                              std::span<const std::string> but) override;
    Result<void> release(std::span<const std::uint64_t> kept) override;
    Result<std::string> record_match(const VerifyMatch& match,
                                     const IncidentRecord& incident) override;
    Result<void> put_off(const VerifyDone& result, std::uint64_t next_ns) override;
    Result<void> finish(const VerifyDone& result, VerifyOutcome outcome) override;
    Result<std::uint64_t> adopt_unconfirmed(const std::string& service, std::uint64_t before_ns,
                                            std::uint64_t now_ns) override;
    Result<std::uint64_t> retry(std::uint64_t id, std::uint64_t now_ns) override;
    Result<void> trim() override;
    Result<std::vector<VerifyRequest>> list(const VerifyFilter& filter,
                                            std::uint32_t limit) override;
    Result<std::optional<VerifyRequest>> get(std::uint64_t id) override;
    Result<VerifyStatistics> statistics() override;

  private:
    Result<void> checked();
    Result<void> adopt(const std::string& service, const Statement& block, std::uint64_t now_ns,
                       std::uint64_t* adopted);
    void mark_deleted(const VerifyDone& result, std::uint64_t visible_ns);
    void ask_for_newer(const VerifyDone& result);
    void forget_unpersonal(std::uint64_t id);
    Result<std::optional<VerifyRequest>> one(Statement* statement);

    std::string node_;
    std::string own_;               // the condition for rows of this box
    std::unique_ptr<Store> store_;  // takes the incidents
    Database database_;
    CaseKeys keys_;
    static constexpr std::uint32_t trim_every = 300;
    std::uint32_t trim_asked_ = 0;
};

Result<void> SqlQueue::checked() {
    if (!database_.failed()) return {};
    return Failure(database_.take_error());
}

// With what is sealed of it; where nothing opens that any more, without.
Result<std::optional<VerifyRequest>> SqlQueue::one(Statement* statement) {
    std::optional<VerifyRequest> found;
    Result<bool> open = true;
    if (statement->row()) {
        found = read_request(*statement);
        open = unseal(*statement, &keys_, &*found);
    }
    statement->reset();
    if (auto ok = checked(); !ok) return Failure(ok.error());
    if (!open) return Failure(open.error());
    return found;
}

// --- the work ------------------------------------------------------------------------------------

Result<std::optional<VerifyRequest>> SqlQueue::take(std::uint64_t now_ns,
                                                    std::span<const std::string> but) {
    Statement due(database_, std::string(columns) + " WHERE state = 0 AND next_ns <= ? AND " +
                                 own_ + (but.empty() ? "" : " AND service NOT IN (") +
                                 places(but.size()) + (but.empty() ? "" : ")") +
                                 " ORDER BY next_ns, id LIMIT 1");
    due.bind_unsigned(now_ns).bind(node_);
    for (const std::string& service : but)
        due.bind(service);
    Result<std::optional<VerifyRequest>> found = one(&due);
    if (!found || !*found) return found;
    Statement hand(database_,
                   "UPDATE verify_request SET state = 1, tries = tries + 1 WHERE id = ?");
    hand.bind_unsigned((*found)->id).run();
    if (auto ok = checked(); !ok) return Failure(ok.error());
    (*found)->state = VerifyState::handed;
    ++(*found)->tries;
    return found;
}

Result<void> SqlQueue::release(std::span<const std::uint64_t> kept) {
    Statement again(database_, "UPDATE verify_request SET state = 0 WHERE state = 1 AND " + own_ +
                                   (kept.empty() ? "" : " AND id NOT IN (") + places(kept.size()) +
                                   (kept.empty() ? "" : ")"));
    again.bind(node_);
    for (const std::uint64_t id : kept)
        again.bind_unsigned(id);
    again.run();
    return checked();
}

Result<std::string> SqlQueue::record_match(const VerifyMatch& match,
                                           const IncidentRecord& incident) {
    const JournalRecord record = {
        RecordType::decided, match.id, one_checksum,
        Bytes(reinterpret_cast<const std::uint8_t*>(&incident), sizeof incident)};
    const auto stored = store_->apply({verifier_journal, std::span(&record, 1), 0, {}});
    if (!stored) return Failure(stored.error());
    const std::string etag = clean_text(field(match.etag));
    const std::string object_version = clean_text(field(match.object_version));
    database_.begin();
    Statement mark(database_,
                   "UPDATE incident SET verified_after_write = 1"
                   " WHERE node = ? AND journal = ? AND sequence = ? RETURNING case_number");
    mark.bind(node_).bind(Bytes(verifier_journal)).bind_unsigned(match.id);
    const std::string case_number = mark.row() ? mark.text(0) : std::string();
    mark.reset();
    Statement note(database_,
                   "UPDATE verify_request SET incident = ?, etag = ?, object_version = ?,"
                   " object_bytes = ?, deleting = ? WHERE id = ?");
    note.bind(case_number)
        .bind(etag)
        .bind(object_version)
        .bind_unsigned(match.object_bytes)
        .bind_integer(incident.action == MatchAction::block)
        .bind_unsigned(match.id)
        .run();
    if (auto done = database_.commit(); !done) return Failure(done.error());
    if (case_number.empty())
        return failure(ErrorCode::integrity, "the incident of a verified object was not stored");
    return case_number;
}

Result<void> SqlQueue::put_off(const VerifyDone& result, std::uint64_t next_ns) {
    const std::string detail = clean_field(result.detail);
    Statement later(database_,
                    "UPDATE verify_request SET state = 0, next_ns = ?, http_status = ?, detail = ?"
                    " WHERE id = ? AND state = 1");
    later.bind_unsigned(next_ns)
        .bind_unsigned(result.http_status)
        .bind(detail)
        .bind_unsigned(result.id)
        .run();
    return checked();
}

Result<void> SqlQueue::finish(const VerifyDone& result, VerifyOutcome outcome) {
    const std::string detail = clean_field(result.detail);
    database_.begin();
    Statement done(database_,
                   "UPDATE verify_request SET state = 2, outcome = ?1, finished_ns = ?2,"
                   " http_status = ?3, detail = ?4,"
                   " object_bytes = CASE WHEN object_bytes > ?5 THEN object_bytes ELSE ?5 END,"
                   " visible_ns = CASE WHEN ?6 = 0 THEN 0 WHEN ?2 > requested_ns"
                   " THEN ?2 - requested_ns ELSE 1 END"
                   " WHERE id = ?7 AND state = 1 RETURNING visible_ns");
    done.bind_unsigned(static_cast<std::uint8_t>(outcome))
        .bind_unsigned(result.time_ns)
        .bind_unsigned(result.http_status)
        .bind(detail)
        .bind_unsigned(result.object_bytes)
        .bind_integer(outcome == VerifyOutcome::deleted)
        .bind_unsigned(result.id);
    const bool was_ours = done.row();
    const std::uint64_t visible_ns = was_ours ? done.number(0) : 0;
    done.reset();
    if (was_ours && outcome == VerifyOutcome::deleted) mark_deleted(result, visible_ns);
    if (was_ours && result.newer != 0) ask_for_newer(result);
    if (was_ours) forget_unpersonal(result.id);
    return database_.commit();
}

// A case without personal data must not lead to the object of a person by way of its request.
void SqlQueue::forget_unpersonal(std::uint64_t id) {
    Statement forget(database_,
                     "UPDATE verify_request SET sealed = '', server = '' WHERE id = ? AND EXISTS"
                     " (SELECT 1 FROM incident WHERE case_number = verify_request.incident"
                     " AND NOT EXISTS (SELECT 1 FROM personal"
                     " WHERE personal.incident = incident.id))");
    forget.bind_unsigned(id).run();
}

void SqlQueue::mark_deleted(const VerifyDone& result, std::uint64_t visible_ns) {
    Statement mark(database_,
                   "UPDATE incident SET enforced_ns = ?, storage_reset = 1, client_answered = 1,"
                   " visible_ns = ? WHERE node = ? AND journal = ? AND sequence = ?");
    mark.bind_unsigned(result.time_ns)
        .bind_unsigned(visible_ns)
        .bind(node_)
        .bind(Bytes(verifier_journal))
        .bind_unsigned(result.id)
        .run();
}

void SqlQueue::ask_for_newer(const VerifyDone& result) {
    Statement child(
        database_,
        "INSERT INTO verify_request (node, parent, reason, service, method, cut, server,"
        " server_port, key_id, sealed, requested_ns, next_ns)"
        " SELECT node, id, CAST(?1 AS BIGINT), service, method, cut, server, server_port, key_id,"
        " sealed, CAST(?2 AS BIGINT), CAST(?2 AS BIGINT) FROM verify_request WHERE id = ?3"
        " ON CONFLICT DO NOTHING");
    child.bind_unsigned(static_cast<std::uint8_t>(VerifyReason::newer))
        .bind_unsigned(result.time_ns)
        .bind_unsigned(result.id)
        .run();
}

// --- blocks that nobody confirmed ----------------------------------------------------------------

Result<std::uint64_t> SqlQueue::adopt_unconfirmed(const std::string& service,
                                                  std::uint64_t before_ns, std::uint64_t now_ns) {
    constexpr std::uint32_t at_once = 500;
    Statement open(database_,
                   "SELECT case_number, method, server, server_port, time_ns, key_id, sealed"
                   " FROM incident JOIN personal ON incident = id"
                   " WHERE service = ? AND action = 1 AND verified_after_write = 0"
                   " AND time_ns >= ? AND time_ns < ?"
                   " AND (enforced_ns IS NULL OR storage_reset = 0) AND names_object = 1 AND " +
                       own_ +
                       " AND case_number NOT IN"
                       " (SELECT case_number FROM verify_request"
                       " WHERE case_number IS NOT NULL AND " +
                       own_ + ") ORDER BY id LIMIT ?");
    const std::uint64_t from_ns = before_ns - std::min(before_ns, adopted_age_ns);
    open.bind(service).bind_unsigned(from_ns).bind_unsigned(before_ns);
    open.bind(node_).bind(node_).bind_unsigned(at_once);
    database_.begin();
    keys_.begin();
    std::uint64_t adopted = 0;
    Result<void> done;
    while (done && open.row())
        done = adopt(service, open, now_ns, &adopted);
    open.reset();
    // First the keys: one without its request is only a key.
    if (done) done = database_.failed() ? checked() : keys_.commit();
    if (done) done = database_.commit();
    keys_.roll_back();
    if (!done) database_.roll_back();
    if (!done) return Failure(done.error());
    return adopted;
}

// `block`: a row of adopt_unconfirmed(). One that nothing opens any more is left alone.
Result<void> SqlQueue::adopt(const std::string& service, const Statement& block,
                             std::uint64_t now_ns, std::uint64_t* adopted) {
    const std::string case_number = block.text(0), method = block.text(1);
    const auto key = keys_.find(block.blob(5));
    if (!key) return Failure(key.error());
    const auto personal = *key ? open_personal(block.blob(6), **key, case_number) : std::nullopt;
    if (!personal) return {};
    // As old as the incident: retention ends both together.
    const SealingKey sealing = keys_.make(block.number(4));
    const std::vector<std::uint8_t> sealed =
        seal_personal(*personal, sealing.key, verification_seal);
    const std::string server = block.text(2);
    Statement insert(database_,
                     "INSERT INTO verify_request (node, case_number, reason, service, method, cut,"
                     " server, server_port, key_id, sealed, requested_ns, next_ns)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    insert.bind(node_)
        .bind(case_number)
        .bind_unsigned(static_cast<std::uint8_t>(VerifyReason::unconfirmed))
        .bind(service)
        .bind(method)
        .bind_integer(original(personal->target).size() + 1 >= sizeof(IncidentRecord::target))
        .bind(server)
        .bind_integer(block.integer(3))
        .bind(Bytes(sealing.id))
        .bind(Bytes(sealed))
        .bind_unsigned(block.number(4))
        .bind_unsigned(now_ns)
        .run();
    *adopted += database_.changes() != 0 ? 1u : 0u;
    return {};
}

// --- asked by people -----------------------------------------------------------------------------

Result<std::uint64_t> SqlQueue::retry(std::uint64_t id, std::uint64_t now_ns) {
    Statement again(database_,
                    "UPDATE verify_request SET state = 0, outcome = 0, tries = 0, next_ns = ?,"
                    " finished_ns = 0 WHERE state = 2 AND outcome IN (?, ?)"
                    " AND CAST(? AS BIGINT) IN (0, id) AND " +
                        own_);
    again.bind_unsigned(now_ns)
        .bind_unsigned(static_cast<std::uint8_t>(VerifyOutcome::error))
        .bind_unsigned(static_cast<std::uint8_t>(VerifyOutcome::overflow))
        .bind_unsigned(id)
        .bind(node_)
        .run();
    const auto changed = static_cast<std::uint64_t>(database_.changes());
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return changed;
}

// To count what is kept means to go through it: not every other second.
Result<void> SqlQueue::trim() {
    if (trim_asked_++ % trim_every != 0) return {};
    Statement old(database_,
                  "DELETE FROM verify_request WHERE state = 2 AND incident = ''"
                  " AND case_number IS NULL AND " +
                      own_ + " AND id <= (SELECT id FROM verify_request WHERE " + own_ +
                      " ORDER BY id DESC LIMIT 1 OFFSET ?)");
    old.bind(node_).bind(node_).bind_unsigned(verify_history_max).run();
    return checked();
}

Result<std::vector<VerifyRequest>> SqlQueue::list(const VerifyFilter& filter, std::uint32_t limit) {
    std::string sql = std::string(columns) + " WHERE " + own_;
    if (filter.service) sql += " AND service = ?";
    if (filter.outcome) sql += " AND outcome = ?";
    Statement rows(database_, sql + " ORDER BY id DESC LIMIT ?");
    rows.bind(node_);
    if (filter.service) rows.bind(*filter.service);
    if (filter.outcome) rows.bind_unsigned(static_cast<std::uint8_t>(*filter.outcome));
    rows.bind_unsigned(limit);
    std::vector<VerifyRequest> requests;
    while (rows.row()) {
        requests.push_back(read_request(rows));
        if (auto open = unseal(rows, &keys_, &requests.back()); !open) return Failure(open.error());
    }
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return requests;
}

Result<std::optional<VerifyRequest>> SqlQueue::get(std::uint64_t id) {
    Statement row(database_, std::string(columns) + " WHERE id = ? AND " + own_);
    row.bind_unsigned(id).bind(node_);
    return one(&row);
}

Result<VerifyStatistics> SqlQueue::statistics() {
    VerifyStatistics s;
    Statement open(
        database_,
        "SELECT count(*), coalesce(min(requested_ns), 0), "
        " CAST(coalesce(sum(deleting), 0) AS BIGINT),"
        " count(*) FILTER (WHERE detail <> '') FROM verify_request WHERE state < 2 AND " +
            own_);
    open.bind(node_);
    if (open.row()) {
        s.waiting = open.number(0);
        s.oldest_ns = open.number(1);
        s.undeleted = open.number(2);
        s.postponed = open.number(3);
    }
    open.reset();
    Statement done(
        database_,
        "SELECT outcome, count(*), max(visible_ns) FROM verify_request WHERE state = 2 AND " +
            own_ + " GROUP BY outcome");
    done.bind(node_);
    while (done.row()) {
        const std::uint64_t outcome = done.number(0);
        if (outcome >= std::size(s.outcomes)) continue;
        s.outcomes[outcome] = done.number(1);
        s.visible_ns_max = std::max(s.visible_ns_max, done.number(2));
    }
    Statement last(database_,
                   "SELECT detail FROM verify_request WHERE state < 2 AND detail <> '' AND " +
                       own_ + " ORDER BY next_ns DESC LIMIT 1");
    last.bind(node_);
    if (last.row()) s.last_detail = last.text(0);
    last.reset();
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return s;
}

}  // namespace

// --- from the journal ----------------------------------------------------------------------------

VerifyInsert::VerifyInsert(Database& database)
    : waiting_(database,
               "SELECT coalesce(max(n), 0) FROM verify_waiting WHERE " + database.own_rows()),
      insert_(database,
              "INSERT INTO verify_request (node, journal, sequence, checksum, reason, service,"
              " method, cut, server, server_port, key_id, sealed, requested_ns, next_ns, state,"
              " outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
              " ON CONFLICT DO NOTHING") {}

bool VerifyInsert::put(const std::string& node, Bytes journal, const JournalRecord& record,
                       CaseKeys* keys, std::uint64_t now_ns) {
    VerifyRecord r;
    if (record.payload.size() != sizeof r) return false;
    std::memcpy(&r, record.payload.data(), sizeof r);
    const auto reason = static_cast<std::uint8_t>(r.reason);
    if (reason == 0 || reason > verify_reason_count) return false;
    waiting_.bind(node);
    const bool full = waiting_.row() && waiting_.number(0) >= verify_waiting_max;
    waiting_.reset();
    const std::string service = clean_field(r.service);
    const std::string method = clean_field(r.method);
    const std::string server = peer_of(r.server).address;
    Personal personal;
    personal.client = peer_of(r.client);
    personal.forwarded = peer_of(r.forwarded);
    personal.host = clean_field(r.host);
    personal.target = clean_field(r.target);
    personal.account = clean_field(r.account);
    const SealingKey sealing = keys->make(now_ns);
    const auto sealed = seal_personal(personal, sealing.key, verification_seal);
    const auto state = full ? VerifyState::done : VerifyState::waiting;
    const auto outcome = full ? VerifyOutcome::overflow : VerifyOutcome::none;
    insert_.bind(node)
        .bind(journal)
        .bind_unsigned(record.sequence)
        .bind_unsigned(record.checksum)
        .bind_unsigned(reason)
        .bind(service)
        .bind(method)
        .bind_integer(r.cut != 0)
        .bind(server)
        .bind_unsigned(r.server.port)
        .bind(Bytes(sealing.id))
        .bind(Bytes(sealed))
        .bind_unsigned(r.time_ns)
        .bind_unsigned(r.time_ns)
        .bind_unsigned(static_cast<std::uint8_t>(state))
        .bind_unsigned(static_cast<std::uint8_t>(outcome))
        .run();
    return true;
}

// -------------------------------------------------------------------------------------------------

std::string VerifyRequest::shown_host() const {
    return clean_text(host);
}
std::string VerifyRequest::shown_target() const {
    return clean_text(target);
}

std::string_view verify_reason_name(VerifyReason reason) {
    switch (reason) {
        case VerifyReason::undecoded:
            return "undecoded";
        case VerifyReason::gap:
            return "gap";
        case VerifyReason::full:
            return "full";
        case VerifyReason::copied:
            return "copied";
        case VerifyReason::unconfirmed:
            return "unconfirmed";
        case VerifyReason::newer:
            return "newer";
    }
    return "unknown";
}

std::string_view verify_outcome_name(VerifyOutcome outcome) {
    const auto n = static_cast<std::size_t>(outcome);
    return n < std::size(verify_outcome_names) ? verify_outcome_names[n] : "unknown";
}

Result<std::unique_ptr<VerifyQueue>> open_verify_queue(const StoreOptions& options) {
    auto queue = std::make_unique<SqlQueue>(options.node);
    if (auto opened = queue->open(options); !opened) return Failure(opened.error());
    return std::unique_ptr<VerifyQueue>(std::move(queue));
}

}  // namespace cordon
