#include <array>
#include <cstring>
#include <random>
#include <string>

#include "dataplane/stream/stream.h"
#include "tests/bench/parts_bench.h"

namespace cordon::bench {

namespace {

// A stream that keeps `kept` segments of one MSS, in order.
struct Kept {
    static constexpr std::size_t mss = 1448;
    PiecePool pool;
    Stream stream;
    std::string segment = std::string(mss, 'x');

    explicit Kept(std::size_t kept) : pool(static_cast<std::uint32_t>(4 * kept + 64)) {
        stream.open(1);
        for (std::size_t n = 0; n < kept; ++n)
            offer(n * mss);
    }
    ~Kept() { stream.close(pool); }
    void offer(std::uint64_t offset) { stream.offer(offset, as_bytes(segment), pool, UINT32_MAX); }
};

Spread anywhere(std::size_t kept, std::uint32_t runs) {
    Kept flow(kept);
    std::mt19937 random(1);
    return nanoseconds(runs, 1, [&] { flow.offer(random() % kept * Kept::mss); });
}

// What nearly every segment does: it is taken, sent and some time later acknowledged.
Spread in_order(std::size_t kept, std::uint32_t runs) {
    Kept flow(kept);
    std::uint64_t offset = kept * Kept::mss;
    return nanoseconds(runs, 1, [&] {
        std::uint64_t begin;
        Bytes chunk;
        flow.offer(offset);
        offset += Kept::mss;
        while (flow.stream.take(flow.pool, &begin, &chunk)) {}
        flow.stream.clear_to(offset);
        while (flow.stream.next_to_send(flow.pool, &begin, &chunk))
            flow.stream.mark_sent(begin + chunk.size(), flow.pool);
        flow.stream.acknowledge(offset - kept * Kept::mss, flow.pool);
    });
}

Spread copied(std::uint32_t runs) {
    const std::string segment(Kept::mss, 'x');
    std::array<char, Kept::mss> to;
    return nanoseconds(runs, 1, [&] {
        std::memcpy(to.data(), segment.data(), segment.size());
        asm volatile("" : : "g"(to.data()) : "memory");
    });
}

}  // namespace

std::vector<PartResult> run_stream(std::uint32_t runs) {
    std::vector<PartResult> results;
    const Spread limit = copied(runs);
    for (const std::size_t kept : {45u, 1024u, 4096u}) {
        const std::string among = " among " + std::to_string(kept) + " kept";
        results.push_back({"stream", "in order" + among, in_order(kept, runs), limit});
        results.push_back({"stream", "anywhere" + among, anywhere(kept, runs), limit});
    }
    return results;
}

}  // namespace cordon::bench
