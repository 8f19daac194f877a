#include <linux/bpf.h>

#include "tests/bench/line_bench.h"
#include "tests/bench/parts_bench.h"
#include "tests/bpf/shunted_flow.h"

namespace cordon::bench {

namespace {

using namespace cordon::test;

constexpr std::uint16_t denied_port = 40002;

// A packet, and what the program must make of it.
struct Packet {
    const char* what;
    FrameSpec in;
    steer_class expected;
    steer_role port = steer_role_client;
};

FrameSpec from_port(FrameSpec spec, std::uint16_t port) {
    spec.src_port = port;
    return spec;
}

// As a client with timestamps sends them on Ethernet.
FrameSpec full(std::uint32_t sequence) {
    return stamped(data(sequence, 1448));
}

FrameSpec to_others(FrameSpec spec) {
    spec.dst = "198.51.100.9";
    return spec;
}

const Packet limit{"bridged, not protected", to_others(full(shunt_from)), steer_bridged};

const Packet packets[] = {
    {"shunted: bytes", full(shunt_from + 1448), steer_shunted},
    {"shunted: their acknowledgement", stamped(from_storage(shunt_from + 1448)), steer_shunted_ack,
     steer_role_storage},
    {"to the worker: across the range's end", full(shunt_to - 1), steer_to_worker},
    {"to the worker: a flow without a range", from_port(full(shunt_from), 40001), steer_to_worker},
    {"dropped: a flow that is denied", from_port(full(shunt_from), denied_port),
     steer_denied_dropped},
};

// Nothing where the program makes something else of it: that would be the price of another thing.
Result<Spread> price(Programs* programs, const Packet& packet, std::uint32_t runs) {
    constexpr std::uint32_t times = 10'000;
    const test::Frame frame = build(packet.in);
    programs->set_worker(Worker::alive);  // for a minute
    if (programs->run(steer_layer_xdp, packet.port, frame).frame_class != packet.expected) {
        return failure(ErrorCode::refused,
                       std::string("the kernel's program does not do this: ") + packet.what);
    }
    return nanoseconds(runs, times,
                       [&] { programs->repeat(steer_layer_xdp, packet.port, frame, times); });
}

// One of either direction, of a dismissed object that goes through the worker.
Spread worker_price(std::uint32_t runs) {
    LineSettings settings;
    settings.runs = runs;
    settings.dismissible = true;
    const LineResult line = run_line(settings);
    // What gbit_per_s was made of.
    const double cycles_per_ns = line.gbit_per_s.median / 8 * line.cycles_per_byte.median;
    return {line.cycles_per_packet.median / cycles_per_ns,
            line.cycles_per_packet.least / cycles_per_ns,
            line.cycles_per_packet.most / cycles_per_ns};
}

Result<std::vector<PartResult>> price_all(Programs* programs, std::uint32_t runs) {
    configure_shunt(programs, true);
    programs->deny(flow_of("192.0.2.1", denied_port, "10.0.0.1"), 99, 3'600'000'000'000);
    const Result<Spread> bridged = price(programs, limit, runs);
    if (!bridged) return Failure(bridged.error());
    std::vector<PartResult> results;
    for (const Packet& packet : packets) {
        const Result<Spread> ns = price(programs, packet, runs);
        if (!ns) return Failure(ns.error());
        results.push_back({"shunt", packet.what, *ns, *bridged});
    }
    results.push_back(
        {"shunt", "in the worker: of a dismissed object", worker_price(runs), *bridged});
    return results;
}

}  // namespace

Result<std::vector<PartResult>> run_shunt(std::uint32_t runs) {
    libbpf_set_print(nullptr);  // the one line below says it
    Programs programs;
    const bool permitted = programs.load();
    Result<std::vector<PartResult>> results =
        failure(ErrorCode::permission, "shunt needs root: it runs the kernel's program");
    if (permitted && programs.broken())
        results = failure(ErrorCode::io, "the kernel's programs cannot be loaded: make them again");
    else if (permitted)
        results = price_all(&programs, runs);
    programs.close();
    return results;
}

}  // namespace cordon::bench
