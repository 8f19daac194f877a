// Nearly every segment goes straight on through the line (worker/straight.cpp). What comes of it is
// what the general way makes of the same segments: two workers get the same schedules, and one of
// them does not verify checksums, so that it has no payload in a piece already and goes the general
// way with all of them.
#include <random>

#include "tests/support/archives.h"
#include "tests/support/compressed.h"
#include "tests/support/lab.h"
#include "tests/support/listed_contents.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::uint32_t seed = 20261123;
constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

using Random = std::mt19937_64;

// What a segment told that reached an end.
std::string told_by(const Segment& segment) {
    char head[160];
    std::snprintf(head, sizeof head,
                  "seq %u ack %u flags %u window %u ts %u/%u/%u ttl %u: ", segment.sequence,
                  segment.acknowledgement, segment.flags, segment.window, segment.has_timestamp,
                  segment.timestamp_value, segment.timestamp_echo, segment.hop_limit);
    return head + std::string(as_text(segment.payload));
}

struct Lane {
    Lane(const Options& options, ChecksumRule checksums)
        : lab(options, 4096, 4096, nullptr, checksums) {
        lab.at_storage = [this](const Segment& segment) { told.push_back(told_by(segment)); };
    }
    Lab lab;
    std::vector<std::string> told;
};

struct Twins {
    explicit Twins(const Options& options)
        : straight(options, ChecksumRule::strict), general(options, ChecksumRule::off) {}

    template <typename Act>
    void both(const Act& act) {
        act(straight.lab);
        act(general.lab);
        compare();
    }
    void compare() {
        const Lab& one = straight.lab;
        const Lab& other = general.lab;
        assert_true(straight.told == general.told);
        straight.told.clear();
        general.told.clear();
        assert_true(one.stored == other.stored);
        assert_true(one.answer == other.answer);
        assert_int_equal(one.storage_reset, other.storage_reset);
        assert_int_equal(one.worker->kept_bytes(), other.worker->kept_bytes());
        assert_int_equal(one.worker->flows(), other.worker->flows());
        assert_int_equal(one.worker->object_bytes_open(), other.worker->object_bytes_open());
        assert_int_equal(one.worker->next_deadline_ns(), other.worker->next_deadline_ns());
        assert_int_equal(one.port.outstanding(), other.port.outstanding());
        constexpr std::size_t counted = offsetof(Counters, services) + sizeof(Counters::services);
        assert_memory_equal(&one.worker->counters(), &other.worker->counters(), counted);
    }

    Lane straight;
    Lane general;
};

// With marks of zips, and what looks like their begin, where segments end and elsewhere.
std::string body_of(Random& random) {
    std::string body(2000 + random() % 60'000, '\0');
    for (char& one : body)
        one = static_cast<char>(random());
    constexpr std::string_view marks[] = {"PK", "P", "PK\3", "PK\1\2", "PK\3\4", "K"};
    for (std::size_t n = random() % 20; n > 0; --n) {
        const std::string_view mark = marks[random() % std::size(marks)];
        body.replace(random() % (body.size() - 8), mark.size(), mark);
    }
    switch (random() % 8) {
        case 0:
            return body + zip_file("a.jpg", std::string(3000, 'a'), body.size());
        case 1:
            return zip_file("known", body + known_content()) + body;
        case 2:
            return "\xff\xd8\xff\xe0" + body;
        case 3:
            return std::string(20'000, 't') + body;
        case 4:
            return known_content(20'000);
        default:
            return body;
    }
}

std::string stream_of(Random& random) {
    std::string stream;
    for (std::size_t n = 1 + random() % 3; n > 0; --n) {
        const std::string body = body_of(random);
        switch (random() % 12) {
            case 0: {
                char size[16];
                std::snprintf(size, sizeof size, "%zx\r\n", body.size());
                stream += "PUT /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
                stream += size + body + "\r\n0\r\n\r\n";
                break;
            }
            case 1:
                stream += put("/b/k?uploadId=U&partNumber=" + std::to_string(n), body);
                break;
            case 2:
                stream += put("/object", gzip_file(body), "Content-Encoding: gzip\r\n");
                break;
            case 3:
                stream += put("/object", body, "Expect: 100-continue\r\n");
                break;
            case 4: {
                const std::string known = known_content(20'000);
                stream += put("/b/known?uploadId=K&partNumber=1", known.substr(0, 10'000));
                stream += put("/b/known?uploadId=K&partNumber=2", known.substr(10'000));
                const std::string list =
                    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part>"
                    "<Part><PartNumber>2</PartNumber></Part></CompleteMultipartUpload>";
                stream += "POST /b/known?uploadId=K HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                          std::to_string(list.size()) + "\r\n\r\n" + list;
                break;
            }
            default:
                stream += put("/object", body);
        }
    }
    return stream;
}

Options options_of(Random& random) {
    Options options = lab_options();
    ServiceOptions& service = options.services[0];
    if (random() % 2 == 0) service.embedded_archives = EmbeddedArchives::ignore;
    if (random() % 4 == 0) service.mode = ServiceMode::observe;
    constexpr DismissBy dismissals[] = {DismissBy::off, DismissBy::head, DismissBy::size};
    service.dismiss = dismissals[random() % 3];
    if (random() % 4 == 0) options.kept_bytes_flow_max = 12 * limits::kept_block_bytes;
    return options;
}

class Schedule {
  public:
    explicit Schedule(std::uint64_t number)
        : random_(number),
          twins_(options_of(random_)),
          has_clock_(one_of(2)),
          dismisses_(one_of(2)),
          acknowledges_one_in_(one_of(3) ? 12 : 2) {
        twins_.both([&](Lab& lab) {
            const std::string some = known_content(), more = known_content(20'000);
            // By sizes and heads most of what is uploaded is dismissed.
            lab.use(dismisses_ ? index_of({{some}, {more}}) : index_of_contents({some, more}));
            if (has_clock_) lab.client_clock = lab.storage_clock = 0xfffffff0;
        });
        begin();
    }

    void run() {
        for (int n = 0; n < 400; ++n) {
            if (next_ >= stream_.size() || lab().storage_reset) end();
            turn();
        }
        end();
        twins_.both([](Lab& lab) { lab.step(7'201'000'000); });
    }

  private:
    Lab& lab() { return twins_.straight.lab; }
    bool one_of(std::size_t count) { return random_() % count == 0; }

    void begin() {
        stream_ = stream_of(random_);
        next_ = 0;
        twins_.both([](Lab& lab) { lab.connect(); });
    }
    void end() {
        twins_.both([&](Lab& lab) {
            lab.step(5000);
            lab.acknowledge();
            lab.respond(created);
            lab.client_next = lab.isn + 1 + static_cast<std::uint32_t>(next_);
            lab.send_fin();
            lab.acknowledge();
            lab.step(5000);
        });
        begin();
    }

    std::size_t some_size() {
        constexpr std::size_t sizes[] = {1460, 1460, 1460, 1448, 1000, 513, 512, 511, 100, 1};
        return sizes[random_() % std::size(sizes)];
    }
    Packet packet(std::size_t at, std::string_view bytes) {
        return lab()
            .client_packet()
            .sequence(lab().isn + 1 + static_cast<std::uint32_t>(at))
            .acknowledgement(lab().client_acked)
            .flags(one_of(3) ? tcp_flag::ack | tcp_flag::psh : tcp_flag::ack)
            .payload(bytes);
    }
    std::string_view part(std::size_t at, std::size_t size) {
        return std::string_view(stream_).substr(std::min(at, stream_.size()), size);
    }
    void push(const Packet& packet) {
        const FrameBytes frame = packet.frame();
        twins_.both([&](Lab& lab) { lab.port.push(Side::client, frame); });
    }
    void push_next() {
        std::size_t size = some_size();
        // Cut in a mark, where there is one.
        const std::size_t mark = part(next_ + 512, 900).find("PK");
        if (mark != std::string_view::npos && one_of(2)) size = 513 + mark + random_() % 4;
        const std::size_t head = part(next_, 1000).find("\r\n\r\n");
        if (head != std::string_view::npos && one_of(2)) size = head + 4;
        const std::string_view bytes = part(next_, size);
        if (bytes.empty()) return;
        push(packet(next_, bytes));
        next_ += bytes.size();
    }
    void step(std::uint64_t microseconds = 10) {
        twins_.both([&](Lab& lab) { lab.step(microseconds); });
    }

    void turn() {
        switch (random_() % 24) {
            case 0: {  // two that change places
                const std::size_t size = some_size();
                push(packet(next_ + size, part(next_ + size, 1000)));
                push(packet(next_, part(next_, size)));
                next_ = std::min(next_ + size + 1000, stream_.size());
                return step();
            }
            case 1: {  // again, from somewhere
                const std::size_t back = std::min<std::size_t>(next_, random_() % 4000);
                push(packet(next_ - back, part(next_ - back, some_size())));
                return step();
            }
            case 2:
                return step(random_() % 3000);
            case 3: {
                constexpr std::string_view answers[] = {
                    created, "HTTP/1.1 100 Continue\r\n\r\n",
                    "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"};
                const std::string_view answer = answers[random_() % std::size(answers)];
                twins_.both([&](Lab& lab) { lab.respond(answer); });
                return;
            }
            case 4:
                return odd();
            case 5:
                if (one_of(4)) twins_.both([](Lab& lab) { lab.use_again(); });
                if (has_clock_) twins_.both([](Lab& lab) { ++lab.client_clock; });
                return;
            default:
                for (std::size_t n = 1 + random_() % 8; n > 0; --n)
                    push_next();
                step();
                if (one_of(acknowledges_one_in_)) twins_.both([](Lab& lab) { lab.acknowledge(); });
        }
    }

    // The next segment, with something about it that is not plain.
    void odd() {
        const std::string_view bytes = part(next_, 1460);
        if (bytes.empty()) return;
        const std::uint32_t clock = lab().client_clock;
        const std::size_t which = random_() % 13;
        if (has_clock_ && which < 3)
            lab().client_clock =
                which == 0 ? 0 : clock - 100 * (3 - 2 * static_cast<std::uint32_t>(which));
        Packet one = packet(next_, bytes);
        lab().client_clock = clock;
        bool goes_on = which == 0;
        switch (which) {
            case 0:  // without a timestamp, from its past, from its future
            case 1:
            case 2:
                break;
            case 3:
                one.hop_limit(1);
                break;
            case 4:
                one.flags(tcp_flag::ack | tcp_flag::urg);
                goes_on = true;
                break;
            case 5:
                one.acknowledgement(lab().client_acked + 1000);
                break;
            case 6:
                one.acknowledgement(lab().client_acked - 1);
                goes_on = true;
                break;
            case 7:
                one.flags(0);
                break;
            case 8:
                if (!one_of(4)) return;
                one.flags(tcp_flag::ack | tcp_flag::rst);
                break;
            case 12:  // the end, before what is missing
                if (!one_of(4)) return;
                one = packet(next_ + 1000, {}).flags(tcp_flag::ack | tcp_flag::fin);
                break;
            case 9:  // of another subflow (RFC 8684 §3.3)
                one.option({30, 4, 0, 0});
                goes_on = true;
                break;
            case 10:  // in the name of the other end
                one = lab()
                          .storage_packet()
                          .sequence(lab().isn + 1 + static_cast<std::uint32_t>(next_))
                          .acknowledgement(lab().client_acked)
                          .flags(tcp_flag::ack)
                          .payload(bytes);
                break;
            default: {
                const std::uint8_t other[6] = {2, 0, 0, 0, 0, 9};
                one.macs(lab().storage_mac, other);
                goes_on = true;
            }
        }
        push(one);
        step();
        if (goes_on) next_ += bytes.size();
    }

    Random random_;
    Twins twins_;
    bool has_clock_;
    bool dismisses_;
    std::size_t acknowledges_one_in_;
    std::string stream_;
    std::size_t next_ = 0;
};

void the_straight_way_is_the_general_one(void**) {
    for (std::uint64_t number = 0; number < 60; ++number)
        Schedule(seed + number).run();
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_straight_way_is_the_general_one),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
