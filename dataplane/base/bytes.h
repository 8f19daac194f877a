// Views of bytes, and loads and stores of integers in them.
//
// Owns:       nothing; a Bytes points into memory of the caller.
// Invariants: the loads and stores do not check length: the caller has.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace cordon {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::uint16_t load_be16(const std::uint8_t* p) {
    return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
}

inline std::uint32_t load_be32(const std::uint8_t* p) {
    std::uint32_t value;
    std::memcpy(&value, p, sizeof value);
    return __builtin_bswap32(value);
}

inline std::uint64_t load_be64(const std::uint8_t* p) {
    std::uint64_t value;
    std::memcpy(&value, p, sizeof value);
    return __builtin_bswap64(value);
}

inline std::uint64_t load_le64(const std::uint8_t* p) {
    std::uint64_t value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

inline void store_be16(std::uint8_t* p, std::uint16_t value) {
    p[0] = static_cast<std::uint8_t>(value >> 8);
    p[1] = static_cast<std::uint8_t>(value);
}

inline void store_be32(std::uint8_t* p, std::uint32_t value) {
    value = __builtin_bswap32(value);
    std::memcpy(p, &value, sizeof value);
}

}  // namespace cordon
