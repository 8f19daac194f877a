// Reads the XML of the few documents that commits are: elements and text, strictly. No document
// type, no entities but the five and ASCII by number, no processing instruction but the
// declaration, no encoding but those that agree with ASCII.
//
//     while ((token = reader.next(&input)) != XmlReader::Token::more) …
//
// Owns:       the names of the open elements.
// Invariants: tokens do not depend on how the input is cut; after `bad` nothing more is taken.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     commit_depth_max, name_bytes_max.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

class XmlReader {
  public:
    enum class Token : std::uint8_t { more, open, close, text, comment, bad };

    void open() { *this = XmlReader(); }
    Token next(Bytes* input);

    // After open: its name without the prefix, and the depth with it. After close: that outside.
    std::string_view name() const;
    std::size_t depth() const { return depth_; }
    char text() const { return text_; }  // one byte of content
    bool is_over() const { return state_ == State::outside && root_seen_; }

  private:
    static constexpr std::size_t name_bytes_max = 64;
    enum class State : std::uint8_t {
        outside,  // before and after the root
        content,
        less,       // after '<'
        name,       // of an opening tag
        tag,        // after its name
        quoted,     // in the value of an attribute
        empty,      // after '/' in a tag
        close_due,  // of an empty element
        closing,    // name of a closing tag, and blanks
        declaration,
        bang,  // after "<!"
        comment_open,
        comment,
        comment_dash,
        comment_end,
        cdata_open,
        cdata,
        cdata_bracket,
        cdata_brackets,
        entity,
        failed,
    };

    Token take(char c);
    Token take_outside(char c);
    Token take_less(char c);
    Token take_name(char c);
    Token take_tag(char c);
    Token take_closing(char c);
    Token take_declaration(char c);
    Token take_bang(char c);
    Token take_comment(char c);
    Token take_cdata(char c);
    Token take_entity(char c);
    Token give(char c);
    Token begin_element();
    Token end_element();
    Token put(char c);
    Token go(State state);
    Token fail() { return go(State::failed); }
    std::string_view scratch() const { return {scratch_.data(), scratch_bytes_}; }

    State state_ = State::outside;
    bool root_seen_ = false;
    bool begun_ = false;         // a declaration would not be at the beginning any more
    bool keep_ = false;          // the byte is to be taken again
    std::uint8_t mark_ = 0;      // of the byte order mark
    std::uint8_t matched_ = 0;   // of "[CDATA["
    std::uint8_t brackets_ = 0;  // of CDATA, that are content after all
    std::uint8_t depth_ = 0;
    char quote_ = 0;
    char text_ = 0;
    std::uint8_t scratch_bytes_ = 0;
    std::array<char, 128> scratch_{};  // an entity, a closing name, the declaration
    std::array<std::uint8_t, limits::commit_depth_max + 1> name_bytes_{};
    std::array<std::array<char, name_bytes_max>, limits::commit_depth_max + 1> names_{};
};

}  // namespace cordon
