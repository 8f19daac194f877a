#include "control/daemon/index_watch.h"

#include <sys/stat.h>

namespace cordon {

FileMark mark_of(const std::string& path) {
    struct stat s;
    if (::stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return {};
    return {s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size),
            static_cast<std::uint64_t>(s.st_mtim.tv_sec) * 1000000000u +
                static_cast<std::uint64_t>(s.st_mtim.tv_nsec)};
}

}  // namespace cordon
