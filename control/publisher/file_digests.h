// All digests of a file on disk, in one reading of it.
//
// Owns:       nothing.
// Invariants: what a file has here is what an appliance computes of it as an upload
//             (fingerprint/digests.h); tests/unit/feed_importers_test.cpp compares the two.
// Thread:     any.
// Limits:     none of its own: a file is read block by block.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/contract/keyed_tag.h"

namespace cordon::feed {

struct FileDigests {
    std::array<std::uint8_t, 16> md5 = {};
    std::array<std::uint8_t, 20> sha1 = {};
    std::array<std::uint8_t, 32> sha256 = {};
    std::array<std::uint8_t, 32> sha256_tree = {};
    std::array<std::uint8_t, head_digest_bytes> head = {};  // XXH3-128, see keyed_tag.h
    std::uint64_t size = 0;
};

// Nothing when it cannot be read to its end.
std::optional<FileDigests> digest_file(const std::string& path);

// Plain files below a folder, in the order of their names; links are not followed.
std::vector<std::string> plain_files_below(const std::string& root);

}  // namespace cordon::feed
