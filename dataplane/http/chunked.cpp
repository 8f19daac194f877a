#include "dataplane/http/chunked.h"

#include <algorithm>

#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

// A receiver that merges trailers into the head would frame, route or decode anew by these
// (RFC 9110 §6.5.1). Hyphens stand for any mark.
constexpr std::string_view refused_trailers[] = {
    "content-length",
    "transfer-encoding",
    "host",
    "content-encoding",
    "content-type",
    "content-range",
    "connection",
    "trailer",
    "upgrade",
    "expect",
    "te",
    "authorization",
};

bool is_quoted_char(char c) {
    return c == '\t' || !is_control(c);
}

}  // namespace

void ChunkedDecoder::open(ChunkStrictness strictness) {
    *this = ChunkedDecoder();
    strictness_ = strictness;
}

std::uint64_t ChunkedDecoder::run_remaining() const {
    return state_ == State::data ? remaining_ : 0;
}

void ChunkedDecoder::pass_over(std::uint64_t bytes) {
    INVARIANT(bytes <= run_remaining());
    remaining_ -= bytes;
    if (state_ == State::data && remaining_ == 0) state_ = State::data_cr;
}

ChunkedDecoder::Result ChunkedDecoder::next(Bytes* input, Bytes* data) {
    while (true) {
        if (state_ == State::done) return Result::end;
        if (state_ == State::failed) return Result::bad;
        if (input->empty()) return Result::more;
        if (state_ == State::data) {
            const std::uint64_t run = std::min<std::uint64_t>(remaining_, input->size());
            *data = input->first(static_cast<std::size_t>(run));
            *input = input->subspan(static_cast<std::size_t>(run));
            pass_over(run);
            return Result::data;
        }
        const char c = static_cast<char>(input->front());
        *input = input->subspan(1);
        take(c);
    }
}

void ChunkedDecoder::take(char c) {
    if (in_trailer()) {
        if (++trailer_bytes_ > limits::trailer_bytes_max) return fail(Outcome::http_chunk_too_long);
        return take_trailer(c);
    }
    if (state_ == State::data_cr) {
        if (c != '\r') return fail_at(c);
        state_ = State::data_lf;
        return;
    }
    if (state_ == State::data_lf) {
        if (c != '\n') return fail(Outcome::http_bad_chunk);
        state_ = State::size_first;
        return;
    }
    if (++line_bytes_ > limits::chunk_line_bytes_max) return fail(Outcome::http_chunk_too_long);
    if (state_ == State::size_lf)
        return c == '\n' ? end_size_line() : fail(Outcome::http_bad_chunk);
    return state_ <= State::size_blank ? take_size(c) : take_extension(c);
}

void ChunkedDecoder::take_size(char c) {
    const int digit = hex_digit(c);
    if (digit >= 0 && state_ != State::size_blank) {
        // Beyond 63 bits a signed offset overflows; 16 digits also bound leading zeros.
        if (++digits_ > 16 || remaining_ >> 59 != 0) return fail(Outcome::http_bad_chunk);
        remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(digit);
        state_ = State::size;
        return;
    }
    if (state_ == State::size_first) return fail_at(c);
    const bool lenient = strictness_ == ChunkStrictness::lenient;
    if (c == '\r') {
        state_ = State::size_lf;
    } else if (c == ';') {
        state_ = lenient ? State::anything : State::name_first;
    } else if (lenient && is_blank(c)) {
        state_ = State::size_blank;
    } else {
        fail_at(c);
    }
}

void ChunkedDecoder::take_extension(char c) {
    const bool token = is_token_char(c);
    const bool may_end = state_ == State::name || state_ == State::value ||
                         state_ == State::quoted_end || state_ == State::anything;
    if (may_end && c == '\r') {
        state_ = State::size_lf;
    } else if (state_ == State::anything) {
        if (c == '\n') fail_at(c);
    } else if (state_ == State::quoted_pair) {
        if (!is_quoted_char(c)) return fail_at(c);
        state_ = State::quoted;
    } else if (state_ == State::quoted) {
        if (!is_quoted_char(c)) return fail_at(c);
        if (c == '"') state_ = State::quoted_end;
        if (c == '\\') state_ = State::quoted_pair;
    } else if (may_end && c == ';') {
        state_ = State::name_first;
    } else if (state_ == State::name && c == '=') {
        state_ = State::value_first;
    } else if (state_ == State::value_first && c == '"') {
        state_ = State::quoted;
    } else if (token && state_ <= State::name) {
        state_ = State::name;
    } else if (token && state_ <= State::value) {
        state_ = State::value;
    } else {
        fail_at(c);
    }
}

void ChunkedDecoder::end_size_line() {
    line_bytes_ = 0;
    digits_ = 0;
    state_ = remaining_ == 0 ? State::line_first : State::data;
}

void ChunkedDecoder::take_trailer(char c) {
    const bool lenient = strictness_ == ChunkStrictness::lenient;
    switch (state_) {
        case State::line_first:
            name_bytes_ = 0;
            if (c == '\r') {
                state_ = State::final_lf;
                return;
            }
            if (is_blank(c) && !lenient) return fail(Outcome::http_folded_header);
            [[fallthrough]];
        case State::field_name:
            state_ = State::field_name;
            if (lenient) {
                if (c == '\n') return fail_at(c);
                state_ = c == '\r' ? State::field_lf : State::field_value;
                return;
            }
            if (c == ':') return end_field_name();
            if (c == '\n') return fail_at(c);
            if (!is_token_char(c)) return fail(Outcome::http_bad_header_name);
            if (name_bytes_ < name_.size()) name_[name_bytes_] = mark_folded(c);
            if (name_bytes_ <= name_.size()) ++name_bytes_;
            return;
        case State::field_value:
            if (c == '\r') {
                state_ = State::field_lf;
            } else if (c == '\n' || (!lenient && !is_quoted_char(c))) {
                fail_at(c);
            }
            return;
        case State::field_lf:
            if (c != '\n') return fail(Outcome::http_bad_chunk);
            state_ = State::line_first;
            return;
        case State::final_lf:
            if (c != '\n') return fail(Outcome::http_bad_chunk);
            state_ = State::done;
            return;
        case State::size_first:
        case State::size:
        case State::size_blank:
        case State::name_first:
        case State::name:
        case State::value_first:
        case State::value:
        case State::quoted:
        case State::quoted_pair:
        case State::quoted_end:
        case State::anything:
        case State::size_lf:
        case State::data:
        case State::data_cr:
        case State::data_lf:
        case State::done:
        case State::failed:
            INVARIANT(false);
    }
}

void ChunkedDecoder::end_field_name() {
    if (name_bytes_ == 0) return fail(Outcome::http_bad_header_name);
    if (name_bytes_ <= name_.size()) {
        const std::string_view name(name_.data(), name_bytes_);
        for (const std::string_view refused : refused_trailers) {
            if (name == refused) return fail(Outcome::http_bad_chunk);
        }
    }
    state_ = State::field_value;
}

void ChunkedDecoder::fail(Outcome outcome) {
    outcome_ = outcome;
    state_ = State::failed;
}

// A line ended by LF alone has its own counter: it is the commonest trick.
void ChunkedDecoder::fail_at(char c) {
    fail(c == '\n' ? Outcome::http_bare_lf : Outcome::http_bad_chunk);
}

}  // namespace cordon
