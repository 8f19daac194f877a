// Requests as pieces of uploads, with their fields and the lists in their bodies: what comes out
// does not depend on how a body is cut, and stays within what the contract says.
//
//   input:  a request head | empty line | body, also taken as lines NAME=VALUE of form fields
#include <string>
#include <vector>

#include "dataplane/assembly/commit_list.h"
#include "dataplane/assembly/form_fields.h"
#include "dataplane/assembly/recipe_view.h"
#include "dataplane/assembly/source_names.h"
#include "dataplane/http/message.h"
#include "tests/support/fuzz_input.h"

namespace cordon::test {
namespace {

constexpr std::uint64_t seed = 11;

struct Listed {
    std::vector<CommitEntry> entries;
    CommitList::State state = CommitList::State::open;
};

Listed read_list(const Head& head, const PieceRequest& request, Bytes body, std::size_t step) {
    CommitList list;
    list.open(head, request, seed);
    Listed listed;
    CommitEntry entry;
    while (!body.empty()) {
        // A heap copy of exactly this size, so that the sanitizer sees a read past its end.
        const Bytes piece = body.first(std::min(step, body.size()));
        const std::vector<std::uint8_t> copy(piece.begin(), piece.end());
        body = body.subspan(piece.size());
        list.feed(copy);
        while (list.next(&entry))
            listed.entries.push_back(entry);
    }
    list.finish();
    while (list.next(&entry))
        listed.entries.push_back(entry);
    listed.state = list.state();
    return listed;
}

void check_list(const Head& head, const PieceRequest& request, Bytes body) {
    const Listed whole = read_list(head, request, body, body.size() + 1);
    check(whole.state != CommitList::State::open, "a list has an end");
    check(whole.entries.size() <= limits::commit_blocks_max, "a list is bounded");
    check(whole.state != CommitList::State::complete || !whole.entries.empty(), "nothing listed");
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
        const Listed cut = read_list(head, request, body, step);
        check(cut.state == whole.state, "the state of a list depends on its cuts");
        check(cut.entries.size() == whole.entries.size(), "entries depend on cuts");
        for (std::size_t at = 0; at < cut.entries.size(); ++at) {
            const CommitEntry& a = cut.entries[at];
            const CommitEntry& b = whole.entries[at];
            check(a.from == b.from && a.index == b.index && a.name == b.name &&
                      a.offset == b.offset && a.length == b.length,
                  "an entry depends on cuts");
        }
    }
}

FormFields read_fields(std::string_view body, bool in_bytes) {
    FormFields fields;
    fields.open(seed);
    while (!body.empty()) {
        const std::string_view line = body.substr(0, body.find('\n'));
        body.remove_prefix(std::min(line.size() + 1, body.size()));
        const std::size_t equals = line.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
        fields.begin(line.substr(0, equals));
        for (std::size_t at = 0; at < value.size(); at += in_bytes ? 1 : value.size())
            fields.add(as_bytes(value.substr(at, in_bytes ? 1 : value.size())));
        fields.end();
    }
    return fields;
}

void check_request(const PieceRequest& request) {
    switch (request.act) {
        case PieceAct::piece:
            check(request.key != AssemblyKey{}, "a piece of nothing");
            check(request.order != PieceOrder::index || request.pieces == piece_unknown ||
                      request.index < request.pieces,
                  "a piece behind the last");
            check(request.order != PieceOrder::name || request.name != AssemblyKey{}, "no name");
            return;
        case PieceAct::object:
            check(request.key != AssemblyKey{}, "an object without a key");
            return;
        case PieceAct::none:
        case PieceAct::form:
        case PieceAct::begin:
        case PieceAct::copy_piece:
        case PieceAct::drop_piece:
        case PieceAct::commit:
        case PieceAct::abort:
        case PieceAct::remove:
        case PieceAct::copy:
        case PieceAct::bad:
            check(request.act != PieceAct::none || request.list == ListFormat::none,
                  "a list without a commit");
            return;
    }
}

// What an object is called as a target it is called as a source, wherever it is read at all.
void check_sources(const Head& head, const PieceRequest& request) {
    using Kind = SourceEffect::Kind;
    for (const std::string_view where : {"", "path", "s3.example"}) {
        const SourceEffect effect = source_effect(head, request, where, seed);
        check(!effect.is_told || effect.kind == Kind::one, "a change of nothing is told");
        check(!effect.is_in_body || effect.is_told, "an answer without a change");
        check((effect.name.key != AssemblyKey{}) == (effect.kind == Kind::one), "no name");
        const bool writes = request.act == PieceAct::object || request.act == PieceAct::remove;
        check(!writes || effect.kind != Kind::none || head.method == "GET" ||
                  head.method == "HEAD" || head.method == "OPTIONS" || head.method == "PROPFIND",
              "a write that changes nothing");
        const CopiedName copied = copied_name(head, where, seed);
        check(copied.is_read == (copied.name.key != AssemblyKey{}), "a source without a name");
        check(!copied.is_certain || !where.empty(), "certain of what nobody said");
        if (effect.kind != Kind::one || where != "path") continue;
        std::string text = "PUT /b/k?partNumber=1&uploadId=u HTTP/1.1\r\nHost: s3.example\r\n";
        text += "x-amz-copy-source: " + std::string(split_target(head.target).path) + "\r\n\r\n";
        std::vector<std::uint8_t> storage(limits::head_bytes_max);
        RequestParser parser;
        RequestEvent event;
        parser.open(storage);
        parser.feed(as_bytes(text));
        if (!parser.next(&event) || event.kind != RequestEvent::Kind::head) continue;
        const CopiedName same = copied_name(parser.head(), where, seed);
        check(!same.is_read || same.name == effect.name, "one object with two names");
    }
}

// A folded path is folded.
void check_path(const Head& head) {
    std::vector<char> once(limits::head_bytes_max);
    std::vector<char> twice(limits::head_bytes_max);
    const TargetParts target = split_target(head.target);
    once.resize(fold_path(target.path, PathText::encoded, once));
    const std::string_view folded(once.data(), once.size());
    twice.resize(fold_path(folded, PathText::plain, twice));
    check(once == twice, "a folded path changes when it is folded");
    check(folded.find("//") == std::string_view::npos, "an empty segment");
}

bool same(const PieceRequest& a, const PieceRequest& b) {
    return a.act == b.act && a.recipe == b.recipe && a.key == b.key && a.index == b.index &&
           a.offset == b.offset && a.total == b.total && a.pieces == b.pieces;
}

}  // namespace
}  // namespace cordon::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    using namespace cordon::test;
    static std::array<std::uint8_t, limits::head_bytes_max> storage;
    const std::string_view text = as_text({data, size});
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    const std::string_view body = text.substr(end + 4);
    RequestParser parser;
    RequestEvent event;
    parser.open(storage);
    parser.feed(as_bytes(text.substr(0, end + 4)));
    if (!parser.next(&event) || event.kind != RequestEvent::Kind::head) return 0;
    const Head& head = parser.head();

    check_path(head);
    PieceRequest request = recipe_of(head, seed);
    check_request(request);
    check_sources(head, request);
    if (const auto location = head.find("location")) key_of_location(head, *location, seed);
    if (request.act == PieceAct::form) {
        request = recipe_of(head, read_fields(body, false), seed);
        check(same(request, recipe_of(head, read_fields(body, true), seed)),
              "a form depends on its cuts");
        check(request.act != PieceAct::form, "the fields settle it");
        check_request(request);
    }
    if (request.list != ListFormat::none) check_list(head, request, as_bytes(body));
    return 0;
}
