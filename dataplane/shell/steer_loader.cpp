#include "dataplane/shell/steer_loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/base/time.h"
#include "dataplane/shell/xdp_features.h"

namespace cordon {

namespace {

std::uint64_t clock_ns(clockid_t clock) {
    timespec t{};
    ::clock_gettime(clock, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * ns_per_s + static_cast<std::uint64_t>(t.tv_nsec);
}

std::string beside(const std::string& path, const char* name) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? name : path.substr(0, slash + 1) + name;
}

// The bridge must see frames for every address, also while no process holds the port.
Result<void> set_promiscuous(const char* interface, bool on) {
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
        return failure(ErrorCode::interface, std::string("cannot read ") + interface, errno);
    }
    const int flags = request.ifr_flags;
    const int wanted = on ? (flags | IFF_UP | IFF_PROMISC) : (flags & ~IFF_PROMISC);
    if (wanted == flags) return {};
    request.ifr_flags = static_cast<short>(wanted);
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
        return failure(ErrorCode::permission,
                       std::string("cannot make ") + interface + " promiscuous", errno);
    }
    return {};
}

bpf_tc_hook ingress(int ifindex) {
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = ifindex;
    hook.attach_point = BPF_TC_INGRESS;
    return hook;
}

Result<void> attach_tc(int ifindex, int program) {
    bpf_tc_hook hook = ingress(ifindex);
    int error = 0;
    {
        const QuietLibbpf quiet;  // the hook usually exists
        error = ::bpf_tc_hook_create(&hook);
    }
    if (error != 0 && error != -EEXIST) {
        return failure(ErrorCode::interface, "cannot make the clsact hook of a port", -error);
    }
    bpf_tc_opts filter{};
    filter.sz = sizeof filter;
    filter.prog_fd = program;
    filter.flags = BPF_TC_F_REPLACE;
    filter.handle = tc_handle;
    filter.priority = tc_priority;
    error = ::bpf_tc_attach(&hook, &filter);
    if (error == 0) return {};
    return failure(ErrorCode::interface, "cannot attach the bypass program to a port", -error);
}

// The whole hook goes: the ports belong to the appliance.
void detach_tc(int ifindex) {
    const QuietLibbpf quiet;
    bpf_tc_hook hook = ingress(ifindex);
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    ::bpf_tc_hook_destroy(&hook);
}

Result<void> detach_xdp(int ifindex) {
    const std::uint32_t attached = attached_xdp(ifindex);
    if (attached == 0) return {};
    const std::string name = program_name(attached);
    if (name != "steer") {
        return failure(ErrorCode::interface,
                       "the port has the XDP program \"" + name +
                           "\" of somebody else; detach it (ip link set dev … xdp off)");
    }
    const int error = ::bpf_xdp_detach(ifindex, 0, nullptr);
    if (error == 0) return {};
    return failure(ErrorCode::interface, "cannot detach the XDP program of a port", -error);
}

std::uint64_t take(__u64* value) {
    return __atomic_exchange_n(value, 0, __ATOMIC_ACQ_REL);
}

void* map_pages(int fd, std::size_t bytes, int protection) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t size = (bytes + page - 1) / page * page;
    void* at = ::mmap(nullptr, size, protection, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? nullptr : at;
}

void unmap_pages(const void* at, std::size_t bytes) {
    if (at != nullptr) ::munmap(const_cast<void*>(at), bytes);
}

constexpr std::size_t gap_bytes = sizeof(steer_gap) * steer_services_max;
constexpr std::size_t heartbeat_bytes = sizeof(steer_heartbeat) * steer_queues_max;
constexpr std::size_t passed_bytes = sizeof(steer_passed) * steer_shunted_max;
constexpr std::size_t epoch_bytes = sizeof(std::uint64_t) * steer_services_max;

}  // namespace

SteerLoader::~SteerLoader() {
    unmap_pages(gaps_, gap_bytes);
    unmap_pages(heartbeats_, heartbeat_bytes);
    unmap_pages(epochs_, epoch_bytes);
    unmap_pages(passed_, passed_bytes);
}

Result<void> SteerLoader::attach_bypass(const Options& options) {
    if (auto opened = open_ports(options); !opened) return opened;
    steer_object_ = options.steer_object;
    bypass_object_ = beside(steer_object_, "bypass.bpf.o");
    if (auto opened = maps_.open(options.bpf_dir, {ports_[0].ifindex, ports_[1].ifindex});
        !opened) {
        return opened;
    }
    Object programs[2];
    for (std::size_t i = 0; i < 2; ++i) {
        auto loaded = load(bypass_object_, i, -1);
        if (!loaded) return Failure(loaded.error());
        programs[i] = std::move(*loaded);
    }
    if (auto mapped = map_memory(); !mapped) return mapped;
    if (auto written = set_services(options); !written) return written;
    for (std::size_t i = 0; i < 2; ++i) {
        const int program =
            ::bpf_program__fd(::bpf_object__next_program(programs[i].get(), nullptr));
        if (auto attached = attach_tc(ports_[i].ifindex, program); !attached) return attached;
    }
    return {};
}

Result<void> SteerLoader::open_ports(const Options& options) {
    const char* const names[2] = {options.client_port, options.storage_port};
    for (std::size_t i = 0; i < 2; ++i) {
        ports_[i].ifindex = static_cast<int>(::if_nametoindex(names[i]));
        ports_[i].role = i == 0 ? steer_role_client : steer_role_storage;
        if (ports_[i].ifindex == 0) {
            return failure(ErrorCode::interface,
                           std::string("no network interface \"") + names[i] + "\"", errno);
        }
        if (auto set = set_promiscuous(names[i], true); !set) return set;
    }
    return {};
}

Result<Object> SteerLoader::load(const std::string& path, std::size_t port, int xsks_fd) {
    Object object(::bpf_object__open_file(path.c_str(), nullptr));
    if (!object) return failure(ErrorCode::io, "cannot open the BPF object " + path, errno);
    std::size_t size = 0;
    bpf_map* rodata = ::bpf_object__find_map_by_name(object.get(), ".rodata.port");
    auto* place =
        rodata == nullptr
            ? nullptr
            : static_cast<steer_port*>(const_cast<void*>(::bpf_map__initial_value(rodata, &size)));
    if (place == nullptr || size != sizeof *place) {
        return failure(ErrorCode::integrity, path + " is not a program of this version");
    }
    place->role = ports_[port].role;
    place->peer_ifindex = static_cast<std::uint32_t>(ports_[1 - port].ifindex);
    place->bridge_by_tc = !bridges_in_xdp_;
    if (auto lent = maps_.lend(object.get()); !lent) return Failure(lent.error());
    if (xsks_fd >= 0) {
        bpf_map* sockets = ::bpf_object__find_map_by_name(object.get(), "xsks_map");
        if (sockets == nullptr || ::bpf_map__reuse_fd(sockets, xsks_fd) != 0) {
            return failure(ErrorCode::integrity, path + ": cannot use the driver's xsks_map");
        }
    }
    const int error = ::bpf_object__load(object.get());
    if (error != 0) {
        return failure(error == -EPERM ? ErrorCode::permission : ErrorCode::refused,
                       "the kernel does not load " + path, -error);
    }
    if (auto kept = maps_.keep(object.get()); !kept) return Failure(kept.error());
    return object;
}

Result<void> SteerLoader::map_memory() {
    const auto map_once = [&](auto** at, const char* name, std::size_t bytes, int protection) {
        const int fd = maps_.fd(name);
        if (*at != nullptr || fd < 0) return true;
        *at = static_cast<std::remove_reference_t<decltype(*at)>>(map_pages(fd, bytes, protection));
        return *at != nullptr;
    };
    const bool mapped =
        map_once(&gaps_, "gap", gap_bytes, PROT_READ | PROT_WRITE) &&
        map_once(&passed_, "passed", passed_bytes, PROT_READ | PROT_WRITE) &&
        map_once(&epochs_, "epoch", epoch_bytes, PROT_READ) &&
        map_once(&heartbeats_, "heartbeat", heartbeat_bytes, PROT_READ | PROT_WRITE);
    if (mapped) return {};
    return failure(ErrorCode::memory, "cannot map the shared BPF maps", errno);
}

Result<void> SteerLoader::set_services(const Options& options) {
    if (auto written = write_services(options); !written) return written;
    return write_settings(options);
}

// New and changed sets first, then what is gone: no service is without its entry in between.
Result<void> SteerLoader::write_services(const Options& options) const {
    const int fd = maps_.fd("services");
    const auto plan = plan_services({options.services, options.service_count});
    for (const SteerServiceEntry& entry : plan) {
        if (::bpf_map_update_elem(fd, &entry.prefix, &entry.set, BPF_ANY) != 0) {
            return failure(ErrorCode::refused, "cannot write a service into the kernel", errno);
        }
    }
    std::vector<steer_prefix> gone;
    steer_prefix key{};
    for (const void* from = nullptr; ::bpf_map_get_next_key(fd, from, &key) == 0; from = &key) {
        const bool planned = std::any_of(plan.begin(), plan.end(), [&](const auto& entry) {
            return same_prefix(entry.prefix, key);
        });
        if (!planned) gone.push_back(key);
    }
    for (const steer_prefix& prefix : gone)
        ::bpf_map_delete_elem(fd, &prefix);
    return {};
}

Result<void> SteerLoader::write_settings(const Options& options) {
    const int fd = maps_.fd("settings");
    const std::uint32_t zero = 0;
    ::bpf_map_lookup_elem(fd, &zero, &settings_);
    settings_.heartbeat_ns_max = options.heartbeat_ms_max * ns_per_ms;
    settings_.configured = 1;
    settings_.tapped = options.port_kind == PortKind::af_packet;
    const std::span services(options.services, options.service_count);
    settings_.any_closed = std::any_of(services.begin(), services.end(), [](const auto& service) {
        return service.fail == FailMode::closed;
    });
    if (::bpf_map_update_elem(fd, &zero, &settings_, BPF_ANY) == 0) return {};
    return failure(ErrorCode::refused, "cannot write the settings into the kernel", errno);
}

Result<void> SteerLoader::before_ports() {
    for (const Port& port : ports_) {
        if (auto detached = detach_xdp(port.ifindex); !detached) return detached;
    }
    // What an earlier process denied is from now on enforced by the kernel alone.
    const std::uint32_t zero = 0;
    settings_.instance++;
    if (::bpf_map_update_elem(maps_.fd("settings"), &zero, &settings_, BPF_ANY) == 0) return {};
    return failure(ErrorCode::refused, "cannot write the settings into the kernel", errno);
}

Result<void> SteerLoader::after_ports() {
    bridges_in_xdp_ = std::none_of(std::begin(ports_), std::end(ports_), [](const Port& port) {
        return xdp_transmit(port.ifindex) == XdpTransmit::no;
    });
    for (std::size_t i = 0; i < 2; ++i) {
        if (auto replaced = replace_driver_program(i); !replaced) return replaced;
    }
    return {};
}

Result<void> SteerLoader::replace_driver_program(std::size_t port) {
    const int ifindex = ports_[port].ifindex;
    const std::uint32_t attached = attached_xdp(ifindex);
    const Descriptor sockets = map_of_program(attached, "xsks_map");
    if (attached == 0 || !sockets.valid()) {
        return failure(ErrorCode::interface, "the AF_XDP driver attached no XDP program to a port");
    }
    auto loaded = load(steer_object_, port, sockets.get());
    if (!loaded) return Failure(loaded.error());
    if (port == 0) {
        if (auto forgotten = forget_shunts(); !forgotten) return forgotten;
    }

    const int peer_map = ::bpf_object__find_map_fd_by_name(loaded->get(), "peer");
    const std::uint32_t zero = 0;
    const int peer = ports_[1 - port].ifindex;
    if (::bpf_map_update_elem(peer_map, &zero, &peer, BPF_ANY) != 0) {
        return failure(ErrorCode::interface, "cannot bridge to the peer port by XDP", errno);
    }
    const Descriptor driver_program(::bpf_prog_get_fd_by_id(attached));
    bpf_xdp_attach_opts replace{};
    replace.sz = sizeof replace;
    replace.old_prog_fd = driver_program.get();
    const int program = ::bpf_program__fd(::bpf_object__next_program(loaded->get(), nullptr));
    const int error = ::bpf_xdp_attach(ifindex, program, XDP_FLAGS_REPLACE, &replace);
    if (error == 0) return {};
    return failure(ErrorCode::interface, "cannot put the XDP program in place", -error);
}

Result<void> SteerLoader::forget_shunts() {
    if (auto mapped = map_memory(); !mapped) return mapped;
    if (passed_ != nullptr) SteerShunts::forget_all(maps_.fd("shunt"), passed_);
    return {};
}

std::unique_ptr<SteerShunts> SteerLoader::shunts(std::uint32_t number,
                                                 std::uint32_t workers) const {
    if (passed_ == nullptr || !bridges_in_xdp_) return nullptr;
    const std::uint32_t share = steer_shunted_max / workers;
    return std::make_unique<SteerShunts>(maps_.fd("shunt"), passed_, number * share, share);
}

Result<void> SteerLoader::detach_all(const Options& options) {
    Result<void> outcome;
    for (const char* name : {options.client_port, options.storage_port}) {
        const int ifindex = static_cast<int>(::if_nametoindex(name));
        if (ifindex == 0) continue;
        if (auto detached = detach_xdp(ifindex); !detached) outcome = detached;
        detach_tc(ifindex);
        if (auto set = set_promiscuous(name, false); !set) outcome = set;
    }
    SteerMaps::remove(options.bpf_dir);
    return outcome;
}

Result<void> SteerLoader::deny(const steer_flow& flow, std::uint64_t lifetime_ns) const {
    steer_denied denied{};
    denied.expires_ns = clock_ns(CLOCK_MONOTONIC) + lifetime_ns;
    denied.instance = settings_.instance;
    const int fd = maps_.fd("deny");
    if (::bpf_map_update_elem(fd, &flow, &denied, BPF_ANY) == 0) return {};
    if (errno == E2BIG && expire_denied() > 0 &&
        ::bpf_map_update_elem(fd, &flow, &denied, BPF_ANY) == 0) {
        return {};
    }
    return failure(ErrorCode::memory, "cannot record a denied flow in the kernel", errno);
}

void SteerLoader::undeny(const steer_flow& flow) const {
    ::bpf_map_delete_elem(maps_.fd("deny"), &flow);
}

std::uint32_t SteerLoader::expire_denied() const {
    const int fd = maps_.fd("deny");
    const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
    std::vector<steer_flow> expired;
    steer_flow key{};
    std::uint32_t steps = 0;
    for (const void* from = nullptr;
         steps < steer_denied_max && ::bpf_map_get_next_key(fd, from, &key) == 0; from = &key) {
        ++steps;
        steer_denied denied{};
        if (::bpf_map_lookup_elem(fd, &key, &denied) == 0 && denied.expires_ns <= now) {
            expired.push_back(key);
        }
    }
    for (const steer_flow& flow : expired)
        ::bpf_map_delete_elem(fd, &flow);
    return static_cast<std::uint32_t>(expired.size());
}

std::vector<TakenGap> SteerLoader::take_gaps() const {
    const std::uint64_t to_unix = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    std::vector<TakenGap> taken;
    for (std::uint32_t i = 0; gaps_ != nullptr && i < services_max; ++i) {
        steer_gap& gap = gaps_[i];
        const std::uint64_t packets = take(&gap.packets);
        if (packets == 0) continue;
        const std::uint64_t bytes = take(&gap.bytes);
        const std::uint64_t payload = take(&gap.payload_bytes);
        const std::uint64_t last = take(&gap.last_ns);
        // A frame counted between the two takes leaves no first time of its own.
        std::uint64_t first = take(&gap.first_ns);
        if (first == 0) first = last;
        taken.push_back({i, first + to_unix, last + to_unix, packets, bytes, payload});
    }
    return taken;
}

steer_tally SteerLoader::bypassed(std::uint32_t service) const {
    if (gaps_ == nullptr) return {};
    return {__atomic_load_n(&gaps_[service].total_packets, __ATOMIC_RELAXED),
            __atomic_load_n(&gaps_[service].total_bytes, __ATOMIC_RELAXED)};
}

SteerCounters SteerLoader::counters() const {
    SteerCounters sum{};
    const int cpus = ::libbpf_num_possible_cpus();
    std::vector<steer_tally> values(static_cast<std::size_t>(std::max(cpus, 1)));
    for (std::uint32_t layer = 0; layer < steer_layer_count; ++layer) {
        for (std::uint32_t c = 0; c < steer_class_count; ++c) {
            for (std::uint32_t d = 0; d < steer_direction_count; ++d) {
                const std::uint32_t index = steer_counter_index(layer, c, d);
                if (::bpf_map_lookup_elem(maps_.fd("counters"), &index, values.data()) != 0) {
                    continue;
                }
                for (const steer_tally& value : values) {
                    sum.tally[layer][c][d].frames += value.frames;
                    sum.tally[layer][c][d].bytes += value.bytes;
                }
            }
        }
    }
    return sum;
}

bool SteerLoader::xdp_attached() const {
    return std::all_of(std::begin(ports_), std::end(ports_), [](const Port& port) {
        return program_name(attached_xdp(port.ifindex)) == "steer";
    });
}

std::vector<SteerDestination> SteerLoader::unlisted(std::size_t count_max) const {
    const int fd = maps_.fd("unlisted");
    std::vector<SteerDestination> all;
    steer_destination key{};
    std::uint32_t steps = 0;  // the table changes under us: the walk must end all the same
    for (const void* from = nullptr;
         steps < 2 * steer_unlisted_max && ::bpf_map_get_next_key(fd, from, &key) == 0;
         from = &key) {
        ++steps;
        steer_tally tally{};
        if (::bpf_map_lookup_elem(fd, &key, &tally) == 0) all.push_back({key, tally});
    }
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.tally.bytes > b.tally.bytes; });
    if (all.size() > count_max) all.resize(count_max);
    return all;
}

}  // namespace cordon
