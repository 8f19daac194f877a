#include "control/audit/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "control/audit/audit_pages.h"
#include "control/index/atomic_file.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

Result<Descriptor> open_to_append(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
    if (!file.valid()) return failure(ErrorCode::io, "cannot open " + path, errno);
    return file;
}

// Durable names, not only durable bytes.
Result<void> sync_folder_of(const std::string& path) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const Descriptor file(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (file.valid() && ::fsync(file.get()) == 0) return {};
    return failure(ErrorCode::io, "the folder is not durable: " + folder, errno);
}

// What each line of closed files has as its ref, without a look at the rest of it: what a person
// wrote has its quotes behind a backslash.
void read_refs(std::string_view text, std::map<std::string, std::string>* refs) {
    constexpr std::string_view label = ",\"ref\":\"";
    for (std::size_t at = text.find(label); at != std::string_view::npos;
         at = text.find(label, at)) {
        at += label.size();
        const std::size_t end = text.find("\",\"prev\":\"", at);
        if (end == std::string_view::npos) return;
        if (end == at) continue;
        const auto ref = nlohmann::json::parse("\"" + std::string(text.substr(at, end - at)) + "\"",
                                               nullptr, false);
        if (!ref.is_string()) continue;
        const std::string& pair = ref.get_ref<const std::string&>();
        const std::size_t sign = pair.find('=');
        if (sign != std::string::npos) (*refs)[pair.substr(0, sign)] = pair.substr(sign + 1);
    }
}

}  // namespace

Result<void> AuditLog::open() {
    head_ = {};
    refs_.clear();
    recent_.clear();
    if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT) {
        // No crash leaves closed files alone: somebody took it away.
        if (::access(audit_segment_path(path_, 1).c_str(), F_OK) == 0)
            return failure(ErrorCode::integrity, "the audit trail is gone: " + path_ +
                                                     "; what it filled before is there");
        const Result<void> made = write_file_atomically(path_, {}, 0600);
        if (!made) return made;
    }
    const Result<AuditTrail> trail = open_audit_trail(path_);
    if (!trail) return Failure(trail.error());
    if (const Result<void> read = read_closed(*trail); !read) return read;
    Result<Descriptor> file = open_to_append(path_);
    if (!file) return Failure(file.error());
    if (const Result<void> used = use(std::move(*file)); !used) return used;
    return follow();
}

// The chain goes on behind the last record of the last one.
Result<void> AuditLog::read_closed(const AuditTrail& trail) {
    closed_ = trail.files.size() - 1;
    if (closed_ == 0) return {};
    for (std::size_t n = 0; n < closed_; ++n) {
        const Result<std::string> text = trail.files[n].read(0, trail.files[n].bytes);
        if (!text) return Failure(text.error());
        read_refs(*text, &refs_);
    }
    const AuditFile& last = trail.files[closed_ - 1];
    AuditTrail alone;
    alone.files.push_back({last.path, last.first, Descriptor(), last.bytes});
    AuditQuery query;
    query.limit = recent_max;
    const Result<AuditPage> page = read_audit_page(alone, query);
    if (!page) return Failure(page.error());
    if (page->records.empty() || !page->broken.empty())
        return failure(ErrorCode::integrity, "the end of " + last.path +
                                                 " is no chain of records; `cordonctl audit "
                                                 "verify` says more");
    for (const AuditRecord& record : page->records)
        remember(record);
    head_ = {page->records.back().sequence, page->records.back().hash};
    return {};
}

// From its beginning.
Result<void> AuditLog::use(Descriptor file) {
    file_ = std::move(file);
    first_ = head_.sequence + 1;
    bytes_ = 0;
    line_ = 0;
    torn_ = 0;
    open_end_.clear();
    const AuditFileLock lock(file_.get());
    return catch_up();
}

// To the file that is written to, where another process has closed ours.
Result<void> AuditLog::follow() {
    constexpr int tries = 8;
    for (int n = 0; n < tries; ++n) {
        const Result<bool> is_there = is_audit_file_at(path_, file_.get());
        if (!is_there) return Failure(is_there.error());
        if (*is_there) return {};
        {
            const AuditFileLock lock(file_.get());
            if (const Result<void> read = catch_up(); !read) return read;
        }
        Result<Descriptor> next = open_to_append(path_);
        if (!next) return Failure(next.error());
        // A record in it is durable when its name is: who made it may not have come so far.
        if (const Result<void> synced = sync_folder_of(path_); !synced) return synced;
        if (const Result<void> used = use(std::move(*next)); !used) return used;
        ++closed_;
    }
    return failure(ErrorCode::io, path_ + " is another file at each look");
}

void AuditLog::remember(const AuditRecord& record) {
    const std::string& ref = record.entry.ref;
    const std::size_t sign = ref.find('=');
    if (sign != std::string::npos) refs_[ref.substr(0, sign)] = ref.substr(sign + 1);
    if (recent_.size() == recent_max) recent_.erase(recent_.begin());
    recent_.push_back({record.sequence, record.time, record.entry.action, record.hash});
}

// What others wrote since, or what our own last write left when it failed.
Result<void> AuditLog::catch_up() {
    const off_t size = ::lseek(file_.get(), 0, SEEK_END);
    if (size < 0) return failure(ErrorCode::io, "cannot look at " + path_, errno);
    const auto all = static_cast<std::uint64_t>(size);
    if (all > audit_file_bytes_max)
        return failure(ErrorCode::refused, path_ + " is full, and could not be closed");
    if (all < bytes_)
        return failure(ErrorCode::integrity, path_ + ": records are missing at its end");
    const AuditFile ours{path_, 0, Descriptor(::dup(file_.get())), all};
    const Result<std::string> more = ours.read(bytes_, all - bytes_);
    if (!more) return Failure(more.error());
    AuditReader reader(*more, head_, line_);
    AuditRecord record;
    while (reader.next(&record))
        remember(record);
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
    constexpr int tries = 8;
    bool has_closed = false;  // one is enough, however small it is
    for (int n = 0; n < tries; ++n) {
        if (const Result<void> there = follow(); !there) return there;
        const AuditFileLock lock(file_.get());
        // Closed by another process before the lock was ours.
        const Result<bool> is_there = is_audit_file_at(path_, file_.get());
        if (!is_there) return Failure(is_there.error());
        if (!*is_there) continue;
        if (const Result<void> read = catch_up(); !read) return read;
        if (bytes_ < segment_bytes_max_ || has_closed) return append_locked(entry, now_s);
        has_closed = true;
        const Result<void> closed = close_segment(now_s);
        segment_problem_ = closed ? "" : closed.error().message();
        const Result<bool> still = is_audit_file_at(path_, file_.get());
        if (!still) return Failure(still.error());
        if (*still) return append_locked(entry, now_s);
    }
    return failure(ErrorCode::io, path_ + " is closed at each try");
}

Result<void> AuditLog::append_locked(const AuditEntry& entry, std::uint64_t now_s) {
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

// Its second name first, and then the file that follows it takes the first one: at every moment
// there is an audit.jsonl, and the whole chain.
Result<void> AuditLog::close_segment(std::uint64_t now_s) {
    if (!open_end_.empty()) return {};  // is told of in this file
    const std::string closed = audit_segment_path(path_, first_);
    if (::link(path_.c_str(), closed.c_str()) != 0) {
        const int error = errno;
        // By one of us who was killed before he was done.
        const Result<bool> is_ours =
            error == EEXIST ? is_audit_file_at(closed, file_.get()) : false;
        if (!is_ours || !*is_ours)
            return failure(ErrorCode::io, "cannot close " + path_ + " as " + closed, error);
    }
    if (const Result<void> synced = sync_folder_of(path_); !synced) return synced;
    const AuditEntry entry = {cordond_itself(), "audit.segment",
                              "goes on from " + closed.substr(closed.rfind('/') + 1) +
                                  ", which ends with record " + std::to_string(head_.sequence),
                              "", ""};
    std::string hash;
    const std::string line =
        render({head_.sequence + 1, utc_time(now_s), entry, head_.hash, ""}, &hash) + "\n";
    return write_file_atomically(path_, as_bytes(line), 0600);
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
