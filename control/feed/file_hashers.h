// Reads and hashes files on threads of its own, because a file waits for the disk and a digest for
// the processor.
//
// Owns:       its threads, and the jobs that are with them.
// Invariants: every job comes back once, unless the hashers end first; in no order. Gentle
//             ones come last, on the processor and at the disk.
// Thread:     put(), take() and the destructor belong to one; the destructor waits for a block to
//             be read, not for a file.
// Limits:     file_hashers threads, started with the first job; who puts sees to it that few wait.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "control/feed/file_digests.h"

struct stat;

namespace cordon::feed {

inline constexpr std::size_t file_hashers = 2;

// What tells a file from what it was before, as far as its bytes go.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    static FileIdentity of(const struct stat& about);
    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

struct FileJob {
    enum class Outcome : std::uint8_t {
        hashed,
        moving,  // it changed while it was read, or so lately that another change would not show
        gone,
        unreadable,
    };

    std::string path;
    FileIdentity identity;  // of which `digests` is known; comes back with that of what was read
    FileDigests digests;    // comes back with `kinds` and what else is known
    KindSet kinds;
    Outcome outcome = Outcome::gone;
};

class FileHashers {
  public:
    explicit FileHashers(bool gentle) : gentle_(gentle) {}
    ~FileHashers();
    FileHashers(const FileHashers&) = delete;
    FileHashers& operator=(const FileHashers&) = delete;

    void put(FileJob job);
    // Nothing: none is finished. `wait`: for a moment, as long as some are not.
    std::optional<FileJob> take(bool wait);
    std::size_t unfinished() const { return unfinished_; }  // put and not taken

  private:
    void run();

    const bool gentle_;
    std::atomic<bool> ending_{false};
    std::size_t unfinished_ = 0;
    std::mutex mutex_;
    std::condition_variable put_, finished_;
    std::deque<FileJob> waiting_, done_;
    std::vector<std::thread> threads_;
};

}  // namespace cordon::feed
