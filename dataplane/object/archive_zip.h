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
// the members that came (where, name, method, check sum, sizes) must be that over the directory
// which the last end record in the file belongs to. If it is not: `inconsistent`, and not before
// finish(): until then nobody has a file that can be opened. No list of members is kept; a
// directory in another order than the members is as good.
//
// An object that does not begin as a zip (`leads` false) is searched for one: a record that can be
// believed opens a member, and without an end record near its end all of it is no archive to
// anybody, whatever it contained.
//
// Owns:       what came of the record under way, and a block of the pool while a coded member is.
// Invariants: members, their bytes and the outcome do not depend on how the input is cut, but for
//             the cuts of runs. Every member ends, unless the input does. No allocation.
// Worker:     used by one worker only: no lock.
// Limits:     archive_members_max, archive_name_bytes_max, archive_ratio_max.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/counters.h"
#include "dataplane/object/coding.h"

namespace cordon {

class ZipDecoder {
  public:
    enum class Result : std::uint8_t {
        more,          // the input is used up; of finish(): nothing is left to tell
        member,        // a member begins: name(), is_directory(), declared_bytes()
        data,          // *data is a run of it: in the input, or volatile if data_is_volatile()
        member_end,    // it is complete; member_is_sound(): and what its header says it is
        note,          // outcome() happened to name(): archive_encrypted, archive_unsupported; it is
                       // passed over and decoding goes on
        bad,           // finish() only: the archive was cut short (archive_bad)
        inconsistent,  // finish() only: readers would see different files (archive_inconsistent)
        limit,         // outcome(): archive_limit, archive_full. Nothing more is taken
    };

    // `leads`: the object begins as a zip (ArchiveFormat::zip). `seed`: a secret of this process,
    // so that nobody can make two sets of members with one sum.
    void open(CodingPool* pool, std::uint64_t seed, bool leads);
    // `out` takes decoded runs and is read by the caller before the next call.
    Result next(Bytes* input, MutableBytes out, Bytes* data);
    Result finish(Bytes* data);
    void close();

    // Of the member under way or just ended, and of a note. UTF-8 where the archive says so or its
    // bytes are; else from code page 437.
    std::string_view name() const;
    // A name that ends in "/" and no data.
    bool is_directory() const;
    // Its length as the header says it, when it says so before the data.
    std::optional<std::uint64_t> declared_bytes() const;
    bool member_is_sound() const;

    // The run of the last `data` dies with the next call.
    bool data_is_volatile() const;
    Outcome outcome() const;
    // More may come out without further input.
    bool has_more() const;

    // What a member under way would have besides its bytes if the input ended here.
    static constexpr std::size_t kept_back_bytes_max = 24;
    Bytes kept_back() const;

    // A member or an end record was believed: this is an archive, or has one in it.
    bool opened() const;
};

}  // namespace cordon
