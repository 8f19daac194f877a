#include "control/feed/file_digests.h"

#include <fcntl.h>
// Without EVP, which looks each digest up by its name and allocates for every file.
#include <openssl/md5.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/base/descriptor.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cordon::feed {
namespace {

using TreeDigest = std::array<std::uint8_t, 32>;

TreeDigest finished(SHA256_CTX state) {
    TreeDigest digest;
    SHA256_Final(digest.data(), &state);
    return digest;
}

SHA256_CTX begun_with(Bytes bytes) {
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, bytes.data(), bytes.size());
    return state;
}

TreeDigest pair_of(const TreeDigest& left, const TreeDigest& right) {
    SHA256_CTX state = begun_with(left);
    SHA256_Update(&state, right.data(), right.size());
    return finished(state);
}

// Pairs become their digest until one is left; an odd last one goes up as it is.
TreeDigest root_of(std::vector<TreeDigest> level) {
    while (level.size() > 1) {
        std::vector<TreeDigest> above;
        for (std::size_t i = 0; i + 1 < level.size(); i += 2)
            above.push_back(pair_of(level[i], level[i + 1]));
        if (level.size() % 2 == 1) above.push_back(level.back());
        level = std::move(above);
    }
    return level.front();
}

void put_head(Bytes first_leaf, FileDigests* out) {
    const XXH128_hash_t hash =
        XXH3_128bits(first_leaf.data(), std::min(first_leaf.size(), head_bytes));
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    out->put(IndicatorKind::head, canonical.digest);
}

// The states of one file's digests.
class Digesting {
  public:
    explicit Digesting(KindSet kinds) : kinds_(kinds) {
        SHA256_Init(&sha256_);
        SHA1_Init(&sha1_);
        MD5_Init(&md5_);
    }

    void take(Bytes leaf) {
        if (wants(IndicatorKind::md5)) MD5_Update(&md5_, leaf.data(), leaf.size());
        if (wants(IndicatorKind::sha1)) SHA1_Update(&sha1_, leaf.data(), leaf.size());
        if (wants(IndicatorKind::sha256)) SHA256_Update(&sha256_, leaf.data(), leaf.size());
        // The file and its first leaf begin alike.
        const bool hashed = leaves_.empty() && wants(IndicatorKind::sha256);
        if (wants(IndicatorKind::sha256_tree))
            leaves_.push_back(finished(hashed ? sha256_ : begun_with(leaf)));
        if (wants(IndicatorKind::head) && out_.size == 0) put_head(leaf, &out_);
        out_.size += leaf.size();
    }

    FileDigests finish() {
        if (wants(IndicatorKind::md5)) {
            MD5_Final(out_.md5.data(), &md5_);
            out_.present.add(IndicatorKind::md5);
        }
        if (wants(IndicatorKind::sha1)) {
            SHA1_Final(out_.sha1.data(), &sha1_);
            out_.present.add(IndicatorKind::sha1);
        }
        if (wants(IndicatorKind::sha256_tree))
            out_.put(IndicatorKind::sha256_tree, root_of(std::move(leaves_)));
        out_.put_equal();
        if (wants(IndicatorKind::sha256) && !out_.present.has(IndicatorKind::sha256))
            out_.put(IndicatorKind::sha256, finished(sha256_));
        out_.put_equal();
        return out_;
    }

  private:
    bool wants(IndicatorKind kind) const { return kinds_.has(kind); }

    KindSet kinds_;
    SHA256_CTX sha256_;
    SHA_CTX sha1_;
    MD5_CTX md5_;
    std::vector<TreeDigest> leaves_;
    FileDigests out_;
};

}  // namespace

MutableBytes FileDigests::room(IndicatorKind kind) {
    switch (kind) {
        case IndicatorKind::sha256:
            return sha256;
        case IndicatorKind::sha1:
            return sha1;
        case IndicatorKind::md5:
            return md5;
        case IndicatorKind::sha256_tree:
            return sha256_tree;
        case IndicatorKind::head:
            return head;
        case IndicatorKind::pattern:
        case IndicatorKind::pdq:
            break;
    }
    return {};
}

Bytes FileDigests::of(IndicatorKind kind) const {
    return present.has(kind) ? Bytes(const_cast<FileDigests*>(this)->room(kind)) : Bytes();
}

bool FileDigests::put(IndicatorKind kind, Bytes digest) {
    const MutableBytes to = room(kind);
    if (to.empty() || digest.size() != to.size()) return false;
    std::copy(digest.begin(), digest.end(), to.begin());
    present.add(kind);
    return true;
}

void FileDigests::put_equal() {
    if (size > file_leaf_bytes) return;
    put(IndicatorKind::sha256, of(IndicatorKind::sha256_tree));
    put(IndicatorKind::sha256_tree, of(IndicatorKind::sha256));
}

// Short only at the end of the file.
std::optional<Bytes> FileDigester::read_leaf(int file) {
    std::size_t filled = 0;
    while (filled < block_.size()) {
        if (stop_ != nullptr && stop_->load()) {
            errno = ECANCELED;
            return std::nullopt;
        }
        const ssize_t got = ::read(file, block_.data() + filled, block_.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::nullopt;
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    return Bytes(block_).first(filled);
}

std::optional<FileDigests> FileDigester::digest(int file, KindSet kinds) {
    Digesting digesting(kinds);
    for (bool first = true;; first = false) {
        const std::optional<Bytes> leaf = read_leaf(file);
        if (!leaf) return std::nullopt;
        // An empty file has one empty leaf.
        if (first || !leaf->empty()) digesting.take(*leaf);
        if (leaf->size() < file_leaf_bytes) return digesting.finish();
    }
}

std::optional<FileDigests> digest_file(const std::string& path, KindSet kinds) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return std::nullopt;
    return FileDigester().digest(file.get(), kinds);
}

}  // namespace cordon::feed
