#include "dataplane/http/response.h"

#include <algorithm>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

using Kind = ResponseEvent::Kind;

constexpr std::string_view answer_start = "HTTP/1.";

bool is_framing_name(std::string_view name) {
    return equal_ignoring_case(name, "content-length") ||
           equal_ignoring_case(name, "transfer-encoding");
}

}  // namespace

MethodKind method_kind(const Head& head) {
    if (head.connect) return MethodKind::connect;
    if (head.method == "HEAD") return MethodKind::head;
    // A server ignores the field from an HTTP/1.0 client (RFC 9110 §7.8).
    return head.upgrade && head.minor_version == 1 ? MethodKind::upgrade : MethodKind::other;
}

bool ResponseTracker::expect(MethodKind kind) {
    if (full()) return false;
    kinds_[(oldest_ + pending_) % kinds_.size()] = kind;
    ++pending_;
    return true;
}

void ResponseTracker::feed(Bytes bytes) {
    INVARIANT(input_.empty());
    input_ = bytes;
}

void ResponseTracker::finish() {
    finished_ = true;
}

bool ResponseTracker::next(ResponseEvent* event) {
    while (true) {
        switch (step(event)) {
            case Step::more:
                return false;
            case Step::again:
                continue;
            case Step::event:
                if (state_ != State::stopped) consumed_ = position_;
                return true;
        }
    }
}

ResponseTracker::Step ResponseTracker::step(ResponseEvent* event) {
    if (input_.empty() && finished_) return take_fin(event);
    switch (state_) {
        case State::start:
            return skip_empty_line();
        case State::status_line:
        case State::field_lines:
            return take_head(event);
        case State::length:
            return take_length_body();
        case State::chunked:
            return take_chunked_body(event);
        case State::ending:
            return end_answer(event, true);
        case State::until_close:
        case State::tunnel:
        case State::closed:
        case State::stopped:
            advance(input_.size());
            return Step::more;
    }
    __builtin_unreachable();
}

ResponseTracker::Step ResponseTracker::take_fin(ResponseEvent* event) {
    switch (state_) {
        case State::start:
            state_ = State::closed;
            return Step::more;
        case State::status_line:
        case State::field_lines:
            return fail(event);
        case State::chunked:
            return end_answer(event, false);
        case State::length:
            return end_answer(event, remaining_ == 0);
        case State::until_close:
        case State::ending:
            return end_answer(event, true);
        case State::tunnel:
        case State::closed:
        case State::stopped:
            return Step::more;
    }
    __builtin_unreachable();
}

ResponseTracker::Step ResponseTracker::skip_empty_line() {
    if (input_.empty()) return Step::more;
    if (input_.front() == '\r' || input_.front() == '\n') {
        advance(1);
        return Step::again;
    }
    state_ = State::status_line;
    head_bytes_ = line_bytes_ = 0;
    remaining_ = 0;
    version_1_0_ = has_length_ = has_coding_ = chunked_last_ = false;
    asked_close_ = asked_keep_alive_ = last_was_framing_ = false;
    has_location_ = last_was_location_ = false;
    location_bytes_ = 0;
    unsolicited_ = pending_ == 0;
    return Step::again;
}

ResponseTracker::Step ResponseTracker::take_head(ResponseEvent* event) {
    const bool whole = copy_line();
    if (head_bytes_ > response_head_bytes_max) return fail(event);
    std::string_view line(line_.data(), std::min<std::size_t>(line_bytes_, line_.size()));
    if (state_ == State::status_line) {
        // Judged at its first bytes: what is not HTTP may never send a line end.
        const std::size_t known = std::min(line.size(), answer_start.size());
        if (line.substr(0, known) != answer_start.substr(0, known)) return fail(event);
    }
    if (!whole) return Step::more;

    if (line.size() == line_bytes_) {
        line.remove_suffix(1);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    }
    const bool cut = line_bytes_ > line_.size();
    const std::size_t whole_bytes = line_bytes_;
    line_bytes_ = 0;
    if (state_ == State::status_line) {
        if (!take_status_line(line)) return fail(event);
        state_ = State::field_lines;
        return Step::again;
    }
    if (line.empty()) return end_head(event);
    if (!room_.empty()) take_location(line, whole_bytes);
    if (cut && is_framing_name(trim(line.substr(0, line.find(':'))))) return fail(event);
    return take_field_line(line) ? Step::again : fail(event);
}

// Moves input up to the end of the line, keeping its first bytes; false when its end has not come.
bool ResponseTracker::copy_line() {
    if (input_.empty()) return false;
    const void* lf = std::memchr(input_.data(), '\n', input_.size());
    const std::size_t bytes =
        lf == nullptr
            ? input_.size()
            : static_cast<std::size_t>(static_cast<const std::uint8_t*>(lf) - input_.data()) + 1;
    if (line_bytes_ < line_.size()) {
        const std::size_t kept = std::min(bytes, line_.size() - line_bytes_);
        std::memcpy(line_.data() + line_bytes_, input_.data(), kept);
    }
    if (!has_location_ && line_bytes_ < room_.size())
        std::memcpy(room_.data() + line_bytes_, input_.data(),
                    std::min(bytes, room_.size() - line_bytes_));
    const auto counted =
        static_cast<std::uint32_t>(std::min<std::size_t>(bytes, response_head_bytes_max + 1));
    line_bytes_ = std::min(line_bytes_ + counted, response_head_bytes_max + 1);
    head_bytes_ = std::min(head_bytes_ + counted, response_head_bytes_max + 1);
    advance(bytes);
    return lf != nullptr;
}

// "HTTP/1." DIGIT SP 3DIGIT, then nothing or a blank and a reason.
bool ResponseTracker::take_status_line(std::string_view line) {
    if (line.size() < 12 || !line.starts_with(answer_start) || !is_digit(line[7])) return false;
    if (line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) return false;
    status_ = 0;
    for (const char c : line.substr(9, 3)) {
        if (!is_digit(c)) return false;
        status_ = static_cast<std::uint16_t>(status_ * 10 + (c - '0'));
    }
    version_1_0_ = line[7] == '0';
    return status_ >= 100;
}

bool ResponseTracker::take_field_line(std::string_view line) {
    if (is_blank(line[0])) return !last_was_framing_;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    const std::string_view name = line.substr(0, colon);
    last_was_framing_ = is_framing_name(trim(name));
    // "Content-Length :" counts for one client and not for the next.
    if (last_was_framing_ && name.size() != trim(name).size()) return false;
    const std::string_view value = trim(line.substr(colon + 1));
    if (equal_ignoring_case(name, "content-length")) return take_content_length(value);
    if (equal_ignoring_case(name, "transfer-encoding")) return take_transfer_encoding(value);
    if (equal_ignoring_case(name, "connection")) {
        asked_close_ = asked_close_ || list_has(value, "close");
        asked_keep_alive_ = asked_keep_alive_ || list_has(value, "keep-alive");
    }
    return true;
}

// The line as a whole is in the room, while none was Location.
void ResponseTracker::take_location(std::string_view line, std::size_t line_bytes) {
    if (is_blank(line[0])) {
        if (last_was_location_) location_bytes_ = 0;
        return;
    }
    last_was_location_ = equal_ignoring_case(line.substr(0, line.find(':')), "location");
    if (!last_was_location_) return;
    location_bytes_ = 0;
    if (!has_location_ && line_bytes <= room_.size()) {
        std::string_view value(room_.data(), line_bytes);
        value.remove_prefix(value.find(':') + 1);
        while (!value.empty() && (value.back() == '\n' || value.back() == '\r'))
            value.remove_suffix(1);
        value = trim(value);
        std::memmove(room_.data(), value.data(), value.size());
        location_bytes_ = value.size();
    }
    has_location_ = true;
}

bool ResponseTracker::take_content_length(std::string_view value) {
    if (value.empty() || value.size() > 18) return false;
    std::uint64_t length = 0;
    for (const char c : value) {
        if (!is_digit(c)) return false;
        length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (has_length_ && length != remaining_) return false;
    has_length_ = true;
    remaining_ = length;
    return true;
}

bool ResponseTracker::take_transfer_encoding(std::string_view value) {
    if (has_coding_ || version_1_0_) return false;
    has_coding_ = true;
    const std::size_t comma = value.rfind(',');
    const std::size_t last = comma == std::string_view::npos ? 0 : comma + 1;
    chunked_last_ = equal_ignoring_case(trim(value.substr(last)), "chunked");
    return true;
}

ResponseTracker::Step ResponseTracker::end_head(ResponseEvent* event) {
    const MethodKind kind = unsolicited_ ? MethodKind::other : kinds_[oldest_];
    if (status_ == 101 || (kind == MethodKind::connect && status_ / 100 == 2)) {
        if (status_ == 101 && kind != MethodKind::upgrade) return fail(event);
        state_ = State::tunnel;
        *event = {Kind::upgraded, status_, false, true};
        return Step::event;
    }
    if (status_ < 200) {
        state_ = State::start;
        *event = {Kind::interim, status_, unsolicited_, true};
        return Step::event;
    }
    if (unsolicited_ && status_ < 400) return fail(event);
    if (!settle_framing(kind)) return fail(event);
    close_after_ =
        asked_close_ || (version_1_0_ && !asked_keep_alive_) || state_ == State::until_close;
    *event = {Kind::final_head, status_, unsolicited_, true};
    return Step::event;
}

// RFC 9112 §6.3, in its order.
bool ResponseTracker::settle_framing(MethodKind kind) {
    const bool no_body = kind == MethodKind::head || status_ == 204 || status_ == 304;
    if (no_body) {
        state_ = State::ending;
        return true;
    }
    if (has_length_ && has_coding_) return false;
    if (chunked_last_) {
        chunks_.open(ChunkStrictness::lenient);
        state_ = State::chunked;
    } else {
        state_ = has_length_ ? State::length : State::until_close;
    }
    return true;
}

ResponseTracker::Step ResponseTracker::take_length_body() {
    const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input_.size()));
    advance(run);
    remaining_ -= run;
    if (remaining_ != 0) return Step::more;
    state_ = State::ending;
    return Step::again;
}

ResponseTracker::Step ResponseTracker::take_chunked_body(ResponseEvent* event) {
    Bytes rest = input_;
    Bytes data;
    const ChunkedDecoder::Result result = chunks_.next(&rest, &data);
    advance(input_.size() - rest.size());
    switch (result) {
        case ChunkedDecoder::Result::more:
            return Step::more;
        case ChunkedDecoder::Result::data:
            return Step::again;
        case ChunkedDecoder::Result::end:
            state_ = State::ending;
            return Step::again;
        case ChunkedDecoder::Result::bad:
            return fail(event);
    }
    __builtin_unreachable();
}

ResponseTracker::Step ResponseTracker::end_answer(ResponseEvent* event, bool complete) {
    if (!unsolicited_) {
        oldest_ = static_cast<std::uint8_t>((oldest_ + 1) % kinds_.size());
        --pending_;
    }
    state_ = State::start;
    *event = {Kind::end, status_, unsolicited_, complete};
    return Step::event;
}

std::uint64_t ResponseTracker::skippable() const {
    if (state_ == State::length) return remaining_;
    return state_ == State::chunked ? chunks_.run_remaining() : 0;
}

void ResponseTracker::pass_over(std::uint64_t bytes) {
    INVARIANT(input_.empty() && bytes <= skippable());
    if (state_ == State::chunked) chunks_.pass_over(bytes);
    if (state_ == State::length) remaining_ -= bytes;
    position_ += bytes;
}

ResponseTracker::Step ResponseTracker::fail(ResponseEvent* event) {
    advance(input_.size());
    state_ = State::stopped;
    *event = {Kind::error, status_, unsolicited_, false};
    return Step::event;
}

void ResponseTracker::advance(std::size_t bytes) {
    input_ = input_.subspan(bytes);
    position_ += bytes;
}

bool is_unasked_answer(Bytes first_bytes) {
    const std::string_view text = as_text(first_bytes);
    const std::size_t begin = std::min(text.find_first_not_of("\r\n"), text.size());
    const std::string_view line = text.substr(begin);
    return line.starts_with(answer_start) && line.size() > 9 && line[9] >= '1' && line[9] <= '3';
}

Likeness http_answer_likeness(Bytes first_bytes) {
    const std::string_view text = as_text(first_bytes);
    constexpr std::string_view start = "HTTP/";
    const std::size_t known = std::min(text.size(), start.size());
    if (text.substr(0, known) != start.substr(0, known)) return Likeness::no;
    return known == start.size() ? Likeness::yes : Likeness::maybe;
}

bool begins_final_answer(Bytes payload) {
    constexpr std::size_t status_at = std::string_view("HTTP/1.1 ").size();
    const std::string_view text = as_text(payload);
    return text.starts_with("HTTP/1.") && text.size() > status_at && text[status_at] >= '2' &&
           text[status_at] <= '9';
}

bool looks_like_request(Bytes payload) {
    constexpr std::size_t method_max = 24;
    const std::string_view text = as_text(payload);
    const std::size_t at = text.substr(0, method_max).find(' ');
    if (at == std::string_view::npos || !http::is_token(text.substr(0, at))) return false;
    const std::string_view target = text.substr(at + 1);
    return target.starts_with('/') || target.starts_with("http") || target.starts_with('*');
}

}  // namespace cordon
