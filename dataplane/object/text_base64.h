// Files that come as base64 inside a text (RFC 4648): finds them by the first bytes of what it is
// given and decodes each.
//
//   a body that is one such text        iVBORw0KGgo…       lines or none, padded or not
//   a data URL (RFC 2397)               data:image/png;base64,iVBORw0…
//   JSON (RFC 8259)                     {"name": "a.png", "data": "iVBO…"}   each string, any depth
//   application/x-www-form-urlencoded   name=a.png&data=iVBO…                each value
//
//     decoder.open(content_type);
//     decoder.next(&input, out, &written)   until `more`, then feed the next bytes; `none`: stop
//     decoder.finish(); decoder.next() with empty input until `none`
//
// What flows in remains an object beside what is found: a text is never taken for something else
// than it was before. So nothing here is ever refused, and a text may be believed early. JSON is
// not validated: strings are found by their quotes alone, as the most lenient parser finds them.
// A "+" in a form is the digit, not a blank: pages that build forms by hand forget to send %2B.
// What is declared to be a form is read as one however it begins, and as JSON too: servers do
// either.
//
// Owns:       the state of the text under way and its field name, cut to its limit.
// Invariants: what comes out does not depend on how the input is cut, but for the cuts of data.
//             Every `open` is followed by `end`, at the latest after finish().
// Worker:     used by one worker only: no lock, no clock, no allocation.
// Limits:     text_probe_chars and its neighbours, form_field_name_bytes_max.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"
#include "dataplane/object/encoded_text.h"

namespace cordon {

class TextDecoder {
  public:
    using Result = TextResult;

    // What `out` must take at least.
    static constexpr std::size_t room_min = EncodedText::room_min;

    // The Content-Type counts only for forms: their text has no beginning to know them by.
    void open(std::string_view content_type);
    Result next(Bytes* input, MutableBytes out, std::size_t* written);
    void finish();

    // Of the file under way or just ended: the key in JSON, the name in a form; else empty.
    std::string_view field() const { return {field_.data(), field_bytes_}; }

    // What the file under way would still get if the input ended here; at most 2 bytes.
    std::size_t rest(MutableBytes out) const { return text_.rest(out); }

  private:
    enum class State : std::uint8_t {
        start,      // blanks
        body,       // all of it is one text
        json,       // between its strings
        string,     //
        name,       // of a field in a form
        value,      //
        escape,     // behind a backslash
        unicode,    // behind \u
        percent,    // behind %
        given,      // what an escape stands for is given to the text
        next_text,  // one has ended, another begins
        over,       //
    };

    std::size_t step(Bytes* input, MutableBytes out);
    void step_start(Bytes* input);
    std::size_t step_body(Bytes* input, MutableBytes out);
    void step_json(Bytes* input);
    std::size_t step_string(Bytes* input, MutableBytes out);
    std::size_t step_name(Bytes* input, MutableBytes out);
    std::size_t step_value(Bytes* input, MutableBytes out);
    void take_escape(Bytes* input);
    void take_unicode(Bytes* input);
    void take_percent(Bytes* input);
    std::size_t step_given(MutableBytes out);
    std::size_t take_run(Bytes* input, Bytes run, MutableBytes out);
    void begin_text(State state);
    void end_text(State next);
    void begin_escape(State escape, State from);
    void give(std::uint32_t code);
    void give_bytes(std::string_view bytes);
    void note_key(Bytes run);
    void key_is_field();

    State state_ = State::over;
    State back_ = State::over;  // where an escape was met
    bool is_form_ = false;
    bool is_first_ = false;  // the first name of a form may be one base64 text instead
    std::uint8_t bom_bytes_ = 0;
    std::uint8_t hex_chars_ = 0;
    std::uint16_t code_ = 0;
    std::uint8_t given_at_ = 0;
    std::uint8_t given_bytes_ = 0;
    std::array<std::uint8_t, 3> given_{};
    std::uint8_t key_bytes_ = 0;
    std::uint8_t field_bytes_ = 0;
    std::array<char, limits::form_field_name_bytes_max> key_;  // of the last string, or name
    std::array<char, limits::form_field_name_bytes_max> field_;
    EncodedText text_;
};

}  // namespace cordon
