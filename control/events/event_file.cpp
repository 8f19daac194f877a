#include "control/events/event_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace cordon {

Result<void> EventFile::append(const std::string& text) {
    if (!file_.valid()) {
        // Not a link, and no FIFO that would wait for its reader.
        constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        file_ = Descriptor(::open(path_.c_str(), flags, 0640));
        if (!file_.valid()) return failure(ErrorCode::io, "cannot open " + path_, errno);
    }
    struct stat before = {};
    if (::fstat(file_.get(), &before) != 0 || !S_ISREG(before.st_mode)) {
        file_.close();
        return failure(ErrorCode::io, path_ + " is no file");
    }
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t n = ::write(file_.get(), text.data() + written, text.size() - written);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            const int error = n < 0 ? errno : ENOSPC;
            // A half line would spoil the next one. Should this fail as well, so be it.
            if (written > 0 && ::ftruncate(file_.get(), before.st_size) != 0) reopen();
            return failure(ErrorCode::io, "cannot write " + path_, error);
        }
        written += static_cast<std::size_t>(n);
    }
    return {};
}

}  // namespace cordon
