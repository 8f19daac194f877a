#include "dataplane/object/archive_single.h"

#include <algorithm>

namespace cordon {

namespace {

constexpr std::uint8_t gzip_magic = 0x1f;
constexpr std::uint8_t flags_at = 3;
constexpr std::uint8_t fixed_bytes = 10;
constexpr std::uint8_t has_extra = 4;
constexpr std::uint8_t has_name = 8;

}  // namespace

void GzipName::open() {
    state_ = State::fixed;
    flags_ = fixed_bytes_ = 0;
    extra_bytes_ = 0;
    name_.clear();
}

void GzipName::take(Bytes bytes) {
    for (const std::uint8_t byte : bytes) {
        if (state_ == State::over) return;
        take_byte(byte);
    }
}

void GzipName::take_byte(std::uint8_t byte) {
    switch (state_) {
        case State::fixed:
            if (fixed_bytes_ == flags_at) flags_ = byte;
            if (++fixed_bytes_ < fixed_bytes) return;
            fixed_bytes_ = 0;
            state_ = (flags_ & has_extra) != 0  ? State::extra_length
                     : (flags_ & has_name) != 0 ? State::name
                                                : State::over;
            return;
        case State::extra_length:
            extra_bytes_ = static_cast<std::uint16_t>(extra_bytes_ | byte << (8 * fixed_bytes_));
            if (++fixed_bytes_ < 2) return;
            state_ = extra_bytes_ != 0 ? State::extra : State::name;
            break;
        case State::extra:
            if (--extra_bytes_ == 0) state_ = State::name;
            break;
        case State::name:
            if (byte == 0) {
                state_ = State::over;
                return;
            }
            return name_.append({reinterpret_cast<const char*>(&byte), 1});
        case State::over:
            return;
    }
    if (state_ == State::name && (flags_ & has_name) == 0) state_ = State::over;
}

bool SingleDecoder::open(ContentCoding coding, CodingPool* pool) {
    kind_ = coding;
    pool_ = pool;
    opened_ = may_end_told_ = between_ = false;
    pending_ = {};
    name_.open();
    return coding_.open(coding, pool);
}

SingleDecoder::Result SingleDecoder::next(Bytes* input, MutableBytes out, Bytes* data) {
    *data = {};
    while (pending_.empty()) {
        const Result result = between_ ? begin_again(input) : step(input, out);
        if (result != Result::data) return result;
    }
    if (!opened_) {
        opened_ = true;
        return Result::member;
    }
    *data = pending_;
    pending_ = {};
    return Result::data;
}

SingleDecoder::Result SingleDecoder::step(Bytes* input, MutableBytes out) {
    if (opened_ && !may_end_told_ && !input->empty() && coding_.is_complete()) {
        may_end_told_ = true;
        return Result::may_end;
    }
    const Bytes before = *input;
    std::size_t written = 0;
    const CodingDecoder::Result result = coding_.next(input, out, &written);
    if (kind_ == ContentCoding::gzip) name_.take(before.first(before.size() - input->size()));
    pending_ = out.first(written);
    switch (result) {
        case CodingDecoder::Result::more:
            return written != 0 ? Result::data : Result::more;
        case CodingDecoder::Result::data:
            return Result::data;
        case CodingDecoder::Result::end:
            between_ = true;
            return Result::data;
        case CodingDecoder::Result::bad:
            return Result::bad;
        case CodingDecoder::Result::limit:
            return Result::limit;
    }
    return Result::bad;
}

// Behind a piece of gzip that another one does not follow at once. `data`: it does.
SingleDecoder::Result SingleDecoder::begin_again(Bytes* input) {
    const auto end = std::find_if(input->begin(), input->end(), [](auto byte) { return byte; });
    *input = input->subspan(static_cast<std::size_t>(end - input->begin()));
    if (input->empty()) return Result::more;
    if (input->front() != gzip_magic) return Result::end;
    coding_.close();
    if (!coding_.open(kind_, pool_)) return Result::limit;
    between_ = false;
    return Result::data;
}

}  // namespace cordon
