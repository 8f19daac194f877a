// The fields of a form that say which piece of which file its file part is: what chunking uploaders
// send beside the bytes. The same names count in the query of the request.
//
//     fields.open(); fields.begin(name); fields.add(bytes) …; fields.end();     or take(name, value)
//
// Owns:       the values of the fields it knows, cut to form_identity_bytes_max.
// Invariants: does not depend on how a value is cut into add() calls. A field that comes twice with
//             different values is ambiguous: servers take the first or the last.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     form_identity_bytes_max; unknown fields cost nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"

namespace cordon {

class FormFields {
  public:
    // What the fields of all recipes mean, one slot for each.
    enum class Slot : std::uint8_t {
        id,
        number,
        count,
        offset,
        chunk_bytes,
        total,
        family,
        count_
    };

    void open();
    void begin(std::string_view name);
    void add(Bytes bytes);
    void end();
    void take(std::string_view name, std::string_view value) {
        begin(name);
        add(as_bytes(value));
        end();
    }

    // The file name of the file part, for uploaders that have no other identity.
    void file_name(std::string_view name);

  private:
    friend struct FormReader;
    static constexpr std::size_t fields_max = 12;
    struct Field {
        std::uint8_t known;  // row of the table of names
        bool ambiguous;
        std::uint16_t bytes;
        std::array<char, limits::form_identity_bytes_max> text;
    };
    std::array<Field, fields_max> fields_;
    std::uint8_t used_ = 0;
};

}  // namespace cordon
