#include "control/publisher/file_digests.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cordon::feed {
namespace {

// A leaf of the tree fingerprint (dataplane/fingerprint/tree.h).
constexpr std::size_t leaf_bytes = 1u << 20;

using TreeDigest = std::array<std::uint8_t, 32>;

class Digester {
  public:
    explicit Digester(const EVP_MD* kind) : context_(EVP_MD_CTX_new()) {
        EVP_DigestInit_ex(context_, kind, nullptr);
    }
    ~Digester() { EVP_MD_CTX_free(context_); }
    Digester(const Digester&) = delete;
    Digester& operator=(const Digester&) = delete;
    void take(Bytes bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }
    void finish(std::uint8_t* out) { EVP_DigestFinal_ex(context_, out, nullptr); }

  private:
    EVP_MD_CTX* context_;
};

TreeDigest leaf_of(Bytes bytes) {
    TreeDigest leaf;
    Digester digester(EVP_sha256());
    digester.take(bytes);
    digester.finish(leaf.data());
    return leaf;
}

// Pairs become their digest until one is left; an odd last one goes up as it is.
TreeDigest root_of(std::vector<TreeDigest> level) {
    while (level.size() > 1) {
        std::vector<TreeDigest> above;
        for (std::size_t i = 0; i + 1 < level.size(); i += 2) {
            Digester pair(EVP_sha256());
            pair.take(level[i]);
            pair.take(level[i + 1]);
            pair.finish(above.emplace_back().data());
        }
        if (level.size() % 2 == 1) above.push_back(level.back());
        level = std::move(above);
    }
    return level.front();
}

void put_head(Bytes first_block, FileDigests* out) {
    const XXH128_hash_t hash =
        XXH3_128bits(first_block.data(), std::min(first_block.size(), head_bytes));
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    std::copy_n(canonical.digest, out->head.size(), out->head.begin());
}

}  // namespace

std::optional<FileDigests> digest_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                               std::fclose);
    if (!file) return std::nullopt;
    FileDigests out;
    Digester md5(EVP_md5()), sha1(EVP_sha1()), sha256(EVP_sha256());
    std::vector<std::uint8_t> block(leaf_bytes);
    std::vector<TreeDigest> leaves;
    for (;;) {
        const std::size_t got = std::fread(block.data(), 1, block.size(), file.get());
        const Bytes bytes(block.data(), got);
        if (out.size == 0) put_head(bytes, &out);
        // An empty file has one empty leaf.
        if (got != 0 || out.size == 0) leaves.push_back(leaf_of(bytes));
        for (Digester* digester : {&md5, &sha1, &sha256})
            digester->take(bytes);
        out.size += got;
        if (got != block.size()) break;
    }
    if (std::ferror(file.get()) != 0) return std::nullopt;
    md5.finish(out.md5.data());
    sha1.finish(out.sha1.data());
    sha256.finish(out.sha256.data());
    out.sha256_tree = root_of(std::move(leaves));
    return out;
}

std::vector<std::string> plain_files_below(const std::string& root) {
    namespace fs = std::filesystem;
    std::vector<std::string> paths;
    std::error_code error;
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator at(root, options, error), end; !error && at != end;
         at.increment(error)) {
        if (at->is_symlink(error) || !at->is_regular_file(error)) continue;
        paths.push_back(at->path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace cordon::feed
