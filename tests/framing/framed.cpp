#include "tests/framing/framed.h"

#include "dataplane/http/message.h"
#include "tests/support/guard_page.h"

namespace cordon::test {

namespace {

using Kind = RequestEvent::Kind;

void take(const RequestParser& parser, const RequestEvent& event, FramedMessage* open,
          Framed* into) {
    switch (event.kind) {
        case Kind::head:
            *open = {std::string(parser.head().method), std::string(parser.head().target), {}};
            return;
        case Kind::body:
            open->body += as_text(event.body);
            return;
        case Kind::end:
            into->messages.push_back(*open);
            return;
        case Kind::error:
            into->end = outcome_table[static_cast<std::size_t>(event.outcome)].name;
            return;
        case Kind::not_http:
            into->end = "not_http";
            return;
        case Kind::tls:
            into->end = "tls";
            return;
    }
}

}  // namespace

Framed framed(const std::vector<Bytes>& pieces) {
    static GuardedBytes storage(as_bytes(std::string(limits::head_bytes_max, '\0')));
    RequestParser parser;
    parser.open(storage.mutable_bytes());
    Framed out;
    FramedMessage open;
    RequestEvent event;
    for (const Bytes piece : pieces) {
        parser.feed(piece);
        while (parser.next(&event))
            take(parser, event, &open, &out);
        if (!out.end.empty()) return out;
        out.forwardable += piece.size();
    }
    if (!parser.between_messages()) out.end = "unfinished";
    return out;
}

Framed framed(Bytes bytes) {
    std::vector<Bytes> single;
    for (std::size_t at = 0; at < bytes.size(); ++at)
        single.push_back(bytes.subspan(at, 1));
    return framed(single);
}

bool same(const Framed& a, const Framed& b) {
    if (a.end != b.end || a.messages.size() != b.messages.size()) return false;
    for (std::size_t i = 0; i < a.messages.size(); ++i) {
        const FramedMessage &x = a.messages[i], &y = b.messages[i];
        if (x.method != y.method || x.target != y.target || x.body != y.body) return false;
    }
    return true;
}

}  // namespace cordon::test
