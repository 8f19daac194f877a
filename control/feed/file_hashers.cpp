#include "control/feed/file_hashers.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>
#include <chrono>

#include "dataplane/base/descriptor.h"

namespace cordon::feed {
namespace {

// As in linux/ioprio.h, which is not C++: best effort, the last of it.
constexpr int ioprio_who_process = 1;
constexpr int ioprio_last = 2 << 13 | 7;

constexpr std::int64_t ns_per_s = 1'000'000'000;
// Two changes within a tick of the kernel's clock leave the same time behind; the longest is 10 ms.
constexpr std::int64_t settled_ns = ns_per_s / 10;

std::int64_t nanoseconds(const timespec& time) {
    return time.tv_sec * ns_per_s + time.tv_nsec;
}

// Of this thread only. Still with a share: with SCHED_IDLE nothing would come of it on a box whose
// processors are all busy, and no list into force. Where it is not allowed, the work is done all
// the same.
void run_last() {
    constexpr int nice_most = 19;
    (void)::setpriority(PRIO_PROCESS, 0, nice_most);
    (void)::syscall(SYS_ioprio_set, ioprio_who_process, 0, ioprio_last);
}

// In the order in which the kernel stamps changes.
bool is_settled(const FileIdentity& identity) {
    timespec now = {};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return identity.changed_ns + settled_ns < nanoseconds(now);
}

FileJob::Outcome outcome_of(int error) {
    const bool gone = error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO;
    return gone ? FileJob::Outcome::gone : FileJob::Outcome::unreadable;
}

FileJob::Outcome hash(FileJob* job, bool gentle, FileDigester* digester) {
    using Outcome = FileJob::Outcome;
    // Whatever has taken its place is neither followed nor waited for.
    const Descriptor file(
        ::open(job->path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    struct stat before = {}, after = {};
    if (!file.valid() || ::fstat(file.get(), &before) != 0) return outcome_of(errno);
    if (!S_ISREG(before.st_mode)) return Outcome::gone;
    const FileIdentity identity = FileIdentity::of(before);
    if (!(identity == job->identity)) job->digests = {};
    job->identity = identity;
    const bool large = identity.size > file_leaf_bytes;
    if (large) (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    const auto read = digester->digest(file.get(), job->kinds.without(job->digests.present));
    // Read for this once: it must not push out what the box works with.
    if (large && gentle) (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (!read || ::fstat(file.get(), &after) != 0) return Outcome::unreadable;
    const bool same = read->size == identity.size && FileIdentity::of(after) == identity;
    for (const IndicatorKind kind : exact_kind_list)
        job->digests.put(kind, read->of(kind));
    job->digests.size = read->size;
    return same && is_settled(identity) ? Outcome::hashed : Outcome::moving;
}

}  // namespace

FileIdentity FileIdentity::of(const struct stat& about) {
    return {about.st_dev, about.st_ino, static_cast<std::uint64_t>(about.st_size),
            nanoseconds(about.st_mtim), nanoseconds(about.st_ctim)};
}

FileHashers::~FileHashers() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    put_.notify_all();
    for (std::thread& thread : threads_)
        thread.join();
}

void FileHashers::put(FileJob job) {
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(job));
    }
    ++unfinished_;
    put_.notify_one();
    while (threads_.size() < file_hashers)
        threads_.emplace_back([this] { run(); });
}

std::optional<FileJob> FileHashers::take(bool wait) {
    constexpr std::chrono::milliseconds moment(100);
    std::unique_lock lock(mutex_);
    if (wait && done_.empty() && unfinished_ != 0) finished_.wait_for(lock, moment);
    if (done_.empty()) return std::nullopt;
    FileJob job = std::move(done_.front());
    done_.pop_front();
    --unfinished_;
    return job;
}

void FileHashers::run() {
    if (gentle_) run_last();
    FileDigester digester(&ending_);
    std::unique_lock lock(mutex_);
    for (;;) {
        put_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (ending_) return;
        FileJob job = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        job.outcome = hash(&job, gentle_, &digester);
        lock.lock();
        done_.push_back(std::move(job));
        finished_.notify_one();
    }
}

}  // namespace cordon::feed
