// Every plain file below a folder.
//
// Owns:       nothing.
// Invariants: links are not followed, special files are passed over. What vanishes meanwhile is no
//             error; what cannot be read is counted, and the rest is looked at.
// Thread:     any.
// Limits:     the names of one folder, and of those above it, are in memory at once.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace cordon::feed {

// Files, and folders with what is below them.
struct Unreadable {
    std::uint64_t count = 0;
    std::string first;

    void add(const std::string& path);
    // "3 files below /usr cannot be read, the first is …"; empty when there is none.
    std::string words(const std::string& root) const;
};

// False ends it.
using VisitFile = std::function<bool(const std::string& path, const struct stat& about)>;
Result<void> visit_files_below(const std::string& root, const VisitFile& visit,
                               Unreadable* unreadable);

// In the order of their names.
Result<std::vector<std::string>> plain_files_below(const std::string& root, Unreadable* unreadable);

}  // namespace cordon::feed
