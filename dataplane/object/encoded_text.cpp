#include "dataplane/object/encoded_text.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/http/syntax.h"

namespace cordon {

namespace {

constexpr std::string_view url_scheme = "data";
constexpr std::string_view url_coding = ";base64";

bool is_space(std::uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

void EncodedText::begin() {
    INVARIANT(!is_open_);
    state_ = State::probing;
    is_url_ = open_due_ = odd_due_ = was_odd_ = may_end_due_ = end_due_ = rest_given_ = false;
    line_chars_ = probe_bytes_ = 0;
    chars_ = 0;
    digits_.drop_rest();
    padding_ = {};
}

std::size_t EncodedText::take(Bytes* run, MutableBytes out) {
    INVARIANT(out.size() >= room_min);
    switch (state_) {
        case State::probing:
            probe(run);
            return 0;
        case State::url_head:
            take_url_head(run);
            return 0;
        case State::decoding:
            return decode(run, out);
        case State::padded:
            take_padding(run);
            return 0;
        case State::over:
            *run = {};
            return 0;
    }
    return 0;
}

void EncodedText::probe(Bytes* run) {
    while (!run->empty() && state_ == State::probing) {
        Bytes digits = run->first(std::min(run->size(), limits::text_probe_chars - chars_));
        const Bytes before = digits;
        probe_bytes_ = static_cast<std::uint8_t>(
            probe_bytes_ + digits_.next(&digits, MutableBytes(probe_).subspan(probe_bytes_)));
        const std::size_t taken = before.size() - digits.size();
        note_prefix(before.first(taken));
        chars_ = static_cast<std::uint16_t>(chars_ + taken);
        line_chars_ = static_cast<std::uint8_t>(line_chars_ + taken);
        *run = run->subspan(taken);
        if (chars_ == limits::text_probe_chars) {
            state_ = State::decoding;
            open_due_ = true;
        } else if (!run->empty()) {
            if (!probe_other(run->front())) state_ = State::over;
            *run = run->subspan(1);
        }
    }
}

void EncodedText::note_prefix(Bytes digits) {
    for (std::size_t at = chars_; at < url_scheme.size() && !digits.empty(); ++at) {
        last_[at] = http::to_lower(static_cast<char>(digits.front()));
        digits = digits.subspan(1);
    }
}

// A character that is no digit, before the text is believed.
bool EncodedText::probe_other(std::uint8_t c) {
    if (c == ':' && chars_ == url_scheme.size() &&
        std::string_view(last_.data(), chars_) == url_scheme) {
        state_ = State::url_head;
        is_url_ = true;
        chars_ = probe_bytes_ = 0;
        digits_.drop_rest();
        return true;
    }
    if (is_space(c) && chars_ == 0) return true;
    if (c != '\r' && c != '\n') return false;
    const bool is_long = line_chars_ == 0 || line_chars_ >= limits::text_line_chars_min;
    line_chars_ = 0;
    return is_long;
}

void EncodedText::take_url_head(Bytes* run) {
    while (!run->empty() && state_ == State::url_head) {
        const char c = http::to_lower(static_cast<char>(run->front()));
        *run = run->subspan(1);
        if (c == ',') {
            const bool is_base64 = chars_ >= last_.size() &&
                                   std::string_view(last_.data(), last_.size()) == url_coding;
            state_ = is_base64 ? State::decoding : State::over;
        } else if (++chars_ > limits::text_url_head_chars_max) {
            state_ = State::over;
        } else {
            std::memmove(last_.data(), last_.data() + 1, last_.size() - 1);
            last_.back() = c;
        }
    }
}

// A data URL becomes a file with its first digit.
std::size_t EncodedText::decode(Bytes* run, MutableBytes out) {
    std::size_t used = 0;
    while (!run->empty() && state_ == State::decoding && !open_due_) {
        if (!is_open_) {
            open_due_ = Base64Digits::is_digit(run->front());
            if (open_due_) break;
        }
        used += digits_.next(run, out.subspan(used));
        if (run->empty() || Base64Digits::is_digit(run->front())) break;
        decode_other(run->front());
        *run = run->subspan(1);
    }
    return used;
}

void EncodedText::decode_other(std::uint8_t c) {
    if (c == '=') {
        padding_.take();
        state_ = State::padded;
    } else if (!is_space(c)) {
        note_odd();
    }
}

void EncodedText::take_padding(Bytes* run) {
    while (!run->empty() && state_ == State::padded) {
        if (Base64Digits::is_digit(run->front())) return go_on_behind_padding();
        decode_other(run->front());
        *run = run->subspan(1);
    }
}

void EncodedText::go_on_behind_padding() {
    const bool ends_some = padding_.goes_on(digits_.pending());
    may_end_due_ = ends_some && is_open_;
    note_odd();
    state_ = State::decoding;
}

void EncodedText::note_odd() {
    odd_due_ = odd_due_ || !was_odd_;
    was_odd_ = true;
}

void EncodedText::end(bool is_odd) {
    end_due_ = is_open_ || open_due_;
    if (is_odd && end_due_) note_odd();
    state_ = State::over;
}

TextResult EncodedText::event(MutableBytes out, std::size_t* written) {
    *written = 0;
    if (open_due_) {
        open_due_ = false;
        is_open_ = true;
        return TextResult::open;
    }
    if (is_open_ && probe_bytes_ != 0) {
        std::memcpy(out.data(), probe_.data(), probe_bytes_);
        *written = probe_bytes_;
        probe_bytes_ = 0;
        return TextResult::data;
    }
    if (odd_due_) {
        odd_due_ = false;
        return TextResult::odd;
    }
    if (may_end_due_) {
        may_end_due_ = false;
        *written = digits_.rest(out);
        return TextResult::may_end;
    }
    if (!end_due_) return TextResult::more;
    if (!rest_given_) {
        rest_given_ = true;
        *written = digits_.rest(out);
        if (*written != 0) return TextResult::data;
    }
    end_due_ = is_open_ = false;
    return TextResult::end;
}

}  // namespace cordon
