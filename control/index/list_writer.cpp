#include "control/index/list_writer.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <filesystem>

#include "dataplane/base/descriptor.h"
#include "dataplane/contract/keyed_tag.h"

namespace cordon {

namespace {

std::string hex(Bytes bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

// As DigestState makes it.
std::string head_of(Bytes first) {
    const Bytes head = first.first(std::min(first.size(), head_bytes));
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(head.data(), head.size()));
    return hex(canonical.digest);
}

std::string comment_of(std::string path) {
    std::replace_if(
        path.begin(), path.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
    return "  # " + path;
}

}  // namespace

Result<std::string> list_line_of(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return failure(ErrorCode::io, "cannot open " + path, errno);
    SHA256_CTX sha256;
    SHA256_Init(&sha256);
    std::vector<std::uint8_t> block(1u << 20);
    std::vector<std::uint8_t> first;
    std::uint64_t size = 0;
    while (true) {
        const ssize_t got = ::read(file.get(), block.data(), block.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failure(ErrorCode::io, "cannot read " + path, errno);
        if (got == 0) break;
        const Bytes bytes = Bytes(block).first(static_cast<std::size_t>(got));
        const Bytes of_head = bytes.first(std::min(bytes.size(), head_bytes - first.size()));
        first.insert(first.end(), of_head.begin(), of_head.end());
        SHA256_Update(&sha256, bytes.data(), bytes.size());
        size += bytes.size();
    }
    std::uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_Final(digest, &sha256);
    return hex(digest) + "," + std::to_string(size) + "," + head_of(first) + comment_of(path) +
           "\n";
}

Result<std::vector<std::string>> files_below(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
    std::vector<std::string> files;
    fs::recursive_directory_iterator at(path, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        std::error_code none;
        if (at->is_regular_file(none) && !at->is_symlink(none)) files.push_back(at->path());
    }
    if (error) return failure(ErrorCode::io, "cannot read " + path, error.value());
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace cordon
