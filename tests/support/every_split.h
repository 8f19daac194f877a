// Calls a function for every way to cut some bytes in two, and once for one byte at a time: what a
// parser makes of its input must not depend on how it arrives.
#pragma once

#include <vector>

#include "dataplane/base/bytes.h"

namespace cordon::test {

// body(pieces): the pieces together are `bytes`; empty pieces do not occur.
template <typename Body>
void every_split(Bytes bytes, Body&& body) {
    body(std::vector<Bytes>{bytes});
    for (std::size_t at = 1; at < bytes.size(); ++at) {
        body(std::vector<Bytes>{bytes.first(at), bytes.subspan(at)});
    }
    std::vector<Bytes> single;
    for (std::size_t at = 0; at < bytes.size(); ++at)
        single.push_back(bytes.subspan(at, 1));
    body(single);
}

}  // namespace cordon::test
