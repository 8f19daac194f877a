// The digests of every file of the system itself: what no list may have, or it would block the
// world.
//
// Owns:       a database beside the state, in which digests are kept by path, size and time of
//             change, so that only the first look takes long.
// Invariants: a file that changed is hashed again. What cannot be read is passed over: nobody can
//             have it to upload.
// Thread:     one.
// Limits:     regular files; links are not followed. `stop` ends it early, with an error.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "control/store/sqlite.h"
#include "dataplane/contract/keyed_tag.h"

namespace cordon::sync {

struct SystemFile {
    std::string path;
    std::array<std::uint8_t, 32> sha256;
    std::array<std::uint8_t, 20> sha1;
    std::array<std::uint8_t, 16> md5;

    // Empty for a kind that is not computed here.
    Bytes digest(IndicatorKind kind) const;
};

class SystemFiles {
  public:
    SystemFiles(std::string root, std::string database, const std::atomic<bool>* stop)
        : root_(std::move(root)), path_(std::move(database)), stop_(stop) {}

    // Every file below the root, as it is now. A root without any file is an error.
    Result<void> each(const std::function<void(const SystemFile& file)>& look);
    std::uint64_t hashed() const { return hashed_; }  // files that had to be read, in all

  private:
    Result<void> open();
    Result<void> look_at(const std::string& path, Statement& known, Statement& put,
                         const std::function<void(const SystemFile& file)>& look);

    std::string root_;
    std::string path_;
    const std::atomic<bool>* stop_;
    Database database_;
    bool open_ = false;
    std::uint64_t hashed_ = 0;
};

}  // namespace cordon::sync
