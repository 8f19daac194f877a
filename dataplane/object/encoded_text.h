// One text that may be a file in base64, already without the escapes of what it stands in: believed
// after text_probe_chars characters of nothing else, or when it says so itself ("data:…;base64,").
//
//     text.begin();   text.take(&run, out), then event() until `more`   …   text.end(), event() …
//
// Once believed it is read as lenient decoders read: a line break is passed over, and any other
// character that is no digit as well, but that is odd. So are digits behind a "=", where many
// readers have ended: the file goes on as it does for PHP, which passes over all padding, and for
// Python, as far as that reads on; where readers end that do is told (may_end).
//
// Owns:       what the first characters gave until they are believed.
// Invariants: what comes out does not depend on how the text is cut.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     text_probe_chars, text_line_chars_min, text_url_head_chars_max.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"
#include "dataplane/object/base64.h"

namespace cordon {

enum class TextResult : std::uint8_t {
    more,     // the input is used up
    open,     // a file begins
    data,     // bytes of it were written
    odd,      // to be noted (text_bad): not all of the text is base64, or it ends too early
    may_end,  // to some readers the file is complete, with what was written, which is told again
    end,      // the file is complete
    none,     // nothing of the kind; nothing more is taken
};

class EncodedText {
  public:
    static constexpr std::size_t room_min = limits::text_probe_chars / 4 * 3;

    void begin();

    // Takes from the front of *run and returns the bytes written. It stops when there is an event,
    // which the caller takes before it gives more.
    std::size_t take(Bytes* run, MutableBytes out);
    void end(bool is_odd);
    TextResult event(MutableBytes out, std::size_t* written);

    // What the file under way still gets when the text ends here; at most 2 bytes.
    std::size_t rest(MutableBytes out) const { return is_open_ ? digits_.rest(out) : 0; }

    bool is_url() const { return is_url_; }
    bool is_believed() const { return state_ == State::decoding || state_ == State::padded; }
    bool is_over() const { return state_ == State::over; }

  private:
    enum class State : std::uint8_t {
        probing,   // all was of the alphabet so far
        url_head,  // behind "data:"
        decoding,  //
        padded,    // behind "="
        over,      // no base64, or ended
    };

    void probe(Bytes* run);
    void note_prefix(Bytes digits);
    bool probe_other(std::uint8_t c);
    void take_url_head(Bytes* run);
    std::size_t decode(Bytes* run, MutableBytes out);
    void decode_other(std::uint8_t c);
    void take_padding(Bytes* run);
    void go_on_behind_padding();
    void note_odd();

    State state_ = State::over;
    bool is_url_ = false;
    bool is_open_ = false;
    bool open_due_ = false;
    bool odd_due_ = false;
    bool was_odd_ = false;
    bool may_end_due_ = false;
    bool end_due_ = false;
    bool rest_given_ = false;
    std::uint8_t line_chars_ = 0;   // probing: of the line so far
    std::uint8_t probe_bytes_ = 0;  // in probe_, to be given when believed
    std::uint16_t chars_ = 0;       // of the probe, or of the URL's head
    Base64Digits digits_;
    Base64Padding padding_;
    std::array<char, 7> last_;  // characters: at first "data", then of the URL's head
    std::array<std::uint8_t, room_min> probe_;
};

}  // namespace cordon
