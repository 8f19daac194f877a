// Gathers the first bytes of an object until they say whether it is an archive.
//
//     sniffer.look(run)   for each run from the first on, until it is not `unsure` any more
//
// Most objects are told by their first run, and nothing is copied.
//
// Owns:       copies of the runs that were not enough.
// Invariants: the answer does not depend on how the bytes are cut.
// Worker:     used by one worker only: no lock, no allocation.
// Limits:     archive_signature_bytes.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/object/archive_signature.h"

namespace cordon {

class ArchiveSniffer {
  public:
    void open() {
        bytes_ = 0;
        is_blank_ = false;
    }

    // Puts the run by when it is not enough.
    ArchiveFormat look(Bytes run);
    // When there is no more.
    ArchiveFormat finish() const;
    // Puts by what fits without looking. True: all it takes is there.
    bool put_by(Bytes run);

    // It said tar only because the first block is zeros: GNU tar reads on behind a lone one.
    bool is_blank() const { return is_blank_; }

    // What was put by: what came before the last run, after a look that was enough.
    Bytes before() const { return Bytes(first_).first(bytes_); }

    // One look at the first bytes of an object.
    static ArchiveFormat first_look(Bytes first, bool is_all);

  private:
    std::uint16_t bytes_ = 0;
    bool is_blank_ = false;
    std::array<std::uint8_t, archive_signature_bytes> first_;
};

// What a stage takes apart.
bool is_taken_apart(ArchiveFormat format);

}  // namespace cordon
