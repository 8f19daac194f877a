#include "control/audit/audit_segments.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>

namespace cordon {

namespace {

constexpr std::string_view ending = ".jsonl";
constexpr std::size_t number_digits = 12;

bool same_file(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// "/x/audit" of "/x/audit.jsonl".
std::string stem_of(const std::string& path) {
    return path.ends_with(ending) ? path.substr(0, path.size() - ending.size()) : path;
}

// The number in the name of a closed file; 0: it is none.
std::uint64_t first_of(std::string_view name, std::string_view stem) {
    if (name.size() != stem.size() + 1 + number_digits + ending.size()) return 0;
    if (!name.starts_with(stem) || name[stem.size()] != '-' || !name.ends_with(ending)) return 0;
    const char* begin = name.data() + stem.size() + 1;
    std::uint64_t first = 0;
    const auto read = std::from_chars(begin, begin + number_digits, first);
    return read.ec == std::errc() && read.ptr == begin + number_digits ? first : 0;
}

Result<void> take_size(const struct stat& about, AuditFile* file) {
    file->bytes = static_cast<std::uint64_t>(about.st_size);
    if (file->bytes <= audit_file_bytes_max) return {};
    return failure(ErrorCode::refused, file->path + " is too large for a file of a trail");
}

// The one that is written to stays open: its name goes to another one.
Result<AuditFile> open_written(const std::string& path, struct stat* about) {
    AuditFile file{path, 0, Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), 0};
    if (!file.file.valid()) return failure(ErrorCode::io, "cannot open " + path, errno);
    // Not in the middle of a record that is being written.
    const AuditFileLock lock(file.file.get());
    if (::fstat(file.file.get(), about) != 0)
        return failure(ErrorCode::io, "cannot look at " + path, errno);
    return take_size(*about, &file).map([&file] { return std::move(file); });
}

// There may be more than a process can hold open.
Result<AuditFile> look_at_closed(const std::string& path, std::uint64_t first, struct stat* about) {
    AuditFile file{path, first, Descriptor(), 0};
    if (::stat(path.c_str(), about) != 0)
        return failure(ErrorCode::io, "cannot look at " + path, errno);
    return take_size(*about, &file).map([&file] { return std::move(file); });
}

// Nothing: the file at `path` was closed meanwhile.
Result<std::optional<AuditTrail>> try_open(const std::string& path) {
    struct stat now = {}, about = {}, still = {};
    Result<AuditFile> written = open_written(path, &now);
    if (!written) return Failure(written.error());
    AuditTrail trail;
    const std::string stem = stem_of(path);
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    const std::string name = stem.substr(stem.rfind('/') + 1);
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder.empty() ? "." : folder, error), end;
         !error && at != end; at.increment(error)) {
        const std::uint64_t first = first_of(at->path().filename().string(), name);
        if (first == 0) continue;
        Result<AuditFile> closed = look_at_closed(at->path().string(), first, &about);
        if (!closed) return Failure(closed.error());
        // It has its second name, and no successor yet: a crash, or somebody is at it.
        if (!same_file(about, now)) trail.files.push_back(std::move(*closed));
    }
    if (error) return failure(ErrorCode::io, "cannot list " + folder.string(), error.value());
    if (::stat(path.c_str(), &still) != 0)
        return failure(ErrorCode::io, "cannot look at " + path, errno);
    if (!same_file(still, now)) return std::nullopt;
    std::sort(trail.files.begin(), trail.files.end(),
              [](const AuditFile& a, const AuditFile& b) { return a.first < b.first; });
    trail.files.push_back(std::move(*written));
    return trail;
}

}  // namespace

std::string audit_path(std::string_view state_dir) {
    return std::string(state_dir) + "/audit.jsonl";
}

std::string audit_segment_path(const std::string& path, std::uint64_t first) {
    char number[32];
    std::snprintf(number, sizeof number, "-%0*llu", static_cast<int>(number_digits),
                  static_cast<unsigned long long>(first));
    return stem_of(path) + number + std::string(ending);
}

AuditFileLock::AuditFileLock(int file) : file_(file) {
    while (::flock(file_, LOCK_EX) != 0 && errno == EINTR) {}
}

AuditFileLock::~AuditFileLock() {
    ::flock(file_, LOCK_UN);
}

Result<std::string> AuditFile::read(std::uint64_t offset, std::uint64_t length) const {
    const Descriptor opened(file.valid() ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid() && !opened.valid())
        return failure(ErrorCode::io, "cannot open " + path, errno);
    const int from = file.valid() ? file.get() : opened.get();
    std::string text(std::min(length, bytes - std::min(bytes, offset)), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t got = ::pread(from, text.data() + done, text.size() - done,
                                    static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) return failure(ErrorCode::integrity, path + ": it has become shorter");
        if (got < 0) return failure(ErrorCode::io, "cannot read " + path, errno);
        done += static_cast<std::size_t>(got);
    }
    return text;
}

std::uint64_t AuditTrail::bytes() const {
    std::uint64_t sum = 0;
    for (const AuditFile& one : files)
        sum += one.bytes;
    return sum;
}

Result<AuditTrail> open_audit_trail(const std::string& path) {
    // A file is closed every hundred thousand records: it does not happen twice in a row.
    constexpr int tries = 8;
    for (int n = 0; n < tries; ++n) {
        Result<std::optional<AuditTrail>> trail = try_open(path);
        if (!trail) return Failure(trail.error());
        if (*trail) return std::move(**trail);
    }
    return failure(ErrorCode::io, path + " is another file at each look");
}

Result<bool> is_audit_file_at(const std::string& path, int file) {
    struct stat ours = {}, there = {};
    if (::fstat(file, &ours) != 0) return failure(ErrorCode::io, "cannot look at " + path, errno);
    if (::stat(path.c_str(), &there) != 0) {
        if (errno == ENOENT)
            return failure(ErrorCode::integrity, "the audit trail is gone: " + path);
        return failure(ErrorCode::io, "cannot look at " + path, errno);
    }
    return same_file(ours, there);
}

}  // namespace cordon
