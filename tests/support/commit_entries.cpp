// Prints what the lists of commits say to the appliance, for comparison with other readers:
// `commit-entries < INPUT`, one line for each record of the input.
//
//   record:  'L' or 'K' | u32 length | head (request line and fields, each with CRLF) | u32 | body
//            little endian; K: the name of the piece or object of that request
//   line:    complete 3 i:1 n:<key> o:<key>,10,5 l …  |  bad  |  foreign  |  <key>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/assembly/commit_list.h"
#include "tests/support/parsed_request.h"

using namespace cordon;

namespace {

constexpr std::uint64_t seed = 5;

bool read_text(std::string* out) {
    std::uint32_t bytes = 0;
    if (std::fread(&bytes, sizeof bytes, 1, stdin) != 1) return false;
    out->resize(bytes);
    return bytes == 0 || std::fread(out->data(), bytes, 1, stdin) == 1;
}

void print_key(const AssemblyKey& key) {
    std::printf("%016llx%016llx", static_cast<unsigned long long>(key.high),
                static_cast<unsigned long long>(key.low));
}

void print_entry(const CommitEntry& entry) {
    switch (entry.from) {
        case CommitEntry::From::index:
            std::printf(" i:%llu", static_cast<unsigned long long>(entry.index));
            return;
        case CommitEntry::From::list:
            std::printf(" l");
            return;
        case CommitEntry::From::name:
        case CommitEntry::From::staged:
        case CommitEntry::From::committed:
        case CommitEntry::From::object:
            std::printf(" %c:", "inscol"[static_cast<unsigned>(entry.from)]);
            print_key(entry.name);
            std::printf(",%lld,%lld", static_cast<long long>(entry.offset),
                        static_cast<long long>(entry.length));
            return;
    }
}

void print_list(const Head& head, const std::string& body) {
    CommitList list;
    list.open(head, recipe_of(head, seed), seed);
    std::vector<CommitEntry> entries;
    CommitEntry entry;
    list.feed(as_bytes(body));
    while (list.next(&entry))
        entries.push_back(entry);
    list.finish();
    while (list.next(&entry))
        entries.push_back(entry);
    switch (list.state()) {
        case CommitList::State::complete:
            std::printf("complete %zu", entries.size());
            for (const CommitEntry& each : entries)
                print_entry(each);
            std::printf("\n");
            return;
        case CommitList::State::foreign:
            std::printf("foreign\n");
            return;
        case CommitList::State::bad:
        case CommitList::State::open:
            std::printf("bad\n");
            return;
    }
}

}  // namespace

int main() {
    for (int kind = 0; (kind = std::getchar()) != EOF;) {
        std::string head;
        std::string body;
        if (!read_text(&head) || !read_text(&body)) return 1;
        const test::ParsedRequest request(head);
        if (kind == 'L') {
            print_list(request.head(), body);
            continue;
        }
        const PieceRequest piece = recipe_of(request.head(), seed);
        print_key(piece.order == PieceOrder::name ? piece.name : piece.key);
        std::printf("\n");
    }
    return 0;
}
