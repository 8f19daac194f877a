// Finds the flow of a segment: a hash table of fixed capacity from 5-tuple and VLAN to a number.
//
// The key is symmetric: both directions of a connection find the same entry, whichever end is the
// client. Hash: XXH3-64 of the ordered pair of ends, seeded at random at start so that nobody can
// aim at one bucket.
//
// Owns:       the keys and the links of the age lists, one for each rank; the flows themselves are
//             an array of the worker with the same numbers.
// Invariants: live() ≤ capacity, and is the sum over the ranks; a number is handed out once until
//             it is erased; an entry stands in exactly one age list.
// Worker:     used by one worker only; no lock, no allocation after construction.
// Limits:     capacity is given at construction.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/decode/decode.h"

namespace cordon {

using FlowNumber = std::uint32_t;
inline constexpr FlowNumber no_flow = UINT32_MAX;

// What a flow is worth when the table is full: those of a lower rank are given up first, in each
// the one untouched for longest. A list for each, so that a flood, whatever it consists of, is
// found without a search.
enum class FlowRank : std::uint8_t {
    over,       // ended; stands for late segments only
    embryonic,  // nobody has shown to be there: an address may be invented
    idle,       // between two messages
    busy,       // a message or its answer is under way
    severed,    // cut, and the storage is told so again: only when nothing else is left
    pinned,     // an answer of ours is under way: never given up
};
inline constexpr std::size_t flow_rank_count = 6;

// Both ends, the lower one first, in byte order of (address, port). In whole words, because a key
// is hashed as soon as it is made: a word read of bytes that were just written in other pieces
// waits until they are in the cache.
struct FlowKey {
    std::uint64_t low_address[2];
    std::uint64_t high_address[2];
    std::uint64_t rest;  // port of the lower end, of the higher one, VLAN: 16 bits each

    SegmentEnd low() const { return end(low_address, rest); }
    SegmentEnd high() const { return end(high_address, rest >> 16); }
    std::int16_t vlan() const { return static_cast<std::int16_t>(rest >> 32); }

    bool operator==(const FlowKey& other) const {
        return ((low_address[0] ^ other.low_address[0]) | (low_address[1] ^ other.low_address[1]) |
                (high_address[0] ^ other.high_address[0]) |
                (high_address[1] ^ other.high_address[1]) | (rest ^ other.rest)) == 0;
    }

  private:
    static SegmentEnd end(const std::uint64_t (&address)[2], std::uint64_t port) {
        SegmentEnd made;
        std::memcpy(made.address.bytes, address, sizeof address);
        made.port = static_cast<std::uint16_t>(port);
        return made;
    }
};

FlowKey flow_key(const Segment& segment);

class FlowTable {
  public:
    // An entry that is touched again within `grain_ns` stays where it is, with the time it has: its
    // neighbours in the list are somewhere else in memory.
    FlowTable(std::uint32_t capacity, std::uint64_t seed, std::uint64_t grain_ns = 0);

    FlowNumber find(const FlowKey& key) const;

    // A new entry, or no_flow when the table is full (the caller evicts and tries again).
    // REQUIRES: find(key) == no_flow.
    FlowNumber insert(const FlowKey& key, std::uint64_t now_ns);

    void erase(FlowNumber flow);

    // Ageing: entries of a rank stand in order of their last touch as touched_ns() tells it;
    // oldest() is the least recently touched. A new entry is embryonic.
    void touch(FlowNumber flow, std::uint64_t now_ns, FlowRank rank) {
        const Entry& entry = entries_[flow];
        if (entry.rank != rank || now_ns - entry.touched_ns >= grain_ns_) age(flow, now_ns, rank);
    }
    // Without a touch: it becomes the youngest of that rank all the same.
    void move_to(FlowNumber flow, FlowRank rank);
    FlowNumber oldest(FlowRank rank) const { return list(rank).oldest; }
    FlowNumber next_oldest(FlowNumber flow) const;  // towards the young end, no_flow at its end
    std::uint64_t touched_ns(FlowNumber flow) const;
    FlowRank rank(FlowNumber flow) const;
    std::uint32_t live(FlowRank rank) const { return list(rank).live; }
    const FlowKey& key(FlowNumber flow) const;

    std::uint32_t live() const { return live_; }
    std::uint32_t capacity() const { return capacity_; }

  private:
    struct alignas(64) Entry {  // one cache line
        FlowKey key;
        std::uint64_t touched_ns;
        FlowNumber chain;  // next in the bucket, or in the free list
        FlowNumber older;
        FlowNumber younger;
        bool live = false;
        FlowRank rank;
    };
    static_assert(sizeof(Entry) == 64);

    std::uint32_t bucket_of(const FlowKey& key) const;
    struct AgeList {
        FlowNumber oldest = no_flow;
        FlowNumber youngest = no_flow;
        std::uint32_t live = 0;
    };
    AgeList& list(FlowRank rank) { return lists_[static_cast<std::size_t>(rank)]; }
    const AgeList& list(FlowRank rank) const { return lists_[static_cast<std::size_t>(rank)]; }
    void age(FlowNumber flow, std::uint64_t now_ns, FlowRank rank);
    void link_youngest(FlowNumber flow, FlowRank rank);
    void unlink(FlowNumber flow);

    std::uint32_t capacity_;
    std::uint32_t live_ = 0;
    std::uint64_t seed_;
    std::uint64_t grain_ns_;
    std::uint32_t bucket_mask_;
    std::unique_ptr<FlowNumber[]> buckets_;
    std::unique_ptr<Entry[]> entries_;
    FlowNumber free_ = no_flow;
    AgeList lists_[flow_rank_count];
};

}  // namespace cordon
