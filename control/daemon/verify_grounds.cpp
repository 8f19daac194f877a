#include "control/daemon/verify_grounds.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/feed/key_handover.h"
#include "control/sync/feed_state.h"
#include "dataplane/contract/section_keys.h"
#include "dataplane/contract/suspensions.h"

namespace cordon {

namespace {

// Of the file as it is now: another one, or a change of it, makes another mark of the two.
std::uint64_t mark_with(std::uint64_t mark, const struct stat& info) {
    const std::uint64_t parts[] = {info.st_dev, info.st_ino,
                                   static_cast<std::uint64_t>(info.st_size),
                                   static_cast<std::uint64_t>(info.st_mtim.tv_sec),
                                   static_cast<std::uint64_t>(info.st_mtim.tv_nsec)};
    for (const std::uint64_t part : parts)
        mark = (mark ^ part) * 0x9e3779b97f4a7c15 + (mark >> 29);
    return mark;
}

struct Opened {
    Descriptor file;
    struct stat info = {};
};

Opened open_file(const std::string& path) {
    Opened opened;
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.valid() && ::fstat(file.get(), &opened.info) == 0) opened.file = std::move(file);
    return opened;
}

// The keys of the lists, in memory that nobody can change any more and that goes with its last
// descriptor. None is needed without a file of them.
Result<Descriptor> open_keys(const Descriptor& file, const std::string& state_dir) {
    std::array<std::uint8_t, section_keys_bytes_max + 1> bytes;  // one more shows one too long
    const ssize_t length = ::pread(file.get(), bytes.data(), bytes.size(), 0);
    if (length < 0) return failure(ErrorCode::io, "their keys cannot be read", errno);
    const auto node = sync::read_node_key(sync::node_key_path(state_dir));
    if (!node) return Failure(node.error());
    const Bytes sealed = Bytes(bytes).first(static_cast<std::size_t>(length));
    const auto keys = feed::handed_keys(*node, sealed);
    if (!keys) return Failure(keys.error());
    Descriptor memory(::memfd_create("keys", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    bool is_written = memory.valid();
    for (const feed::SecretKey& key : *keys) {
        const ssize_t n = ::write(memory.get(), key.bytes.data(), key.bytes.size());
        is_written = is_written && n == static_cast<ssize_t>(key.bytes.size());
    }
    if (!is_written ||
        ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) != 0)
        return failure(ErrorCode::memory, "no memory for the keys of the lists", errno);
    return memory;
}

}  // namespace

VerifyGrounds open_grounds(const Options& options, std::uint64_t held) {
    VerifyGrounds grounds;
    const std::string state_dir = options.state_dir;
    Opened index = open_file(options.index_path);
    if (!index.file.valid()) return grounds;
    Opened suspensions = open_file(state_dir + "/" + suspensions_name);
    const Opened keys = open_file(state_dir + "/" + section_keys_name);
    std::uint64_t mark = mark_with(1, index.info);
    mark = mark_with(mark, suspensions.info);
    mark = mark_with(mark, keys.info);
    grounds.mark = mark == 0 ? 1 : mark;
    if (grounds.mark == held) return grounds;
    Result<Descriptor> memory = keys.file.valid() ? open_keys(keys.file, state_dir) : Descriptor();
    if (!memory) {
        grounds.mark = 0;  // asked for again each time
        grounds.fault = "the verifier is given no list: " + memory.error().message();
        return grounds;
    }
    grounds.files = {std::move(index.file), std::move(suspensions.file), std::move(*memory)};
    return grounds;
}

}  // namespace cordon
