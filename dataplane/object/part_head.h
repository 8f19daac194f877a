// The head of a form part: which field it is, whether it is a file, how its content is coded.
//
// Every part is an object whatever its head says (servers differ in what they take for a file); the
// head gives its names and tells whether there is something to decode inside.
//
// Owns:       the names, cut to their limits. content_type points into the head's text.
// Worker:     pure.
// Limits:     form_field_name_bytes_max, form_file_name_bytes_max.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/limits.h"

namespace cordon {

enum class TransferCoding : std::uint8_t { none, base64, quoted_printable };

class PartHead {
  public:
    // `text`: field lines, each with its CRLF; folded ones too (RFC 822), which unfold to blanks.
    void read(std::string_view text);

    std::string_view field() const { return {field_.data(), field_bytes_}; }
    std::string_view file_name() const { return {file_name_.data(), file_name_bytes_}; }
    std::string_view content_type() const { return content_type_; }
    bool is_file() const { return is_file_; }
    TransferCoding transfer() const { return transfer_; }

  private:
    void take_field(std::string_view name, std::string_view value);
    void take_disposition(std::string_view value);

    std::string_view content_type_;
    std::uint16_t field_bytes_ = 0;
    std::uint16_t file_name_bytes_ = 0;
    bool is_file_ = false;
    bool extended_name_ = false;
    TransferCoding transfer_ = TransferCoding::none;
    std::array<char, limits::form_field_name_bytes_max> field_;
    std::array<char, limits::form_file_name_bytes_max> file_name_;
};

}  // namespace cordon
