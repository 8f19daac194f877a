// Any bytes from a client of cordond: cut into lines in pieces, each line read as a request.

#include <cstdlib>

#include "control/daemon/line_buffer.h"
#include "control/daemon/request.h"
#include "control/link/link_json.h"

using namespace cordon;

namespace {

void read_as_request(const std::string& line) {
    Result<Request> request = Request::parse(line);
    if (!request) {
        if (error_reply(request.error()).find('\n') != std::string::npos) std::abort();
        return;
    }
    if (request->number("limit", 5, 500) > 500) std::abort();
    if (request->text("case").size() > Request::text_bytes_max) std::abort();
    const Result<void> checked = request->check();
    const std::string reply =
        checked ? result_reply(request->name()) : error_reply(checked.error());
    if (reply.find('\n') != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size == 0) return 0;
    // The first byte says how large the pieces are.
    const std::size_t piece = bytes[0] + 1u;
    LineBuffer buffer;
    std::string lines;
    for (std::size_t at = 1; at < size; at += piece) {
        const std::size_t length = std::min(piece, size - at);
        if (!buffer.feed({bytes + at, length})) break;
        for (std::string line; buffer.next(&line);) {
            if (line.size() > request_line_bytes_max) std::abort();
            lines += line + "\n";
            read_as_request(line);
        }
    }
    // What was given out and what waits is what came, in order.
    const std::string_view all(reinterpret_cast<const char*>(bytes) + 1, size - 1);
    if (!all.starts_with(lines)) std::abort();
    if (!buffer.overflow() && lines.size() + buffer.waiting() != all.size()) std::abort();
    return 0;
}
