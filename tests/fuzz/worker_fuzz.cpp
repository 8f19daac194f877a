// A whole worker under a schedule that the input writes: segments of an upload in any order, cut,
// repeated, with other bytes or flags; ACKs and answers of the storage; time. Nothing may crash,
// and as long as no byte was changed:
//   - what the storage reads is a prefix of what the client sent;
//   - it never reads the whole of the known file.
// Every frame is counted in exactly one class, and no buffer is lost.
#include <cstdio>
#include <cstdlib>

#include "tests/support/lab.h"

namespace {

using namespace cordon;
using namespace cordon::test;

class Input {
  public:
    explicit Input(Bytes bytes) : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    std::uint8_t byte() {
        if (bytes_.empty()) return 0;
        const std::uint8_t value = bytes_[0];
        bytes_ = bytes_.subspan(1);
        return value;
    }
    std::uint16_t word() {
        const auto high = static_cast<unsigned>(byte());
        return static_cast<std::uint16_t>(high << 8 | byte());
    }
    std::string_view rest() const { return as_text(bytes_); }

  private:
    Bytes bytes_;
};

std::string upload(std::uint8_t which) {
    const std::string known = known_content();
    switch (which % 4) {
        case 0:
            return put("/known", known);
        case 1:
            return put("/clean", "clean") + put("/known", known);
        case 2:
            return put("/known", known, "Expect: 100-continue\r\n");
        default:
            return "PUT /known HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5dc\r\n" +
                   known.substr(0, 1500) + "\r\n5dc\r\n" + known.substr(1500) + "\r\n0\r\n\r\n";
    }
}

void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

constexpr std::string_view answers[] = {
    "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
};

class Schedule {
  public:
    explicit Schedule(Bytes bytes) : input_(bytes), stream_(upload(input_.byte())) {
        lab_.use(index_of_contents({known_content()}));
        lab_.connect();
    }

    void run() {
        for (int turns = 0; turns < 200 && !input_.empty(); ++turns) {
            turn(input_.byte() % 10);
            judge();
        }
        lab_.step(200'000'000);
        for (int n = 0; n < 4; ++n)
            lab_.step(61'000'000);
        judge();
    }

  private:
    void turn(std::uint8_t what) {
        switch (what) {
            case 0:
            case 1:
            case 2: {  // the upload, wherever it stands
                const std::size_t size = 1 + input_.word() % 1400;
                const std::string_view part = std::string_view(stream_).substr(next_, size);
                if (!part.empty()) lab_.segment(next_, part);
                next_ += part.size();
                return;
            }
            case 3: {  // any part of it again, or ahead
                const std::size_t at = input_.word() % stream_.size();
                lab_.segment(at,
                             std::string_view(stream_).substr(at, 1 + input_.word() % 1400));
                return;
            }
            case 4:
                return lab_.acknowledge();
            case 5:
                return lab_.step(input_.word());
            case 6:
                lab_.send_ack();
                return lab_.respond(answers[input_.byte() % std::size(answers)]);
            case 7: {  // FIN or RST where the client stands
                lab_.segment(next_, {},
                             input_.byte() % 2 == 0 ? tcp_flag::fin | tcp_flag::ack
                                                    : tcp_flag::rst | tcp_flag::ack);
                return;
            }
            case 8: {  // anything at all
                changed_ = true;
                const std::uint64_t at = input_.word();
                const std::uint8_t flags = input_.byte();
                const std::string bytes(input_.rest().substr(0, input_.byte()));
                lab_.segment(at, bytes, flags);
                return;
            }
            default: {  // the right place, other bytes
                changed_ = true;
                std::string part = stream_.substr(next_, 1 + input_.word() % 1400);
                if (part.empty()) return;
                part[input_.word() % part.size()] = static_cast<char>(input_.byte());
                lab_.segment(next_, part);
                next_ += part.size();
            }
        }
    }

    void judge() {
        const Counters& counters = lab_.worker->counters();
        std::uint64_t received = 0;
        std::uint64_t classed = 0;
        for (const Tally& side : counters.received)
            received += side.bytes.read();
        for (const Tally& tally : counters.frames)
            classed += tally.bytes.read();
        check(received == classed, "every frame is in one class");
        check(lab_.port.outstanding() <= 1, "at most the tail's frame is held");
        if (changed_) return;
        check(stream_.starts_with(lab_.stored), "the storage reads what was sent");
        check(lab_.stored.find(known_content()) == std::string::npos,
              "the known file is never whole at the storage");
    }

    Input input_;
    std::string stream_;
    Lab lab_;
    std::size_t next_ = 0;
    bool changed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4096) return 0;
    Schedule(Bytes(data, size)).run();
    return 0;
}
