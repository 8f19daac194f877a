#include "dataplane/flow/flow_table.h"

// A key has one length, known here: inlined, its hash takes a third of a call's time.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "dataplane/base/invariant.h"

namespace cordon {
namespace {

// The key is hashed as bytes, so it must have none that are not its value.
static_assert(std::has_unique_object_representations_v<FlowKey>);

// Of ::ffff:a.b.c.d, before the address, as the machine loads it.
constexpr std::uint32_t mapped_half = 0xffff0000;

struct End {
    std::uint64_t address[2];
    std::uint16_t port;
};

End end_of(const SegmentEnd& end) {
    return {{load_le64(end.address.bytes), load_le64(end.address.bytes + 8)}, end.port};
}

bool is_before(const End& a, const End& b) {
    for (std::size_t half = 0; half < 2; ++half) {
        if (a.address[half] != b.address[half])
            return __builtin_bswap64(a.address[half]) < __builtin_bswap64(b.address[half]);
    }
    return a.port < b.port;
}

FlowKey key_of(const End& low, const End& high, std::int16_t vlan) {
    return {{low.address[0], low.address[1]},
            {high.address[0], high.address[1]},
            low.port | std::uint64_t{high.port} << 16 |
                std::uint64_t{static_cast<std::uint16_t>(vlan)} << 32};
}

}  // namespace

FlowKey flow_key(const Segment& segment) {
    const End source = end_of(segment.source);
    const End destination = end_of(segment.destination);
    if (is_before(destination, source)) return key_of(destination, source, segment.vlan);
    return key_of(source, destination, segment.vlan);
}

FlowTable::FlowTable(std::uint32_t capacity, std::uint64_t seed, std::uint64_t grain_ns)
    : capacity_(capacity),
      seed_(seed),
      grain_ns_(grain_ns),
      // At least as many buckets as entries: chains stay near one entry.
      bucket_mask_(std::bit_ceil(capacity) - 1),
      buckets_(std::make_unique<FlowNumber[]>(static_cast<std::size_t>(bucket_mask_) + 1)),
      entries_(std::make_unique<Entry[]>(capacity)) {
    INVARIANT(capacity > 0 && capacity <= 1u << 31);
    for (std::size_t at = 0; at <= bucket_mask_; ++at)
        buckets_[at] = no_flow;
    for (std::uint32_t at = 0; at < capacity; ++at)
        entries_[at].chain = at + 1 < capacity ? at + 1 : no_flow;
    free_ = 0;
}

// Between addresses of IPv4 there are two words to be hashed, which is less than half the work.
[[gnu::always_inline]] inline std::uint32_t FlowTable::bucket_of(const FlowKey& key) const {
    const bool is_short = (key.low_address[0] | key.high_address[0]) == 0 &&
                          static_cast<std::uint32_t>(key.low_address[1]) == mapped_half &&
                          static_cast<std::uint32_t>(key.high_address[1]) == mapped_half;
    const std::uint64_t words[2] = {
        key.low_address[1] >> 32 | (key.high_address[1] & 0xffffffff00000000), key.rest};
    const std::uint64_t hash = is_short ? XXH3_64bits_withSeed(words, sizeof words, seed_)
                                        : XXH3_64bits_withSeed(&key, sizeof key, seed_);
    return static_cast<std::uint32_t>(hash) & bucket_mask_;
}

FlowNumber FlowTable::find(const FlowKey& key) const {
    FlowNumber flow = buckets_[bucket_of(key)];
    while (flow != no_flow && !(entries_[flow].key == key))
        flow = entries_[flow].chain;
    return flow;
}

FlowNumber FlowTable::insert(const FlowKey& key, std::uint64_t now_ns) {
    DEBUG_INVARIANT(find(key) == no_flow);
    if (free_ == no_flow) return no_flow;
    const FlowNumber flow = free_;
    Entry& entry = entries_[flow];
    free_ = entry.chain;
    FlowNumber& head = buckets_[bucket_of(key)];
    entry.key = key;
    entry.live = true;
    entry.chain = head;
    head = flow;
    entry.touched_ns = now_ns;
    link_youngest(flow, FlowRank::embryonic);
    ++live_;
    return flow;
}

void FlowTable::erase(FlowNumber flow) {
    INVARIANT(flow < capacity_ && entries_[flow].live);
    FlowNumber* link = &buckets_[bucket_of(entries_[flow].key)];
    while (*link != flow) {
        INVARIANT(*link != no_flow);
        link = &entries_[*link].chain;
    }
    *link = entries_[flow].chain;
    unlink(flow);
    entries_[flow].live = false;
    entries_[flow].chain = free_;
    free_ = flow;
    --live_;
}

void FlowTable::age(FlowNumber flow, std::uint64_t now_ns, FlowRank rank) {
    INVARIANT(flow < capacity_ && entries_[flow].live);
    Entry& entry = entries_[flow];
    entry.touched_ns = now_ns;
    if (flow == list(rank).youngest) return;
    unlink(flow);
    link_youngest(flow, rank);
}

void FlowTable::move_to(FlowNumber flow, FlowRank rank) {
    INVARIANT(flow < capacity_ && entries_[flow].live);
    if (entries_[flow].rank == rank) return;
    unlink(flow);
    link_youngest(flow, rank);
}

FlowRank FlowTable::rank(FlowNumber flow) const {
    return entries_[flow].rank;
}

FlowNumber FlowTable::next_oldest(FlowNumber flow) const {
    return entries_[flow].younger;
}

std::uint64_t FlowTable::touched_ns(FlowNumber flow) const {
    return entries_[flow].touched_ns;
}

const FlowKey& FlowTable::key(FlowNumber flow) const {
    return entries_[flow].key;
}

void FlowTable::link_youngest(FlowNumber flow, FlowRank rank) {
    Entry& entry = entries_[flow];
    AgeList& ages = list(rank);
    entry.rank = rank;
    entry.older = ages.youngest;
    entry.younger = no_flow;
    (ages.youngest != no_flow ? entries_[ages.youngest].younger : ages.oldest) = flow;
    ages.youngest = flow;
    ++ages.live;
}

void FlowTable::unlink(FlowNumber flow) {
    const Entry& entry = entries_[flow];
    AgeList& ages = list(entry.rank);
    (entry.older != no_flow ? entries_[entry.older].younger : ages.oldest) = entry.younger;
    (entry.younger != no_flow ? entries_[entry.younger].older : ages.youngest) = entry.older;
    --ages.live;
}

}  // namespace cordon
