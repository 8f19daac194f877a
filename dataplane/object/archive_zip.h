// Takes a zip archive apart as it streams by (APPNOTE 6.3.10), forward only: stored, deflate and
// zstd members; sizes before or behind the data, 32 or 64 bits of them; an archive behind a stub
// or any other bytes.
//
//   [stub] local header · name · extra · data [descriptor] … directory [zip64 end] end [comment]
//
//     decoder.next(&input, out, &data)   until `more`, then feed the next bytes
//     decoder.finish(&data)              after the last of them, until `more`
//
// Most readers open a zip from its end and find members by the directory, some as they come. What
// is hidden from the one is seen by the other, so both readings must be the same: a keyed sum over
// the members that came (where, name, method, check sum, lengths) must be that over the directory
// of the end record that readers find. If it is not: `inconsistent`, and not before finish(): until
// then nobody has a file that can be opened. No list of members is kept; a directory in another
// order than the members is as good. One name given to two members is no fault: both are seen.
//
// An object that does not begin as a zip (`leads` false) is searched for one: a record that can be
// believed opens a member, and without an end record near its end all of it is no archive to
// anybody, whatever it contained.
//
// Owns:       what came of the record under way, and a block of the pool while a coded member is.
// Invariants: members, their bytes and the outcome do not depend on how the input is cut, but for
//             the cuts of runs, and for what comes of damaged deflate data. A member ends, unless
//             the input does. No allocation.
// Worker:     used by one worker only: no lock.
// Limits:     archive_members_max, those of codings; longer names than archive_name_bytes_max are
//             cut in name() and counted in full.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/counters.h"
#include "dataplane/object/coding.h"
#include "dataplane/object/zip_directory.h"
#include "dataplane/object/zip_record.h"

namespace cordon {

class ZipDecoder {
  public:
    enum class Result : std::uint8_t {
        more,        // the input is used up; of finish(): nothing is left to tell
        member,      // a member begins: name(), is_directory(), declared_bytes()
        data,        // *data is a run of it: in the input, or volatile if data_is_volatile()
        member_end,  // it is complete; member_is_sound(): and what its header says it is
        note,        // outcome() happened to name(): archive_encrypted, archive_unsupported; it is
                     // passed over and decoding goes on
        bad,         // finish() only: the archive was cut short (archive_bad)
        inconsistent,  // finish() only: readers would see different files (archive_inconsistent)
        limit,         // outcome(): archive_limit, archive_full. Nothing more is taken
    };

    // `leads`: the object begins as a zip (ArchiveFormat::zip). `seed`: a secret of this process,
    // so that nobody can make two sets of members with one sum.
    // `at`: bytes of the object that were searched before, in vain.
    void open(CodingPool* pool, std::uint64_t seed, bool leads, std::uint64_t at = 0);
    // `out` takes decoded runs and is read by the caller before the next call.
    Result next(Bytes* input, MutableBytes out, Bytes* data);
    // `in_member`: one was told, and not its end.
    Result finish(Bytes* data, bool in_member = false);
    void close() { coding_.close(); }

    // Of the member under way or just ended, and of a note: UTF-8.
    std::string_view name() const { return name_; }
    // A name that ends in "/" and no data.
    bool is_directory() const { return is_directory_; }
    // Its length as the header says it, when it says so before the data.
    std::optional<std::uint64_t> declared_bytes() const;
    bool member_is_sound() const { return is_sound_; }

    // The run of the last `data` dies with the next call.
    bool data_is_volatile() const { return data_is_volatile_; }
    Outcome outcome() const { return outcome_; }
    // More may come without further input.
    bool has_more() const { return replay_at_ < replay_end_ || works_without_input(); }

    // What a member under way would have besides its bytes if the input ended here.
    static constexpr std::size_t kept_back_bytes_max = 2 * zip::descriptor_bytes_max;
    Bytes kept_back() const;

    // A member or an end record was believed: this is an archive, or has one in it.
    bool opened() const { return opened_; }

  private:
    enum class State : std::uint8_t {
        search,       // for the mark of a signature, in what is no record
        record,       // a signature
        local,        // fixed part of a local header
        local_name,   //
        local_extra,  //
        known,        // data as it is, its length is known
        scan,         // data as it is, until a descriptor fits
        coded,        //
        passed,       // what stands behind coded data that has ended
        descriptor,   //
        entry,        // fixed part of an entry of the directory
        entry_name,   //
        entry_extra,  //
        entry_comment,
        end64,
        locator,
        signature,  // digital signature: its length
        signature_rest,
        end,
        failed,
    };
    using Verdict = ZipDirectory::Verdict;

    static constexpr std::size_t replay_bytes_max = 128;

    bool works_without_input() const;
    Result step(MutableBytes out, Bytes* data);
    void advance(std::size_t bytes);
    bool collect(std::size_t bytes);
    void push_back(Bytes bytes);
    void lose_track(std::size_t kept);
    void await_record();
    Result fail(Outcome outcome);

    Result step_search();
    Result step_record();
    void begin_record(std::uint32_t signature);
    Result step_local();
    void begin_name();
    bool take_name();
    bool take_extra();
    std::uint64_t name_hash() const;
    void settle_name();
    Result step_entry();
    Result step_tail();
    Result step_passed();
    Result step_end();
    Result judge();

    // zip_data.cpp
    Result begin_member();
    bool give(Bytes run, bool is_volatile, Bytes* data);
    Result step_known(Bytes* data);
    Result step_scan(Bytes* data);
    Result scan_joint(Bytes* data);
    std::size_t find_descriptor(Bytes window, std::size_t decidable) const;
    Result step_coded(MutableBytes out, Bytes* data);
    bool keeps_promises() const;
    Result end_data(bool is_sound);
    void end_passed();
    Result step_descriptor();
    void settle_member();

    State state_ = State::failed;
    CodingPool* pool_ = nullptr;
    CodingDecoder coding_;
    std::uint64_t seed_ = 0;
    bool leads_ = false;
    bool opened_ = false;
    bool searching_ = false;  // the record under way was found among other bytes
    bool finished_ = false;
    bool note_due_ = false;  // of all of it, behind the end of a member
    Outcome outcome_ = Outcome::archive_bad;

    // Where the bytes of a step come from: what was pushed back, else the input.
    Bytes source_;
    bool from_replay_ = false;
    bool pushed_ = false;
    std::uint64_t at_ = 0;
    std::array<std::uint8_t, replay_bytes_max> replay_;
    std::uint8_t replay_at_ = 0;
    std::uint8_t replay_end_ = 0;
    std::array<std::uint8_t, 64> buffer_;
    std::uint8_t buffer_used_ = 0;

    // The member, or the entry of the directory, under way.
    ZipMember member_;
    ZipExtra extra_;
    std::uint64_t record_at_ = 0;
    std::uint32_t name_left_ = 0;
    std::uint16_t raw_used_ = 0;
    std::uint64_t name_rest_hash_ = 0;
    std::array<char, limits::archive_name_bytes_max> raw_name_;
    std::array<char, limits::archive_name_bytes_max> text_;
    std::string_view name_;

    std::uint64_t left_ = 0;    // of data of known length, or of what is passed over
    std::uint64_t hint_ = 0;    // where data with a descriptor should end, 0 for not told
    std::uint64_t packed_ = 0;  // bytes of data so far
    std::uint64_t plain_ = 0;
    std::uint32_t crc_ = 0;
    std::uint32_t members_ = 0;
    bool length_known_ = false;
    bool is_opaque_ = false;  // passed over: encrypted, or a method that is not undone
    bool in_member_ = false;  // `member` was told, its end was not
    bool coded_over_ = false;
    bool coded_sound_ = false;
    bool names_directory_ = false;
    bool is_directory_ = false;
    bool is_sound_ = false;
    bool data_is_volatile_ = false;
    std::array<std::uint8_t, kept_back_bytes_max> joint_;  // data that may be a descriptor
    std::uint8_t joint_used_ = 0;
    std::array<std::uint8_t, kept_back_bytes_max> run_;  // what is told of it

    ZipDirectory directory_;
    ZipEndFinder ends_;
    std::uint64_t judged_at_ = 0;  // the end record that was read last
    bool judged_locator_ = false;
    bool front_disagrees_ = false;
    Verdict verdict_ = Verdict::none;
};

}  // namespace cordon
