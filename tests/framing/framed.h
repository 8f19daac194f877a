// How our parser frames the bytes of a connection, for comparison with what a server does.
#pragma once

#include <vector>

#include "dataplane/base/bytes.h"
#include "tests/framing/corpus.h"

namespace cordon::test {

struct Framed {
    std::vector<FramedMessage> messages;  // whole ones
    std::string end;                      // as in the corpus
    std::size_t forwardable = 0;          // bytes before the one that made us refuse, else all
};

// One byte at a time, so that the byte that decides is known.
Framed framed(Bytes bytes);

// The same in other pieces; forwardable is then that of whole pieces.
Framed framed(const std::vector<Bytes>& pieces);

bool same(const Framed& a, const Framed& b);  // but for forwardable

}  // namespace cordon::test
