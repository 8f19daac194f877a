// Cuts a segment that was captured before the network card did (TSO) or after it joined several
// (GRO) into frames that a port could have received.
//
// Owns:       nothing.
// Invariants: the pieces carry the same bytes at the same sequence numbers; FIN and PSH are on the
//             last.
// Thread:     one.
#pragma once

#include <functional>

#include "dataplane/decode/decode.h"

namespace cordon::replay {

// Calls give(piece) for each frame of at most `frame_bytes`; with the frame itself when it is short
// enough, or no TCP segment with right headers.
void resegment(Bytes frame, ChecksumRule rule, std::size_t frame_bytes,
               const std::function<void(Bytes)>& give);

}  // namespace cordon::replay
