#include "dataplane/shell/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace cordon {
namespace {

// DPDK's log is kept in memory while starting: the operator gets one line of ours with the reason.
struct Words {
    char* text = nullptr;
    std::size_t length = 0;
    std::FILE* stream = nullptr;
};

Words& words() {
    static Words instance;
    return instance;
}

std::string cpu_list(std::string_view separator_free_prefix, const std::vector<int>& cpus) {
    std::string list(separator_free_prefix);
    for (const int cpu : cpus) {
        list += (cpu == cpus.front() ? "" : ",") + std::to_string(cpu);
    }
    return list;
}

std::vector<int> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> cpus;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) cpus.push_back(static_cast<int>(cpu));
    }
    return cpus;
}

// A busy worker gets a core of its own, the last ones first because interrupts tend to the first.
// An adaptive one floats: it sleeps most of the time, and the scheduler knows better.
std::string lcore_map(const Options& options) {
    const std::vector<int> cpus = allowed_cpus();
    const std::string all = cpu_list("", cpus);
    std::string map = "0@(" + all + ")";
    for (std::uint32_t worker = 0; worker < options.workers; ++worker) {
        map += "," + std::to_string(worker + 1) + "@";
        if (options.polling == Polling::busy) {
            map += std::to_string(cpus[cpus.size() - 1 - worker % cpus.size()]);
        } else {
            map += "(" + all + ")";
        }
    }
    return map;
}

constexpr std::string_view file_prefix = "dataplane";

// DPDK would not start with a path that is too long for a socket.
bool telemetry_path_fits(const Options& options) {
    constexpr std::string_view below = "/dpdk/dataplane/dpdk_telemetry.v2:99";
    return std::string_view(options.run_dir).size() + below.size() < sizeof(sockaddr_un::sun_path);
}

std::vector<std::string> arguments(const Options& options, std::uint32_t memory_mib) {
    std::vector<std::string> list{
        "cordon-dataplane",
        "--main-lcore=0",
        "--lcores=" + lcore_map(options),
        // Below run_dir, which is one appliance's own and lasts: a folder in /var/run/dpdk for
        // every process would be left behind by each.
        "--file-prefix=" + std::string(file_prefix),
        "--log-level=warning",
        "-m",
        std::to_string(memory_mib),
    };
    if (!telemetry_path_fits(options)) list.push_back("--no-telemetry");
    if (options.port_kind == PortKind::pci) {
        list.insert(list.end(),
                    {"--in-memory", "-a", options.client_port, "-a", options.storage_port});
    } else {
        list.insert(list.end(), {"--no-huge", "--no-shconf", "--no-pci", "--iova-mode=va"});
    }
    return list;
}

Failure eal_failure(const Options& options) {
    const int code = rte_errno;
    const std::string said = last_dpdk_words();
    const std::string reason = said.empty() ? "" : " (" + said + ")";
    if (geteuid() != 0) {
        return failure(ErrorCode::permission, "DPDK may not start: run as root" + reason);
    }
    if (options.port_kind == PortKind::pci) {
        return failure(ErrorCode::memory,
                       "DPDK did not start: a PCI port needs hugepages (echo 512 > "
                       "/proc/sys/vm/nr_hugepages) and its device bound to vfio-pci" +
                           reason,
                       code);
    }
    return failure(ErrorCode::memory, "DPDK did not start" + reason, code);
}

}  // namespace

Result<void> start_eal(const Options& options, std::uint32_t memory_mib) {
    Words& log = words();
    log.stream = open_memstream(&log.text, &log.length);
    if (log.stream != nullptr) rte_openlog_stream(log.stream);
    // Where DPDK keeps what it makes, its telemetry socket above all; systemd says the same.
    setenv("RUNTIME_DIRECTORY", options.run_dir, 1);
    std::vector<std::string> list = arguments(options, memory_mib);
    std::vector<char*> argv;
    for (std::string& argument : list)
        argv.push_back(argument.data());
    if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) return eal_failure(options);
    return {};
}

std::string last_dpdk_words() {
    Words& log = words();
    if (log.stream == nullptr) return {};
    std::fflush(log.stream);
    std::string_view text(log.text, log.length);
    while (!text.empty() && text.back() == '\n')
        text.remove_suffix(1);
    const std::size_t line = text.rfind('\n');
    if (line != text.npos) text.remove_prefix(line + 1);
    return std::string(text);
}

}  // namespace cordon
