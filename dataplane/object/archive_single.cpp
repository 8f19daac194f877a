#include "dataplane/object/archive_single.h"

namespace cordon {

namespace {

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
    started_ = opened_ = may_end_told_ = false;
    magic_bytes_ = 0;
    magic_left_ = pending_ = {};
    name_.open();
    return coding_.open(coding, pool);
}

SingleDecoder::Result SingleDecoder::next(Bytes* input, MutableBytes out, Bytes* data) {
    *data = {};
    while (pending_.empty()) {
        const bool at_piece = started_ && magic_left_.empty() && coding_.is_complete();
        const Result result =
            at_piece ? next_piece(input) : step(magic_left_.empty() ? input : &magic_left_, out);
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
    const bool from_magic = input == &magic_left_;
    const Bytes before = *input;
    std::size_t written = 0;
    started_ = started_ || !before.empty();
    const CodingDecoder::Result result = coding_.next(input, out, &written);
    if (kind_ == ContentCoding::gzip) name_.take(before.first(before.size() - input->size()));
    pending_ = out.first(written);
    switch (result) {
        case CodingDecoder::Result::more: {
            const bool goes_on = from_magic || (!input->empty() && coding_.is_complete());
            return goes_on || written != 0 ? Result::data : Result::more;
        }
        case CodingDecoder::Result::data:
            return Result::data;
        case CodingDecoder::Result::end:
            return Result::end;
        case CodingDecoder::Result::bad:
            return Result::bad;
        case CodingDecoder::Result::limit:
            return Result::limit;
    }
    return Result::bad;
}

// Behind a piece: another one, or the end. Its first bytes are looked at before the library takes
// them, as they may be those of something else. `data`: it begins.
SingleDecoder::Result SingleDecoder::next_piece(Bytes* input) {
    const bool is_gzip = kind_ == ContentCoding::gzip;
    while (!input->empty()) {
        const std::uint8_t byte = input->front();
        if (is_gzip && magic_bytes_ == 0 && byte == 0) {
            *input = input->subspan(1);
            continue;
        }
        if (!may_begin_piece(byte)) return Result::end;
        if (opened_ && !may_end_told_) {
            may_end_told_ = true;
            return Result::may_end;
        }
        magic_[magic_bytes_++] = byte;
        *input = input->subspan(1);
        if (magic_bytes_ < magic_size()) continue;
        magic_left_ = Bytes(magic_).first(magic_bytes_);
        magic_bytes_ = 0;
        return Result::data;
    }
    return Result::more;
}

// A frame of zstd may be one that is to be skipped (RFC 8878 §3.1.2).
bool SingleDecoder::may_begin_piece(std::uint8_t byte) const {
    constexpr std::uint8_t gzip_magic[] = {0x1f, 0x8b, 0x08};
    constexpr std::uint8_t zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    constexpr std::uint8_t skipped_magic[] = {0x50, 0x2a, 0x4d, 0x18};
    if (kind_ == ContentCoding::gzip) return byte == gzip_magic[magic_bytes_];
    if (magic_bytes_ == 0) return byte == zstd_magic[0] || (byte & 0xf0) == skipped_magic[0];
    const bool is_skipped = magic_[0] != zstd_magic[0];
    return byte == (is_skipped ? skipped_magic : zstd_magic)[magic_bytes_];
}

}  // namespace cordon
