// A stage of the chain that takes an archive apart, of whatever format: one interface over the
// decoders of zip, tar and compressed files.
//
//     stage->open(format, …);  while (stage->next(&input, out, &event)) …  at the end: finish()
//
// Owns:       ArchivePool: the stages of a worker. ArchiveStage: its decoder, while open.
// Invariants: those of the decoders.
// Worker:     used by one worker only: no lock, no allocation after the pool's construction.
// Limits:     archive_stages.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/counters.h"
#include "dataplane/object/archive_signature.h"
#include "dataplane/object/archive_single.h"
#include "dataplane/object/archive_tar.h"
#include "dataplane/object/archive_zip.h"

namespace cordon {

struct ArchiveEvent {
    enum class Kind : std::uint8_t {
        more,        // the input is used up
        member,      // one begins
        data,        // a run of it
        member_end,  // it is complete
        may_end,     // to some readers the member ends here
        unread,      // a member that is passed over, by `outcome`
        note,        // `outcome` happened
        foreign,     // a run behind the end of the archive that is none of it
        end,         // what follows is not part of the archive, as is a run that was taken
        bogus,       // it was none: a run that was taken, if any
        bad,         // it cannot be read further
        fault,       // `outcome`: readers differ, or a limit
    };
    Kind kind;
    bool is_volatile;  // the run dies with the next call
    bool is_coded;     // more of them than of the input
    bool is_cut;       // of `bad`: a member was under way; of a member's end: it is damaged
    Outcome outcome;
    Bytes data;
};

class ArchiveStage {
  public:
    // False: no memory is left. `seed`: a secret of this process.
    bool open(ArchiveFormat format, CodingPool* pool, std::uint64_t seed);
    // Of a zip behind `at` bytes of something else.
    void open_inside(CodingPool* pool, std::uint64_t seed, std::uint64_t at);
    void next(Bytes* input, MutableBytes out, ArchiveEvent* event);
    // After the last of the input, until `more`.
    void finish(ArchiveEvent* event);
    void close();

    // Of the member under way, or just ended.
    std::string_view member() const;
    // More may come out without further input.
    bool has_more() const;
    // What the member under way would have besides if the input ended here.
    Bytes kept_back() const;
    // A zip behind something else.
    bool is_inside() const { return is_inside_; }
    // A compressed file, which has one member.
    bool is_wrapper() const;

  private:
    void next_tar(Bytes* input, ArchiveEvent* event);
    void next_single(Bytes* input, MutableBytes out, ArchiveEvent* event);
    void next_zip(Bytes* input, MutableBytes out, ArchiveEvent* event);
    void take(ZipDecoder::Result result, ArchiveEvent* event);
    bool is_zip() const { return format_ == ArchiveFormat::zip; }
    bool is_tar() const { return format_ == ArchiveFormat::tar; }

    ArchiveFormat format_ = ArchiveFormat::none;
    bool finished_ = false;
    bool in_member_ = false;  // of a zip
    bool is_inside_ = false;
    TarDecoder tar_;
    ZipDecoder zip_;
    SingleDecoder single_;
};

class ArchivePool {
  public:
    explicit ArchivePool(std::uint32_t stages);

    // Null when none is left.
    ArchiveStage* take();
    void give_back(ArchiveStage* stage);

    // As CodingPool::copy_from().
    void copy_from(const ArchivePool& other);

  private:
    struct alignas(ArchiveStage) Place {
        unsigned char bytes[sizeof(ArchiveStage)];
    };
    ArchiveStage* stage(std::uint32_t number);

    std::unique_ptr<Place[]> places_;  // untouched ones cost no memory
    std::vector<std::uint32_t> free_;
    std::uint32_t untouched_ = 0;
    std::uint32_t stages_;
};

}  // namespace cordon
