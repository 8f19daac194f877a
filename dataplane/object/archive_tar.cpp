#include "dataplane/object/archive_tar.h"

#include <algorithm>
#include <cstring>

namespace cordon {

namespace {

// Of the header (POSIX.1-1988 §10.1.1).
struct Field {
    std::size_t at;
    std::size_t bytes;
};
constexpr Field name_field{0, 100};
constexpr Field size_field{124, 12};
constexpr Field checksum_field{148, 8};
constexpr std::size_t type_at = 156;
constexpr Field magic_field{257, 6};
constexpr Field prefix_field{345, 155};
// Of GNU's own sparse files: whether a block of the map follows this header, or this block of it.
constexpr std::size_t header_extends_at = 482;
constexpr std::size_t map_extends_at = 504;

std::string_view text_of(Bytes block, Field field) {
    return as_text(block.subspan(field.at, field.bytes));
}

std::string_view up_to_nul(std::string_view text) {
    return text.substr(0, text.find('\0'));
}

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool is_octal(char c) {
    return c >= '0' && c <= '7';
}

// As the most lenient reader does it: what stands before and after the digits does not matter.
bool read_checksum(Bytes block, std::uint32_t* sum) {
    const std::string_view text = text_of(block, checksum_field);
    const auto digits = std::find_if(text.begin(), text.end(), is_octal);
    if (!std::all_of(text.begin(), digits, [](char c) { return is_blank(c) || c == '\0'; }))
        return false;
    *sum = 0;
    for (auto at = digits; at != text.end() && is_octal(*at); ++at)
        *sum = 8 * *sum + static_cast<std::uint32_t>(*at - '0');
    return digits != text.end();
}

// GNU and star write numbers that are too long for their field in 256s (first byte 0x80).
bool read_base256(std::string_view text, std::uint64_t* number) {
    if (static_cast<std::uint8_t>(text[0]) != 0x80) return false;
    *number = 0;
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (*number >> 55 != 0) return false;  // no file is so long
        *number = *number << 8 | static_cast<std::uint8_t>(text[at]);
    }
    return true;
}

bool is_any_of(char type, std::string_view types) {
    return types.find(type) != std::string_view::npos;
}

}  // namespace

bool is_zero_block(Bytes block) {
    return std::all_of(block.begin(), block.end(), [](std::uint8_t byte) { return byte == 0; });
}

// The sum of all bytes, those of the checksum itself taken for blanks; some old tools took bytes
// for signed.
bool is_tar_header(Bytes block) {
    std::uint32_t wanted;
    if (!read_checksum(block, &wanted)) return false;
    std::uint32_t sum = 0;
    std::uint32_t high = 0;
    for (const std::uint8_t byte : block) {
        sum += byte;
        high += byte >> 7;
    }
    for (const char c : text_of(block, checksum_field)) {
        sum -= static_cast<std::uint8_t>(c);
        high -= static_cast<std::uint8_t>(c) >> 7;
    }
    sum += static_cast<std::uint32_t>(checksum_field.bytes) * ' ';
    return wanted == sum || wanted == sum - 256 * high;
}

void TarDecoder::open() {
    state_ = State::header;
    opened_ = damaged_told_ = after_end_ = has_long_name_ = is_checked_ = is_member_ = false;
    block_bytes_ = zero_blocks_ = padding_ = 0;
    members_ = 0;
    left_ = 0;
    pax_.forget();
    name_.clear();
}

TarDecoder::Result TarDecoder::next(Bytes* input, Bytes* data) {
    *data = {};
    while (true) {
        if (input->empty() && !has_more() && state_ != State::failed) return Result::more;
        const Result result = step(input, data);
        if (result != Result::more) return result;
    }
}

TarDecoder::Result TarDecoder::step(Bytes* input, Bytes* data) {
    switch (state_) {
        case State::header:
            return gather(input) ? take_header(data) : Result::more;
        case State::sparse_map:
            if (gather(input) && block_[map_extends_at] == 0) state_ = State::unsupported;
            return Result::more;
        case State::unsupported:
            return begin_member(left_);
        case State::content:
            return take_content(input, data);
        case State::skipped:
            take_left(input);
            if (left_ == 0) end_content();
            return Result::more;
        case State::padding: {
            const Bytes run = take_left(input);
            if (is_checked_ && finds_header(run)) return fail(Result::inconsistent);
            if (left_ == 0) {
                state_ = State::header;
                block_bytes_ = 0;
            }
            return Result::more;
        }
        case State::long_name:
            name_.append(as_text(take_left(input)));
            if (left_ != 0) return Result::more;
            name_.end_at_nul();
            has_long_name_ = true;
            end_content();
            return Result::more;
        case State::pax:
            pax_.take(take_left(input));
            if (left_ != 0) return Result::more;
            end_content();
            if (pax_.is_odd()) return fail(Result::inconsistent);
            if (!pax_.is_malformed() || damaged_told_) return Result::more;
            damaged_told_ = true;
            return Result::damaged;
        case State::failed:
            return why_;
    }
    return Result::more;
}

Bytes TarDecoder::take_left(Bytes* input) {
    const Bytes run = input->first(std::min<std::uint64_t>(left_, input->size()));
    *input = input->subspan(run.size());
    left_ -= run.size();
    return run;
}

bool TarDecoder::gather(Bytes* input) {
    const std::size_t fits = std::min(block_.size() - block_bytes_, input->size());
    std::memcpy(block_.data() + block_bytes_, input->data(), fits);
    *input = input->subspan(fits);
    block_bytes_ = static_cast<std::uint16_t>(block_bytes_ + fits);
    if (block_bytes_ < block_.size()) return false;
    block_bytes_ = 0;
    return true;
}

TarDecoder::Result TarDecoder::take_header(Bytes* data) {
    if (!is_tar_header(block_)) return take_no_header(data);
    zero_blocks_ = 0;
    opened_ = true;
    after_end_ = false;
    if (++members_ > limits::archive_members_max) return fail(Result::limit);
    std::uint64_t size = 0;
    if (!read_size(&size)) return fail(Result::inconsistent);
    return begin(size);
}

TarDecoder::Result TarDecoder::take_no_header(Bytes* data) {
    zero_blocks_ = is_zero_block(block_) ? static_cast<std::uint16_t>(zero_blocks_ + 1) : 0;
    if (!opened_) {
        if (zero_blocks_ == 1) return Result::more;
        *data = block_;
        return fail(Result::bogus);
    }
    if (zero_blocks_ == 2) after_end_ = true;
    if (zero_blocks_ != 0) {
        zero_blocks_ = std::min<std::uint16_t>(zero_blocks_, 2);
        return Result::more;
    }
    if (after_end_) {
        *data = block_;
        return Result::foreign;
    }
    if (damaged_told_) return Result::more;
    damaged_told_ = true;
    return Result::damaged;
}

// Blanks, digits, blanks, a NUL. With anything else some readers stop, others go on with what they
// have read so far.
bool TarDecoder::read_size(std::uint64_t* size) const {
    const std::string_view text = text_of(block_, size_field);
    if ((static_cast<std::uint8_t>(text[0]) & 0x80) != 0) return read_base256(text, size);
    const auto digits = std::find_if_not(text.begin(), text.end(), is_blank);
    const auto end = std::find_if_not(digits, text.end(), is_octal);
    *size = 0;
    for (auto at = digits; at != end; ++at)
        *size = 8 * *size + static_cast<std::uint64_t>(*at - '0');
    if (end == text.end()) return true;
    // Behind a NUL some skip and read on when no digit came yet.
    if (digits == end) return std::none_of(end, text.end(), is_octal) && (*end == '\0');
    const auto behind = std::find_if_not(end, text.end(), is_blank);
    return behind == text.end() || *behind == '\0';
}

TarDecoder::Result TarDecoder::begin(std::uint64_t size) {
    const char type = static_cast<char>(block_[type_at]);
    if (type == 'L') {
        name_.clear();
        begin_extension(State::long_name, size);
        return Result::more;
    }
    if (type == 'x' || type == 'X' || type == 'g') {
        pax_.open(type == 'g');
        begin_extension(State::pax, size);
        return Result::more;
    }
    if (type == 'K') {
        begin_extension(State::skipped, size);
        return Result::more;
    }
    read_name();
    if (pax_.size()) {
        // Readers that do not know pax go by the header.
        if (size != 0 && size != *pax_.size()) return fail(Result::inconsistent);
        size = *pax_.size();
        if (size >> 62 != 0) return fail(Result::inconsistent);
    }
    // Links, devices and directories, also as they were in version 7.
    const bool is_old_directory = is_any_of(type, {"0\0", 2}) && name_.text().ends_with('/');
    const bool has_no_content = is_any_of(type, "123456") || is_old_directory;
    const bool is_sparse = type == 'S' || pax_.is_sparse();
    pax_.forget();
    has_long_name_ = false;
    is_checked_ = has_no_content && size != 0;
    if (has_no_content && size == 0) return Result::more;
    left_ = size;
    if (!is_sparse) return begin_member(size);
    const bool has_map = type == 'S' && block_[header_extends_at] != 0;
    state_ = has_map ? State::sparse_map : State::unsupported;
    return Result::more;
}

TarDecoder::Result TarDecoder::begin_member(std::uint64_t size) {
    const bool was_unsupported = state_ == State::unsupported;
    if (was_unsupported && !is_member_) {
        is_member_ = true;
        return Result::unsupported;
    }
    state_ = State::content;
    is_member_ = true;
    left_ = size;
    padding_ =
        static_cast<std::uint16_t>((tar_block_bytes - size % tar_block_bytes) % tar_block_bytes);
    return Result::member;
}

void TarDecoder::begin_extension(State state, std::uint64_t size) {
    is_checked_ = false;
    left_ = size;
    padding_ =
        static_cast<std::uint16_t>((tar_block_bytes - size % tar_block_bytes) % tar_block_bytes);
    if (size == 0)
        end_content();
    else
        state_ = state;
}

TarDecoder::Result TarDecoder::take_content(Bytes* input, Bytes* data) {
    if (left_ == 0) {
        end_content();
        is_member_ = false;
        return Result::member_end;
    }
    *data = take_left(input);
    if (is_checked_ && finds_header(*data)) return fail(Result::inconsistent);
    return Result::data;
}

// In what some readers skip, and others read as the next header.
bool TarDecoder::finds_header(Bytes run) {
    while (!run.empty()) {
        if (gather(&run) && is_tar_header(block_)) return true;
    }
    return false;
}

void TarDecoder::end_content() {
    left_ = padding_;
    state_ = left_ != 0 ? State::padding : State::header;
    if (left_ == 0) block_bytes_ = 0;
}

// Where there is no other the name stands in the header, since ustar in two pieces.
void TarDecoder::read_name() {
    if (pax_.has_path()) {
        name_.clear();
        return name_.append(up_to_nul(pax_.path()));
    }
    if (has_long_name_) return;
    name_.clear();
    const std::string_view prefix = up_to_nul(text_of(block_, prefix_field));
    const bool is_ustar = text_of(block_, magic_field) == std::string_view("ustar\0", 6);
    if (is_ustar && !prefix.empty()) {
        name_.append(prefix);
        name_.append("/");
    }
    name_.append(up_to_nul(text_of(block_, name_field)));
}

bool TarDecoder::has_more() const {
    return state_ == State::unsupported || (state_ == State::content && left_ == 0);
}

bool TarDecoder::is_complete() const {
    return state_ == State::padding ||
           (state_ == State::header && (block_bytes_ == 0 || after_end_));
}

TarDecoder::Result TarDecoder::fail(Result why) {
    state_ = State::failed;
    why_ = why;
    return why;
}

}  // namespace cordon
