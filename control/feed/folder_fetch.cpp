#include "control/feed/folder_fetch.h"

#include <cstdio>
#include <vector>

namespace cordon::feed {

Result<std::optional<std::string>> FolderFetch::get(const std::string& path,
                                                    std::uint64_t bytes_max) {
    if (path.starts_with('/') || path.find("..") != std::string::npos)
        return refuse(Refusal::malformed, "a path that leaves the feed");
    std::FILE* file = std::fopen((folder_ + "/" + path).c_str(), "rbe");
    if (file == nullptr && errno == ENOENT) return std::nullopt;
    if (file == nullptr)
        return failure(ErrorCode::io, "cannot open " + folder_ + "/" + path, errno);
    std::string bytes;
    std::vector<char> block(65536);
    std::size_t got;
    while (bytes.size() <= bytes_max && (got = std::fread(block.data(), 1, block.size(), file)) > 0)
        bytes.append(block.data(), got);
    const int failed = std::ferror(file) != 0 ? errno : 0;
    std::fclose(file);
    if (failed != 0) return failure(ErrorCode::io, "cannot read " + folder_ + "/" + path, failed);
    if (bytes.size() > bytes_max) return refuse(Refusal::endless, path);
    return std::optional(std::move(bytes));
}

}  // namespace cordon::feed
