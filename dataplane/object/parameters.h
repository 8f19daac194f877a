// Parameters of a header value: `form-data; name="file"; filename*=UTF-8''na%C3%AFve.jpg` (RFC 9110
// §5.6.6, RFC 8187). Names and quoting as browsers and upload libraries write them.
//
// Owns:       nothing; views into the header's text.
// Worker:     pure.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace cordon {

struct Parameter {
    std::string_view name;
    std::string_view value;  // without its quotes, escapes still in it
    bool quoted = false;
};

// The text before the first ';', trimmed; *rest is what follows it.
std::string_view take_main_value(std::string_view* rest);

// Takes the next parameter from the front of *rest; false at its end. Text that is no parameter is
// passed over, because a server may do so too.
bool take_parameter(std::string_view* rest, Parameter* parameter);

// Writes a plain or quoted value as the user sees it (\" and \\ are escapes; a backslash before
// anything else is one, as in C:\name). Returns the bytes written; what does not fit is left out.
std::size_t copy_value(std::string_view value, bool quoted, std::span<char> out);

// The same for an extended value, charset'language'percent-encoded.
std::size_t copy_extended_value(std::string_view value, std::span<char> out);

}  // namespace cordon
