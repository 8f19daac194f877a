#include "dataplane/object/pax_records.h"

namespace cordon {

namespace {

// More than any archive has; a length beyond is none.
constexpr std::uint64_t record_bytes_max = 1u << 30;

}  // namespace

void PaxRecords::forget() {
    has_path_ = has_sparse_name_ = is_sparse_ = is_odd_ = false;
    size_.reset();
    path_.clear();
}

void PaxRecords::open(bool is_global) {
    state_ = State::length;
    is_global_ = is_global;
    length_ = taken_ = 0;
}

void PaxRecords::take(Bytes bytes) {
    for (const std::uint8_t byte : bytes) {
        if (state_ == State::malformed) return;
        take_char(static_cast<char>(byte));
    }
}

void PaxRecords::take_char(char c) {
    ++taken_;
    switch (state_) {
        case State::length:
            return take_length(c);
        case State::key:
            return take_key(c);
        case State::value:
            return take_value(c);
        case State::malformed:
            return;
    }
}

void PaxRecords::take_length(char c) {
    if (c >= '0' && c <= '9' && length_ < record_bytes_max) {
        length_ = 10 * length_ + static_cast<std::uint64_t>(c - '0');
        return;
    }
    const bool ends = c == ' ' && taken_ > 1 && length_ > taken_;
    state_ = ends ? State::key : State::malformed;
    key_bytes_ = 0;
}

void PaxRecords::take_key(char c) {
    if (taken_ >= length_) {
        state_ = State::malformed;  // a record without a value
        return;
    }
    if (c != '=') {
        if (key_bytes_ < key_text_.size()) key_text_[key_bytes_] = c;
        if (key_bytes_ < UINT8_MAX) ++key_bytes_;
        return;
    }
    name_key();
    state_ = State::value;
    number_ = 0;
    digits_ = 0;
}

// GNU.sparse.* in all their versions say that content is stored without its holes; those of version
// 1 have the real path in GNU.sparse.name, and one of ours in path.
void PaxRecords::name_key() {
    const std::string_view key =
        key_bytes_ <= key_text_.size() ? std::string_view(key_text_.data(), key_bytes_) : "";
    const std::string_view begin(key_text_.data(), key_bytes_ < 11 ? key_bytes_ : 11);
    key_ = Key::other;
    if (is_global_) {
        is_odd_ = is_odd_ || key == "size";
        return;
    }
    if (begin == "GNU.sparse.") is_sparse_ = true;
    if (key == "GNU.sparse.name") {
        key_ = Key::sparse_name;
        has_sparse_name_ = has_path_ = true;
        path_.clear();
    } else if (key == "path" && !has_sparse_name_) {
        key_ = Key::path;
        has_path_ = true;
        path_.clear();
    } else if (key == "size") {
        key_ = Key::size;
    }
}

void PaxRecords::take_value(char c) {
    if (taken_ == length_) {
        if (c != '\n') {
            state_ = State::malformed;
            return;
        }
        return end_record();
    }
    switch (key_) {
        case Key::other:
            return;
        case Key::path:
        case Key::sparse_name:
            return path_.append({&c, 1});
        case Key::size:
            if (c < '0' || c > '9' || digits_ == 19)
                is_odd_ = true;
            else
                ++digits_;
            number_ = 10 * number_ + static_cast<std::uint64_t>(c - '0');
            return;
    }
}

void PaxRecords::end_record() {
    if (key_ == Key::size) {
        // An empty one takes back an earlier one, to some. Of two the last counts, to most.
        if (digits_ == 0 || (size_ && *size_ != number_)) is_odd_ = true;
        size_ = number_;
    }
    state_ = State::length;
    length_ = taken_ = 0;
}

}  // namespace cordon
