#include "control/index/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace cordon {
namespace {

// A file that disappears unless it is renamed to its place.
class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& path) : name_(path + ".XXXXXX") {
        file_ = ::mkostemp(name_.data(), O_CLOEXEC);
    }
    ~TemporaryFile() {
        if (file_ < 0) return;
        ::close(file_);
        if (!renamed_) ::unlink(name_.c_str());
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    bool is_open() const { return file_ >= 0; }

    bool write(Bytes bytes) {
        while (!bytes.empty()) {
            // One call writes at most about 2 GiB.
            const ssize_t written =
                ::write(file_, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return false;
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
        return true;
    }
    bool sync(unsigned mode) { return ::fchmod(file_, mode) == 0 && ::fsync(file_) == 0; }
    bool rename_to(const std::string& path) {
        renamed_ = ::rename(name_.c_str(), path.c_str()) == 0;
        return renamed_;
    }

  private:
    std::string name_;
    int file_ = -1;
    bool renamed_ = false;
};

// Makes the rename durable.
bool sync_directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string directory =
        slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
    const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return false;
    const bool synced = ::fsync(file) == 0;
    const int error = errno;
    ::close(file);
    errno = error;
    return synced;
}

}  // namespace

Result<void> write_file_atomically(const std::string& path, Bytes bytes, unsigned mode) {
    TemporaryFile temporary(path);
    if (!temporary.is_open())
        return failure(ErrorCode::io, "cannot create a file beside " + path, errno);
    if (!temporary.write(bytes) || !temporary.sync(mode))
        return failure(ErrorCode::io, "cannot write " + path, errno);
    if (!temporary.rename_to(path)) return failure(ErrorCode::io, "cannot replace " + path, errno);
    if (!sync_directory_of(path))
        return failure(ErrorCode::io, "cannot make durable: " + path, errno);
    return {};
}

}  // namespace cordon
