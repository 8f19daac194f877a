// Reads JSON (RFC 8259) strictly: containers, keys and values, one at a time.
//
//     while ((token = reader.next(&input)) != JsonReader::Token::more) …
//
// Owns:       the text of the string or number under way, cut to commit_value_bytes_max.
// Invariants: tokens do not depend on how the input is cut; after `bad` nothing more is taken.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     commit_depth_max, commit_value_bytes_max (a longer string is told as cut).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

class JsonReader {
  public:
    // A literal is a number, true, false or null.
    enum class Token : std::uint8_t {
        more,
        object,
        object_end,
        array,
        array_end,
        key,
        string,
        literal,
        bad,
    };

    void open();
    Token next(Bytes* input);

    std::string_view text() const { return {text_.data(), bytes_}; }  // of key, string, literal
    bool is_cut() const { return cut_; }
    std::size_t depth() const { return depth_; }  // containers that are open, after the token
    bool is_over() const { return state_ == State::after && depth_ == 0; }

  private:
    enum class State : std::uint8_t {
        value,        // one is due
        first_value,  // or the end of the array
        key,          // one is due
        first_key,    // or the end of the object
        colon,        //
        after,        // behind a value
        string,       //
        escape,       //
        unicode,      // in \\uXXXX
        low_escape,   // the backslash of a low surrogate is due
        low_u,        // its u
        literal,      //
        failed,
    };

    Token take(char c);
    Token take_value(char c);
    Token take_after(char c);
    Token take_string(char c);
    Token take_escape(char c);
    Token take_unicode(char c);
    Token take_literal(char c);
    Token begin_string(bool is_key);
    Token push(bool is_object);
    Token pop(bool is_object);
    void put(char c);
    void put_code(std::uint32_t code);
    Token go(State state);
    Token fail() { return go(State::failed); }
    bool in_object() const { return depth_ != 0 && (objects_ >> (depth_ - 1) & 1) != 0; }

    State state_;
    bool is_key_;
    bool cut_;
    bool keep_;  // the byte is to be taken again
    std::uint8_t depth_;
    std::uint8_t digits_;    // of \\uXXXX
    std::uint16_t objects_;  // bit by depth
    std::uint16_t bytes_;
    std::uint32_t code_;
    std::uint32_t high_;  // a high surrogate before it, 0 none
    std::array<char, limits::commit_value_bytes_max> text_;
};

static_assert(limits::commit_depth_max <= 16);

}  // namespace cordon
