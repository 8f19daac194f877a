#include "dataplane/shell/index_holder.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <utility>

namespace cordon {
namespace {

constexpr std::size_t huge_page_bytes = 2u << 20;
constexpr std::size_t read_step_bytes = 8u << 20;

Failure unreadable(const std::string& path, int code) {
    const bool absent = code == ENOENT;
    return failure(
        absent ? ErrorCode::io : ErrorCode::integrity,
        "index " + path +
            (absent ? " does not exist; `cordonctl index build` makes one" : " cannot be read"),
        code);
}

Result<std::size_t> checked_size(const Descriptor& file, const std::string& path) {
    struct stat info {};
    if (file.get() < 0 || fstat(file.get(), &info) != 0) return unreadable(path, errno);
    const auto bytes = static_cast<std::uint64_t>(info.st_size);
    if (!S_ISREG(info.st_mode) || bytes < sizeof(IndexHead) ||
        bytes > IndexImage::image_bytes_max) {
        return failure(ErrorCode::integrity, "index " + path + " is no index file");
    }
    return static_cast<std::size_t>(bytes);
}

// Fills `memory` exactly; a file that grew or shrank meanwhile is refused.
Result<void> read_whole(const Descriptor& file, const std::string& path, MutableBytes memory) {
    std::size_t done = 0;
    while (done < memory.size()) {
        const std::size_t step = std::min(read_step_bytes, memory.size() - done);
        const ssize_t n = pread(file.get(), memory.data() + done, step, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return unreadable(path, errno);
        if (n == 0) return failure(ErrorCode::integrity, "index " + path + " became shorter");
        done += static_cast<std::size_t>(n);
    }
    return {};
}

std::uint64_t unix_seconds() {
    return static_cast<std::uint64_t>(time(nullptr));
}

// How much of the mapping with that address the kernel has put into huge pages. 0 when it does not
// tell.
std::size_t huge_bytes_at(const void* memory) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    std::ifstream maps("/proc/self/smaps");
    bool here = false;
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        std::size_t kib = 0;
        if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
            here = begin <= address && address < end;
        else if (here && std::sscanf(line.c_str(), "AnonHugePages: %zu kB", &kib) == 1)
            return kib << 10;
    }
    return 0;
}

}  // namespace

// Huge pages when the machine has some: a look-up then misses the TLB less often. Otherwise the
// kernel is asked to make them when it can. Locking makes all of the memory be there.
bool IndexImage::reserve(std::size_t bytes, IndexPages wanted) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    mapped_bytes_ = (bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
    void* memory = MAP_FAILED;
    if (wanted == IndexPages::huge)
        memory = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
    const bool reserved = memory != MAP_FAILED;
    if (!reserved) {
        memory = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (memory == MAP_FAILED) return false;
        madvise(memory, mapped_bytes_,
                wanted == IndexPages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    }
    memory_ = static_cast<std::uint8_t*>(memory);
    madvise(memory_, mapped_bytes_, MADV_DONTDUMP);
    if (mlock(memory_, bytes) != 0) return false;
    pages_ = reserved                                      ? IndexMemory::reserved
             : huge_bytes_at(memory_) >= mapped_bytes_ / 2 ? IndexMemory::transparent
                                                           : IndexMemory::plain;
    return true;
}

IndexImage::~IndexImage() {
    if (memory_ == nullptr) return;
    explicit_bzero(memory_, sizeof(IndexHead));  // a lab index carries its keys there
    munmap(memory_, mapped_bytes_);
}

Result<void> IndexImage::open_patterns(const std::string& path, std::uint32_t workers) {
    if (const Result<void> opened = PatternView::open(view_, &patterns_); !opened)
        return failure(opened.error().code, "index " + path + ": " + opened.error().text);
    if (patterns_.empty()) return {};
    const std::uint32_t streams = PatternScanner::streams_for(patterns_);
    for (std::uint32_t n = 0; n < workers; ++n) {
        scanners_.push_back(PatternScanner::make(patterns_, streams));
        if (scanners_.back() == nullptr)
            return failure(ErrorCode::memory, "no memory to scan for the patterns of " + path);
    }
    return {};
}

Result<std::unique_ptr<IndexImage>> IndexImage::read(const std::string& path, bool allow_lab,
                                                     std::uint32_t workers,
                                                     std::span<const TagKey> keys,
                                                     std::uint64_t now_s, IndexPages wanted) {
    return read(Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), path, allow_lab, workers,
                keys, now_s, wanted);
}

Result<std::unique_ptr<IndexImage>> IndexImage::read(const Descriptor& file,
                                                     const std::string& path, bool allow_lab,
                                                     std::uint32_t workers,
                                                     std::span<const TagKey> keys,
                                                     std::uint64_t now_s, IndexPages wanted) {
    const Result<std::size_t> bytes = checked_size(file, path);
    if (!bytes) return Failure(bytes.error());
    std::unique_ptr<IndexImage> image(new IndexImage);
    if (!image->reserve(*bytes, wanted)) {
        return failure(ErrorCode::memory,
                       "no locked memory for the index " + path + " (" +
                           std::to_string(*bytes >> 20) + " MiB): raise LimitMEMLOCK or memory",
                       errno);
    }
    const MutableBytes memory(image->memory_, *bytes);
    const Result<void> done = read_whole(file, path, memory);
    if (!done) return Failure(done.error());
    const char* why = "";
    if (IndexView::open(memory, allow_lab, &image->view_, &why, keys, now_s) != IndexStatus::ok) {
        return failure(ErrorCode::integrity, "index " + path + ": " + why);
    }
    if (const Result<void> opened = image->open_patterns(path, workers); !opened)
        return Failure(opened.error());
    image->loaded_s_ = unix_seconds();
    image->opened_at_s_ = now_s;
    return image;
}

bool IndexImage::is_out_of_date(std::uint64_t now_s) const {
    for (std::size_t i = 0; i < view_.section_count(); ++i) {
        const SectionView section = view_.section(i);
        const bool has_ended = now_s > section.terms.not_after_s;
        const bool had_ended = opened_at_s_ > section.terms.not_after_s;
        if (has_ended != had_ended) return true;
    }
    return false;
}

IndexHolder::IndexHolder(std::uint32_t workers, bool allow_lab, KeyPlaces keys, IndexPages pages)
    : allow_lab_(allow_lab), key_places_(std::move(keys)), pages_(pages), published_(workers) {}

Result<void> IndexHolder::load(const std::string& path, std::uint64_t now_s) {
    const std::lock_guard alone(loading_);
    return load_alone(path, now_s);
}

Failure IndexHolder::refuse(const Error& why) {
    const std::lock_guard lock(mutex_);
    status_.error = why.message();
    return Failure(why);
}

Result<void> IndexHolder::load_alone(const std::string& path, std::uint64_t now_s) {
    // A worker that has not yet taken over the last one may be about to: freeing it would be a
    // race. Once settled it stays so, because nobody else publishes.
    if (!settled()) {
        return refuse({ErrorCode::timeout, "a worker has not taken over the index before"});
    }
    KeyRing ring = unseal_keys(key_places_);
    Result<std::unique_ptr<IndexImage>> image =
        IndexImage::read(path, allow_lab_, published_.workers(), ring.keys, now_s, pages_);
    if (!image) return refuse(image.error());
    path_ = path;
    const std::lock_guard lock(mutex_);
    status_ = {{}, ring.protection, std::move(ring.fault)};
    published_.publish(std::move(*image));
    return {};
}

bool IndexHolder::settled() {
    const std::lock_guard lock(mutex_);
    return published_.settled();
}

bool IndexHolder::tend(std::uint64_t now_s) {
    // Whoever loads right now does what is to be done; the main thread must not wait for a disk.
    const std::unique_lock alone(loading_, std::try_to_lock);
    if (!alone.owns_lock()) return false;
    const IndexImage* image = published_.current();
    if (image == nullptr || now_s < retry_s_ || !image->is_out_of_date(now_s)) return false;
    const bool loaded = load_alone(path_, now_s).has_value();
    retry_s_ = loaded ? 0 : now_s + retry_every_s;
    return loaded;
}

}  // namespace cordon
