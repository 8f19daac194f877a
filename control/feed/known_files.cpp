#include "control/feed/known_files.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "control/feed/file_hashers.h"

namespace cordon::feed {
namespace {

constexpr char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS file_digest (device INTEGER, inode INTEGER, size INTEGER NOT NULL,"
    " modified INTEGER NOT NULL, changed INTEGER NOT NULL, sha256 BLOB NOT NULL,"
    " sha256_tree BLOB NOT NULL, sha1 BLOB NOT NULL, md5 BLOB NOT NULL,"
    " PRIMARY KEY (device, inode)) WITHOUT ROWID;";
// In the order of exact_kind_list.
constexpr char select_digests[] =
    "SELECT sha256, sha256_tree, sha1, md5 FROM file_digest WHERE device = ? AND inode = ? AND "
    "size = ? AND modified = ? AND changed = ?";
constexpr char put_digests[] =
    "INSERT OR REPLACE INTO file_digest VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

// Of what a kill interrupts, so many files are hashed again.
constexpr std::uint64_t durable_every = 4096;
// Enough that one large file does not keep the other thread waiting for small ones.
constexpr std::size_t jobs_max = 256;

struct FileNumber {
    std::uint64_t device;
    std::uint64_t inode;
    friend auto operator<=>(const FileNumber&, const FileNumber&) = default;
};

Statement& bind(const FileIdentity& file, Statement& to) {
    to.bind_unsigned(file.device).bind_unsigned(file.inode).bind_unsigned(file.size);
    return to.bind_integer(file.modified_ns).bind_integer(file.changed_ns);
}

}  // namespace

// One look at all files.
class KnownFiles::Looking {
  public:
    Looking(KnownFiles& files, KindSet kinds, const Look& look)
        : files_(files),
          kinds_(kinds & exact_kinds),
          look_(look),
          recall_(*files.database_, select_digests),
          put_(*files.database_, put_digests),
          hashers_(files.pace_ == Pace::gentle) {}

    Result<void> run() {
        const Result<void> walked = visit_files_below(
            files_.root_,
            [this](const std::string& path, const struct stat& about) {
                return visit(path, about);
            },
            &files_.unreadable_);
        while (hashers_.unfinished() != 0 && !files_.stopped())
            settle(true);
        const bool whole = walked && !files_.stopped();
        write_down();  // also when it was cut short
        if (whole) forget_others();
        if (!walked) return walked;
        if (!whole) return failure(ErrorCode::refused, "ended before every file was looked at");
        if (shown_ != 0) return {};
        return failure(ErrorCode::refused, "no file is below " + files_.root_ +
                                               ": what must not be listed cannot be told");
    }

  private:
    // False: no more.
    bool visit(const std::string& path, const struct stat& about) {
        if (files_.stopped()) return false;
        const FileIdentity identity = FileIdentity::of(about);
        seen_.push_back({identity.device, identity.inode});
        FileDigests digests = recall(identity);
        if (kinds_.without(digests.present).empty()) {
            show(path, digests);
            return true;
        }
        hashers_.put({path, identity, digests, kinds_});
        while (settle(hashers_.unfinished() >= jobs_max) || hashers_.unfinished() >= jobs_max) {
            if (files_.stopped()) return false;
        }
        return true;
    }

    // False: nothing was finished.
    bool settle(bool wait) {
        const std::optional<FileJob> job = hashers_.take(wait);
        if (!job) return false;
        switch (job->outcome) {
            case FileJob::Outcome::gone:
                break;
            case FileJob::Outcome::unreadable:
                files_.unreadable_.add(job->path);
                break;
            case FileJob::Outcome::hashed:
                remember(*job);
                [[fallthrough]];
            case FileJob::Outcome::moving:
                ++files_.hashed_;
                show(job->path, job->digests);
                break;
        }
        return true;
    }

    void show(const std::string& path, const FileDigests& digests) {
        ++shown_;
        look_(path, digests);
    }

    FileDigests recall(const FileIdentity& identity) {
        const auto unwritten = unwritten_.find({identity.device, identity.inode});
        if (unwritten != unwritten_.end() && unwritten->second.identity == identity)
            return unwritten->second.digests;
        FileDigests known;
        known.size = identity.size;
        recall_.reset();
        if (bind(identity, recall_).row()) {
            int column = 0;
            for (const IndicatorKind kind : exact_kind_list)
                known.put(kind, recall_.blob(column++));
            known.put_equal();
        }
        recall_.reset();
        return known;
    }

    void remember(const FileJob& job) {
        unwritten_[{job.identity.device, job.identity.inode}] = job;
        if (unwritten_.size() >= durable_every) write_down();
    }

    // At once and not while files are hashed: another look may be at the same database.
    void write_down() {
        if (unwritten_.empty()) return;
        Database& database = *files_.database_;
        database.run("BEGIN IMMEDIATE");
        for (const auto& [number, job] : unwritten_)
            put(job);
        database.run("COMMIT");
        unwritten_.clear();
    }

    void put(const FileJob& job) {
        bind(job.identity, put_);
        const bool one_leaf = job.identity.size <= file_leaf_bytes;
        for (const IndicatorKind kind : exact_kind_list) {
            const bool equal = one_leaf && kind == IndicatorKind::sha256_tree;
            put_.bind(equal ? Bytes() : job.digests.of(kind));
        }
        put_.run();
    }

    // Numbers of files that are gone; they are looked for only when there must be some.
    void forget_others() {
        std::sort(seen_.begin(), seen_.end());
        seen_.erase(std::unique(seen_.begin(), seen_.end()), seen_.end());
        Database& database = *files_.database_;
        if (database.integer("SELECT COUNT(*) FROM file_digest") <=
            static_cast<std::int64_t>(seen_.size()))
            return;
        std::vector<FileNumber> gone;
        Statement every(database, "SELECT device, inode FROM file_digest");
        while (every.row()) {
            const FileNumber file = {every.number(0), every.number(1)};
            if (!std::binary_search(seen_.begin(), seen_.end(), file)) gone.push_back(file);
        }
        every.reset();
        database.run("BEGIN IMMEDIATE");
        Statement forget(database, "DELETE FROM file_digest WHERE device = ? AND inode = ?");
        for (const FileNumber& file : gone)
            forget.bind_unsigned(file.device).bind_unsigned(file.inode).run();
        database.run("COMMIT");
    }

    KnownFiles& files_;
    const KindSet kinds_;
    const Look& look_;
    Statement recall_;
    Statement put_;
    std::vector<FileNumber> seen_;
    std::uint64_t shown_ = 0;
    std::map<FileNumber, FileJob> unwritten_;  // not written down yet
    FileHashers hashers_;
};

Result<void> KnownFiles::each(KindSet kinds, const Look& look) {
    if (const Result<void> opened = open(); !opened) return opened;
    unreadable_ = {};
    const Result<void> done = Looking(*this, kinds, look).run();
    if (!database_->failed()) return done;
    const Error error = database_->take_error();
    database_.reset();
    if (error.code == ErrorCode::integrity) forget();  // the next look begins anew
    return Failure(error);
}

Result<void> KnownFiles::open() {
    if (database_) return {};
    const Result<void> opened = try_open();
    if (opened || opened.error().code != ErrorCode::integrity) return opened;
    forget();
    return try_open();
}

Result<void> KnownFiles::try_open() {
    auto database = std::make_unique<Database>();
    if (const Result<void> opened = database->open(path_); !opened) return opened;
    database->run(schema);
    if (database->failed()) return Failure(database->take_error());
    database_ = std::move(database);
    return {};
}

void KnownFiles::forget() const {
    for (const char* part : {"", "-wal", "-shm"})
        ::unlink((path_ + part).c_str());
}

}  // namespace cordon::feed
