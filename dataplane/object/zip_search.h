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

namespace cordon {

class ZipSearch {
  public:
    // True: *at is where the rest of a signature stands in the run, of which earlier runs had the
    // first seen() bytes.
    bool find(Bytes run, std::size_t* at);
    // Of the signature found, what earlier runs had.
    Bytes seen() const;

  private:
    bool goes_on(Bytes run);

    std::uint8_t seen_ = 0;
    bool is_directory_ = false;  // the third byte says which signature it is
};

}  // namespace cordon
