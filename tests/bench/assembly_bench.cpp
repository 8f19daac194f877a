#include "tests/bench/assembly_bench.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <random>

#include "dataplane/base/invariant.h"
#include "dataplane/decode/decode.h"
#include "dataplane/worker/worker.h"
#include "tests/bench/rates.h"
#include "tests/support/archives.h"
#include "tests/support/lab.h"
#include "tests/support/memory_recorder.h"
#include "tests/support/packet_builder.h"
#include "tests/support/zip_builder.h"

namespace cordon::bench {

namespace {

using test::FrameBytes;
using test::Packet;

constexpr std::size_t segment = 1448;
constexpr std::size_t file_bytes = 12u << 20;
constexpr std::size_t part_bytes = 5u << 20;  // the least that S3 takes
constexpr std::size_t burst = 32;
constexpr std::uint32_t isn = 1000;
constexpr std::string_view created = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// --- requests ------------------------------------------------------------------------------------

// Letters at random: deflate makes three quarters of them.
std::string file() {
    std::mt19937 random(7);
    std::string bytes(file_bytes, '\0');
    for (char& c : bytes)
        c = static_cast<char>('!' + random() % 64);
    return bytes;
}

std::string head(std::string_view line, std::size_t length) {
    return std::string(line) +
           " HTTP/1.1\r\nHost: s3.example\r\nContent-Length: " + std::to_string(length) +
           "\r\n\r\n";
}

std::vector<std::string> parts_of(const std::string& bytes, bool in_order) {
    std::vector<std::string> requests;
    std::string list = "<CompleteMultipartUpload>";
    for (std::size_t at = 0, number = 1; at < bytes.size(); at += part_bytes, ++number) {
        const std::string part = bytes.substr(at, part_bytes);
        const std::string name = std::to_string(number);
        requests.push_back(head("PUT /box/key?partNumber=" + name + "&uploadId=U", part.size()) +
                           part);
        list += "<Part><PartNumber>" + name + "</PartNumber><ETag>e</ETag></Part>";
    }
    if (!in_order) std::rotate(requests.begin(), requests.begin() + 1, requests.end());
    list += "</CompleteMultipartUpload>";
    requests.push_back(head("POST /box/key?uploadId=U", list.size()) + list);
    return requests;
}

std::vector<std::string> plain(const std::string& bytes) {
    return {head("PUT /box/key", bytes.size()) + bytes};
}

// --- the wire ------------------------------------------------------------------------------------

Packet from_client() {
    Packet packet;
    packet.ipv4("10.0.0.1", "10.0.0.2").ports(4000, 80).window(0xffff);
    return packet;
}
Packet from_storage() {
    Packet packet;
    packet.ipv4("10.0.0.2", "10.0.0.1").ports(80, 4000).window(0xffff);
    return packet;
}

// Frames are copied into one of a few buffers when they are received; what goes to the storage is
// only counted.
class ScriptPort : public Port {
  public:
    ScriptPort() {
        for (auto& buffer : buffers_) {
            buffer.reset(new std::uint8_t[buffer_bytes]);
            free_.push_back(buffer.get());
        }
    }
    void push(Side side, const FrameBytes* frame) {
        queues_[side == Side::client].push_back(frame);
    }
    std::uint64_t gone_by() const { return passed_; }

    std::size_t receive(Side side, Frame* frames, std::size_t count) override {
        auto& queue = queues_[side == Side::client];
        std::size_t n = 0;
        for (; n < count && !queue.empty() && !free_.empty(); ++n, queue.pop_front()) {
            const FrameBytes& bytes = *queue.front();
            allocate(side, &frames[n]);
            std::copy(bytes.begin(), bytes.end(), frames[n].data);
            frames[n].length = static_cast<std::uint32_t>(bytes.size());
        }
        return n;
    }
    std::size_t transmit(Side side, Frame* frames, std::size_t count) override {
        for (std::size_t n = 0; n < count; ++n) {
            if (side == Side::storage) note(frames[n]);
            release(&frames[n]);
        }
        return count;
    }
    bool allocate(Side, Frame* frame) override {
        if (free_.empty()) return false;
        *frame = Frame{};
        frame->data = free_.back();
        frame->capacity = buffer_bytes;
        frame->handle = frame->data;
        free_.pop_back();
        return true;
    }
    void release(Frame* frame) override {
        free_.push_back(static_cast<std::uint8_t*>(frame->handle));
    }

  private:
    static constexpr std::size_t buffer_bytes = 2048;

    void note(const Frame& frame) {
        Segment read;
        Outcome why;
        if (decode(frame.bytes(), ChecksumRule::off, &read, &why) != DecodeResult::tcp) return;
        if (read.payload.empty()) return;
        const std::uint32_t begin = read.sequence - isn - 1;
        passed_ = std::max<std::uint64_t>(passed_, begin + read.payload.size());
    }

    std::array<std::unique_ptr<std::uint8_t[]>, 512> buffers_;
    std::vector<std::uint8_t*> free_;
    std::deque<const FrameBytes*> queues_[2];
    std::uint64_t passed_ = 0;
};

// One connection: its frames are made before, but for those that depend on what went through.
class Upload {
  public:
    explicit Upload(const std::vector<std::string>& requests) {
        for (const std::string& request : requests) {
            for (std::size_t at = 0; at < request.size(); at += segment) {
                const std::string_view run = std::string_view(request).substr(at, segment);
                frames_.push_back(from_client()
                                      .sequence(isn + 1 + static_cast<std::uint32_t>(bytes_))
                                      .acknowledgement(2)
                                      .flags(tcp_flag::ack)
                                      .payload(run)
                                      .frame());
                bytes_ += run.size();
            }
            ends_.push_back({frames_.size(), bytes_});
        }
    }

    // Seconds of processor time. `expected` objects were judged clean.
    double send(std::uint64_t expected) {
        ScriptPort port;
        test::MemoryRecorder recorder;
        Options options = test::lab_options();
        options.spool_bytes_max = 64u << 20;
        WorkerOptions settings;
        settings.options = &options;
        settings.types = test::lab_types();
        settings.digests = KindSet{IndicatorKind::sha256}.bits;
        Worker worker(settings, &port, &recorder);
        port_ = &port;
        worker_ = &worker;
        storage_next_ = 1;
        connect();
        const double from = cpu_seconds();
        std::size_t at = 0;
        for (const auto& [last, bytes] : ends_) {
            while (at < last) {
                for (std::size_t n = 0; n < burst && at < last; ++n)
                    port.push(Side::client, &frames_[at++]);
                turn();
                acknowledge("");
            }
            for (int n = 0; port.gone_by() < bytes; ++n) {
                INVARIANT(n < 100000);  // it is held for ever
                turn();
            }
            acknowledge(created);
        }
        const double took = cpu_seconds() - from;
        INVARIANT(worker.counters().read(Outcome::object_clean) == expected);
        return took;
    }

  private:
    void turn() {
        now_ns_ += 10'000;
        worker_->poll({now_ns_, now_ns_});
    }
    void connect() {
        const FrameBytes syn = from_client().sequence(isn).flags(tcp_flag::syn).mss(1460).frame();
        const FrameBytes answer = from_storage()
                                      .sequence(1)
                                      .acknowledgement(isn + 1)
                                      .flags(tcp_flag::syn | tcp_flag::ack)
                                      .mss(1460)
                                      .frame();
        port_->push(Side::client, &syn);
        turn();
        port_->push(Side::storage, &answer);
        turn();
        storage_next_ = 2;
    }
    void acknowledge(std::string_view text) {
        const FrameBytes frame =
            from_storage()
                .sequence(storage_next_)
                .acknowledgement(isn + 1 + static_cast<std::uint32_t>(port_->gone_by()))
                .flags(tcp_flag::ack)
                .payload(text)
                .frame();
        port_->push(Side::storage, &frame);
        turn();
        storage_next_ += static_cast<std::uint32_t>(text.size());
    }

    struct End {
        std::size_t frame;
        std::uint64_t bytes;
    };
    std::vector<FrameBytes> frames_;
    std::vector<End> ends_;
    std::uint64_t bytes_ = 0;
    ScriptPort* port_ = nullptr;
    Worker* worker_ = nullptr;
    std::uint32_t storage_next_ = 1;
    std::uint64_t now_ns_ = 1'000'000'000;
};

struct Row {
    std::string form;
    std::string bytes;
    std::uint64_t members;
};

std::vector<Row> rows() {
    const std::string bytes = file();
    const auto zipped = [&](std::uint16_t method) {
        test::ZipBuilder zip;
        zip.add("a", bytes, method);
        return zip.end();
    };
    return {{"plain", bytes, 0},
            {"zip, stored", zipped(0), 1},
            {"zip, deflate", zipped(8), 1},
            {"tar.gz", test::gzip_file(test::tar_file("a", bytes) + test::tar_end()), 2}};
}

Spread rate_of(Upload* upload, std::size_t bytes, std::uint64_t expected, std::uint32_t runs) {
    std::vector<double> made;
    for (std::uint32_t run = 0; run < runs; ++run)
        made.push_back(static_cast<double>(bytes) / upload->send(expected) / 1e9);
    std::sort(made.begin(), made.end());
    return {made[made.size() / 2], made.front(), made.back()};
}

}  // namespace

// Clean objects of parts: what each request carries, the whole, and its members.
std::vector<AssemblyResult> run_assembly(std::uint32_t runs) {
    std::vector<AssemblyResult> results;
    for (const Row& row : rows()) {
        Upload whole(plain(row.bytes));
        const Spread beside = rate_of(&whole, row.bytes.size(), 1 + row.members, runs);
        results.push_back({row.form + ", PUT", beside, 1});
        for (const bool in_order : {true, false}) {
            const std::vector<std::string> requests = parts_of(row.bytes, in_order);
            Upload parts(requests);
            const Spread rate =
                rate_of(&parts, row.bytes.size(), requests.size() + 1 + row.members, runs);
            results.push_back({row.form + (in_order ? ", parts" : ", parts out of order"), rate,
                               rate.median / beside.median});
        }
    }
    return results;
}

}  // namespace cordon::bench
