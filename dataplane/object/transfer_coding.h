// Decodes the content of a form part sent as base64 or quoted-printable text (RFC 2045 §6), as
// lenient mail parsers do: what is no character of base64 is passed over, its URL alphabet is taken
// as well, padding that completes a quantum ends it and not the text, other padding is passed over.
// Where readers end that do so at padding is told. What readers of quoted-printable take in
// different ways is odd: an "=" that begins neither an escape nor a soft line break, and blanks at
// the end of a line. No encoder writes either.
//
// Owns:       the characters of an unfinished quantum or escape.
// Invariants: what comes out does not depend on how the input is cut.
// Worker:     used by one worker only: no lock, no allocation.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/object/base64.h"
#include "dataplane/object/part_head.h"

namespace cordon {

class TransferDecoder {
  public:
    // Output that one step may need at once.
    static constexpr std::size_t room_min = 4;

    void open(TransferCoding coding);

    // Takes from the front of *input as long as there is room; returns the bytes written.
    std::size_t next(Bytes* input, MutableBytes out);

    // True: digits come behind padding, and some readers have ended there, with what was given and
    // *written bytes in `out`, which are told again. To be asked before next().
    bool take_may_end(MutableBytes out, std::size_t* written);

    // What the text still gives when it ends here; at most room_min bytes. Changes nothing.
    std::size_t rest(MutableBytes out) const;

    bool is_quoted() const { return coding_ == TransferCoding::quoted_printable; }
    // What comes here is read differently, and nothing more is given.
    bool is_odd() const { return is_odd_; }
    // The same of a text that ends here.
    bool ends_oddly() const { return count_ != 0 || is_behind_blank_; }

  private:
    std::size_t next_base64(Bytes* input, MutableBytes out);
    std::size_t end_quantum(MutableBytes out);
    std::size_t next_quoted(Bytes* input, MutableBytes out);
    std::size_t take_escape(char c, MutableBytes out);
    std::size_t take_plain(Bytes run, MutableBytes out);

    TransferCoding coding_ = TransferCoding::none;
    std::uint8_t count_ = 0;  // characters in escape_
    bool may_end_due_ = false;
    bool quantum_over_ = false;  // its padding was complete
    bool is_behind_blank_ = false;
    bool is_odd_ = false;
    Base64Digits digits_;
    Base64Padding padding_;
    std::array<std::uint8_t, 3> escape_{};  // "=" and what follows
};

}  // namespace cordon
