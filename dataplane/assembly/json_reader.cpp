#include "dataplane/assembly/json_reader.h"

#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// int [frac] [exp] (RFC 8259 §6).
bool is_number(std::string_view text) {
    const auto take_digits = [&text] {
        std::size_t count = 0;
        while (count < text.size() && is_digit(text[count]))
            ++count;
        text.remove_prefix(count);
        return count;
    };
    if (text.starts_with('-')) text.remove_prefix(1);
    const bool zero = text.starts_with('0');
    const std::size_t whole = take_digits();
    if (whole == 0 || (zero && whole != 1)) return false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (take_digits() == 0) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
        if (take_digits() == 0) return false;
    }
    return text.empty();
}

bool is_literal(std::string_view text) {
    return text == "true" || text == "false" || text == "null" || is_number(text);
}

bool is_literal_char(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '+' || c == '.';
}

}  // namespace

void JsonReader::open() {
    state_ = State::value;
    is_key_ = cut_ = keep_ = false;
    depth_ = digits_ = 0;
    objects_ = bytes_ = 0;
    code_ = high_ = 0;
}

JsonReader::Token JsonReader::next(Bytes* input) {
    while (state_ != State::failed && !input->empty()) {
        keep_ = false;
        const Token token = take(static_cast<char>(input->front()));
        if (!keep_) *input = input->subspan(1);
        if (token != Token::more) return token;
    }
    return state_ == State::failed ? Token::bad : Token::more;
}

JsonReader::Token JsonReader::take(char c) {
    switch (state_) {
        case State::value:
        case State::first_value:
            return is_space(c) ? Token::more : take_value(c);
        case State::key:
        case State::first_key:
            if (is_space(c)) return Token::more;
            if (c == '}' && state_ == State::first_key) return pop(true);
            return c == '"' ? begin_string(true) : fail();
        case State::colon:
            if (is_space(c)) return Token::more;
            return go(c == ':' ? State::value : State::failed);
        case State::after:
            return is_space(c) ? Token::more : take_after(c);
        case State::string:
            return take_string(c);
        case State::escape:
            return take_escape(c);
        case State::unicode:
            return take_unicode(c);
        case State::low_escape:
            return go(c == '\\' ? State::low_u : State::failed);
        case State::low_u:
            return go(c == 'u' ? State::unicode : State::failed);
        case State::literal:
            return take_literal(c);
        case State::failed:
            break;
    }
    return fail();
}

JsonReader::Token JsonReader::take_value(char c) {
    if (c == '{') return push(true);
    if (c == '[') return push(false);
    if (c == ']' && state_ == State::first_value) return pop(false);
    if (c == '"') return begin_string(false);
    bytes_ = 0;
    cut_ = false;
    state_ = State::literal;
    return take_literal(c);
}

JsonReader::Token JsonReader::take_after(char c) {
    if (depth_ == 0) return fail();
    if (c == ',') return go(in_object() ? State::key : State::value);
    if (c == '}' || c == ']') return pop(c == '}');
    return fail();
}

JsonReader::Token JsonReader::push(bool is_object) {
    if (depth_ == limits::commit_depth_max) return fail();
    const auto bit = static_cast<std::uint16_t>(1u << depth_++);
    objects_ = static_cast<std::uint16_t>(is_object ? objects_ | bit : objects_ & ~bit);
    state_ = is_object ? State::first_key : State::first_value;
    return is_object ? Token::object : Token::array;
}

JsonReader::Token JsonReader::pop(bool is_object) {
    if (depth_ == 0 || in_object() != is_object) return fail();
    --depth_;
    state_ = State::after;
    return is_object ? Token::object_end : Token::array_end;
}

JsonReader::Token JsonReader::begin_string(bool is_key) {
    is_key_ = is_key;
    bytes_ = 0;
    cut_ = false;
    high_ = 0;
    return go(State::string);
}

JsonReader::Token JsonReader::take_string(char c) {
    if (static_cast<std::uint8_t>(c) < 0x20) return fail();
    if (c == '\\') return go(State::escape);
    if (c != '"') {
        put(c);
        return Token::more;
    }
    state_ = is_key_ ? State::colon : State::after;
    return is_key_ ? Token::key : Token::string;
}

JsonReader::Token JsonReader::take_escape(char c) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (c == 'u') {
        digits_ = 0;
        code_ = 0;
        return go(State::unicode);
    }
    const std::size_t at = letters.find(c);
    if (at == std::string_view::npos) return fail();
    put(meanings[at]);
    return go(State::string);
}

JsonReader::Token JsonReader::take_unicode(char c) {
    const int digit = hex_digit(c);
    if (digit < 0) return fail();
    code_ = code_ << 4 | static_cast<std::uint32_t>(digit);
    if (++digits_ < 4) return Token::more;
    const std::uint32_t code = code_;
    digits_ = 0;
    code_ = 0;
    const bool is_low = code >= 0xdc00 && code < 0xe000;
    if (is_low != (high_ != 0)) return fail();
    if (code >= 0xd800 && code < 0xdc00) {
        high_ = code;
        return go(State::low_escape);
    }
    put_code(is_low ? 0x10000 + ((high_ - 0xd800) << 10) + (code - 0xdc00) : code);
    high_ = 0;
    return go(State::string);
}

// What is no part of a literal ends it.
JsonReader::Token JsonReader::take_literal(char c) {
    if (is_literal_char(c)) {
        put(c);
        return Token::more;
    }
    if (cut_ || !is_literal(text())) return fail();
    keep_ = true;
    state_ = State::after;
    return Token::literal;
}

void JsonReader::put(char c) {
    if (bytes_ == text_.size()) {
        cut_ = true;
        return;
    }
    text_[bytes_++] = c;
}

void JsonReader::put_code(std::uint32_t code) {
    if (code < 0x80) return put(static_cast<char>(code));
    if (code < 0x800) {
        put(static_cast<char>(0xc0 | code >> 6));
    } else if (code < 0x10000) {
        put(static_cast<char>(0xe0 | code >> 12));
        put(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    } else {
        put(static_cast<char>(0xf0 | code >> 18));
        put(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
        put(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    }
    put(static_cast<char>(0x80 | (code & 0x3f)));
}

JsonReader::Token JsonReader::go(State state) {
    state_ = state;
    return state == State::failed ? Token::bad : Token::more;
}

}  // namespace cordon
