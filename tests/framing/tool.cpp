// How we frame the corpus, for tests against real servers: one JSON object a line.
//
//   framing-tool PAYLOAD_FILE                  every case of the corpus
//   framing-tool PAYLOAD_FILE SEED COUNT       COUNT mutations of its cases
//
// Bytes are hexadecimal. `forwardable` is how many of them can reach a storage behind us;
// `messages` is what we take them for. All of it depends on nothing but the arguments.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/framing/framed.h"
#include "tests/framing/mutate.h"

namespace cordon::test {
namespace {

std::string hex(std::string_view bytes) {
    std::string out;
    char two[3];
    for (const char c : bytes) {
        std::snprintf(two, sizeof two, "%02x",
                      static_cast<unsigned>(static_cast<unsigned char>(c)));
        out += two;
    }
    return out;
}

void print_case(const FramingCase& one) {
    const Framed ours = framed(as_bytes(one.bytes));
    std::string messages;
    for (const FramedMessage& message : ours.messages) {
        messages += messages.empty() ? "" : ",";
        messages += "{\"method\":\"" + hex(message.method) + "\",\"target\":\"" +
                    hex(message.target) + "\",\"body\":\"" + hex(message.body) + "\"}";
    }
    std::printf(
        "{\"name\":\"%s\",\"family\":\"%s\",\"answered\":%s,\"end\":\"%s\",\"forwardable\":%zu,"
        "\"messages\":[%s],\"bytes\":\"%s\"}\n",
        one.name.c_str(), one.family.c_str(), one.answered ? "true" : "false", ours.end.c_str(),
        ours.forwardable, messages.c_str(), hex(one.bytes).c_str());
}

int run(int argc, char** argv) {
    if (argc != 2 && argc != 4) {
        std::fputs("usage: framing-tool PAYLOAD_FILE [SEED COUNT]\n", stderr);
        return 2;
    }
    std::ifstream file(argv[1], std::ios::binary);
    const std::string payload((std::istreambuf_iterator<char>(file)),
                              std::istreambuf_iterator<char>());
    const std::vector<FramingCase> cases = read_corpus("tests/framing/corpus.txt", payload);
    if (argc == 2) {
        for (const FramingCase& one : cases)
            print_case(one);
        return 0;
    }
    const std::uint64_t seed = std::strtoull(argv[2], nullptr, 10);
    const std::uint64_t count = std::strtoull(argv[3], nullptr, 10);
    for (std::uint64_t i = 0; i < count; ++i)
        print_case(mutated(cases, seed + i));
    return 0;
}

}  // namespace
}  // namespace cordon::test

int main(int argc, char** argv) {
    return cordon::test::run(argc, argv);
}
