#include "control/publisher/feed_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cordon::feed {
namespace {

constexpr std::int64_t application_id = 0x43464544;  // "CFED"
constexpr std::int64_t schema_version = 3;
// From the version before: distances of perceptual hashes.
constexpr const char* schema_step_3 = "ALTER TABLE assertion ADD COLUMN distance INTEGER";

constexpr const char* schema = R"(
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE source (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE digest (
    kind INTEGER, digest BLOB, reference INTEGER NOT NULL, size INTEGER, head BLOB,
    PRIMARY KEY (kind, digest)) WITHOUT ROWID;
CREATE INDEX digest_reference ON digest (reference);
CREATE TABLE assertion (
    kind INTEGER, digest BLOB, source INTEGER, category INTEGER NOT NULL, flags INTEGER NOT NULL,
    import INTEGER NOT NULL, since INTEGER NOT NULL, item TEXT NOT NULL,
    distance INTEGER,
    PRIMARY KEY (kind, digest, source)) WITHOUT ROWID;
CREATE INDEX assertion_item ON assertion (source, item) WHERE item <> '';
CREATE TABLE withdrawal (reference INTEGER PRIMARY KEY, reason TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE import (
    number INTEGER PRIMARY KEY, source INTEGER NOT NULL, file TEXT NOT NULL, whole INTEGER NOT NULL,
    rows INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE epoch (number INTEGER PRIMARY KEY, key BLOB NOT NULL, at INTEGER NOT NULL);
CREATE TABLE generation (
    number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, count INTEGER NOT NULL,
    added INTEGER NOT NULL, removed INTEGER NOT NULL, staged INTEGER NOT NULL, published INTEGER);
CREATE TABLE change (
    generation INTEGER, tag BLOB, before BLOB, after BLOB,
    PRIMARY KEY (generation, tag)) WITHOUT ROWID;
CREATE TABLE target (
    name TEXT PRIMARY KEY, span TEXT NOT NULL, generation INTEGER NOT NULL, at INTEGER NOT NULL,
    description TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE document (
    role TEXT, version INTEGER, published INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (role, version)) WITHOUT ROWID;
CREATE TABLE signature (
    role TEXT, version INTEGER, keyid TEXT, signature BLOB NOT NULL, name TEXT NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (role, version, keyid)) WITHOUT ROWID;
CREATE TABLE holder (keyid TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE node (
    name TEXT PRIMARY KEY, key BLOB NOT NULL, legal_basis TEXT NOT NULL, ordered TEXT NOT NULL,
    services TEXT NOT NULL, serial INTEGER NOT NULL, granted INTEGER NOT NULL,
    grant_file TEXT) WITHOUT ROWID;
CREATE TABLE history (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, text TEXT NOT NULL);
)";

Result<void> make_directory(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
    return failure(ErrorCode::io, "cannot make " + path, errno);
}

}  // namespace

Result<std::unique_ptr<FeedStore>> FeedStore::make(const std::string& directory) {
    if (auto made = make_directory(directory, 0750); !made) return Failure(made.error());
    std::unique_ptr<FeedStore> store(new FeedStore(directory));
    if (::access(store->path("feed.db").c_str(), F_OK) == 0)
        return failure(ErrorCode::refused, directory + " is a feed already");
    if (auto made = make_folders(directory); !made) return Failure(made.error());
    if (auto locked = store->take_lock(); !locked) return Failure(locked.error());
    if (auto opened = store->open_database(); !opened) return Failure(opened.error());
    const Result<void> done = store->transaction([&]() -> Result<void> {
        store->db_.run(schema);
        store->db_.run(("PRAGMA application_id=" + std::to_string(application_id)).c_str());
        store->db_.run(("PRAGMA user_version=" + std::to_string(schema_version)).c_str());
        return {};
    });
    if (!done) return Failure(done.error());
    return store;
}

Result<void> FeedStore::make_folders(const std::string& directory) {
    for (const char* name : {"keys", "sets"}) {
        if (auto made = make_directory(directory + "/" + name, 0700); !made) return made;
    }
    for (const char* name : {"public", "public/metadata", "public/targets", "public/targets/full",
                             "public/targets/delta", "public/grants"}) {
        if (auto made = make_directory(directory + "/" + name, 0755); !made) return made;
    }
    return {};
}

Result<std::unique_ptr<FeedStore>> FeedStore::open(const std::string& directory) {
    std::unique_ptr<FeedStore> store(new FeedStore(directory));
    if (::access(store->path("feed.db").c_str(), F_OK) != 0)
        return failure(ErrorCode::refused, directory + " is no feed; `cordon-feed init` makes one",
                       errno);
    if (auto locked = store->take_lock(); !locked) return Failure(locked.error());
    if (auto opened = store->open_database(); !opened) return Failure(opened.error());
    const bool ours = store->db_.integer("PRAGMA application_id") == application_id;
    std::int64_t version = store->db_.integer("PRAGMA user_version");
    if (store->db_.failed()) return Failure(store->db_.take_error());
    if (ours && version == schema_version - 1) {
        if (auto done = store->carry_forward(); !done) return Failure(done.error());
        version = schema_version;
    }
    if (!ours || version != schema_version)
        return failure(ErrorCode::integrity,
                       directory +
                           "/feed.db is not of this version of cordon-feed, or its init "
                           "was cut off");
    return store;
}

Result<void> FeedStore::carry_forward() {
    return transaction([&]() -> Result<void> {
        db_.run(schema_step_3);
        db_.run(("PRAGMA user_version=" + std::to_string(schema_version)).c_str());
        return {};
    });
}

Result<void> FeedStore::take_lock() {
    const std::string name = path("lock");
    lock_ = Descriptor(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock_.get() < 0) return failure(ErrorCode::io, "cannot open " + name, errno);
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return {};
    if (errno == EWOULDBLOCK)
        return failure(ErrorCode::refused, "another cordon-feed works in " + directory_);
    return failure(ErrorCode::io, "cannot lock " + name, errno);
}

Result<void> FeedStore::open_database() {
    if (auto opened = db_.open(path("feed.db")); !opened) return opened;
    db_.text("PRAGMA journal_mode=WAL");
    db_.run("PRAGMA synchronous=FULL");
    db_.run("PRAGMA cache_size=-262144");  // a million rows in one transaction
    if (db_.failed()) return Failure(db_.take_error());
    return {};
}

std::string FeedStore::fact(const char* name) {
    Statement query(db_, "SELECT value FROM fact WHERE name = ?");
    query.bind(std::string_view(name));
    return query.row() ? query.text(0) : std::string();
}

void FeedStore::set_fact(const char* name, std::string_view value) {
    Statement put(db_, "INSERT OR REPLACE INTO fact VALUES (?, ?)");
    put.bind(std::string_view(name)).bind(value).run();
}

void FeedStore::note(std::uint64_t now_s, std::string_view text) {
    Statement put(db_, "INSERT INTO history (at, text) VALUES (?, ?)");
    put.bind_unsigned(now_s).bind(text).run();
}

}  // namespace cordon::feed
