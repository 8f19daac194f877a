#include "dataplane/assembly/xml_reader.h"

#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_name_char(char c) {
    return is_alpha(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == ':' ||
           static_cast<std::uint8_t>(c) >= 0x80;
}

bool is_name_start(char c) {
    return is_name_char(c) && !is_digit(c) && c != '-' && c != '.';
}

// The declaration may name an encoding in which ASCII is ASCII.
bool is_declaration(std::string_view text) {
    if (!text.starts_with("xml")) return false;
    const std::size_t at = text.find("encoding");
    if (at == std::string_view::npos) return true;
    std::string_view value = text.substr(at + 8);
    const std::size_t from = value.find_first_of("\"'");
    if (from == std::string_view::npos) return false;
    const std::size_t to = value.find(value[from], from + 1);
    if (to == std::string_view::npos) return false;
    value = value.substr(from + 1, to - from - 1);
    return equal_ignoring_case(value, "utf-8") || equal_ignoring_case(value, "us-ascii") ||
           equal_ignoring_case(value, "iso-8859-1");
}

// Of "&…;": a character of one byte, or 0.
char entity_char(std::string_view name) {
    if (name == "lt") return '<';
    if (name == "gt") return '>';
    if (name == "amp") return '&';
    if (name == "quot") return '"';
    if (name == "apos") return '\'';
    if (!name.starts_with('#')) return 0;
    name.remove_prefix(1);
    const bool hex = name.starts_with('x');
    if (hex) name.remove_prefix(1);
    unsigned value = 0;
    for (const char c : name) {
        const int digit = hex_digit(c);
        if (digit < 0 || (!hex && digit > 9) || value > 0x7f) return 0;
        value = value * (hex ? 16 : 10) + static_cast<unsigned>(digit);
    }
    return value < 0x80 && (value >= 0x20 || is_space(static_cast<char>(value)))
               ? static_cast<char>(value)
               : char{0};
}

}  // namespace

XmlReader::Token XmlReader::next(Bytes* input) {
    for (;;) {
        if (state_ == State::failed) return Token::bad;
        if (brackets_ != 0) {
            --brackets_;
            return give(']');
        }
        if (state_ == State::close_due) return end_element();
        if (input->empty()) return Token::more;
        keep_ = false;
        const Token token = take(static_cast<char>(input->front()));
        if (!keep_) *input = input->subspan(1);
        if (token != Token::more) return token;
    }
}

std::string_view XmlReader::name() const {
    const std::string_view all(names_[depth_].data(), name_bytes_[depth_]);
    return all.substr(all.find(':') + 1);
}

XmlReader::Token XmlReader::take(char c) {
    if (is_control(c) && !is_space(c)) return fail();
    switch (state_) {
        case State::outside:
            return take_outside(c);
        case State::content:
            if (c == '<') return go(State::less);
            scratch_bytes_ = 0;
            return c == '&' ? go(State::entity) : give(c);
        case State::less:
            return take_less(c);
        case State::name:
            return take_name(c);
        case State::tag:
            return take_tag(c);
        case State::quoted:
            if (c == '<') return fail();
            return c == quote_ ? go(State::tag) : Token::more;
        case State::empty:
            return c == '>' ? begin_element() : fail();
        case State::closing:
            return take_closing(c);
        case State::declaration:
            return take_declaration(c);
        case State::bang:
        case State::cdata_open:
            return take_bang(c);
        case State::comment_open:
        case State::comment:
        case State::comment_dash:
        case State::comment_end:
            return take_comment(c);
        case State::cdata:
        case State::cdata_bracket:
        case State::cdata_brackets:
            return take_cdata(c);
        case State::entity:
            return take_entity(c);
        case State::close_due:
        case State::failed:
            break;
    }
    return fail();
}

XmlReader::Token XmlReader::take_outside(char c) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (!begun_ && mark_ < mark.size() && c == mark[mark_]) {
        ++mark_;
        return Token::more;
    }
    if (mark_ != 0 && mark_ != mark.size()) return fail();
    if (c == '<') return go(State::less);
    begun_ = true;
    return is_space(c) ? Token::more : fail();
}

XmlReader::Token XmlReader::take_less(char c) {
    const bool first = !begun_;
    begun_ = true;
    scratch_bytes_ = 0;
    if (c == '?') return go(first ? State::declaration : State::failed);
    if (c == '!') return go(State::bang);
    if (c == '/') return go(depth_ != 0 ? State::closing : State::failed);
    if (!is_name_start(c) || depth_ == limits::commit_depth_max) return fail();
    if (depth_ == 0 && root_seen_) return fail();
    root_seen_ = true;
    ++depth_;
    name_bytes_[depth_] = 1;
    names_[depth_][0] = c;
    return go(State::name);
}

XmlReader::Token XmlReader::take_name(char c) {
    if (!is_name_char(c)) {
        if (!is_space(c) && c != '>' && c != '/') return fail();
        state_ = State::tag;
        return take_tag(c);
    }
    if (name_bytes_[depth_] == name_bytes_max) return fail();
    names_[depth_][name_bytes_[depth_]++] = c;
    return Token::more;
}

// Attributes say nothing here, but where their values end.
XmlReader::Token XmlReader::take_tag(char c) {
    if (c == '>') return begin_element();
    if (c == '/') return go(State::empty);
    if (c == '"' || c == '\'') {
        quote_ = c;
        return go(State::quoted);
    }
    return is_name_char(c) || is_space(c) || c == '=' ? Token::more : fail();
}

XmlReader::Token XmlReader::begin_element() {
    state_ = state_ == State::empty ? State::close_due : State::content;
    return Token::open;
}

XmlReader::Token XmlReader::end_element() {
    --depth_;
    state_ = depth_ == 0 ? State::outside : State::content;
    return Token::close;
}

XmlReader::Token XmlReader::take_closing(char c) {
    if (c != '>') return put(c);
    std::string_view name = scratch();
    while (!name.empty() && is_space(name.back()))
        name.remove_suffix(1);
    const std::string_view open(names_[depth_].data(), name_bytes_[depth_]);
    return name == open ? end_element() : fail();
}

XmlReader::Token XmlReader::take_declaration(char c) {
    if (c != '>') return put(c);
    return go(is_declaration(scratch()) ? State::outside : State::failed);
}

// "<!--" or "<![CDATA["; a document type is refused, its entities are an attack.
XmlReader::Token XmlReader::take_bang(char c) {
    constexpr std::string_view mark = "[CDATA[";
    if (state_ == State::bang) {
        matched_ = 1;
        if (c == '-') return go(State::comment_open);
        return go(c == '[' && depth_ != 0 ? State::cdata_open : State::failed);
    }
    if (c != mark[matched_]) return fail();
    return go(++matched_ == mark.size() ? State::cdata : State::cdata_open);
}

XmlReader::Token XmlReader::take_comment(char c) {
    const bool dash = c == '-';
    if (state_ == State::comment_open) return go(dash ? State::comment : State::failed);
    if (state_ == State::comment) return go(dash ? State::comment_dash : State::comment);
    if (state_ == State::comment_dash) return go(dash ? State::comment_end : State::comment);
    if (c != '>') return fail();
    state_ = depth_ == 0 ? State::outside : State::content;
    return Token::comment;
}

// Brackets that end nothing are content, and come before what is behind them.
XmlReader::Token XmlReader::take_cdata(char c) {
    if (state_ == State::cdata) return c == ']' ? go(State::cdata_bracket) : give(c);
    if (state_ == State::cdata_bracket && c == ']') return go(State::cdata_brackets);
    if (state_ == State::cdata_brackets && c == '>') return go(State::content);
    if (state_ == State::cdata_brackets && c == ']') return give(']');
    brackets_ = state_ == State::cdata_bracket ? 1 : 2;
    keep_ = true;
    return go(State::cdata);
}

XmlReader::Token XmlReader::take_entity(char c) {
    if (c != ';') return scratch_bytes_ < 8 ? put(c) : fail();
    const char value = entity_char(scratch());
    if (value == 0) return fail();
    state_ = State::content;
    return give(value);
}

XmlReader::Token XmlReader::give(char c) {
    text_ = c;
    return Token::text;
}

XmlReader::Token XmlReader::put(char c) {
    if (scratch_bytes_ == scratch_.size()) return fail();
    scratch_[scratch_bytes_++] = c;
    return Token::more;
}

XmlReader::Token XmlReader::go(State state) {
    state_ = state;
    return state == State::failed ? Token::bad : Token::more;
}

}  // namespace cordon
