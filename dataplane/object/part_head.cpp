#include "dataplane/object/part_head.h"

#include "dataplane/http/syntax.h"
#include "dataplane/object/parameters.h"

namespace cordon {

using namespace http;

namespace {

// The end of the field that begins at the front of `text`: a line end that no blank follows.
std::size_t field_end(std::string_view text) {
    std::size_t at = 0;
    while (true) {
        at = text.find("\r\n", at);
        if (at == std::string_view::npos) return text.size();
        at += 2;
        if (at == text.size() || !is_blank(text[at])) return at;
    }
}

}  // namespace

void PartHead::read(std::string_view text) {
    content_type_ = {};
    field_bytes_ = file_name_bytes_ = 0;
    is_file_ = extended_name_ = false;
    transfer_ = TransferCoding::none;
    while (!text.empty()) {
        const std::size_t end = field_end(text);
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end);
        if (line.ends_with("\r\n")) line.remove_suffix(2);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        take_field(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
    }
}

void PartHead::take_field(std::string_view name, std::string_view value) {
    if (equal_ignoring_case(name, "content-disposition")) return take_disposition(value);
    // Of repeated ones the first counts for most servers; a coding is tried if any line has it,
    // because the content as it is counts as well.
    if (equal_ignoring_case(name, "content-type") && content_type_.empty()) content_type_ = value;
    if (!equal_ignoring_case(name, "content-transfer-encoding")) return;
    if (contains_ignoring_case(value, "base64")) transfer_ = TransferCoding::base64;
    if (contains_ignoring_case(value, "quoted-printable"))
        transfer_ = TransferCoding::quoted_printable;
}

void PartHead::take_disposition(std::string_view value) {
    take_main_value(&value);
    Parameter parameter;
    while (take_parameter(&value, &parameter)) {
        const std::string_view name = parameter.name;
        if (equal_ignoring_case(name, "name")) {
            field_bytes_ =
                static_cast<std::uint16_t>(copy_value(parameter.value, parameter.quoted, field_));
        } else if (equal_ignoring_case(name, "filename*")) {  // preferred (RFC 6266 §4.3)
            is_file_ = extended_name_ = true;
            file_name_bytes_ =
                static_cast<std::uint16_t>(copy_extended_value(parameter.value, file_name_));
        } else if (starts_ignoring_case(name, "filename")) {  // filename*0 … (RFC 2231) as well
            is_file_ = true;
            if (extended_name_) continue;
            const bool continued = name.size() > 9 && name[9] != '0';
            const std::size_t from = continued ? file_name_bytes_ : 0;
            file_name_bytes_ =
                static_cast<std::uint16_t>(from + copy_value(parameter.value, parameter.quoted,
                                                             std::span(file_name_).subspan(from)));
        }
    }
}

}  // namespace cordon
