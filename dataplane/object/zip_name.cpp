#include "dataplane/object/zip_name.h"

#include <array>
#include <cstdint>

namespace cordon {

namespace {

// The upper half of the code page.
constexpr std::array<std::uint16_t, 128> cp437 = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

// Length of the well-formed character at the front, 0 for none.
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    for (std::size_t n = 1; n < length; ++n) {
        if ((byte(n) & 0xc0) != 0x80) return 0;
    }
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    if (first == 0xed && byte(1) > 0x9f) return 0;
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) > 0x8f) return 0;
    return length;
}

// How much of the text from its beginning is well-formed.
std::size_t utf8_prefix(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t length = character_bytes(text.substr(at));
        if (length == 0) break;
        at += length;
    }
    return at;
}

std::size_t put(std::uint16_t character, char* to) {
    if (character < 0x80) {
        to[0] = static_cast<char>(character);
        return 1;
    }
    if (character < 0x800) {
        to[0] = static_cast<char>(0xc0 | character >> 6);
        to[1] = static_cast<char>(0x80 | (character & 0x3f));
        return 2;
    }
    to[0] = static_cast<char>(0xe0 | character >> 12);
    to[1] = static_cast<char>(0x80 | (character >> 6 & 0x3f));
    to[2] = static_cast<char>(0x80 | (character & 0x3f));
    return 3;
}

}  // namespace

bool is_utf8(std::string_view text) {
    return utf8_prefix(text) == text.size();
}

std::string_view zip_name_text(std::string_view name, std::span<char> room) {
    constexpr std::size_t cut_character_max = 3;
    const std::size_t prefix = utf8_prefix(name);
    const bool was_cut = name.size() >= room.size() && name.size() - prefix <= cut_character_max;
    if (prefix == name.size() || was_cut) return name.substr(0, prefix);
    std::size_t used = 0;
    for (const char c : name) {
        constexpr std::size_t character_bytes_max = 3;
        if (used + character_bytes_max > room.size()) break;
        const auto code = static_cast<std::uint8_t>(c);
        used += put(code < 0x80 ? code : cp437[code - 0x80U], room.data() + used);
    }
    return {room.data(), used};
}

}  // namespace cordon
