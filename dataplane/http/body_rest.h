// Where the body of a refused request ends: what its client still sends is thrown away, and its
// answer waits for the end, because many clients read only then.
//
// Owns:       the state of the framing, taken over from the parser that read the beginning.
// Worker:     pure.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/http/message.h"

namespace cordon {

class BodyRest {
  public:
    // The parser stands in the body and has used up what it was fed.
    void open(const RequestParser& parser);

    // The next bytes of the stream. True: the body ends with them, or cannot be followed further.
    bool take(Bytes bytes);

  private:
    bool chunked_ = false;
    std::uint64_t remaining_ = 0;  // of a body of known length
    ChunkedDecoder chunks_;
};

}  // namespace cordon
