// The suspensions in force: looks whether the file has changed, and hands what it says to the
// workers.
//
// Owns:       the entries that workers read.
// Invariants: a file that is refused, or gone, leaves the last good one in force, is counted and
//             said. Nobody has to call for a new file to be taken up: it works with control dead.
// Thread:     look() from the main thread, status() from any; current() and acknowledge() from each
//             worker for itself.
// Limits:     suspensions_max entries; a file is read again only when it is another one.
#pragma once

#include <sys/stat.h>

#include <mutex>
#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/contract/suspensions.h"
#include "dataplane/shell/published.h"

namespace cordon {

// From the beginning of an open file; `name` is for what is said about it.
Result<Suspensions> read_suspensions(const Descriptor& file, const std::string& name);

class SuspensionHolder {
  public:
    struct Status {
        std::uint64_t in_force = 0;   // entries that hold now
        std::uint64_t written_s = 0;  // 0: no file was ever taken
        std::uint64_t refused = 0;
        std::string error;  // empty: the newest file is in force
    };

    SuspensionHolder(std::uint32_t workers, std::string path);

    // Call a few times a second. What is to be said about it; empty: nothing new.
    std::string look(std::uint64_t now_s);
    Status status() const;
    // As Suspensions::aged(), for whoever is no worker.
    SectionTerms aged(std::string_view list, const SectionTerms& terms) const;
    // As Suspensions::mode_of(), likewise.
    SuspensionMode mode_of(const Suspected& indicator, std::uint64_t now_s) const;

    const Suspensions* current() const { return published_.current(); }
    void acknowledge(std::uint32_t worker, const Suspensions* taken) {
        published_.acknowledge(worker, taken);
    }

  private:
    // What tells one file of this name from another.
    struct Seen {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t bytes = -1;
        std::int64_t changed_ns = 0;
        bool operator==(const Seen&) const = default;
    };

    bool settled();
    std::string refuse(std::string why);

    std::string path_;
    Published<Suspensions> published_;
    Seen seen_;
    bool was_there_ = false;
    mutable std::mutex mutex_;  // of what follows, and of freeing what was published
    Status status_;
};

}  // namespace cordon
