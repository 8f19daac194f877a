// Prints what the appliance sees in files: `zip-list [--cut SEED] FILE…`, one JSON line for each,
// {"file", "format", "fault", "notes": […], "members": [{"name", "bytes", "sha256", "sound"} …]}.
// For comparison with other readers of zips. --cut feeds pieces of random lengths.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "dataplane/object/archive_signature.h"
#include "tests/support/digest_text.h"
#include "tests/support/zip_members.h"

using namespace cordon;
using namespace cordon::test;

namespace {

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        char escape[8];
        const auto byte = static_cast<unsigned char>(c);
        std::snprintf(escape, sizeof escape,
                      byte < 0x20 || c == '"' || c == '\\' ? "\\u%04x" : "%c", byte);
        out += escape;
    }
    return out + "\"";
}

void feed_in_pieces(ZipMembers* seen, Bytes bytes, std::mt19937* random) {
    while (!bytes.empty() && !seen->outcome) {
        const std::size_t most = (*random)() % 4 == 0 ? 40 : 4000;
        const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + (*random)() % most);
        // A copy of this length, so that a sanitizer sees a read past its end.
        const std::vector<std::uint8_t> copy(bytes.begin(),
                                             bytes.begin() + static_cast<std::ptrdiff_t>(size));
        seen->feed(copy);
        bytes = bytes.subspan(size);
    }
}

void print(const std::string& path, std::mt19937* random) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const ArchiveFormat format = archive_format_of(
        as_bytes(bytes).first(std::min<std::size_t>(bytes.size(), 512)), bytes.size() <= 512);
    ZipMembers seen(format == ArchiveFormat::zip);
    if (random != nullptr) {
        feed_in_pieces(&seen, as_bytes(bytes), random);
    } else {
        seen.feed(as_bytes(bytes));
    }
    seen.finish();
    std::string line = "{\"file\": " + quoted(path) +
                       ", \"format\": " + quoted(archive_format_name(format)) +
                       ", \"fault\": " + quoted(seen.fault()) + ", \"notes\": [";
    for (const std::string& note : seen.notes)
        line += (line.back() == '[' ? "" : ", ") + quoted(note);
    line += "], \"members\": [";
    for (const SeenMember& member : seen.members) {
        line += line.back() == '[' ? "" : ", ";
        line += "{\"name\": " + quoted(member.name) +
                ", \"bytes\": " + std::to_string(member.content.size()) +
                ", \"sha256\": " + quoted(evp(EVP_sha256(), as_bytes(member.content))) +
                ", \"sound\": " + (member.ended && member.is_sound ? "true" : "false") + "}";
    }
    std::printf("%s]}\n", line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    int first = 1;
    std::mt19937 random;
    const bool cuts = argc > 2 && std::strcmp(argv[1], "--cut") == 0;
    if (cuts) {
        random.seed(static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
        first = 3;
    }
    for (int n = first; n < argc; ++n)
        print(argv[n], cuts ? &random : nullptr);
    return 0;
}
