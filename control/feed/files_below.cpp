#include "control/feed/files_below.h"

#include <fts.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace cordon::feed {
namespace {

bool is_gone(int error) {
    return error == ENOENT || error == ENOTDIR;
}

}  // namespace

void Unreadable::add(const std::string& path) {
    if (count++ == 0) first = path;
}

std::string Unreadable::words(const std::string& root) const {
    if (count == 0) return {};
    return (count == 1 ? std::string("1 file or folder")
                       : std::to_string(count) + " files or folders") +
           " below " + root + " cannot be read, the first is " + first;
}

Result<void> visit_files_below(const std::string& root, const VisitFile& visit,
                               Unreadable* unreadable) {
    std::string name = root;
    char* roots[] = {name.data(), nullptr};
    const std::unique_ptr<FTS, int (*)(FTS*)> walk(
        ::fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, nullptr), ::fts_close);
    const auto broken = [&root] {
        return failure(ErrorCode::io, "cannot look through " + root, errno);
    };
    if (!walk) return broken();
    for (;;) {
        errno = 0;
        const FTSENT* found = ::fts_read(walk.get());
        if (found == nullptr && errno != 0) return broken();
        if (found == nullptr) return {};
        switch (found->fts_info) {
            case FTS_F:
                if (!visit(found->fts_path, *found->fts_statp)) return {};
                break;
            case FTS_DNR:
            case FTS_NS:
            case FTS_ERR:
                if (!is_gone(found->fts_errno)) unreadable->add(found->fts_path);
                break;
            default:  // folders, links, what is special
                break;
        }
    }
}

Result<std::vector<std::string>> plain_files_below(const std::string& root,
                                                   Unreadable* unreadable) {
    std::vector<std::string> paths;
    const auto take = [&paths](const std::string& path, const struct stat&) {
        paths.push_back(path);
        return true;
    };
    if (const Result<void> seen = visit_files_below(root, take, unreadable); !seen)
        return Failure(seen.error());
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace cordon::feed
