#include "dataplane/shell/suspension_holder.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

namespace cordon {

// More than a file may have shows one that is too long.
Result<Suspensions> read_suspensions(const Descriptor& file, const std::string& name) {
    if (!file.valid()) return failure(ErrorCode::io, name + " cannot be opened", errno);
    std::vector<std::uint8_t> bytes(suspensions_bytes_max + 1);
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n =
            ::pread(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure(ErrorCode::io, name + " cannot be read", errno);
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    Result<Suspensions> read = Suspensions::read(Bytes(bytes).first(done));
    if (!read) return failure(read.error().code, name + ": " + read.error().text);
    return read;
}

SuspensionHolder::SuspensionHolder(std::uint32_t workers, std::string path)
    : path_(std::move(path)), published_(workers) {}

std::string SuspensionHolder::look(std::uint64_t now_s) {
    {
        const Suspensions* in_force = published_.current();
        const std::lock_guard lock(mutex_);
        status_.in_force = in_force == nullptr ? 0 : in_force->in_force(now_s);
    }
    struct stat info {};
    if (::stat(path_.c_str(), &info) != 0) {
        seen_ = {};
        if (!std::exchange(was_there_, false)) return {};  // there never was one, or it was said
        return refuse(path_ + " is gone");
    }
    was_there_ = true;
    const Seen now = {info.st_dev, info.st_ino, info.st_size,
                      info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
    // A worker that has not yet taken over the last one may be about to: the next look does it.
    if (now == seen_ || !settled()) return {};
    seen_ = now;
    Result<Suspensions> read =
        read_suspensions(Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)), path_);
    if (!read) return refuse(read.error().message());
    {
        const std::lock_guard lock(mutex_);
        status_.in_force = read->in_force(now_s);
        status_.written_s = read->written_s();
        status_.error.clear();
        published_.publish(std::make_unique<Suspensions>(std::move(*read)));
    }
    return {};
}

std::string SuspensionHolder::refuse(std::string why) {
    const std::lock_guard lock(mutex_);
    ++status_.refused;
    status_.error = std::move(why);
    return "alarm: suspensions: " + status_.error + "; those before it stay in force";
}

bool SuspensionHolder::settled() {
    const std::lock_guard lock(mutex_);
    return published_.settled();
}

SectionTerms SuspensionHolder::aged(std::string_view list, const SectionTerms& terms) const {
    const std::lock_guard lock(mutex_);
    const Suspensions* in_force = published_.current();
    return in_force == nullptr ? terms : in_force->aged(list, terms);
}

SuspensionMode SuspensionHolder::mode_of(const Suspected& indicator, std::uint64_t now_s) const {
    const std::lock_guard lock(mutex_);
    const Suspensions* in_force = published_.current();
    return in_force == nullptr ? SuspensionMode::none : in_force->mode_of(indicator, now_s);
}

SuspensionHolder::Status SuspensionHolder::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

}  // namespace cordon
