#include "dataplane/fingerprint/digest_state.h"

#define XXH_STATIC_LINKING_ONLY  // the streaming state stands in the object: no allocation
#include <xxhash.h>

#include <algorithm>
#include <type_traits>

#include "dataplane/fingerprint/blocks.h"

namespace cordon {

static_assert(std::is_trivially_copyable_v<DigestState>);
static_assert(sizeof(DigestState::head_so_far) == sizeof(XXH3_state_t));
static_assert(head_bytes < tree_leaf_bytes);

namespace {

XXH3_state_t* head_state(std::uint8_t* bytes) {
    return reinterpret_cast<XXH3_state_t*>(bytes);
}

const XXH3_state_t* head_state(const std::uint8_t* bytes) {
    return reinterpret_cast<const XXH3_state_t*>(bytes);
}

}  // namespace

void DigestState::start(KindSet wanted) {
    kinds = wanted & computed_kinds;
    dismissed = {};
    size = 0;
    blocks::start_sha256(sha256);
    blocks::start_sha1(sha1);
    blocks::start_md5(md5);
    blocks::start_sha256(leaf);
    if (kinds.has(IndicatorKind::head))
        XXH3_128bits_reset(head_state(head_so_far));
    else
        tree.start();
}

void DigestState::take(Bytes bytes, LeafList* list) {
    if (bytes.empty()) return;
    take_head(bytes, size);
    if (is_idle()) {
        size += bytes.size();
        return;
    }
    const std::size_t begun = size % digest_block_bytes;
    if (begun != 0) {
        const std::size_t part = std::min(bytes.size(), digest_block_bytes - begun);
        std::memcpy(partial + begun, bytes.data(), part);
        bytes = bytes.subspan(part);
        if (begun + part < digest_block_bytes) {
            size += part;
            return;
        }
        size -= begun;  // as if the whole block came now
        take_blocks(partial, 1, list);
    }
    take_blocks(bytes.data(), bytes.size() / digest_block_bytes, list);
    const std::size_t rest = bytes.size() % digest_block_bytes;
    if (rest == 0) return;
    std::memcpy(partial, bytes.data() + bytes.size() - rest, rest);
    size += rest;
}

void DigestState::take_head(Bytes bytes, std::uint64_t at) {
    if (at >= head_bytes || !kinds.has(IndicatorKind::head)) return;
    const std::size_t part = std::min<std::uint64_t>(bytes.size(), head_bytes - at);
    XXH3_128bits_update(head_state(head_so_far), bytes.data(), part);
    if (at + part < head_bytes) return;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(head_state(head_so_far)));
    std::memcpy(head, canonical.digest, sizeof head);
    tree.start();
}

void DigestState::dismiss(KindSet without) {
    dismissed = dismissed | (kinds & without);
    kinds = kinds.without(without);
}

void DigestState::take_blocks(const std::uint8_t* data, std::size_t blocks, LeafList* list) {
    if (blocks == 0) return;
    if (kinds.has(IndicatorKind::sha256)) blocks::sha256(sha256, data, blocks);
    if (kinds.has(IndicatorKind::sha1)) blocks::sha1(sha1, data, blocks);
    if (kinds.has(IndicatorKind::md5)) blocks::md5(md5, data, blocks);
    if (kinds.has(IndicatorKind::sha256_tree)) take_leaf_blocks(data, blocks, list);
    size += blocks * digest_block_bytes;
}

void DigestState::take_leaf_blocks(const std::uint8_t* data, std::size_t blocks, LeafList* list) {
    for (std::uint64_t in_leaf = size % tree_leaf_bytes; blocks != 0; in_leaf = 0) {
        const std::uint64_t room = (tree_leaf_bytes - in_leaf) / digest_block_bytes;
        const std::size_t part = std::min<std::uint64_t>(blocks, room);
        blocks::sha256(leaf, data, part);
        data += part * digest_block_bytes;
        blocks -= part;
        if (part == room) end_leaf(list);
    }
}

void DigestState::end_leaf(LeafList* list) {
    TreeDigest full;
    blocks::close_sha256(leaf, nullptr, tree_leaf_bytes, full.bytes);
    blocks::start_sha256(leaf);
    tree.add(full);
    if (list != nullptr) list->add(full);
}

TreeDigest DigestState::last_leaf() const {
    TreeDigest made;
    blocks::close_sha256(leaf, partial, size % tree_leaf_bytes, made.bytes);
    return made;
}

void DigestState::finish(Digests* out) const {
    out->present = kinds;
    out->dismissed = dismissed;
    out->size = size;
    if (kinds.has(IndicatorKind::sha256)) blocks::close_sha256(sha256, partial, size, out->sha256);
    if (kinds.has(IndicatorKind::sha1)) {
        const blocks::Closing end = blocks::closing(partial, size, blocks::LengthOrder::big_endian);
        std::uint32_t words[5];
        std::copy_n(sha1, 5, words);
        blocks::sha1(words, end.bytes, end.blocks);
        blocks::store_sha1(words, out->sha1);
    }
    if (kinds.has(IndicatorKind::md5)) {
        const blocks::Closing end =
            blocks::closing(partial, size, blocks::LengthOrder::little_endian);
        std::uint32_t words[4];
        std::copy_n(md5, 4, words);
        blocks::md5(words, end.bytes, end.blocks);
        blocks::store_md5(words, out->md5);
    }
    if (kinds.has(IndicatorKind::head)) finish_head(out->head);
    if (kinds.has(IndicatorKind::sha256_tree)) finish_tree(out->sha256_tree);
}

void DigestState::finish_head(std::uint8_t (&out)[head_digest_bytes]) const {
    if (size >= head_bytes) {
        std::memcpy(out, head, sizeof out);
        return;
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(head_state(head_so_far)));
    static_assert(sizeof canonical.digest == sizeof out);
    std::memcpy(out, canonical.digest, sizeof out);
}

void DigestState::finish_tree(std::uint8_t (&out)[32]) const {
    const TreeDigest last = last_leaf();
    if (size < tree_leaf_bytes)  // it is the only one
        std::memcpy(out, last.bytes, sizeof out);
    else if (is_whole_leaves(size))
        tree.root(out);
    else
        tree.root_with(last, out);
}

void DigestState::finish_leaves(LeafList* list) const {
    if (!is_whole_leaves(size)) list->add(last_leaf());
}

}  // namespace cordon
