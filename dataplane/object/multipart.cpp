#include "dataplane/object/multipart.h"

#include <algorithm>
#include <cstring>

#include "dataplane/http/syntax.h"
#include "dataplane/object/parameters.h"

namespace cordon {

using namespace http;

namespace {

// RFC 2046 §5.1.1. A blank is allowed inside, but servers cut at it, and at a comma outside quotes.
bool is_boundary_char(char c, bool quoted) {
    if (is_alpha(c) || is_digit(c)) return true;
    if (c == ',') return quoted;
    return std::string_view("'()+_-./:=?!#$%&*^`{|}~@").find(c) != std::string_view::npos;
}

bool find_boundary(std::string_view content_type, std::string_view* boundary) {
    take_main_value(&content_type);
    Parameter parameter;
    bool found = false;
    while (take_parameter(&content_type, &parameter)) {
        if (!equal_ignoring_case(parameter.name, "boundary")) continue;
        if (found) return false;  // which one counts is up to the server
        found = true;
        *boundary = parameter.value;
        for (const char c : parameter.value) {
            if (!is_boundary_char(c, parameter.quoted)) return false;
        }
    }
    return found && !boundary->empty() && boundary->size() <= limits::form_boundary_bytes_max;
}

}  // namespace

bool MultipartDecoder::open(std::string_view content_type) {
    std::string_view boundary;
    state_ = State::failed;
    outcome_ = Outcome::form_bad_boundary;
    if (!find_boundary(content_type, &boundary)) return false;
    std::memcpy(needle_.data(), "\r\n--", 4);
    std::memcpy(needle_.data() + 4, boundary.data(), boundary.size());
    needle_bytes_ = static_cast<std::uint16_t>(4 + boundary.size());
    bare_needle_[0] = '\r';
    std::memcpy(bare_needle_.data() + 1, needle_.data() + 2, needle_bytes_ - 2U);
    state_ = State::skipped;
    closed_ = delimited_ = has_preamble_ = is_bare_cr_ = false;
    has_cr_ = after_lf_ = true;  // the beginning of the body is the beginning of a line
    matched_ = 1;
    return true;
}

MultipartDecoder::Result MultipartDecoder::next(Bytes* input, Bytes* data) {
    while (state_ != State::failed && !input->empty()) {
        const Result result = step(input, data);
        if (result != Result::more) return result;
    }
    return state_ == State::failed ? Result::bad : Result::more;
}

MultipartDecoder::Result MultipartDecoder::step(Bytes* input, Bytes* data) {
    switch (state_) {
        case State::skipped:
        case State::content: {
            if (has_cr_ || matched_ != 0)
                return take_candidate(input) ? end_of_candidate(data) : Result::more;
            const std::size_t plain = plain_prefix(*input);
            *data = input->first(plain);
            *input = input->subspan(plain);
            if (plain == 0) {
                has_cr_ = input->front() == '\r';
                matched_ = has_cr_ ? 0 : 1;
                *input = input->subspan(1);
                return Result::more;
            }
            if (state_ == State::content) return Result::data;
            has_preamble_ = has_preamble_ || !delimited_;
            return Result::more;
        }
        case State::after:
        case State::padding:
        case State::after_cr:
        case State::after_dash: {
            const char c = static_cast<char>(input->front());
            *input = input->subspan(1);
            take_after(c);
            return Result::more;
        }
        case State::head:
            if (!take_head(input)) return Result::more;
            head_.read({head_text_.data(), head_bytes_});
            state_ = State::content;
            has_cr_ = after_lf_ = true;
            matched_ = 1;
            return Result::part;
        case State::failed:
            return Result::bad;
    }
    return Result::bad;
}

// Bytes at the front that are no part of a delimiter, whatever follows.
std::size_t MultipartDecoder::plain_prefix(Bytes input) const {
    return candidate_at(input.first(candidate_at(input, '\n')), '\r');
}

// Where a line end stands that has as much of "--boundary" behind it as there is.
std::size_t MultipartDecoder::candidate_at(Bytes input, std::uint8_t line_end) const {
    for (std::size_t from = 0; from < input.size(); ++from) {
        const void* found = std::memchr(input.data() + from, line_end, input.size() - from);
        if (found == nullptr) break;
        from = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - input.data());
        const std::size_t length =
            std::min<std::size_t>(needle_bytes_ - 2U, input.size() - from - 1);
        if (std::memcmp(input.data() + from + 1, needle_.data() + 2, length) == 0) return from;
    }
    return input.size();
}

// What a delimiter is from its last line end on.
Bytes MultipartDecoder::line_start() const {
    return is_bare_cr_ ? Bytes(bare_needle_).first(needle_bytes_ - 1U)
                       : Bytes(needle_).subspan(1, needle_bytes_ - 1U);
}

// Goes on with what may be a delimiter. True: it is decided.
bool MultipartDecoder::take_candidate(Bytes* input) {
    if (has_cr_ && matched_ == 0 && input->front() == '-') {
        is_bare_cr_ = true;
        has_cr_ = false;
        matched_ = 1;
    }
    const Bytes rest = line_start().subspan(matched_);
    const std::size_t most = std::min(rest.size(), input->size());
    const auto end = std::mismatch(rest.data(), rest.data() + most, input->data()).first;
    const auto same = static_cast<std::size_t>(end - rest.data());
    matched_ = static_cast<std::uint16_t>(matched_ + same);
    *input = input->subspan(same);
    return same == rest.size() || same < most;
}

MultipartDecoder::Result MultipartDecoder::end_of_candidate(Bytes* data) {
    const bool whole = matched_ == needle_bytes_ - 1U;
    *data = kept_back();
    const bool was_content = state_ == State::content;
    if (!whole) {
        drop_candidate();
        if (data->empty()) return Result::more;
        if (was_content) return Result::data;
        has_preamble_ = has_preamble_ || !delimited_;
        return Result::more;
    }
    if (!has_cr_) return fail(Outcome::form_bad_delimiter);
    has_preamble_ = has_preamble_ || (!delimited_ && !after_lf_);
    drop_candidate();
    delimited_ = true;
    state_ = State::after;
    return was_content ? Result::part_end : Result::more;
}

void MultipartDecoder::drop_candidate() {
    has_cr_ = after_lf_ = is_bare_cr_ = false;
    matched_ = 0;
}

Bytes MultipartDecoder::kept_back() const {
    if (is_bare_cr_) return line_start().first(matched_);
    // The CRLF before the beginning of a body or of a part's content is none of its bytes.
    const std::size_t from = after_lf_ ? 2 : has_cr_ ? 0 : 1;
    const std::size_t end = 1U + matched_;
    if (!has_cr_ && matched_ == 0) return {};
    return Bytes(needle_).subspan(from, end - from);
}

void MultipartDecoder::take_after(char c) {
    if (state_ == State::after_cr) {
        if (c != '\n') {
            fail(Outcome::form_bad_delimiter);
            return;
        }
        state_ = State::head;
        head_bytes_ = line_at_ = 0;
        return;
    }
    if (state_ == State::after_dash) {
        if (c != '-') {
            fail(Outcome::form_bad_delimiter);
            return;
        }
        closed_ = true;
        state_ = State::skipped;
        return;
    }
    if (c == '\r') {
        state_ = State::after_cr;
    } else if (is_blank(c)) {
        state_ = State::padding;
    } else if (c == '-' && state_ == State::after) {
        state_ = State::after_dash;
    } else {
        fail(Outcome::form_bad_delimiter);
    }
}

// Copies the head, line by line. True: its empty line was read.
bool MultipartDecoder::take_head(Bytes* input) {
    while (!input->empty() && state_ == State::head) {
        const char c = static_cast<char>(input->front());
        *input = input->subspan(1);
        const bool after_cr = head_bytes_ > line_at_ && head_text_[head_bytes_ - 1U] == '\r';
        if ((c == '\n') != after_cr || head_bytes_ == head_text_.size()) {
            fail(Outcome::form_bad_head);
            return false;
        }
        head_text_[head_bytes_++] = c;
        if (c == '\n' && head_line_ends()) return true;
    }
    return false;
}

// True when the line is the empty one. A delimiter in a head ends the part for some servers.
bool MultipartDecoder::head_line_ends() {
    const std::string_view line(head_text_.data() + line_at_,
                                static_cast<std::size_t>(head_bytes_ - line_at_));
    const std::string_view delimiter = as_text(Bytes(needle_).subspan(2, needle_bytes_ - 2U));
    if (line.starts_with(delimiter)) {
        fail(Outcome::form_bad_head);
        return false;
    }
    const bool empty = line.size() == 2;
    if (empty) head_bytes_ = line_at_;
    line_at_ = head_bytes_;
    return empty;
}

MultipartDecoder::Result MultipartDecoder::fail(Outcome outcome) {
    outcome_ = outcome;
    state_ = State::failed;
    return Result::bad;
}

}  // namespace cordon
