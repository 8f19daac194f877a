// Looks for the signature of a zip's member, or of its directory, in an object that does not begin
// with one: behind a stub that unpacks it, a picture, another archive. Readers find such a zip from
// its end.
//
// Owns:       how much of a signature the last run ended with.
// Invariants: what is found does not depend on how the bytes are cut.
// Worker:     pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/object/zip_record.h"

namespace cordon {

class ZipSearch {
  public:
    // True: *at is where the rest of a signature stands in the run, of which earlier runs had the
    // first seen() bytes.
    bool find(Bytes run, std::size_t* at);
    // The same of a run in which no zip_mark stands. False: it is not so simple, find() tells.
    bool pass(Bytes run) const { return seen_ == 0 && !ends_in_mark(run); }
    // Of the signature found, what earlier runs had.
    Bytes seen() const;

  private:
    // A signature may begin in the last three bytes.
    static bool ends_in_mark(Bytes run) {
        constexpr std::uint8_t begin = zip_mark.first;
        const std::size_t size = run.size();
        return (size >= 1 && run[size - 1] == begin) || (size >= 2 && run[size - 2] == begin) ||
               (size >= 3 && run[size - 3] == begin);
    }
    bool goes_on(Bytes run);

    std::uint8_t seen_ = 0;
    bool is_directory_ = false;  // the third byte says which signature it is
};

}  // namespace cordon
