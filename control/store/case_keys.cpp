#include "control/store/case_keys.h"

#include <sodium.h>

#include <algorithm>

namespace cordon {

namespace {

constexpr std::int64_t application_id = 0x4344434b;  // "CDCK"

constexpr const char* tables =
    "CREATE TABLE IF NOT EXISTS case_key (id BLOB PRIMARY KEY, key BLOB NOT NULL,"
    " made_ns INTEGER NOT NULL, held_until_ns INTEGER NOT NULL DEFAULT 0,"
    " held_for TEXT NOT NULL DEFAULT '') WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS case_key_age ON case_key (made_ns, held_until_ns);"
    "CREATE TABLE IF NOT EXISTS box (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL);"
    "INSERT OR IGNORE INTO box VALUES (1, randomblob(16));";

}  // namespace

std::string case_keys_path(const std::string& store_path) {
    return store_path + ".keys";
}

CaseKeys::~CaseKeys() {
    insert_.reset();
}

Result<void> CaseKeys::open(const std::string& path) {
    if (sodium_init() < 0) return failure(ErrorCode::memory, "libsodium does not start");
    if (auto opened = database_.open(path); !opened) return opened;
    const std::int64_t owner = database_.integer("PRAGMA application_id");
    const std::int64_t there = database_.integer("SELECT count(*) FROM sqlite_schema");
    if (!database_.failed() && owner != application_id && there != 0) {
        return failure(ErrorCode::integrity, path + " holds no keys of Cordon");
    }
    // What is deleted is overwritten, in the file; destroy_before() sees to the log.
    database_.run(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;");
    database_.run(tables);
    database_.run(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
    if (auto ready = checked(); !ready) return ready;
    insert_ = std::make_unique<Statement>(
        database_, "INSERT INTO case_key (id, key, made_ns) VALUES (?, ?, ?)");
    return checked();
}

Result<void> CaseKeys::checked() {
    if (!database_.failed()) return {};
    return Failure(database_.take_error());
}

void CaseKeys::begin() {
    database_.begin();
}

SealingKey CaseKeys::make(std::uint64_t now_ns) {
    SealingKey made;
    randombytes_buf(made.id.data(), made.id.size());
    randombytes_buf(made.key.data(), made.key.size());
    insert_->bind(Bytes(made.id)).bind(Bytes(made.key)).bind_unsigned(now_ns).run();
    return made;
}

Result<void> CaseKeys::commit() {
    return database_.commit();
}

void CaseKeys::roll_back() {
    database_.roll_back();
}

Result<std::string> CaseKeys::box() {
    const std::string id = database_.text("SELECT id FROM box");
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return id;
}

Result<std::optional<CaseKey>> CaseKeys::find(Bytes id) {
    Statement row(database_, "SELECT key FROM case_key WHERE id = ?");
    row.bind(id);
    std::optional<CaseKey> found;
    if (row.row() && row.blob(0).size() == case_key_bytes) {
        found.emplace();
        std::copy_n(row.blob(0).data(), case_key_bytes, found->begin());
    }
    row.reset();
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return found;
}

Result<std::optional<KeyStanding>> CaseKeys::standing(Bytes id) {
    Statement row(database_, "SELECT made_ns, held_until_ns, held_for FROM case_key WHERE id = ?");
    row.bind(id);
    std::optional<KeyStanding> found;
    if (row.row()) found = KeyStanding{row.number(0), row.number(1), row.text(2)};
    row.reset();
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return found;
}

Result<bool> CaseKeys::hold(Bytes id, std::uint64_t until_ns, const std::string& reason) {
    Statement hold(database_, "UPDATE case_key SET held_until_ns = ?, held_for = ? WHERE id = ?");
    hold.bind_unsigned(until_ns).bind(reason).bind(id).run();
    const bool found = database_.changes() != 0;
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return found;
}

Result<std::uint64_t> CaseKeys::destroy_before(std::uint64_t before_ns, std::uint64_t now_ns) {
    Statement destroy(database_, "DELETE FROM case_key WHERE made_ns < ? AND held_until_ns <= ?");
    destroy.bind_unsigned(before_ns).bind_unsigned(now_ns).run();
    const auto gone = static_cast<std::uint64_t>(database_.changes());
    // The log still has the pages as they were.
    if (gone != 0) database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
    if (auto ok = checked(); !ok) return Failure(ok.error());
    return gone;
}

}  // namespace cordon
