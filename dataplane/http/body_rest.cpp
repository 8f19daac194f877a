#include "dataplane/http/body_rest.h"

#include <algorithm>

namespace cordon {

void BodyRest::open(const RequestParser& parser) {
    chunked_ = parser.head().framing == Framing::chunked;
    chunks_ = parser.chunks();
    remaining_ = parser.body_remaining();
}

bool BodyRest::take(Bytes bytes) {
    if (!chunked_) {
        remaining_ -= std::min<std::uint64_t>(remaining_, bytes.size());
        return remaining_ == 0;
    }
    Bytes data;
    ChunkedDecoder::Result result;
    do {
        result = chunks_.next(&bytes, &data);
    } while (result == ChunkedDecoder::Result::data);
    return result != ChunkedDecoder::Result::more;
}

}  // namespace cordon
