#include "dataplane/base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace cordon {

namespace {

int result(int returned) {
    return returned < 0 ? errno : 0;
}

int open_file(const std::string& path, int flags, FileHandle* file) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) return errno;
    *file = fd;
    return 0;
}

}  // namespace

int PosixFiles::make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0750) == 0 || errno == EEXIST) return 0;
    return errno;
}

int PosixFiles::sync_directory(const std::string& path) {
    FileHandle directory = no_file;
    if (int failed = open_file(path, O_RDONLY | O_DIRECTORY, &directory)) return failed;
    const int failed = result(::fsync(directory));
    ::close(directory);
    return failed;
}

int PosixFiles::list(const std::string& path, std::vector<std::string>* names) {
    names->clear();
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return errno;
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
        if (entry->d_name[0] != '.') names->emplace_back(entry->d_name);
        errno = 0;
    }
    const int failed = errno;
    ::closedir(directory);
    std::sort(names->begin(), names->end());
    return failed;
}

int PosixFiles::create(const std::string& path, FileHandle* file) {
    return open_file(path, O_RDWR | O_CREAT | O_EXCL, file);
}

int PosixFiles::open(const std::string& path, FileHandle* file) {
    return open_file(path, O_RDWR, file);
}

int PosixFiles::open_to_read(const std::string& path, FileHandle* file) {
    return open_file(path, O_RDONLY, file);
}

void PosixFiles::close(FileHandle file) {
    ::close(file);
}

int PosixFiles::allocate(FileHandle file, std::uint64_t bytes) {
    return ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
}

int PosixFiles::size(FileHandle file, std::uint64_t* bytes) {
    struct stat status;
    if (::fstat(file, &status) != 0) return errno;
    *bytes = static_cast<std::uint64_t>(status.st_size);
    return 0;
}

int PosixFiles::read(FileHandle file, std::uint64_t offset, MutableBytes into, std::size_t* got) {
    *got = 0;
    while (*got < into.size()) {
        const ssize_t n = ::pread(file, into.data() + *got, into.size() - *got,
                                  static_cast<off_t>(offset + *got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) break;
        *got += static_cast<std::size_t>(n);
    }
    return 0;
}

int PosixFiles::write(FileHandle file, std::uint64_t offset, Bytes bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        offset += static_cast<std::uint64_t>(n);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return 0;
}

int PosixFiles::sync(FileHandle file) {
    return result(::fdatasync(file));
}

int PosixFiles::is_at(FileHandle file, const std::string& path) {
    struct stat open {};
    struct stat named {};
    if (::fstat(file, &open) != 0 || ::lstat(path.c_str(), &named) != 0) {
        return errno == ENOENT ? ESTALE : errno;
    }
    return open.st_dev == named.st_dev && open.st_ino == named.st_ino ? 0 : ESTALE;
}

int PosixFiles::rename(const std::string& from, const std::string& to) {
    return result(::rename(from.c_str(), to.c_str()));
}

int PosixFiles::remove(const std::string& path) {
    return result(::unlink(path.c_str()));
}

}  // namespace cordon
