// Lists the objects that are seen in bodies, for comparison with other readers: tests/support/
// body_differ.py. Records on standard input until its end:
//
//   length of the fields, of the body, seed: 4 bytes each, little endian | fields | body
//
// The fields stand in the head of a PUT. For each one line of JSON: {"fault", "notes": […],
// "unread": how many, "objects": [[form, file name in hex, member in hex, sha256 of what ended, or
// ""]…], "prefixes": [sha256…]}. A seed other than 0 cuts the body into pieces of random lengths.
#include <cstdio>
#include <random>

#include "tests/support/body_objects.h"
#include "tests/support/digest_text.h"

using namespace cordon;
using namespace cordon::test;

namespace {

struct Record {
    std::string fields;
    std::string body;
    std::uint32_t seed;
};

bool read_text(std::string* text, std::uint32_t size) {
    text->resize(size);
    return std::fread(text->data(), 1, size, stdin) == size;
}

bool read_record(Record* record) {
    std::uint32_t sizes[3];
    if (std::fread(sizes, 1, sizeof sizes, stdin) != sizeof sizes) return false;
    record->seed = sizes[2];
    return read_text(&record->fields, sizes[0]) && read_text(&record->body, sizes[1]);
}

std::vector<Bytes> pieces_of(const Record& record) {
    std::vector<Bytes> pieces;
    std::mt19937 random(record.seed);
    Bytes rest = as_bytes(record.body);
    while (!rest.empty()) {
        const std::size_t most = random() % 4 == 0 ? 40 : 4000;
        const std::size_t want = record.seed == 0 ? rest.size() : 1 + random() % most;
        pieces.push_back(rest.first(std::min(want, rest.size())));
        rest = rest.subspan(pieces.back().size());
    }
    return pieces;
}

std::string name_of(Outcome outcome) {
    return std::string(outcome_table[static_cast<std::size_t>(outcome)].name);
}

std::string sha256_of(const std::string& content) {
    return evp(EVP_sha256(), as_bytes(content));
}

void print_list(const char* name, const std::vector<std::string>& values) {
    std::printf(", \"%s\": [", name);
    for (std::size_t n = 0; n < values.size(); ++n)
        std::printf("%s%s", n == 0 ? "" : ", ", values[n].c_str());
    std::putchar(']');
}

void print(const BodyObjects& seen) {
    std::vector<std::string> notes;
    std::vector<std::string> objects;
    std::vector<std::string> prefixes;
    for (const Outcome note : seen.notes)
        notes.push_back('"' + name_of(note) + '"');
    for (const SeenObject& one : seen.objects) {
        objects.push_back("[\"" + one.form + "\", \"" + hex(as_bytes(one.file_name)) + "\", \"" +
                          hex(as_bytes(one.member)) + "\", \"" +
                          (one.ended ? sha256_of(one.content) : "") + "\"]");
    }
    for (const std::string& prefix : seen.prefixes)
        prefixes.push_back('"' + sha256_of(prefix) + '"');
    std::printf("{\"fault\": \"%s\", \"unread\": %zu",
                seen.fault ? name_of(*seen.fault).c_str() : "", seen.unread.size());
    print_list("notes", notes);
    print_list("objects", objects);
    print_list("prefixes", prefixes);
    std::printf("}\n");
}

}  // namespace

int main() {
    Record record;
    while (read_record(&record)) {
        const ParsedHead head("PUT", record.fields);
        print(objects_of(head.head(), pieces_of(record)));
    }
    return 0;
}
