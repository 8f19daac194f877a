#include "dataplane/fingerprint/batch.h"

#include <algorithm>
#include <bit>

#include "dataplane/base/invariant.h"
#include "dataplane/fingerprint/blocks.h"

namespace cordon {

namespace {

constexpr std::uint32_t no_span = UINT32_MAX;
constexpr std::uint64_t never = UINT64_MAX;  // no leaf ends
constexpr std::uint64_t leaf_blocks = tree_leaf_bytes / digest_block_bytes;
// With more chains than this a long one finds company on the lanes until its end.
constexpr std::uint32_t led_among = 16;

}  // namespace

// A kernel's lanes and whose they are.
struct Batch::Lanes {
    alignas(64) std::uint32_t words[kernels::words_max * kernels::lanes_max];
    const std::uint8_t* data[kernels::lanes_max];
    Cursor cursors[kernels::lanes_max];
    std::size_t lanes;  // of a group
    std::size_t count;  // of all groups
    std::size_t words_each;
    std::size_t active = 0;

    Lanes(const kernels::Kernel& kernel, kernels::Digest digest)
        : lanes(kernel.lanes),
          count(std::size_t{kernel.lanes} * kernel.groups),
          words_each(kernels::words_of(digest)) {}

    std::uint32_t* column(std::size_t lane) {
        return words + lane / lanes * words_each * lanes + lane % lanes;
    }
    void load(std::size_t lane) {
        std::uint32_t* to = column(lane);
        for (std::size_t n = 0; n < words_each; ++n)
            to[n * lanes] = cursors[lane].words[n];
    }
    void store(std::size_t lane) {
        const std::uint32_t* from = column(lane);
        for (std::size_t n = 0; n < words_each; ++n)
            cursors[lane].words[n] = from[n * lanes];
    }
};

Batch::Batch(std::uint32_t pieces_max)
    // A piece is a span, with a joined block two, and its object has two cursors at most.
    : spans_(std::make_unique_for_overwrite<Span[]>(std::size_t{2} * pieces_max)),
      chains_(std::make_unique_for_overwrite<Chain[]>(pieces_max)),
      cursors_(std::make_unique_for_overwrite<Cursor[]>(std::size_t{2} * pieces_max)),
      joined_(std::make_unique_for_overwrite<std::uint8_t[][digest_block_bytes]>(pieces_max)) {}

Batch::~Batch() = default;

void Batch::add(DigestState* state, LeafList* list, ChainNumber* chain, Bytes bytes) {
    const std::size_t begun = state->size % digest_block_bytes;
    const std::size_t whole = begun + bytes.size() >= digest_block_bytes
                                  ? (begun + bytes.size()) / digest_block_bytes
                                  : 0;
    if (whole != 0 && *chain == no_chain) {
        *chain = chain_count_++;
        chains_[*chain] = {state, list, state->size - begun, 0, no_span, no_span};
    }
    state->size += bytes.size();
    if (whole != 0 && begun != 0) {
        std::uint8_t* block = joined_[joined_count_++];
        const std::size_t part = digest_block_bytes - begun;
        std::memcpy(block, state->partial, begun);
        std::memcpy(block + begun, bytes.data(), part);
        bytes = bytes.subspan(part);
        append(&chains_[*chain], block, 1);
    }
    const std::size_t blocks = whole == 0 ? 0 : bytes.size() / digest_block_bytes;
    if (blocks != 0) append(&chains_[*chain], bytes.data(), blocks);
    const Bytes rest = bytes.subspan(blocks * digest_block_bytes);
    const std::size_t at = whole == 0 ? begun : 0;
    if (!rest.empty()) std::memcpy(state->partial + at, rest.data(), rest.size());
}

void Batch::append(Chain* chain, const std::uint8_t* data, std::uint64_t blocks) {
    const std::uint32_t number = span_count_++;
    spans_[number] = {data, blocks, no_span};
    if (chain->last == no_span)
        chain->first = number;
    else
        spans_[chain->last].next = number;
    chain->last = number;
    chain->blocks += blocks;
}

void Batch::hash(const kernels::KernelSet& set) {
    if (chain_count_ != 0) {
        if (set.stitched != nullptr && chain_count_ <= led_among) stitch_leads(set.stitched);
        hash_digest(kernels::Digest::sha256, set);
        hash_digest(kernels::Digest::sha1, set);
        hash_digest(kernels::Digest::md5, set);
    }
    span_count_ = chain_count_ = joined_count_ = 0;
}

// Of the longest chains, what they have more than all others.
void Batch::stitch_leads(kernels::Stitched* stitched) {
    Chain* by_length[led_among] = {};
    for (std::uint32_t n = 0; n < chain_count_; ++n)
        by_length[n] = &chains_[n];
    std::sort(&by_length[0], &by_length[chain_count_],
              [](const Chain* a, const Chain* b) { return a->blocks > b->blocks; });
    // As many as are faster one after the other than on lanes that are mostly empty.
    const std::uint32_t led = std::popcount(exact_of(chains_[0]).bits) < 3 ? 1 : 3;
    const std::uint64_t others = led < chain_count_ ? by_length[led]->blocks : 0;
    for (std::uint32_t n = 0; n < std::min(led, chain_count_); ++n)
        stitch_down_to(others, by_length[n], stitched);
}

KindSet Batch::exact_of(const Chain& chain) {
    return chain.state->kinds & exact_kinds;
}

void Batch::stitch_down_to(std::uint64_t blocks_left, Chain* chain, kernels::Stitched* stitched) {
    const KindSet kinds = exact_of(*chain);
    if (std::popcount(kinds.bits) < 2) return;
    DigestState& state = *chain->state;
    const auto words_of = [&](IndicatorKind kind, std::uint32_t* words) {
        return kinds.has(kind) ? words : nullptr;
    };
    const kernels::WordsOfOne words = {words_of(IndicatorKind::sha256, state.sha256),
                                       words_of(IndicatorKind::sha256_tree, state.leaf),
                                       words_of(IndicatorKind::sha1, state.sha1),
                                       words_of(IndicatorKind::md5, state.md5)};
    while (chain->blocks > blocks_left) {
        const Span& span = spans_[chain->first];
        const std::uint64_t to_leaf = words.leaf == nullptr ? never : blocks_to_leaf(*chain);
        const std::uint64_t blocks = std::min({span.blocks, chain->blocks - blocks_left, to_leaf});
        stitched(words, span.data, blocks);
        take_off(chain, blocks);
        if (blocks == to_leaf) state.end_leaf(chain->list);
    }
}

// Its first blocks have been hashed.
void Batch::take_off(Chain* chain, std::uint64_t blocks) {
    Span& span = spans_[chain->first];
    chain->begin += blocks * digest_block_bytes;
    chain->blocks -= blocks;
    span.data += blocks * digest_block_bytes;
    span.blocks -= blocks;
    if (span.blocks == 0) chain->first = span.next;
}

std::uint64_t Batch::blocks_to_leaf(const Chain& chain) {
    return leaf_blocks - chain.begin / digest_block_bytes % leaf_blocks;
}

void Batch::hash_digest(kernels::Digest digest, const kernels::KernelSet& set) {
    make_cursors(digest);
    for (const kernels::Kernel& kernel : set.widths[static_cast<std::size_t>(digest)]) {
        if (kernel.run == nullptr || waiting_ == 0) break;
        if (kernel.lanes == 1)
            drive_one(kernel.run);
        else if (waiting_ >= kernel.least)
            drive(kernel, digest);
    }
    DEBUG_INVARIANT(waiting_ == 0);
}

void Batch::make_cursors(kernels::Digest digest) {
    waiting_ = 0;
    for (std::uint32_t n = 0; n < chain_count_; ++n) {
        Chain& chain = chains_[n];
        if (chain.blocks == 0) continue;
        DigestState& state = *chain.state;
        switch (digest) {
            case kernels::Digest::sha256:
                if (state.kinds.has(IndicatorKind::sha256))
                    make_cursor(&chain, state.sha256, never);
                if (state.kinds.has(IndicatorKind::sha256_tree))
                    make_cursor(&chain, state.leaf, blocks_to_leaf(chain));
                break;
            case kernels::Digest::sha1:
                if (state.kinds.has(IndicatorKind::sha1)) make_cursor(&chain, state.sha1, never);
                break;
            case kernels::Digest::md5:
                if (state.kinds.has(IndicatorKind::md5)) make_cursor(&chain, state.md5, never);
                break;
        }
    }
    longest_first();
}

void Batch::make_cursor(Chain* chain, std::uint32_t* words, std::uint64_t to_leaf) {
    const Span& first = spans_[chain->first];
    cursors_[waiting_++] = {words,         first.data, first.blocks, to_leaf,
                            chain->blocks, chain,      first.next};
}

// Lanes take cursors from the end. Only lengths that differ much are worth the sorting: long ones
// that are left to the end would run alone.
void Batch::longest_first() {
    if (waiting_ < 2) return;
    const auto [least, most] =
        std::minmax_element(&cursors_[0], &cursors_[waiting_],
                            [](const Cursor& a, const Cursor& b) { return a.blocks < b.blocks; });
    if (most->blocks - least->blocks <= least->blocks / 8 + 1) return;
    std::sort(&cursors_[0], &cursors_[waiting_],
              [](const Cursor& a, const Cursor& b) { return a.blocks < b.blocks; });
}

void Batch::drive_one(kernels::Run* run) {
    while (waiting_ != 0) {
        Cursor& cursor = cursors_[waiting_ - 1];
        for (bool more = true; more;) {
            const std::uint64_t blocks = std::min(cursor.left, cursor.to_leaf);
            run(cursor.words, &cursor.data, blocks);
            more = advance(&cursor, blocks);
            if (cursor.to_leaf == 0) end_leaf(&cursor);
        }
        --waiting_;
    }
}

void Batch::drive(const kernels::Kernel& kernel, kernels::Digest digest) {
    Lanes lanes(kernel, digest);
    for (;;) {
        while (lanes.active < lanes.count && waiting_ != 0) {
            lanes.cursors[lanes.active] = cursors_[--waiting_];
            lanes.load(lanes.active++);
        }
        if (lanes.active < kernel.least) break;
        std::uint64_t blocks = UINT64_MAX;
        for (std::size_t lane = 0; lane < lanes.active; ++lane) {
            const Cursor& cursor = lanes.cursors[lane];
            blocks = std::min({blocks, cursor.left, cursor.to_leaf});
            lanes.data[lane] = cursor.data;
        }
        // Lanes without an object read what the first one reads.
        for (std::size_t lane = lanes.active; lane < lanes.count; ++lane)
            lanes.data[lane] = lanes.data[0];
        kernel.run(lanes.words, lanes.data, blocks);
        for (std::size_t lane = lanes.active; lane-- != 0;) {
            Cursor& cursor = lanes.cursors[lane];
            const bool more = advance(&cursor, blocks);
            if (cursor.to_leaf == 0) {
                lanes.store(lane);
                end_leaf(&cursor);
                if (more) lanes.load(lane);
            } else if (!more) {
                lanes.store(lane);
            }
            if (more) continue;
            // The last active lane moves here.
            if (lane == --lanes.active) continue;
            lanes.store(lanes.active);
            cursor = lanes.cursors[lanes.active];
            lanes.load(lane);
        }
    }
    for (std::size_t lane = 0; lane < lanes.active; ++lane) {
        lanes.store(lane);
        cursors_[waiting_++] = lanes.cursors[lane];
    }
}

// False: the chain is at its end.
bool Batch::advance(Cursor* cursor, std::uint64_t blocks) {
    cursor->data += blocks * digest_block_bytes;
    cursor->left -= blocks;
    cursor->to_leaf -= blocks;
    if (cursor->left != 0) return true;
    if (cursor->next == no_span) return false;
    const Span& next = spans_[cursor->next];
    cursor->data = next.data;
    cursor->left = next.blocks;
    cursor->next = next.next;
    return true;
}

void Batch::end_leaf(Cursor* cursor) {
    DigestState& state = *cursor->chain->state;
    state.end_leaf(cursor->chain->list);
    cursor->to_leaf = leaf_blocks;
}

}  // namespace cordon
