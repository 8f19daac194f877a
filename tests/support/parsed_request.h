// A parsed request for tests; the text of its head lies directly before an unreadable page.
#pragma once

#include <cstdlib>
#include <string>

#include "dataplane/http/message.h"
#include "tests/support/guard_page.h"

namespace cordon::test {

struct ParsedRequest {
    // `head`: request line and fields, each with its CRLF, without the empty line.
    explicit ParsedRequest(const std::string& head) : storage(as_bytes(head + "\r\n")) {
        RequestEvent event;
        parser.open(storage.mutable_bytes());
        text = head + "\r\n";
        parser.feed(as_bytes(text));
        if (!parser.next(&event) || event.kind != RequestEvent::Kind::head) std::abort();
    }
    const Head& head() const { return parser.head(); }

    std::string text;
    GuardedBytes storage;
    RequestParser parser;
};

}  // namespace cordon::test
