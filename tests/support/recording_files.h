// A file system in memory that keeps the order of everything done to it and can show the directory
// as a crash after any number of operations could have left it.
//
// What a crash may do to operations that no sync covers: every write, allocation and directory
// change is kept, dropped or (a write) half done, each by itself. What was synced stays. After a
// sync that failed, what it should have covered is never covered by a later one (Linux marks the
// pages clean): only writing it again helps. The error is told once to every handle that was open.
//
// Owns:       its files. Handles are numbers of open files.
// Invariants: rebuild() gives a directory where nothing is pending.
// Thread:     one thread.
#pragma once

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dataplane/base/files.h"

namespace cordon::test {

class RecordingFiles final : public Files {
  public:
    enum class Kind {
        write,
        allocate,
        sync,
        failed_sync,
        create,
        rename,
        link,
        remove,
        sync_directory
    };
    struct Operation {
        Kind kind;
        int inode = -1;
        std::uint64_t offset = 0;
        std::vector<std::uint8_t> bytes;
        std::string from;
        std::string to;
    };
    enum class Fate { kept, dropped, torn };

    // Fails the operation with that number (counted over all) and those after it, with `failed`.
    std::size_t fail_from = SIZE_MAX;
    std::size_t fail_until = SIZE_MAX;
    int fail_with = EIO;
    // The process that works on them is dead: from `fail_from` on nothing is even tried.
    bool dies = false;
    std::uint64_t bytes_read = 0;
    // allocate() beyond says ENOSPC.
    std::uint64_t room_bytes = UINT64_MAX;

    std::size_t attempts() const { return attempts_; }
    std::size_t operation_count() const { return log_.size(); }
    const std::vector<Operation>& log() const { return log_; }
    bool exists(const std::string& path) const { return names_.contains(path); }
    std::vector<std::uint8_t>& content(const std::string& path) {
        return contents_[static_cast<std::size_t>(names_.at(path))];
    }
    // Two names of one file.
    bool are_one(const std::string& a, const std::string& b) const {
        return names_.at(a) == names_.at(b);
    }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& [name, inode] : names_)
            all.push_back(name);
        return all;
    }

    // The operations among the first `count` that a crash right after them may undo.
    std::vector<std::size_t> pending(std::size_t count) const {
        std::vector<std::size_t> open;
        std::map<int, std::size_t> covered_from;
        for (std::size_t n = 0; n < count; ++n) {
            const Operation& done = log_[n];
            if (done.kind == Kind::failed_sync) {
                covered_from[done.inode] = n;
            } else if (done.kind == Kind::sync) {
                const std::size_t from = covered_from[done.inode];
                std::erase_if(open, [&](std::size_t o) {
                    return o >= from && log_[o].inode == done.inode && is_content(log_[o].kind);
                });
            } else if (done.kind == Kind::sync_directory) {
                std::erase_if(open, [&](std::size_t o) {
                    return !is_content(log_[o].kind) && parent_of(log_[o].from) == done.from;
                });
            } else {
                open.push_back(n);
            }
        }
        return open;
    }

    // fates[i] is that of pending(count)[i].
    std::unique_ptr<RecordingFiles> rebuild(std::size_t count,
                                            const std::vector<Fate>& fates) const {
        auto after = std::make_unique<RecordingFiles>();
        after->names_ = first_names_;
        after->contents_ = first_contents_;
        const std::vector<std::size_t> open = pending(count);
        std::size_t next = 0;
        for (std::size_t n = 0; n < count; ++n) {
            Fate fate = Fate::kept;
            if (next < open.size() && open[next] == n) fate = fates[next++];
            after->redo(log_[n], fate);
        }
        after->first_names_ = after->names_;
        after->first_contents_ = after->contents_;
        return after;
    }

    int make_directory(const std::string&) override { return 0; }
    int sync_directory(const std::string& path) override {
        return done({Kind::sync_directory, -1, 0, {}, path, {}});
    }
    int list(const std::string& path, std::vector<std::string>* names) override {
        names->clear();
        for (const auto& [name, inode] : names_) {
            if (name.starts_with(path + "/")) names->push_back(name.substr(path.size() + 1));
        }
        return 0;
    }
    int create(const std::string& path, FileHandle* file) override {
        if (names_.contains(path)) return EEXIST;
        const int inode = static_cast<int>(contents_.size());
        if (int failed = done({Kind::create, inode, 0, {}, path, {}})) return failed;
        return open(path, file);
    }
    int open(const std::string& path, FileHandle* file) override {
        if (!names_.contains(path)) return ENOENT;
        handles_.push_back({names_[path], errors_[names_[path]]});
        *file = static_cast<FileHandle>(handles_.size() - 1);
        ++open_handles;
        return 0;
    }
    int open_to_read(const std::string& path, FileHandle* file) override {
        return open(path, file);
    }
    void close(FileHandle) override { --open_handles; }
    int allocate(FileHandle file, std::uint64_t bytes) override {
        std::uint64_t used = 0;
        for (const auto& [name, inode] : names_)
            used += of(inode).size();
        if (used + bytes > room_bytes) return ENOSPC;
        return done({Kind::allocate, inode_of(file), bytes, {}, {}, {}});
    }
    int is_at(FileHandle file, const std::string& path) override {
        const auto named = names_.find(path);
        return named != names_.end() && named->second == inode_of(file) ? 0 : ESTALE;
    }
    int size(FileHandle file, std::uint64_t* bytes) override {
        *bytes = of(inode_of(file)).size();
        return 0;
    }
    int read(FileHandle file, std::uint64_t offset, MutableBytes into, std::size_t* got) override {
        const std::vector<std::uint8_t>& all = of(inode_of(file));
        *got = 0;
        if (offset >= all.size()) return 0;
        *got = std::min<std::size_t>(into.size(), all.size() - offset);
        std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(offset), *got, into.begin());
        bytes_read += *got;
        return 0;
    }
    int write(FileHandle file, std::uint64_t offset, Bytes bytes) override {
        return done({Kind::write, inode_of(file), offset, {bytes.begin(), bytes.end()}, {}, {}});
    }
    int sync(FileHandle file) override {
        Handle& handle = handles_[static_cast<std::size_t>(file)];
        const bool failed_before = handle.errors_told != errors_[handle.inode];
        handle.errors_told = errors_[handle.inode];
        if (failed_before) return EIO;
        const int failed = done({Kind::sync, handle.inode, 0, {}, {}, {}});
        handle.errors_told = errors_[handle.inode];
        return failed;
    }
    int rename(const std::string& from, const std::string& to) override {
        if (!names_.contains(from)) return ENOENT;
        return done({Kind::rename, -1, 0, {}, from, to});
    }
    // A second name of the same file.
    int link(const std::string& from, const std::string& to) {
        if (!names_.contains(from)) return ENOENT;
        if (names_.contains(to)) return EEXIST;
        return done({Kind::link, -1, 0, {}, from, to});
    }
    int remove(const std::string& path) override {
        if (!names_.contains(path)) return ENOENT;
        return done({Kind::remove, -1, 0, {}, path, {}});
    }

    int open_handles = 0;

  private:
    static std::string parent_of(const std::string& path) {
        return path.substr(0, path.find_last_of('/'));
    }
    static bool is_content(Kind kind) { return kind == Kind::write || kind == Kind::allocate; }

    std::vector<std::uint8_t>& of(int inode) { return contents_[static_cast<std::size_t>(inode)]; }
    int inode_of(FileHandle file) const { return handles_[static_cast<std::size_t>(file)].inode; }

    int done(Operation operation) {
        const std::size_t number = attempts_++;
        if (number >= fail_from && number < fail_until) {
            if (operation.kind == Kind::sync && !dies) {
                operation.kind = Kind::failed_sync;
                ++errors_[operation.inode];
                log_.push_back(std::move(operation));
            }
            return fail_with;
        }
        redo(operation, Fate::kept);
        log_.push_back(std::move(operation));
        return 0;
    }

    void redo(const Operation& operation, Fate fate) {
        if (operation.kind == Kind::create) contents_.resize(contents_.size() + 1);
        if (fate == Fate::dropped) return;
        switch (operation.kind) {
            case Kind::write: {
                std::vector<std::uint8_t>& all = of(operation.inode);
                std::size_t bytes = operation.bytes.size();
                if (fate == Fate::torn) bytes /= 2;
                all.resize(std::max<std::size_t>(all.size(), operation.offset + bytes));
                std::copy_n(operation.bytes.begin(), bytes,
                            all.begin() + static_cast<std::ptrdiff_t>(operation.offset));
                break;
            }
            case Kind::allocate: {
                std::vector<std::uint8_t>& all = of(operation.inode);
                const std::uint64_t bytes =
                    fate == Fate::torn ? operation.offset / 2 : operation.offset;
                if (all.size() < bytes) all.resize(bytes);
                break;
            }
            case Kind::create:
                names_[operation.from] = operation.inode;
                break;
            case Kind::rename:
                // A directory change that rests on a dropped one cannot have happened.
                if (!names_.contains(operation.from)) break;
                names_[operation.to] = names_[operation.from];
                names_.erase(operation.from);
                break;
            case Kind::link:
                if (names_.contains(operation.from)) names_[operation.to] = names_[operation.from];
                break;
            case Kind::remove:
                names_.erase(operation.from);
                break;
            case Kind::sync:
            case Kind::failed_sync:
            case Kind::sync_directory:
                break;
        }
    }

    std::vector<Operation> log_;
    std::size_t attempts_ = 0;
    std::map<std::string, int> names_;
    std::vector<std::vector<std::uint8_t>> contents_;
    struct Handle {
        int inode;
        int errors_told;
    };
    std::vector<Handle> handles_;
    std::map<int, int> errors_;  // failed syncs by file
    // What was there before the first operation.
    std::map<std::string, int> first_names_;
    std::vector<std::vector<std::uint8_t>> first_contents_;
};

}  // namespace cordon::test
