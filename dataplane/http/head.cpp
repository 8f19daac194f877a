#include "dataplane/http/head.h"

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

bool has_control_or_blank(std::string_view text) {
    for (const char c : text) {
        if (is_control(c) || c == ' ') return true;
    }
    return false;
}

bool is_field_value(std::string_view text) {
    for (const char c : text) {
        if (is_control(c) && c != '\t') return false;
    }
    return true;
}

// scheme "://" of an absolute-form target; 0 when there is none.
std::size_t scheme_bytes(std::string_view target) {
    const std::size_t colon = target.find("://");
    if (colon == std::string_view::npos || colon == 0 || !is_alpha(target[0])) return 0;
    for (const char c : target.substr(0, colon)) {
        if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return 0;
    }
    return colon + 3;
}

bool is_host_char(char c) {
    return is_alpha(c) || is_digit(c) ||
           std::string_view("-._~%!$&'()*+;=").find(c) != std::string_view::npos;
}

bool is_port(std::string_view text) {
    for (const char c : text) {
        if (!is_digit(c)) return false;
    }
    return text.size() <= 5;
}

// uri-host [ ":" port ] (RFC 9110 §7.2). An empty host names no service; userinfo is not allowed.
bool is_host(std::string_view text) {
    std::size_t end = 0;
    if (!text.empty() && text[0] == '[') {
        for (end = 1; end < text.size() &&
                      (hex_digit(text[end]) >= 0 || text[end] == ':' || text[end] == '.');) {
            ++end;
        }
        if (end < 3 || end >= text.size() || text[end] != ']') return false;
        ++end;
    } else {
        while (end < text.size() && is_host_char(text[end]))
            ++end;
        if (end == 0 || end > 255) return false;
    }
    if (end == text.size()) return true;
    return text[end] == ':' && is_port(text.substr(end + 1));
}

// origin-form, absolute-form, authority-form for CONNECT, asterisk-form (RFC 9112 §3.2).
bool is_target(std::string_view method, std::string_view target) {
    if (target.empty() || has_control_or_blank(target)) return false;
    if (method == "CONNECT") return is_host(target);
    if (target[0] == '/') return true;
    return target == "*" ? method == "OPTIONS" : scheme_bytes(target) != 0;
}

// Content-Length or Transfer-Encoding, whatever stands for the hyphen.
bool is_framing_name(std::string_view name) {
    return equal_but_for_marks(name, "content-length") ||
           equal_but_for_marks(name, "transfer-encoding");
}

std::string_view trim_spaces(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

}  // namespace

void Head::begin(const char* storage) {
    method = target = host = content_type = content_encoding = {};
    content_length = 0;
    framing = Framing::none;
    minor_version = 0;
    expect_continue = keep_alive = upgrade = connect = false;
    storage_ = storage;
    field_count_ = 0;
    has_length_ = has_coding_ = has_host_ = asked_close_ = asked_keep_alive_ = false;
}

HeadFault Head::take_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    if (first == std::string_view::npos) return Outcome::http_bad_head;
    const std::size_t second = line.find(' ', first + 1);
    if (second == std::string_view::npos) return Outcome::http_bad_version;  // HTTP/0.9

    method = line.substr(0, first);
    target = line.substr(first + 1, second - first - 1);
    const std::string_view version = line.substr(second + 1);
    if (!is_token(method) || method.size() > method_bytes_max) return Outcome::http_bad_head;
    if (!is_target(method, target) || has_control_or_blank(version)) return Outcome::http_bad_head;
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return Outcome::http_bad_version;
    minor_version = version.back() == '1' ? 1 : 0;
    connect = method == "CONNECT";
    return {};
}

HeadFault Head::take_field_line(std::string_view line) {
    if (is_blank(line[0])) return Outcome::http_folded_header;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return Outcome::http_bad_header_name;
    const std::string_view name = line.substr(0, colon);
    // A blank before the colon is no token either: some servers strip it, some do not, and a
    // length in such a field would be seen by one of the two only (RFC 9112 §5.1).
    if (!is_token(name)) return Outcome::http_bad_header_name;
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_field_value(value)) return Outcome::http_bad_head;
    if (field_count_ == slots_.size()) return Outcome::http_head_too_long;

    slots_[field_count_++] = {static_cast<std::uint16_t>(name.data() - storage_),
                              static_cast<std::uint16_t>(name.size()),
                              static_cast<std::uint16_t>(value.data() - storage_),
                              static_cast<std::uint16_t>(value.size())};
    if (is_framing_name(name)) {
        // Servers differ on tabs beside a value: a number to one is none to the next.
        return take_framing_field(name, trim_spaces(line.substr(colon + 1)));
    }
    return take_known_field(name, value);
}

HeadFault Head::take_framing_field(std::string_view name, std::string_view value) {
    if (equal_ignoring_case(name, "content-length")) return take_content_length(value);
    if (equal_ignoring_case(name, "transfer-encoding")) return take_transfer_encoding(value);
    // "Content_Length": the same to whoever hands fields on as variables (RFC 3875 §4.1.18).
    return Outcome::http_bad_header_name;
}

HeadFault Head::take_known_field(std::string_view name, std::string_view value) {
    if (equal_ignoring_case(name, "host")) return take_host(value);
    if (equal_ignoring_case(name, "connection")) return take_connection(value);
    if (equal_ignoring_case(name, "expect")) expect_continue = true;
    if (equal_ignoring_case(name, "upgrade")) upgrade = true;
    if (equal_ignoring_case(name, "content-type")) {
        // Servers differ on which of two counts, and with it on the form of the body.
        if (!content_type.empty()) return Outcome::http_bad_head;
        content_type = value;
    }
    if (equal_ignoring_case(name, "content-encoding") && content_encoding.empty()) {
        content_encoding = value;
    }
    return {};
}

HeadFault Head::take_content_length(std::string_view value) {
    // Identical repeats are refused as well: RFC 9112 §6.3 allows it, and servers differ on them.
    // Leading zeros are read as octal by some, and more than 18 digits overflow a signed offset.
    if (has_length_ || value.empty() || value.size() > 18) return Outcome::http_bad_length;
    if (value.size() > 1 && value[0] == '0') return Outcome::http_bad_length;
    has_length_ = true;
    for (const char c : value) {
        if (!is_digit(c)) return Outcome::http_bad_length;
        content_length = content_length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return {};
}

HeadFault Head::take_transfer_encoding(std::string_view value) {
    // Byte for byte: "Chunked", "chunked," or "identity, chunked" are taken as chunked by one
    // server and as no body by the next.
    if (has_coding_ || value != "chunked" || minor_version == 0) return Outcome::http_bad_coding;
    has_coding_ = true;
    return {};
}

HeadFault Head::take_host(std::string_view value) {
    if (has_host_ || !is_host(value)) return Outcome::http_bad_host;
    has_host_ = true;
    host = value;
    return {};
}

HeadFault Head::take_connection(std::string_view value) {
    // A hop that obeys would remove the framing that we went by.
    for (const std::string_view name : {"content-length", "transfer-encoding", "host"}) {
        if (list_has(value, name)) return Outcome::http_bad_head;
    }
    asked_close_ = asked_close_ || list_has(value, "close");
    asked_keep_alive_ = asked_keep_alive_ || list_has(value, "keep-alive");
    return {};
}

HeadFault Head::finish() {
    if (has_length_ && has_coding_) return Outcome::http_both_lengths;
    // They have no content (RFC 9110 §9.3.6, §9.3.8): some servers drop the field, some obey it.
    const bool has_framing = has_length_ || has_coding_;
    if (has_framing && (connect || method == "TRACE")) return Outcome::http_bad_head;
    if (!has_host_ && minor_version == 1) return Outcome::http_bad_host;
    if (const std::size_t at = connect ? 0 : scheme_bytes(target); at != 0) {
        host = target.substr(at, target.find_first_of("/?#", at) - at);
        if (!is_host(host)) return Outcome::http_bad_host;
    }
    framing = has_coding_ ? Framing::chunked : has_length_ ? Framing::length : Framing::none;
    keep_alive = !asked_close_ && (minor_version == 1 || asked_keep_alive_);
    return {};
}

HeaderField Head::field(std::size_t index) const {
    INVARIANT(index < field_count_);
    const Slot& slot = slots_[index];
    return {{storage_ + slot.name_at, slot.name_bytes},
            {storage_ + slot.value_at, slot.value_bytes}};
}

std::optional<std::string_view> Head::find(std::string_view name, std::size_t nth) const {
    for (std::size_t i = 0; i < field_count_; ++i) {
        const HeaderField candidate = field(i);
        if (equal_ignoring_case(candidate.name, name) && nth-- == 0) return candidate.value;
    }
    return {};
}

bool is_foreign_line(std::string_view line) {
    if (line.starts_with("PRI * HTTP/2")) return true;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return true;
    if (contains_ignoring_case(line, "HTTP/")) return false;
    // A server that expects a PROXY header reads a request behind it.
    if (starts_ignoring_case(line, "PROXY ")) return false;
    // "EHLO host", "USER name": two words and no target that a server of HTTP/0.9 would serve.
    const std::string_view target = line.substr(space + 1);
    return target.empty() || (target[0] != '/' && target[0] != '*' && scheme_bytes(target) == 0);
}

}  // namespace cordon
