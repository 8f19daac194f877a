#include "control/audit/audit_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/index/atomic_file.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

// One writer at a time, over all processes.
class FileLock {
  public:
    explicit FileLock(int file) : file_(file) {
        while (::flock(file_, LOCK_EX) != 0 && errno == EINTR) {}
    }
    ~FileLock() { ::flock(file_, LOCK_UN); }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

  private:
    int file_;
};

Result<std::string> read_from(int file, const std::string& path, std::uint64_t offset) {
    struct stat info = {};
    if (::fstat(file, &info) != 0) return failure(ErrorCode::io, "cannot look at " + path, errno);
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (size > audit_file_bytes_max)
        return failure(ErrorCode::refused, path + " is full: keep it elsewhere, begin a new one");
    if (size < offset)
        return failure(ErrorCode::integrity, path + ": records are missing at its end");
    std::string bytes(size - offset, '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t got = ::pread(file, bytes.data() + done, bytes.size() - done,
                                    static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return failure(ErrorCode::io, "cannot read " + path, got < 0 ? errno : 0);
        done += static_cast<std::size_t>(got);
    }
    return bytes;
}

}  // namespace

std::string audit_path(std::string_view state_dir) {
    return std::string(state_dir) + "/audit.jsonl";
}

Result<std::string> read_audit_file(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return failure(ErrorCode::io, "cannot open " + path, errno);
    const FileLock lock(file.get());
    return read_from(file.get(), path, 0);
}

AuditCheck check_audit(std::string_view file, std::string_view wanted,
                       const std::function<void(const AuditRecord&)>& see) {
    AuditReader reader(file);
    AuditCheck check;
    check.has_wanted = wanted.empty();
    AuditRecord record;
    while (reader.next(&record)) {
        ++check.records;
        check.has_wanted = check.has_wanted || record.hash == wanted;
        if (see) see(record);
    }
    check.head = reader.head();
    check.torn = reader.torn();
    check.broken = reader.why();
    if (!reader.broken()) check.open_end_bytes = reader.open_end().size();
    return check;
}

Result<void> AuditLog::open() {
    if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT) {
        const Result<void> made = write_file_atomically(path_, {}, 0600);
        if (!made) return made;
    }
    file_ = Descriptor(::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
    if (!file_.valid()) return failure(ErrorCode::io, "cannot open " + path_, errno);
    const FileLock lock(file_.get());
    return catch_up();
}

// What others wrote since, or what our own last write left when it failed.
Result<void> AuditLog::catch_up() {
    const Result<std::string> more = read_from(file_.get(), path_, bytes_);
    if (!more) return Failure(more.error());
    AuditReader reader(*more, head_, line_);
    AuditRecord record;
    while (reader.next(&record)) {
        const std::string& ref = record.entry.ref;
        const std::size_t sign = ref.find('=');
        if (sign != std::string::npos) refs_[ref.substr(0, sign)] = ref.substr(sign + 1);
        if (recent_.size() == recent_max) recent_.erase(recent_.begin());
        recent_.push_back({record.sequence, record.time, record.entry.action, record.hash});
    }
    if (reader.broken())
        return failure(ErrorCode::integrity,
                       path_ + ": " + reader.why() + "; `cordonctl audit verify` says more");
    head_ = reader.head();
    line_ = reader.line();
    torn_ += reader.torn();
    bytes_ += reader.whole_bytes();
    open_end_ = reader.open_end();
    return {};
}

Result<void> AuditLog::append(const AuditEntry& entry, std::uint64_t now_s) {
    if (!file_.valid()) return failure(ErrorCode::io, "the audit trail is not open: " + path_);
    const FileLock lock(file_.get());
    if (const Result<void> read = catch_up(); !read) return read;
    // A record that lacks nothing but its line feed is one when that has come.
    if (!open_end_.empty() && !open_end_.ends_with('\n')) {
        if (const Result<void> ended = write_bytes("\n"); !ended) return ended;
    }
    if (!open_end_.empty()) {
        if (const Result<void> told = write_record(torn_entry(open_end_), now_s); !told)
            return told;
    }
    return write_record(entry, now_s);
}

Result<void> AuditLog::write_record(const AuditEntry& entry, std::uint64_t now_s) {
    std::string hash;
    return write_bytes(render({head_.sequence + 1, utc_time(now_s), entry, head_.hash, ""}, &hash) +
                       "\n");
}

Result<void> AuditLog::write_bytes(const std::string& bytes) {
    ::lseek(file_.get(), 0, SEEK_END);
    const ssize_t wrote = ::write(file_.get(), bytes.data(), bytes.size());
    if (wrote != static_cast<ssize_t>(bytes.size()))
        return failure(ErrorCode::io, "cannot write the audit trail " + path_,
                       wrote < 0 ? errno : ENOSPC);
    if (::fsync(file_.get()) != 0)
        return failure(ErrorCode::io, "the audit trail is not durable: " + path_, errno);
    return catch_up();
}

std::string AuditLog::newest(const std::string& ref_key) const {
    const auto found = refs_.find(ref_key);
    return found == refs_.end() ? std::string() : found->second;
}

}  // namespace cordon
