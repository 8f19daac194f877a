// An approximate set of 64-bit values, as it stands in an index: what was added is always found,
// and of other values about one in 1600.
//
//   block   │ w0 │ w1 │ w2 │ w3 │ w4 │ w5 │ w6 │ w7 │   64 bytes, one bit of each word for a value
//
// Owns:       nothing; the blocks belong to the caller.
// Invariants: a value reads and writes one cache line: that of its block. At most 32 values to a
//             block on average, so that 40 % of the bits are set.
// Worker:     pure; constant time.
// Limits:     2^31 values.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon {

struct SetBlock {
    std::uint64_t words[8];
};
static_assert(sizeof(SetBlock) == 64);

inline constexpr std::uint64_t set_block_values = 32;

// At least one: a set is asked even when nothing is in it.
constexpr std::uint64_t set_blocks(std::uint64_t values) {
    return values == 0 ? 1 : (values + set_block_values - 1) / set_block_values;
}

// Every bit of the result depends on every one of the value (the finalizer of MurmurHash3).
constexpr std::uint64_t set_hash(std::uint64_t value) {
    value = (value ^ value >> 33) * 0xff51afd7ed558ccd;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53;
    return value ^ value >> 33;
}

// Which block, and by six bits for each word which bit of it.
struct SetPlace {
    std::uint64_t block;
    std::uint64_t bits;
};
constexpr SetPlace set_place(std::uint64_t value, std::uint64_t blocks) {
    __extension__ using Wide = unsigned __int128;
    const std::uint64_t hash = set_hash(value);
    return {static_cast<std::uint64_t>(static_cast<Wide>(hash) * blocks >> 64),
            set_hash(hash + 0x9e3779b97f4a7c15)};
}

inline void set_add(std::span<SetBlock> set, std::uint64_t value) {
    const SetPlace place = set_place(value, set.size());
    std::uint64_t bits = place.bits;
    for (std::uint64_t& word : set[place.block].words) {
        word |= std::uint64_t{1} << (bits & 63);
        bits >>= 6;
    }
}

inline bool set_has(std::span<const SetBlock> set, std::uint64_t value) {
    const SetPlace place = set_place(value, set.size());
    std::uint64_t bits = place.bits;
    std::uint64_t all = 1;
    for (const std::uint64_t word : set[place.block].words) {
        all &= word >> (bits & 63);
        bits >>= 6;
    }
    return all != 0;
}

}  // namespace cordon
