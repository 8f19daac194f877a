#include "dataplane/fingerprint/tree.h"

#include <bit>

#include "dataplane/fingerprint/blocks.h"

namespace cordon {

namespace {

TreeDigest parent_of(const TreeDigest& left, const TreeDigest& right) {
    std::uint8_t pair[digest_block_bytes];
    std::memcpy(pair, left.bytes, sizeof left.bytes);
    std::memcpy(pair + sizeof left.bytes, right.bytes, sizeof right.bytes);
    std::uint32_t words[8];
    blocks::start_sha256(words);
    blocks::sha256(words, pair, 1);
    TreeDigest parent;
    blocks::close_sha256(words, nullptr, sizeof pair, parent.bytes);
    return parent;
}

}  // namespace

// A leaf makes a tree with each full tree of its own size before it, as one counts in binary.
void TreeFold::add(const TreeDigest& leaf) {
    TreeDigest root = leaf;
    auto kept = static_cast<std::size_t>(std::popcount(leaves));
    for (std::uint64_t carry = leaves; (carry & 1) != 0; carry >>= 1)
        root = parent_of(roots[--kept], root);
    roots[kept] = root;
    ++leaves;
}

void TreeFold::add(std::span<const TreeDigest> list) {
    for (const TreeDigest& leaf : list)
        add(leaf);
}

// Pairs from the left leave full trees, each smaller than the one before it: the last two make a
// pair at the level where the larger one has its neighbour, whatever went up to it unpaired.
void TreeFold::root(std::uint8_t (&out)[32]) const {
    auto kept = static_cast<std::size_t>(std::popcount(leaves));
    if (kept == 0) {
        std::uint32_t words[8];
        blocks::start_sha256(words);
        return blocks::close_sha256(words, nullptr, 0, out);
    }
    TreeDigest root = roots[--kept];
    while (kept != 0)
        root = parent_of(roots[--kept], root);
    std::memcpy(out, root.bytes, sizeof root.bytes);
}

void TreeFold::root_with(const TreeDigest& leaf, std::uint8_t (&out)[32]) const {
    TreeFold more = *this;
    more.add(leaf);
    more.root(out);
}

}  // namespace cordon
