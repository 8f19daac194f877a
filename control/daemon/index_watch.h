// Decides when the dataplane has to be asked to load the index: the file has changed, or a new
// dataplane runs with another generation.
//
// Owns:       what the file looked like when the dataplane was last asked.
// Invariants: one file is asked for once: a refused one is not tried again until it changes or the
//             dataplane is another.
// Thread:     the event loop's.
#pragma once

#include <cstdint>
#include <string>

namespace cordon {

// Which file a path leads to. A file is replaced by rename, so it never changes half way.
struct FileMark {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::uint64_t changed_ns = 0;

    bool exists() const { return inode != 0; }
    bool operator==(const FileMark&) const = default;
};

FileMark mark_of(const std::string& path);

class IndexWatch {
  public:
    // `pid` and `generation_in_force` as the dataplane tells; `generation_of_file` is asked for
    // only when it matters. True: ask now.
    template <typename GenerationOfFile>
    bool wants_load(const FileMark& file, std::uint64_t pid, std::uint64_t generation_in_force,
                    GenerationOfFile&& generation_of_file) {
        if (!file.exists() || (file == asked_ && pid == pid_)) return false;
        // The first sight of this dataplane: it loads the file itself when it starts. A file that
        // changes later is asked for even when its generation is the old one (a lab list built
        // twice).
        const bool first_sight = pid != pid_;
        asked_ = file;
        pid_ = pid;
        return !first_sight || generation_of_file() != generation_in_force;
    }

    // The dataplane could not be asked: try again.
    void forget() { asked_ = {}; }

  private:
    FileMark asked_;
    std::uint64_t pid_ = 0;
};

}  // namespace cordon
