// What an object is by its first bytes. The Content-Type that a client declares is never believed.
//
// Owns:       nothing; one table of names. Numbers stand in records: they never change.
// Worker:     pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace cordon {

// clang-format off
#define CORDON_CONTENT_TYPES(X)                                                                   \
    X(unknown)                                                                                    \
    X(empty)
// clang-format on

enum class ContentType : std::uint8_t {
#define X(name) name,
    CORDON_CONTENT_TYPES(X)
#undef X
};

inline constexpr std::string_view content_type_names[] = {
#define X(name) #name,
    CORDON_CONTENT_TYPES(X)
#undef X
};

inline constexpr std::size_t content_type_count = std::size(content_type_names);

constexpr std::string_view content_type_name(ContentType type) {
    return content_type_names[static_cast<std::size_t>(type)];
}

}  // namespace cordon
