#include "tests/framing/mutate.h"

#include <random>

namespace cordon::test {

namespace {

using namespace std::string_literals;

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t n) {
    return static_cast<std::size_t>(random() % n);
}

// What makes parsers disagree.
std::string odd_bytes(Random& random) {
    static const std::string pieces[] = {
        "\r\n",
        "\n",
        "\r",
        "\0"s,
        "\t",
        "\x0b",
        "\x0c",
        " ",
        ":",
        ",",
        ";",
        "0",
        "5",
        "\"",
        "\\",
        "\xff",
        "\xa0",
        "\r\n\r",
        "\n\n",
        "\r\r\n",
        "+",
        "-",
        "0x",
        "=",
        ";a=\"",
        "\x7f",
        "\r\n ",
        "\r\n\t",
        "chunked",
        "/",
        " HTTP/1.1",
        "_",
        "0\r\n\r\n",
        "5\r\nhello\r\n",
        "\r\n\r\n",
        "identity",
        "close",
        "100-continue",
        "Content-Length: 5\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Expect: 100-continue\r\n",
        "Upgrade: h2c\r\n",
        "Host: b\r\n",
        "Content-Length : 5\r\n",
        "Content-Length",
        "Transfer-Encoding",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    return pieces[below(random, std::size(pieces))];
}

std::size_t line_begin(const std::string& bytes, Random& random) {
    const std::size_t lf = bytes.find('\n', below(random, bytes.size()));
    return lf == std::string::npos ? 0 : lf + 1;
}

void change(std::string& bytes, const std::string& other, Random& random) {
    if (bytes.empty()) return;
    // Changes of the head matter most.
    const std::size_t near = std::min<std::size_t>(bytes.size(), 200);
    const std::size_t at = below(random, below(random, 4) == 0 ? bytes.size() : near);
    switch (below(random, 9)) {
        case 0:
            bytes.erase(at, 1 + below(random, 3));
            return;
        case 1:
            bytes[at] = static_cast<char>(random());
            return;
        case 2: {  // a line twice
            const std::size_t begin = line_begin(bytes, random);
            bytes.insert(begin, bytes.substr(begin, bytes.find('\n', begin) - begin + 1));
            return;
        }
        case 3: {  // a line less
            const std::size_t begin = line_begin(bytes, random);
            bytes.erase(begin, bytes.find('\n', begin) - begin + 1);
            return;
        }
        case 4:  // the head of one, the rest of another
            bytes = bytes.substr(0, line_begin(bytes, random)) +
                    other.substr(line_begin(other, random));
            return;
        case 5:
            bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
            return;
        case 6: {  // something at the beginning of a line
            bytes.insert(line_begin(bytes, random), odd_bytes(random));
            return;
        }
        default:
            bytes.insert(at, odd_bytes(random));
            return;
    }
}

}  // namespace

FramingCase mutated(const std::vector<FramingCase>& cases, std::uint64_t seed) {
    Random random(seed);
    // What is well-formed before is the likelier to be taken by somebody after the change.
    const FramingCase* from = &cases[below(random, cases.size())];
    for (int tries = 0; tries < 4 && !from->end.empty(); ++tries)
        from = &cases[below(random, cases.size())];
    FramingCase out;
    out.name = from->name + "~" + std::to_string(seed);
    out.family = from->family;
    out.answered = from->answered;
    out.bytes = from->bytes;
    for (std::size_t times = 1 + below(random, 3); times > 0; --times)
        change(out.bytes, cases[below(random, cases.size())].bytes, random);
    return out;
}

}  // namespace cordon::test
