#include "dataplane/object/text_base64.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

namespace {

constexpr std::string_view form_type = "application/x-www-form-urlencoded";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// Characters at which a run ends.
using Stops = std::array<bool, 256>;

constexpr Stops stops_at(std::string_view characters) {
    Stops stops{};
    for (const char c : characters)
        stops[static_cast<std::uint8_t>(c)] = true;
    return stops;
}

constexpr Stops json_stops = stops_at("\":}]");
constexpr Stops string_stops = stops_at("\"\\");
constexpr Stops url_stops = stops_at("%");
// In a form, what looks like JSON or one text at first may be a name, and a value hold JSON.
constexpr Stops form_json_stops = stops_at("\":}]=");
constexpr Stops form_string_stops = stops_at("\"\\=&%");
constexpr Stops name_stops = stops_at("=&%");
constexpr Stops value_stops = stops_at("&%\"\\");

Bytes run_of(Bytes input, const Stops& stops) {
    const auto stop =
        std::find_if(input.begin(), input.end(), [&stops](std::uint8_t c) { return stops[c]; });
    return input.first(static_cast<std::size_t>(stop - input.begin()));
}

char take(Bytes* input) {
    const char c = static_cast<char>(input->front());
    *input = input->subspan(1);
    return c;
}

}  // namespace

void TextDecoder::open(std::string_view content_type) {
    *this = TextDecoder();
    state_ = State::start;
    is_form_ = http::equal_ignoring_case(http::trim(content_type.substr(0, content_type.find(';'))),
                                         form_type);
}

TextDecoder::Result TextDecoder::next(Bytes* input, MutableBytes out, std::size_t* written) {
    INVARIANT(out.size() >= room_min);
    while (true) {
        const Result result = text_.event(out, written);
        if (result != Result::more) return result;
        if (state_ == State::over) return Result::none;
        if (input->empty() && state_ != State::given) return Result::more;
        *written = step(input, out);
        if (*written != 0) return Result::data;
    }
}

std::size_t TextDecoder::step(Bytes* input, MutableBytes out) {
    switch (state_) {
        case State::start:
            step_start(input);
            return 0;
        case State::body:
            return step_body(input, out);
        case State::json:
            step_json(input);
            return 0;
        case State::string:
            return step_string(input, out);
        case State::name:
            return step_name(input, out);
        case State::value:
            return step_value(input, out);
        case State::escape:
            take_escape(input);
            return 0;
        case State::unicode:
            take_unicode(input);
            return 0;
        case State::percent:
            take_percent(input);
            return 0;
        case State::given:
            return step_given(out);
        case State::next_text:
            begin_text(back_);
            return 0;
        case State::over:
            return 0;
    }
    return 0;
}

// What ends inside a string was cut short; a body and a value end where they end.
void TextDecoder::finish() {
    const bool is_escape = state_ == State::escape || state_ == State::unicode;
    text_.end(state_ == State::string || is_escape);
    state_ = State::over;
}

void TextDecoder::step_start(Bytes* input) {
    const char c = static_cast<char>(input->front());
    const bool is_mark = bom_bytes_ < byte_order_mark.size() && c == byte_order_mark[bom_bytes_];
    if (is_mark) ++bom_bytes_;
    if (is_mark || c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        *input = input->subspan(1);
    } else if (c == '{' || c == '[' || c == '"') {
        state_ = State::json;
    } else {
        is_first_ = is_form_;
        begin_text(is_form_ ? State::name : State::body);
    }
}

void TextDecoder::begin_text(State state) {
    text_.begin();
    key_bytes_ = 0;
    state_ = state;
}

void TextDecoder::end_text(State next) {
    text_.end(false);
    back_ = next;
    state_ = State::next_text;
}

// In a data URL characters may be percent-encoded (RFC 2397 §2).
std::size_t TextDecoder::step_body(Bytes* input, MutableBytes out) {
    if (text_.is_over() && !is_form_) {
        state_ = State::over;
        return 0;
    }
    const bool has_escapes = text_.is_url() || is_form_;
    Bytes run = has_escapes ? run_of(*input, is_form_ ? name_stops : url_stops) : *input;
    if (run.empty()) {
        const char c = take(input);
        if (c == '%')
            begin_escape(State::percent, State::body);
        else
            end_text(c == '=' ? State::value : State::name);
        return 0;
    }
    // All of a run is read as what it began as: the scheme ends one, as "%" may follow.
    if (!text_.is_url() && !text_.is_believed()) run = run.first(1);
    return take_run(input, run, out);
}

void TextDecoder::step_json(Bytes* input) {
    *input = input->subspan(run_of(*input, is_form_ ? form_json_stops : json_stops).size());
    if (input->empty()) return;
    switch (take(input)) {
        case '"':
        case '=':
            begin_text(State::string);
            break;
        case ':':
            key_is_field();
            break;
        default:  // a bracket: what comes belongs to another key
            field_bytes_ = 0;
            break;
    }
}

std::size_t TextDecoder::step_string(Bytes* input, MutableBytes out) {
    const Bytes run = run_of(*input, is_form_ ? form_string_stops : string_stops);
    if (!run.empty()) {
        const std::size_t before = input->size();
        const std::size_t written = take_run(input, run, out);
        note_key(run.first(before - input->size()));
        return written;
    }
    switch (take(input)) {
        case '\\':
            begin_escape(State::escape, State::string);
            break;
        case '%':
            begin_escape(State::percent, State::string);
            break;
        case '=':
            if (text_.is_believed() || text_.is_url()) {
                back_ = State::string;
                give_bytes("=");
            } else {
                key_is_field();
                begin_text(State::string);
            }
            break;
        case '&':
            end_text(State::string);
            break;
        default:
            text_.end(false);
            state_ = State::json;
            break;
    }
    return 0;
}

std::size_t TextDecoder::step_name(Bytes* input, MutableBytes out) {
    if (is_first_ && (text_.is_believed() || text_.is_url())) {
        state_ = State::body;
        return 0;
    }
    const Bytes run = run_of(*input, name_stops);
    if (!run.empty()) {
        const std::size_t before = input->size();
        const std::size_t key_at = key_bytes_;
        const std::size_t written = is_first_ ? take_run(input, run, out) : 0;
        if (!is_first_) *input = input->subspan(run.size());
        note_key(run.first(before - input->size()));
        std::replace(key_.begin() + key_at, key_.begin() + key_bytes_, '+', ' ');
        return written;
    }
    const char c = take(input);
    if (c == '%') {
        begin_escape(State::percent, State::name);
        return 0;
    }
    is_first_ = false;
    if (c == '=') key_is_field();
    begin_text(c == '=' ? State::value : State::name);
    return 0;
}

// JSON in a value: its quotes delimit texts as well, and a backslash stands before a slash.
std::size_t TextDecoder::step_value(Bytes* input, MutableBytes out) {
    const Bytes run = run_of(*input, value_stops);
    if (!run.empty()) return take_run(input, run, out);
    switch (take(input)) {
        case '%':
            begin_escape(State::percent, State::value);
            break;
        case '"':
            back_ = State::value;
            give_bytes("\"");
            break;
        case '&':
            end_text(State::name);
            break;
        default:
            break;
    }
    return 0;
}

// Gives the text a run from the front of *input; it may take less.
std::size_t TextDecoder::take_run(Bytes* input, Bytes run, MutableBytes out) {
    const std::size_t before = run.size();
    const std::size_t written = text_.take(&run, out);
    *input = input->subspan(before - run.size());
    return written;
}

// --- escapes -------------------------------------------------------------------------------------

void TextDecoder::begin_escape(State escape, State from) {
    back_ = from;
    state_ = escape;
    hex_chars_ = 0;
    code_ = 0;
}

void TextDecoder::take_escape(Bytes* input) {
    const char c = take(input);
    constexpr std::string_view letters = "nrtbf";
    constexpr std::string_view meanings = "\n\r\t\b\f";
    if (c == 'u') {
        state_ = State::unicode;
    } else {
        const std::size_t at = letters.find(c);
        give_bytes(at == std::string_view::npos ? std::string_view(&c, 1) : meanings.substr(at, 1));
    }
}

// A half of a surrogate pair, and what is no escape, is a character that no base64 has.
void TextDecoder::take_unicode(Bytes* input) {
    const int digit = http::hex_digit(static_cast<char>(input->front()));
    if (digit < 0) return give('?');
    *input = input->subspan(1);
    code_ = static_cast<std::uint16_t>(code_ << 4 | digit);
    if (++hex_chars_ == 4) give(code_);
}

void TextDecoder::take_percent(Bytes* input) {
    const char c = static_cast<char>(input->front());
    const int digit = http::hex_digit(c);
    if (digit < 0) {
        given_ = {'%', given_[1]};
        given_bytes_ = static_cast<std::uint8_t>(1 + hex_chars_);
        given_at_ = 0;
        state_ = State::given;
        return;
    }
    *input = input->subspan(1);
    given_[1] = static_cast<std::uint8_t>(c);
    code_ = static_cast<std::uint16_t>(code_ << 4 | digit);
    if (++hex_chars_ == 2) {
        const char byte = static_cast<char>(code_);
        give_bytes({&byte, 1});
    }
}

void TextDecoder::give(std::uint32_t code) {
    const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
    const std::array<char, 3> three = {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)),
                                       byte(0x80 | (code & 0x3f))};
    const std::array<char, 2> two = {byte(0xc0 | code >> 6), three[2]};
    const char one = byte(code);
    if (code < 0x80) return give_bytes({&one, 1});
    give_bytes(code < 0x800 ? std::string_view(two.data(), 2) : std::string_view(three.data(), 3));
}

void TextDecoder::give_bytes(std::string_view bytes) {
    std::memcpy(given_.data(), bytes.data(), bytes.size());
    given_bytes_ = static_cast<std::uint8_t>(bytes.size());
    given_at_ = 0;
    state_ = State::given;
}

// The text may ask to be given the same again after an event.
std::size_t TextDecoder::step_given(MutableBytes out) {
    Bytes run = Bytes(given_).subspan(given_at_, given_bytes_ - given_at_);
    const bool is_in_head = text_.is_url() && !text_.is_believed();  // anything up to its comma
    if (back_ == State::value && run.front() == '"' && !is_in_head) {
        end_text(State::value);
        return 0;
    }
    const Bytes before = run;
    const bool is_name = back_ == State::name && !is_first_;
    const bool is_passed_over = back_ == State::value && run.front() == '\\';
    std::size_t written = 0;
    if (is_name || is_passed_over)
        run = {};
    else
        written = text_.take(&run, out);
    if (back_ != State::value) note_key(before.first(before.size() - run.size()));
    given_at_ = static_cast<std::uint8_t>(given_at_ + before.size() - run.size());
    if (given_at_ == given_bytes_) state_ = back_;
    return written;
}

// --- names ---------------------------------------------------------------------------------------

void TextDecoder::note_key(Bytes run) {
    const std::size_t size = std::min(run.size(), key_.size() - key_bytes_);
    std::memcpy(key_.data() + key_bytes_, run.data(), size);
    key_bytes_ = static_cast<std::uint8_t>(key_bytes_ + size);
}

void TextDecoder::key_is_field() {
    field_ = key_;
    field_bytes_ = key_bytes_;
}

}  // namespace cordon
