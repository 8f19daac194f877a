#include "dataplane/replay/hash_index.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "control/index/index_files.h"

namespace cordon::replay {

bool HashIndex::open(const std::string& path, std::string* why) {
    const char* reason = "";
    if (IndexView::open(image_.bytes(), true, &view_, &reason) != IndexStatus::ok) {
        *why = path + ": " + reason;
        return false;
    }
    const Result<void> opened = PatternView::open(view_, &patterns_);
    if (!opened) {
        *why = path + ": " + opened.error().message();
        return false;
    }
    if (patterns_.empty()) return true;
    scanner_ = PatternScanner::make(patterns_, PatternScanner::streams_for(patterns_));
    if (scanner_ == nullptr) *why = path + ": no memory to scan for its patterns";
    return scanner_ != nullptr;
}

bool HashIndex::load_file(const std::string& path, std::string* why) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                               std::fclose);
    struct stat status = {};
    if (file == nullptr || ::fstat(::fileno(file.get()), &status) != 0) {
        *why = path + ": " + std::strerror(errno);
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        *why = path + ": not a regular file";
        return false;
    }
    image_ = AlignedBytes(static_cast<std::size_t>(status.st_size));
    const MutableBytes to = image_.mutable_bytes();
    if (std::fread(to.data(), 1, to.size(), file.get()) != to.size()) {
        *why = path + ": cannot be read";
        return false;
    }
    return open(path, why);
}

bool HashIndex::load_hashes(const std::string& path, std::string* why) {
    const Result<BuildReport> built = build_lab_index({path}, LabIndexOptions{}, &image_);
    if (!built) {
        *why = built.error().message();
        return false;
    }
    for (const RowReport& row : built->refused)
        std::fprintf(stderr, "cordon-replay: %s\n", row.text.c_str());
    return open(path, why);
}

}  // namespace cordon::replay
