// Lists the files that are seen in texts, for comparison with other readers: tests/support/
// text_differ.py. Records on standard input until its end:
//
//   one byte (bit 0: declared to be a form) | length, 4 bytes little endian | seed, 4 bytes | text
//
// For each one line of JSON: [odd, [field in hex, content in hex, what may be all of it …], …]. A
// seed other than 0 cuts the text into pieces of random lengths.
#include <cstdio>
#include <random>

#include "tests/support/text_files.h"

using namespace cordon;
using namespace cordon::test;

namespace {

struct Record {
    std::uint8_t flags;
    std::uint32_t length;
    std::uint32_t seed;
};

bool read_record(Record* record, std::vector<std::uint8_t>* text) {
    std::uint8_t head[9];
    if (std::fread(head, 1, sizeof head, stdin) != sizeof head) return false;
    record->flags = head[0];
    std::memcpy(&record->length, head + 1, 4);
    std::memcpy(&record->seed, head + 5, 4);
    text->resize(record->length);
    return std::fread(text->data(), 1, text->size(), stdin) == text->size();
}

TextFiles seen_in(const Record& record, Bytes text) {
    TextFiles files((record.flags & 1) != 0 ? "application/x-www-form-urlencoded" : "", 4096);
    std::mt19937 random(record.seed);
    while (!text.empty()) {
        const std::size_t want = record.seed == 0 ? text.size() : 1 + random() % 100;
        const Bytes piece = text.first(std::min(want, text.size()));
        files.feed(piece);
        text = text.subspan(piece.size());
    }
    files.finish();
    return files;
}

void print_hex(std::string_view bytes) {
    std::putchar('"');
    for (const char c : bytes)
        std::printf("%02x", static_cast<std::uint8_t>(c));
    std::putchar('"');
}

}  // namespace

int main() {
    Record record;
    std::vector<std::uint8_t> text;
    while (read_record(&record, &text)) {
        const TextFiles seen = seen_in(record, text);
        std::printf("[%d", seen.odd);
        for (const TextFile& file : seen.files) {
            std::printf(",[");
            print_hex(file.field);
            std::putchar(',');
            print_hex(file.content);
            for (const std::string& prefix : file.prefixes) {
                std::putchar(',');
                print_hex(prefix);
            }
            std::putchar(']');
        }
        std::printf("]\n");
    }
    return 0;
}
