// cordon-dataplane: forwards, fingerprints, decides.
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/contract/options_file.h"
#include "dataplane/contract/version.h"
#include "dataplane/fingerprint/kernels.h"
#include "dataplane/shell/appliance.h"
#include "dataplane/shell/process.h"

namespace cordon {
namespace {

constexpr int tend_every_ms = 200;

constexpr char usage[] =
    "usage: cordon-dataplane --options FILE [--check | --bridge | --detach]\n"
    "  --options FILE  the settings, as cordond compiled them from cordon.toml\n"
    "  --check         say whether it could start here, and what memory it would take\n"
    "  --bridge        put the lower kernel layer on both ports, which carries the traffic by "
    "each\n"
    "                  service's fail mode until a dataplane runs, and end: for the boot\n"
    "  --detach        take the kernel layers off both ports: the wire is cut without a dataplane\n"
    "  --version\n"
    "Stop it with SIGTERM: the kernel layers then carry the traffic by each service's fail mode.\n"
    "Exit status: 0, or 1 refused, 2 usage, 5 privileges, 6 time-out, 7 damaged file,\n"
    "8 configuration, 9 interface or driver, 10 memory, 11 file or disk.\n";

struct Arguments {
    std::string options;
    bool check = false;
    bool bridge = false;
    bool detach = false;
    bool version = false;
    bool help = false;
};

bool parse(int count, char** words, Arguments* arguments) {
    for (int i = 1; i < count; ++i) {
        const std::string_view word = words[i];
        if (word == "--check") {
            arguments->check = true;
        } else if (word == "--bridge") {
            arguments->bridge = true;
        } else if (word == "--detach") {
            arguments->detach = true;
        } else if (word == "--version") {
            arguments->version = true;
        } else if (word == "--help") {
            arguments->help = true;
        } else if (word == "--options" && i + 1 < count) {
            arguments->options = words[++i];
        } else {
            return false;
        }
    }
    const bool one_job = arguments->check + arguments->bridge + arguments->detach <= 1;
    return one_job && (arguments->version || arguments->help || !arguments->options.empty());
}

int give_up(const Error& error) {
    std::fprintf(stderr, "cordon-dataplane: %s\n", error.message().c_str());
    return static_cast<int>(error.code);
}

Result<std::unique_ptr<Options>> load_options(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return failure(ErrorCode::config,
                       "options " + path +
                           " cannot be read; `cordonctl config check` and cordond "
                           "make them",
                       errno);
    }
    std::array<std::uint8_t, options_file_bytes + 1> bytes;  // one more shows a file too long
    const ssize_t n = read(file, bytes.data(), bytes.size());
    close(file);
    auto options = std::make_unique<Options>();
    const Bytes content(bytes.data(), n < 0 ? 0 : static_cast<std::size_t>(n));
    const OptionsFileResult result = read_options(content, options.get());
    if (result == OptionsFileResult::ok) return options;
    return failure(ErrorCode::config, "options " + path + ": " + options_file_why(result));
}

int serve(const Options& options) {
    block_signals();
    // Its words would come before our one line; what they mean stands there.
    libbpf_set_print(nullptr);
    if (const Result<void> guarded = guard_process(); !guarded) return give_up(guarded.error());
    if (const Result<void> ours = claim_place(options.run_dir); !ours) {
        return give_up(ours.error());
    }
    auto appliance = Appliance::start(options);
    if (!appliance) return give_up(appliance.error());
    std::puts("ready");
    std::fflush(stdout);
    notify_service_manager("READY=1");
    while (next_signal(tend_every_ms) == 0) {
        if ((*appliance)->tend()) notify_service_manager("WATCHDOG=1");
    }
    notify_service_manager("STOPPING=1");
    return 0;
}

int bridge(const Options& options) {
    libbpf_set_print(nullptr);
    if (const Result<void> ours = claim_place(options.run_dir); !ours) {
        return give_up(ours.error());
    }
    if (options.port_kind != PortKind::af_xdp) {
        std::puts("nothing to do: only ports of the kind \"af_xdp\" have a kernel bridge");
        return 0;
    }
    const Result<void> attached = attach_bridge(options);
    return attached ? 0 : give_up(attached.error());
}

int detach(const Options& options) {
    libbpf_set_print(nullptr);
    if (const Result<void> ours = claim_place(options.run_dir); !ours) {
        return give_up(ours.error());
    }
    const Result<void> detached = SteerLoader::detach_all(options);
    return detached ? 0 : give_up(detached.error());
}

int check(const Options& options) {
    const Result<std::uint32_t> usable = check_machine(options);
    if (!usable) return give_up(usable.error());
    std::printf("digest kernels: %s\n", kernels::at_start()->name);
    std::puts("cordon-dataplane can start here");
    return 0;
}

int run(const Arguments& arguments) {
    if (arguments.version || arguments.help) {
        std::fputs(arguments.help ? usage : (std::string(version) + "\n").c_str(), stdout);
        return 0;
    }
    const Result<std::unique_ptr<Options>> options = load_options(arguments.options);
    if (!options) return give_up(options.error());
    if (kernels::at_start() == nullptr) {
        return give_up({ErrorCode::usage,
                        "CORDON_ISA names no digest kernels that this processor "
                        "can run: scalar, openssl, shani, avx2 or avx512"});
    }
    if (arguments.check) return check(**options);
    if (arguments.bridge) return bridge(**options);
    if (arguments.detach) return detach(**options);
    return serve(**options);
}

}  // namespace
}  // namespace cordon

int main(int count, char** words) {
    cordon::Arguments arguments;
    if (!cordon::parse(count, words, &arguments)) {
        std::fputs(cordon::usage, stderr);
        return static_cast<int>(cordon::ErrorCode::usage);
    }
    const int status = cordon::run(arguments);
    std::fflush(nullptr);
    // Not through DPDK's own clean-up: it would detach XDP, and XDP is what carries the traffic
    // now.
    _exit(status);
}
