#include "dataplane/http/message.h"

#include <algorithm>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

using Kind = RequestEvent::Kind;

enum class Start : std::uint8_t { undecided, request, malformed, foreign, tls };

// A line that is no request to any server of HTTP/1 makes another protocol of the connection. Words
// of odd bytes might be one to a lenient server, so they wait for the end of the line, within this.
constexpr std::size_t first_word_bytes_max = 256;

// What begins like this? Looks at the first word only; the whole line is judged when it is there.
// Where no other protocol can begin, an odd byte decides at once.
Start class_start(std::string_view line, bool may_be_foreign) {
    constexpr char tls_handshake = 0x16;
    if (line[0] == tls_handshake) {
        if (line.size() == 1) return Start::undecided;
        return line[1] == 3 ? Start::tls : Start::foreign;
    }
    bool odd = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (i == first_word_bytes_max) return odd ? Start::malformed : Start::request;
        if (is_token_char(c)) {
            if (i == method_bytes_max && !may_be_foreign) return Start::malformed;
            continue;
        }
        // Blanks of other kinds separate words for some servers, so they do not make it foreign.
        const bool blank_like = c == '\t' || c == '\v' || c == '\f' || c == ' ' || c == '\0';
        if (i == 0 && blank_like) return c == '\0' ? Start::foreign : Start::malformed;
        if (c == ' ') return Start::request;
        if (blank_like) return Start::malformed;
        if (c == '\r' || c == '\n') {
            const bool like_http = contains_ignoring_case(line.substr(0, i), "HTTP/");
            return like_http ? Start::malformed : Start::foreign;
        }
        if (is_control(c) || !may_be_foreign) return Start::foreign;
        odd = true;
    }
    return Start::undecided;
}

}  // namespace

void RequestParser::open(MutableBytes head_storage, bool first, std::uint64_t consumed) {
    INVARIANT(!head_storage.empty() && head_storage.size() <= limits::head_bytes_max);
    storage_ = head_storage;
    input_ = {};
    position_ = consumed_ = consumed;
    remaining_ = 0;
    stored_ = line_at_ = 0;
    state_ = State::start;
    first_ = first;
    empty_lines_ = 0;
    head_.begin(reinterpret_cast<const char*>(storage_.data()));
}

void RequestParser::feed(Bytes bytes) {
    INVARIANT(input_.empty());
    input_ = bytes;
    if (state_ == State::stopped) input_ = {};
}

bool RequestParser::feed_inner(Bytes bytes) {
    if (state_ != State::length || remaining_ <= bytes.size() || !input_.empty()) return false;
    remaining_ -= bytes.size();
    position_ += bytes.size();
    consumed_ = position_;
    return true;
}

bool RequestParser::next(RequestEvent* event) {
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

RequestParser::Step RequestParser::step(RequestEvent* event) {
    switch (state_) {
        case State::start:
        case State::start_lf:
            return skip_empty_line(event);
        case State::request_line:
        case State::field_lines:
            return take_head(event);
        case State::head_given:
            remaining_ = head_.content_length;
            if (head_.framing == Framing::chunked) chunks_.open(ChunkStrictness::strict);
            state_ = head_.framing == Framing::none     ? State::ending
                     : head_.framing == Framing::length ? State::length
                                                        : State::chunked;
            return Step::again;
        case State::length:
            return take_length_body(event);
        case State::chunked:
            return take_chunked_body(event);
        case State::ending:
            state_ = State::start;
            first_ = false;
            empty_lines_ = 0;
            *event = {Kind::end, {}, {}};
            return Step::event;
        case State::stopped:
            return Step::more;
    }
    __builtin_unreachable();
}

RequestParser::Step RequestParser::skip_empty_line(RequestEvent* event) {
    if (input_.empty()) return Step::more;
    const char c = static_cast<char>(input_.front());
    if (state_ == State::start_lf) {
        advance(1);
        if (c != '\n' || ++empty_lines_ > empty_lines_max) {
            return stop(event, Kind::error, Outcome::http_bad_head);
        }
        state_ = State::start;
        return Step::again;
    }
    if (c == '\r') {
        advance(1);
        state_ = State::start_lf;
        return Step::again;
    }
    if (c == '\n') {
        advance(1);
        return stop(event, Kind::error, Outcome::http_bare_lf);
    }
    stored_ = line_at_ = 0;
    classed_ = false;
    head_.begin(reinterpret_cast<const char*>(storage_.data()));
    state_ = State::request_line;
    return Step::again;
}

RequestParser::Step RequestParser::take_head(RequestEvent* event) {
    const bool whole = copy_line();
    if (!classed_ && stored_ > 0) {
        const Step classed = class_first_line(event);
        if (classed == Step::event) return classed;
    }
    if (!whole) {
        if (stored_ < storage_.size()) return Step::more;
        return stop(event, Kind::error, Outcome::http_head_too_long);
    }
    const std::string_view line = as_text(storage_.subspan(line_at_, stored_ - line_at_));
    line_at_ = stored_;
    if (line.size() < 2 || line[line.size() - 2] != '\r') {
        return stop(event, Kind::error, Outcome::http_bare_lf);
    }
    return take_line(line.substr(0, line.size() - 2), event);
}

// Moves input into the storage up to the end of the line; false when its end has not come or the
// storage is full before it.
bool RequestParser::copy_line() {
    const Bytes window = input_.first(std::min(input_.size(), storage_.size() - stored_));
    if (window.empty()) return false;
    const void* lf = std::memchr(window.data(), '\n', window.size());
    const std::size_t bytes =
        lf == nullptr
            ? window.size()
            : static_cast<std::size_t>(static_cast<const std::uint8_t*>(lf) - window.data()) + 1;
    std::memcpy(storage_.data() + stored_, window.data(), bytes);
    stored_ += static_cast<std::uint32_t>(bytes);
    advance(bytes);
    return lf != nullptr;
}

RequestParser::Step RequestParser::class_first_line(RequestEvent* event) {
    switch (class_start(as_text(storage_.first(stored_)), may_be_foreign())) {
        case Start::undecided:
            return Step::again;
        case Start::request:
            classed_ = true;
            return Step::again;
        case Start::malformed:
            return stop(event, Kind::error, Outcome::http_bad_head);
        case Start::foreign:
            break;
        case Start::tls:
            if (may_be_foreign()) return stop(event, Kind::tls);
            break;
    }
    if (may_be_foreign()) return stop(event, Kind::not_http);
    return stop(event, Kind::error, Outcome::http_bad_head);
}

// No other protocol begins behind an empty line; a PROXY header of version 2 does, and a server
// that knows it would read a request behind it.
bool RequestParser::may_be_foreign() const {
    return first_ && empty_lines_ == 0;
}

RequestParser::Step RequestParser::take_line(std::string_view line, RequestEvent* event) {
    HeadFault fault;
    if (state_ == State::request_line) {
        if (may_be_foreign() && is_foreign_line(line)) return stop(event, Kind::not_http);
        fault = head_.take_request_line(line);
        state_ = State::field_lines;
    } else if (!line.empty()) {
        fault = head_.take_field_line(line);
    } else {
        fault = head_.finish();
        if (!fault) {
            state_ = State::head_given;
            *event = {Kind::head, {}, {}};
            return Step::event;
        }
    }
    return fault ? stop(event, Kind::error, *fault) : Step::again;
}

RequestParser::Step RequestParser::take_length_body(RequestEvent* event) {
    if (remaining_ == 0) {
        state_ = State::ending;
        return Step::again;
    }
    if (input_.empty()) return Step::more;
    const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input_.size()));
    *event = {Kind::body, {}, input_.first(run)};
    advance(run);
    remaining_ -= run;
    return Step::event;
}

RequestParser::Step RequestParser::take_chunked_body(RequestEvent* event) {
    Bytes rest = input_;
    Bytes data;
    const ChunkedDecoder::Result result = chunks_.next(&rest, &data);
    advance(input_.size() - rest.size());
    switch (result) {
        case ChunkedDecoder::Result::more:
            return Step::more;
        case ChunkedDecoder::Result::data:
            *event = {Kind::body, {}, data};
            return Step::event;
        case ChunkedDecoder::Result::end:
            state_ = State::ending;
            return Step::again;
        case ChunkedDecoder::Result::bad:
            return stop(event, Kind::error, chunks_.outcome());
    }
    __builtin_unreachable();
}

std::uint64_t RequestParser::skippable() const {
    if (state_ == State::length) return remaining_;
    return state_ == State::chunked ? chunks_.run_remaining() : 0;
}

void RequestParser::pass_over(std::uint64_t bytes) {
    INVARIANT(input_.empty() && bytes <= skippable());
    if (state_ == State::chunked) chunks_.pass_over(bytes);
    if (state_ == State::length) remaining_ -= bytes;
    position_ += bytes;
    consumed_ = position_;
}

RequestParser::Step RequestParser::stop(RequestEvent* event, Kind kind, Outcome outcome) {
    state_ = State::stopped;
    input_ = {};
    *event = {kind, outcome, {}};
    return Step::event;
}

void RequestParser::advance(std::size_t bytes) {
    input_ = input_.subspan(bytes);
    position_ += bytes;
}

}  // namespace cordon
