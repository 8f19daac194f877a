// The publisher's folder: its database, its repository, and the lock that lets one command at a
// time work in it.
//
//   DIR/feed.db         everything the publisher knows: digests, sources, keys of epochs, documents
//   DIR/sets/           the whole set of a generation, opened: the base of the next one
//   DIR/keys/           the online keys (snapshot, timestamp, grants); in a lab all keys
//   DIR/public/         what is served: metadata/ targets/ grants/
//   DIR/known-files.db  digests of the system's files: remembered, may be removed (known_files.h)
//
// Owns:       the connection and the lock.
// Invariants: one process has the folder. The database is the truth, public/ follows from it.
// Thread:     one.
// Limits:     none of its own.
#pragma once

#include <memory>
#include <string>

#include "control/store/database.h"
#include "dataplane/base/descriptor.h"

namespace cordon::feed {

class FeedStore {
  public:
    // Makes a folder that is not there, or is empty; refuses one that is a feed.
    static Result<std::unique_ptr<FeedStore>> make(const std::string& directory);
    static Result<std::unique_ptr<FeedStore>> open(const std::string& directory);
    // Those below it that are not there.
    static Result<void> make_folders(const std::string& directory);

    Database& db() { return db_; }
    const std::string& directory() const { return directory_; }
    std::string path(const std::string& name) const { return directory_ + "/" + name; }

    // Small facts by name; "" when there is none.
    std::string fact(const char* name);
    void set_fact(const char* name, std::string_view value);

    // What was done, in words; with the transaction it stands in.
    void note(std::uint64_t now_s, std::string_view text);

    // Runs the steps in a transaction; what they or SQLite refuse undoes all.
    template <typename Steps>
    Result<void> transaction(Steps&& steps) {
        db_.run("BEGIN IMMEDIATE");
        const Result<void> done = steps();
        if (done && !db_.failed()) db_.run("COMMIT");
        if (done && !db_.failed()) return {};
        const Error error = db_.failed() ? db_.take_error() : done.error();
        db_.run("ROLLBACK");
        if (db_.failed()) (void)db_.take_error();  // SQLite may have rolled back by itself
        return Failure(error);
    }

  private:
    explicit FeedStore(std::string directory) : directory_(std::move(directory)) {}
    Result<void> take_lock();
    Result<void> open_database();
    Result<void> carry_forward();  // a database of the version before

    std::string directory_;
    Descriptor lock_;
    Database db_;
};

}  // namespace cordon::feed
