// Names of members of a zip as text: UTF-8 or code page 437 (APPNOTE 6.3.10, appendix D).
//
// Owns:       nothing.
// Invariants: the text is UTF-8, whatever the name was.
// Worker:     pure.
// Limits:     the caller's room; a character that does not fit ends the text.
#pragma once

#include <span>
#include <string_view>

namespace cordon {

// Well-formed by RFC 3629: nothing overlong, no surrogate.
bool is_utf8(std::string_view text);

// Programs write UTF-8 without saying so (bit 11): only what cannot be it is of the code page.
// A name that was cut in the middle of a character is still taken for UTF-8.
std::string_view zip_name_text(std::string_view name, std::span<char> room);

}  // namespace cordon
