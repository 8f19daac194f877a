// The digests of a file on disk, in one reading of it.
//
// Owns:       FileDigester: the block that it reads into.
// Invariants: what a file has here is what an appliance computes of it as an upload
//             (fingerprint/digests.h); tests/unit/feed_importers_test.cpp compares the two. A file
//             of one leaf has its SHA-256 as its tree, which is computed once.
// Thread:     a FileDigester belongs to one.
// Limits:     a file is read a leaf of its tree at a time; 32 bytes are kept of each leaf.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/contract/keyed_tag.h"

namespace cordon::feed {

// A leaf of the tree fingerprint (dataplane/fingerprint/tree.h).
inline constexpr std::size_t file_leaf_bytes = 1u << 20;

inline constexpr KindSet file_kinds = exact_kinds | KindSet{IndicatorKind::head};

struct FileDigests {
    KindSet present;  // the others mean nothing
    std::uint64_t size = 0;
    std::array<std::uint8_t, 32> sha256 = {};
    std::array<std::uint8_t, 20> sha1 = {};
    std::array<std::uint8_t, 16> md5 = {};
    std::array<std::uint8_t, 32> sha256_tree = {};
    std::array<std::uint8_t, head_digest_bytes> head = {};  // XXH3-128, see keyed_tag.h

    // Empty when the kind is not present.
    Bytes of(IndicatorKind kind) const;
    // False: it has not the length of this kind.
    bool put(IndicatorKind kind, Bytes digest);
    // Of a file of one leaf, the one of SHA-256 and tree that is not there yet.
    void put_equal();

  private:
    MutableBytes room(IndicatorKind kind);
};

class FileDigester {
  public:
    // `stop` ends a reading early, as one that failed.
    explicit FileDigester(const std::atomic<bool>* stop = nullptr)
        : stop_(stop), block_(file_leaf_bytes) {}

    // At least these kinds, of all that can be read from where the descriptor is. Nothing when it
    // cannot be read to its end; errno says why.
    std::optional<FileDigests> digest(int file, KindSet kinds);

  private:
    std::optional<Bytes> read_leaf(int file);

    const std::atomic<bool>* stop_;
    std::vector<std::uint8_t> block_;
};

// Nothing when it cannot be read to its end.
std::optional<FileDigests> digest_file(const std::string& path, KindSet kinds);

}  // namespace cordon::feed
