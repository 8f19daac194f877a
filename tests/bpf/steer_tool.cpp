// Drives the loader from a shell script, and does what DPDK's AF_XDP driver does with the object:
//   steer_tool BPF_DIR CLIENT_PORT STORAGE_PORT ADDRESS BITS TCP_PORT open|closed COMMAND
// COMMAND: attach (tc), xdp (tc and XDP, without a socket: a dead dataplane), status, gaps, detach.
#include <linux/if_link.h>
#include <net/if.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "dataplane/shell/steer_loader.h"
#include "tests/bpf/frames.h"

namespace {

using namespace cordon;

int stop(const Error& error) {
    std::fprintf(stderr, "steer_tool: %s\n", error.message().c_str());
    return static_cast<int>(error.code);
}

bool driver_attach(const Options& options, const char* interface) {
    bpf_object* object = ::bpf_object__open_file(options.steer_object, nullptr);
    if (object == nullptr || ::bpf_object__load(object) != 0) return false;
    return ::bpf_xdp_attach(static_cast<int>(::if_nametoindex(interface)),
                            ::bpf_program__fd(::bpf_object__next_program(object, nullptr)),
                            XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr) == 0;
}

int attach_xdp(SteerLoader* loader, const Options& options) {
    if (auto ready = loader->before_ports(); !ready) return stop(ready.error());
    if (!driver_attach(options, options.client_port)) return 9;
    if (!driver_attach(options, options.storage_port)) return 9;
    if (auto ready = loader->after_ports(); !ready) return stop(ready.error());
    return 0;
}

void print_status(const SteerLoader& loader) {
    const char* const layers[] = {"xdp", "tc"};
    const char* const classes[] = {
        "bridged",  "shunted",   "shunted_ack",    "to_worker",       "denied",
        "bypassed", "refused",   "closed_control", "unclear_bridged", "unclear_refused",
        "untaken",  "no_socket", "stale"};
    static_assert(std::size(classes) == steer_class_count);
    const SteerCounters counters = loader.counters();
    for (std::size_t layer = 0; layer < steer_layer_count; ++layer) {
        for (std::size_t c = 0; c < steer_class_count; ++c) {
            const auto& up = counters.tally[layer][c][steer_from_client];
            const auto& down = counters.tally[layer][c][steer_from_storage];
            if (up.frames + down.frames == 0) continue;
            std::printf("%s %s %llu %llu\n", layers[layer], classes[c], up.frames, down.frames);
        }
    }
    for (const auto& d : loader.unlisted(10)) {
        std::printf("unlisted %u %llu\n", d.destination.port, d.tally.frames);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 9) return 2;
    auto options = std::make_unique<Options>();
    std::snprintf(options->bpf_dir, sizeof options->bpf_dir, "%s", argv[1]);
    std::snprintf(options->client_port, sizeof options->client_port, "%s", argv[2]);
    std::snprintf(options->storage_port, sizeof options->storage_port, "%s", argv[3]);
    std::snprintf(options->steer_object, sizeof options->steer_object, "%s/steer.bpf.o",
                  CORDON_BPF_DIR);
    options->heartbeat_ms_max = 200;
    options->service_count = 1;
    ServiceOptions& service = options->services[0];
    service.prefix.address[10] = service.prefix.address[11] = 0xff;
    ::inet_pton(AF_INET, argv[4], service.prefix.address + 12);
    service.prefix.bits = static_cast<std::uint8_t>(96 + std::atoi(argv[5]));
    service.port = static_cast<std::uint16_t>(std::atoi(argv[6]));
    service.vlan = -1;
    service.fail = std::string_view(argv[7]) == "closed" ? FailMode::closed : FailMode::open;

    const std::string_view command = argv[8];
    if (command == "detach") {
        auto detached = SteerLoader::detach_all(*options);
        return detached ? 0 : stop(detached.error());
    }
    SteerLoader loader;
    if (auto attached = loader.attach_bypass(*options); !attached) return stop(attached.error());
    if (command == "xdp") return attach_xdp(&loader, *options);
    if (command == "status") print_status(loader);
    if (command == "gaps") {
        for (const TakenGap& gap : loader.take_gaps()) {
            std::printf("gap %u %lu %lu %lu\n", gap.service, gap.packets, gap.bytes,
                        gap.payload_bytes);
        }
    }
    return 0;
}
