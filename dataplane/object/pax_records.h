// Reads the records of a pax extended header (POSIX.1-2017 pax, "<length> <key>=<value>\n") as they
// stream by, and keeps what says something about the next member: its path, its size, whether it
// is sparse.
//
// Owns:       the path.
// Invariants: what is kept does not depend on how the input is cut. A malformed record ends the
//             reading: what readers make of the rest differs.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     archive_name_bytes_max; keys of 24 bytes, which those in question are shorter than.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/object/archive_name.h"

namespace cordon {

class PaxRecords {
  public:
    void forget();
    // A header begins, of several before one member perhaps. A global one is for all members.
    void open(bool is_global);
    void take(Bytes bytes);

    bool is_malformed() const { return state_ == State::malformed; }
    bool has_path() const { return has_path_; }
    std::string_view path() const { return path_.text(); }
    std::optional<std::uint64_t> size() const { return size_; }
    bool is_sparse() const { return is_sparse_; }
    // Sizes that readers make different numbers of, or one for all members.
    bool is_odd() const { return is_odd_; }

  private:
    enum class State : std::uint8_t { length, key, value, malformed };
    enum class Key : std::uint8_t { other, path, size, sparse_name };

    void take_char(char c);
    void take_length(char c);
    void take_key(char c);
    void take_value(char c);
    void end_record();
    void name_key();

    State state_ = State::length;
    Key key_ = Key::other;
    bool is_global_ = false;
    bool has_path_ = false;
    bool has_sparse_name_ = false;
    bool is_sparse_ = false;
    bool is_odd_ = false;
    std::uint8_t key_bytes_ = 0;
    std::uint64_t length_ = 0;  // of the record
    std::uint64_t taken_ = 0;   // of it
    std::uint64_t number_ = 0;
    std::uint8_t digits_ = 0;
    std::optional<std::uint64_t> size_;
    std::array<char, 24> key_text_;
    ArchiveName path_;
};

}  // namespace cordon
