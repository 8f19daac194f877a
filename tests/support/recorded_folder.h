// What the code under test does to the files of a folder, as RecordingFiles keeps it: from there
// any crash can be laid out in another folder, and any of the calls can fail.
//
// A test that includes this is linked with `recorded` of tests/include.mk: write, fsync, mkostemp,
// rename, link and unlink of our own objects come here first. They are done for real, too, but for
// fsync: no crash of the tests needs a disk.
//
// Owns:       the record. One at a time records; without one the calls pass through.
// Invariants: only calls with a path below the folder are recorded, counted, or fail.
// Thread:     one.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/recording_files.h"

namespace cordon::test {

class RecordedFolder {
  public:
    explicit RecordedFolder(std::string directory) : directory_(std::move(directory)) {
        recording() = this;
    }
    ~RecordedFolder() { recording() = nullptr; }
    RecordedFolder(const RecordedFolder&) = delete;

    static RecordedFolder*& recording() {
        static RecordedFolder* one = nullptr;
        return one;
    }

    const RecordingFiles& files() const { return files_; }
    // The call with that number, counted over all, fails once, as on a full disk.
    std::size_t fails_at = SIZE_MAX;
    std::size_t calls() const { return calls_; }
    bool has_failed() const { return calls_ > fails_at; }

    // The folder as a crash left it, at another place.
    void lay_out(const RecordingFiles& crashed, const std::string& at) const {
        const std::vector<std::string> names = crashed.names();
        for (const std::string& path : names) {
            const std::filesystem::path to = at + path.substr(directory_.size());
            std::filesystem::create_directories(to.parent_path());
            const std::string& first =
                *std::find_if(names.begin(), names.end(),
                              [&](const std::string& one) { return crashed.are_one(one, path); });
            if (first != path) {
                std::filesystem::create_hard_link(at + first.substr(directory_.size()), to);
                continue;
            }
            const auto& bytes = const_cast<RecordingFiles&>(crashed).content(path);
            std::ofstream(to, std::ios::binary)
                .write(reinterpret_cast<const char*>(bytes.data()),
                       static_cast<std::streamsize>(bytes.size()));
        }
    }

    bool is_below(const std::string& path) const {
        return path == directory_ || path.starts_with(directory_ + "/");
    }
    // True when this call is to fail; errno is set.
    bool fails() {
        errno = ENOSPC;
        return calls_++ == fails_at;
    }
    void created(const std::string& path) {
        FileHandle file = no_file;
        files_.create(path, &file);
    }
    void wrote(const std::string& path, std::uint64_t offset, Bytes bytes) {
        files_.write(handle_of(path), offset, bytes);
    }
    void synced(const std::string& path) {
        if (std::filesystem::is_directory(path)) {
            files_.sync_directory(path);
        } else {
            files_.sync(handle_of(path));
        }
    }
    void renamed(const std::string& from, const std::string& to) { files_.rename(from, to); }
    void linked(const std::string& from, const std::string& to) { files_.link(from, to); }
    void removed(const std::string& path) { files_.remove(path); }

  private:
    FileHandle handle_of(const std::string& path) {
        FileHandle file = no_file;
        if (files_.open(path, &file) != 0) std::abort();  // a file that was made in another way
        return file;
    }

    std::string directory_;
    RecordingFiles files_;
    std::size_t calls_ = 0;
};

inline std::string path_of(int descriptor) {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), error);
}

}  // namespace cordon::test

extern "C" {

ssize_t __real_write(int file, const void* bytes, std::size_t count);
int __real_mkostemp(char* name, int flags);
int __real_rename(const char* from, const char* to);
int __real_link(const char* from, const char* to);
int __real_unlink(const char* path);

ssize_t __wrap_write(int file, const void* bytes, std::size_t count) {
    auto* recorded = cordon::test::RecordedFolder::recording();
    const std::string path = recorded != nullptr ? cordon::test::path_of(file) : "";
    if (recorded == nullptr || !recorded->is_below(path)) return __real_write(file, bytes, count);
    if (recorded->fails()) return -1;
    const auto offset = static_cast<std::uint64_t>(::lseek(file, 0, SEEK_CUR));
    const ssize_t wrote = __real_write(file, bytes, count);
    if (wrote > 0)
        recorded->wrote(path, offset,
                        {static_cast<const std::uint8_t*>(bytes), static_cast<std::size_t>(wrote)});
    return wrote;
}

int __wrap_fsync(int file) {
    auto* recorded = cordon::test::RecordedFolder::recording();
    const std::string path = recorded != nullptr ? cordon::test::path_of(file) : "";
    if (recorded == nullptr || !recorded->is_below(path)) return 0;
    if (recorded->fails()) return -1;
    recorded->synced(path);
    return 0;
}

int __wrap_mkostemp(char* name, int flags) {
    auto* recorded = cordon::test::RecordedFolder::recording();
    const bool ours = recorded != nullptr && recorded->is_below(name);
    if (ours && recorded->fails()) return -1;
    const int file = __real_mkostemp(name, flags);
    if (ours && file >= 0) recorded->created(name);
    return file;
}

int __wrap_rename(const char* from, const char* to) {
    auto* recorded = cordon::test::RecordedFolder::recording();
    const bool ours = recorded != nullptr && recorded->is_below(to);
    if (ours && recorded->fails()) return -1;
    const int done = __real_rename(from, to);
    if (ours && done == 0) recorded->renamed(from, to);
    return done;
}

int __wrap_link(const char* from, const char* to) {
    auto* recorded = cordon::test::RecordedFolder::recording();
    const bool ours = recorded != nullptr && recorded->is_below(to);
    if (ours && recorded->fails()) return -1;
    const int done = __real_link(from, to);
    if (ours && done == 0) recorded->linked(from, to);
    return done;
}

int __wrap_unlink(const char* path) {
    auto* recorded = cordon::test::RecordedFolder::recording();
    const int done = __real_unlink(path);
    if (recorded != nullptr && recorded->is_below(path) && done == 0) recorded->removed(path);
    return done;
}

}  // extern "C"
