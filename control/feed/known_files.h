// The digests of every file below a folder, remembered between runs: what innocent people have, so
// that no list may have it, or it would block the world.
//
// Owns:       a database of its own, in which digests stand by device, inode, size and both times
//             of change: only the first look takes long. It holds no truth; a damaged one is begun
//             anew. While it looks, two threads that read and hash.
// Invariants: a file that may have changed is hashed again. Only the kinds that are asked for are
//             computed, and only those that are not remembered.
// Thread:     one, on which `look` is called. The two others come last with Pace::gentle. Two of
//             them may look with one database at the same time: each writes for a moment only.
// Limits:     plain files, see files_below.h; 16 bytes of memory a file. What cannot be read is
//             counted in unreadable(). `stop` ends a look early, with an error; what was hashed
//             until then is remembered.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "control/feed/file_digests.h"
#include "control/feed/files_below.h"
#include "control/store/database.h"

namespace cordon::feed {

class KnownFiles {
  public:
    enum class Pace : std::uint8_t {
        gentle,  // on an appliance: whatever else there is to do comes first
        full,    // somebody waits
    };
    // The digests have all kinds that were asked for.
    using Look = std::function<void(const std::string& path, const FileDigests& digests)>;

    KnownFiles(std::string root, std::string database, const std::atomic<bool>* stop = nullptr,
               Pace pace = Pace::gentle)
        : root_(std::move(root)), path_(std::move(database)), stop_(stop), pace_(pace) {}

    // Every file below the root, as it is now, in no order. A root without any file that
    // can be read is an error.
    Result<void> each(KindSet kinds, const Look& look);

    const std::string& root() const { return root_; }
    std::uint64_t hashed() const { return hashed_; }  // files that had to be read, in all
    // By the last look, in words; empty when all could be read.
    std::string unreadable() const { return unreadable_.words(root_); }

  private:
    class Looking;

    Result<void> open();
    Result<void> try_open();
    void forget() const;
    bool stopped() const { return stop_ != nullptr && stop_->load(); }

    std::string root_;
    std::string path_;
    const std::atomic<bool>* stop_;
    Pace pace_;
    std::unique_ptr<Database> database_;  // null: not opened yet
    std::uint64_t hashed_ = 0;
    Unreadable unreadable_;
};

}  // namespace cordon::feed
