// Takes a tar archive apart as it streams by: v7, ustar, GNU (long names, base-256), pax.
//
//   header block · content, padded to blocks · header … · zero blocks [· anything]
//
//     decoder.next(&input, &data)   until `more`, then feed the next bytes;  at the end: finish()
//
// Readers differ in where they stop and in what they skip, so nothing is skipped that one of them
// may read: after a damaged block the next ones are tried, after the end marker (two zero blocks)
// as well, as tar -i and tools that write archives behind each other do. What a header claims as
// content of a link or directory is a member for some and headers for others: it is told as a
// member, and a header in it is `inconsistent`. So is a size that readers make different numbers
// of.
//
// Owns:       the block under way, the name of the member.
// Invariants: what comes out does not depend on how the input is cut, but for the cuts of runs.
//             Every member ends, unless the input does. Runs of content point into the input.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     archive_members_max, archive_name_bytes_max.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"
#include "dataplane/object/archive_name.h"
#include "dataplane/object/pax_records.h"

namespace cordon {

inline constexpr std::size_t tar_block_bytes = 512;

// A header with a right checksum; `block` has tar_block_bytes.
bool is_tar_header(Bytes block);

// It may be followed by one: GNU tar passes over a lone zero block.
bool is_zero_block(Bytes block);

class TarDecoder {
  public:
    enum class Result : std::uint8_t {
        more,          // the input is used up
        member,        // a file begins: name()
        data,          // *data is a run of it, in the input
        member_end,    // it is complete
        unsupported,   // name() is a sparse file: the member that follows lacks its holes
        damaged,       // a block that is no header, told once; decoding goes on
        foreign,       // *data is a block that is no header, behind the end; decoding goes on
        inconsistent,  // readers would see different files; nothing more is taken
        limit,         // too many members; nothing more is taken
        bogus,         // no header came first, but *data: this is no tar; nothing more is taken
    };

    void open();
    Result next(Bytes* input, Bytes* data);

    // More may be told without further input.
    bool has_more() const;
    // After the last of the input: whether it ended where an archive may.
    bool is_complete() const;
    // Part of a block that may be no header: behind the end, or where none came yet.
    Bytes rest() const {
        const bool is_foreign = state_ == State::header && (after_end_ || !opened_);
        return Bytes(block_).first(is_foreign ? block_bytes_ : 0);
    }

    std::string_view name() const { return name_.text(); }
    // A header was seen.
    bool opened() const { return opened_; }

  private:
    enum class State : std::uint8_t {
        header,       // gathers a block
        sparse_map,   // blocks of it behind a header
        unsupported,  // a sparse member begins
        content,      // of a member
        skipped,      // what belongs to no member
        padding,      //
        long_name,    // of GNU's type L
        pax,          // records for the next member
        failed,
    };

    Result step(Bytes* input, Bytes* data);
    bool gather(Bytes* input);
    Result take_header(Bytes* data);
    Result take_no_header(Bytes* data);
    Result begin(std::uint64_t size);
    Result begin_member(std::uint64_t size);
    void begin_extension(State state, std::uint64_t size);
    Result take_content(Bytes* input, Bytes* data);
    Bytes take_left(Bytes* input);
    bool finds_header(Bytes run);
    void end_content();
    void read_name();
    bool read_size(std::uint64_t* size) const;
    Result fail(Result why);

    State state_ = State::failed;
    bool opened_ = false;
    bool damaged_told_ = false;
    bool after_end_ = false;  // an end marker was seen: anything may follow
    bool has_long_name_ = false;
    bool is_checked_ = false;  // of content in which a header is inconsistent
    bool is_member_ = false;   // of content
    Result why_ = Result::bogus;
    std::uint16_t block_bytes_ = 0;
    std::uint16_t zero_blocks_ = 0;
    std::uint16_t padding_ = 0;
    std::uint32_t members_ = 0;
    std::uint64_t left_ = 0;  // of what state_ says
    PaxRecords pax_;
    ArchiveName name_;
    std::array<std::uint8_t, tar_block_bytes> block_;
};

}  // namespace cordon
