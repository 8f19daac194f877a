#include "dataplane/shell/appliance.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "dataplane/shell/clock.h"
#include "dataplane/shell/eal.h"
#include "dataplane/shell/memory_plan.h"
#include "dataplane/shell/telemetry.h"

namespace cordon {
namespace {

// The worker ends an entry with its connection; this is for those whose end no process has lived to
// see. A client repeats what was not acknowledged for 924 seconds and one time-out of at most 120
// more (tcp_retries2); then the connection is gone on its side, and a longer life would only hit a
// new one with the same ports.
constexpr std::uint64_t deny_lifetime_ns = 20 * 60 * ns_per_s;
constexpr std::uint64_t gaps_every_ns = ns_per_s;
constexpr std::uint64_t expiry_every_ns = 60 * ns_per_s;
constexpr std::uint32_t buffers_per_worker_min = 3072;  // a full fill ring, and room to work
constexpr std::uint32_t heartbeat_ms_min = 10;
constexpr int workers_start_ms = 5000;

std::uint64_t random_number() {
    std::uint64_t value = 0;
    while (getrandom(&value, sizeof value, 0) != sizeof value) {}
    return value;
}

JournalId random_id() {
    JournalId id{};
    while (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {}
    return id;
}

// The worker writes both addresses, then both ports as on the wire.
steer_flow kernel_flow(const DenyKey& key) {
    std::uint8_t client[16];
    std::uint8_t storage[16];
    std::memcpy(client, key.bytes, sizeof client);
    std::memcpy(storage, key.bytes + 16, sizeof storage);
    return make_steer_flow(client, load_be16(key.bytes + 32), storage, load_be16(key.bytes + 34));
}

KeyPlaces key_places(const Options& options) {
    const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
    return {options.state_dir, credentials == nullptr ? "" : credentials};
}

std::uint64_t file_bytes(const char* path) {
    struct stat info {};
    return stat(path, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Result<void> check_limits(const Options& options) {
    if (options.mbufs_per_port < options.workers * buffers_per_worker_min) {
        return failure(ErrorCode::config,
                       "mbufs_per_port is " + std::to_string(options.mbufs_per_port) + " and " +
                           std::to_string(options.workers) + " workers need at least " +
                           std::to_string(options.workers * buffers_per_worker_min));
    }
    if (options.heartbeat_ms_max < heartbeat_ms_min) {
        return failure(ErrorCode::config, "heartbeat_ms_max is below " +
                                              std::to_string(heartbeat_ms_min) +
                                              ": a worker that naps would be called hung");
    }
    return {};
}

Result<std::uint32_t> check_devices(const Options& options) {
    // A PCI device has no kernel interface; frames are those of plain Ethernet.
    if (options.port_kind == PortKind::pci) return 1500u;
    const Result<Device> client = prepare_device(options.client_port);
    if (!client) return Failure(client.error());
    const Result<Device> storage = prepare_device(options.storage_port);
    if (!storage) return Failure(storage.error());
    const Result<void> pair = check_pair(*client, *storage, options.port_kind, options.workers);
    if (!pair) return Failure(pair.error());
    return client->mtu;
}

Result<void> check_steer(const Options& options) {
    if (options.port_kind != PortKind::af_xdp) return {};
    if (file_bytes("/sys/kernel/btf/vmlinux") == 0) {
        return failure(ErrorCode::interface,
                       "this kernel has no BTF, and the XDP programs need it: use port = "
                       "\"af_packet\", or a kernel with CONFIG_DEBUG_INFO_BTF");
    }
    const std::string steer = options.steer_object;
    const std::string bypass = steer.substr(0, steer.rfind('/') + 1) + "bypass.bpf.o";
    for (const std::string& object : {steer, bypass}) {
        if (file_bytes(object.c_str()) != 0) continue;
        return failure(ErrorCode::io,
                       "the kernel program " + object + " is missing: install the package again");
    }
    return {};
}

}  // namespace

Result<std::uint32_t> check_machine(const Options& options) {
    if (const Result<void> limits = check_limits(options); !limits) return Failure(limits.error());
    if (const Result<void> fit = check_pattern_platform(); !fit) return Failure(fit.error());
    if (const Result<void> steer = check_steer(options); !steer) return Failure(steer.error());
    const Result<std::uint32_t> mtu = check_devices(options);
    if (!mtu) return mtu;
    const MemoryPlan plan =
        plan_memory(options, buffer_bytes(options.port_kind, *mtu), file_bytes(options.index_path));
    std::fputs(plan.text().c_str(), stdout);
    if (const Result<void> fits = plan.check(available_memory()); !fits) {
        return Failure(fits.error());
    }
    return mtu;
}

Result<void> attach_bridge(const Options& options) {
    if (const Result<void> steer = check_steer(options); !steer) return steer;
    for (const char* port : {options.client_port, options.storage_port}) {
        if (const Result<Device> device = prepare_device(port); !device) {
            return Failure(device.error());
        }
    }
    SteerLoader loader;
    return loader.attach_bypass(options);
}

Result<std::unique_ptr<Appliance>> Appliance::start(const Options& options) {
    const Result<std::uint32_t> mtu = check_machine(options);
    if (!mtu) return Failure(mtu.error());
    std::unique_ptr<Appliance> made(new Appliance(options));
    Result<void> done = made->open_journal();
    if (done)
        done = start_eal(options, eal_memory_mib(options, buffer_bytes(options.port_kind, *mtu)));
    if (done) done = made->open_ports(*mtu);
    if (done) made->load_first_index();
    if (done) made->watch_ends();
    if (done) done = made->start_workers();
    if (!done) return Failure(done.error());
    if (options.port_kind != PortKind::pci)
        made->watch_ = std::make_unique<LinkWatch>(made->options_, *mtu);

    made->link_ = std::make_unique<ApplianceLink>(ApplianceLink::Parts{
        &made->options_, &made->index_, &made->suspensions_, &made->clock_step_s_, &made->modes_,
        made->steer_.get(), made->ports_.get(), made->journal_.get(), made->events_.get(),
        made->watch_.get(), &made->workers_, &made->directions_, &made->distrusted_,
        made->started_s_});
    auto socket =
        ControlSocket::open(std::string(options.run_dir) + "/dataplane.sock", made->link_.get());
    if (!socket) return Failure(socket.error());
    made->socket_ = std::move(*socket);
    done = register_telemetry(made->link_.get(), &made->workers_);
    if (!done) return Failure(done.error());
    return made;
}

Appliance::Appliance(const Options& options)
    : options_(options),
      started_s_(read_clock(CLOCK_REALTIME) / ns_per_s),
      steer_(options.port_kind == PortKind::af_xdp ? new SteerLoader : nullptr),
      deny_(steer_.get()),
      index_(options.workers, options.lab != 0, key_places(options), options.index_pages),
      suspensions_(options.workers, std::string(options.state_dir) + "/" + suspensions_name),
      modes_(options_),
      roll_(options.workers, options.heartbeat_ms_max) {}

Appliance::~Appliance() {
    end_telemetry();
    socket_.reset();
    stop_.store(true, std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < workers_.size(); ++i)
        rte_eal_wait_lcore(i + 1);
    // A heartbeat of long ago: XDP takes over with the next frame, not after heartbeat_ms_max.
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
        if (steer_ != nullptr) steer_->beat(i, 0);
    }
    if (journal_ != nullptr) journal_->stop();
}

bool Appliance::Deny::deny(const DenyKey& key) {
    // A full map leaves the worker as the only guard of this flow, which it is anyway while alive.
    return steer_ == nullptr || steer_->deny(kernel_flow(key), deny_lifetime_ns).has_value();
}

void Appliance::Deny::undeny(const DenyKey& key) {
    if (steer_ != nullptr) steer_->undeny(kernel_flow(key));
}

Result<void> Appliance::open_journal() {
    JournalOptions journal;
    journal.directory = std::string(options_.state_dir) + "/journal";
    journal.fresh_id = random_id();
    journal_ = std::make_unique<JournalThread>(files_, journal, deny_, options_.workers);
    const Result<void> started = journal_->start();
    if (!started) return started;
    events_ = std::make_unique<EventLog>(journal_->main(), options_.journal_ms_max);
    return {};
}

Result<void> Appliance::open_ports(std::uint32_t mtu) {
    if (options_.port_kind == PortKind::af_xdp) return open_xdp_ports(mtu);
    // The kernel layers of an earlier AF_XDP run would bridge beside the worker.
    if (options_.port_kind == PortKind::af_packet) {
        const Result<void> gone = SteerLoader::detach_all(options_);
        if (!gone) return gone;
    }
    Result<std::unique_ptr<PortPair>> ports = PortPair::open(options_, mtu);
    if (!ports) return Failure(ports.error());
    ports_ = std::move(*ports);
    return {};
}

// The net below is there before anything of the fast layer is touched (DESIGN §10).
Result<void> Appliance::open_xdp_ports(std::uint32_t mtu) {
    if (const Result<void> below = steer_->attach_bypass(options_); !below) return below;
    if (const Result<void> away = steer_->before_ports(); !away) return away;
    Result<std::unique_ptr<PortPair>> ports = PortPair::open(options_, mtu);
    if (!ports) return Failure(ports.error());
    ports_ = std::move(*ports);
    return steer_->after_ports();
}

// Without an index the dataplane runs: it forwards, frames HTTP and counts, and status says so.
// Refusing to start would turn a damaged file into a service that is down or wholly uninspected.
void Appliance::load_first_index() {
    const Result<void> loaded =
        index_.load(options_.index_path, read_clock(CLOCK_REALTIME) / ns_per_s);
    if (loaded) return;
    std::fprintf(stderr, "warning: no index in force: %s\n", loaded.error().message().c_str());
}

int Appliance::run_worker(void* loop) {
    static_cast<WorkerLoop*>(loop)->run();
    return 0;
}

Result<void> Appliance::start_workers() {
    assembly_ = std::make_unique<Assembly>(assembly_limits(options_), random_number());
    const Surroundings around{&options_,    &index_, &suspensions_, &modes_,        &types_,
                              steer_.get(), &roll_,  &stop_,        assembly_.get()};
    for (std::uint32_t i = 0; i < options_.workers; ++i) {
        workers_.push_back(std::make_unique<WorkerLoop>(i, around, ports_.get(),
                                                        &journal_->recorder(i), random_number()));
    }
    turns_seen_.resize(options_.workers);
    for (std::uint32_t i = 0; i < options_.workers; ++i) {
        rte_eal_remote_launch(run_worker, workers_[i].get(), i + 1);
    }
    for (int waited = 0; waited < workers_start_ms; ++waited) {
        if (tend()) {
            collect_gaps(GapReason::not_running);
            return {};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return failure(ErrorCode::timeout,
                   "the workers did not start: the machine has no core for them");
}

bool Appliance::tend() {
    const std::uint64_t now_ns = clock_now().ns;
    if (gaps_due_ns_ != 0 && now_ns >= gaps_due_ns_) collect_gaps(GapReason::hung);
    if (events_ != nullptr) events_->tend();
    watch_directions();
    watch_ends();
    if (watch_ != nullptr) watch_->tend(now_ns);
    if (steer_ != nullptr && now_ns >= expiry_due_ns_) {
        steer_->expire_denied();
        expiry_due_ns_ = now_ns + expiry_every_ns;
    }
    bool all_moved = true;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        const std::uint64_t turns = workers_[i]->turns();
        all_moved = all_moved && turns != turns_seen_[i];
        turns_seen_[i] = turns;
    }
    return all_moved && !distrusted_.load(std::memory_order_relaxed);
}

// What ends at a time ends with control dead as well.
void Appliance::watch_ends() {
    const std::uint64_t now_s = read_clock(CLOCK_REALTIME) / ns_per_s;
    const std::string told = suspensions_.look(now_s);
    if (!told.empty()) std::fprintf(stderr, "%s\n", told.c_str());
    if (index_.tend(now_s)) std::fputs("the index was opened anew: a section has ended\n", stderr);
    const std::int64_t step = clock_.look(now_s, read_clock(CLOCK_BOOTTIME) / ns_per_s);
    if (step == 0) return;
    clock_step_s_.store(step, std::memory_order_relaxed);
    std::fprintf(stderr,
                 "alarm: the clock stepped by %lld s: grants, suspensions and the age of lists go "
                 "by it\n",
                 static_cast<long long>(step));
}

void Appliance::watch_directions() {
    for (std::uint32_t i = 0; i < options_.service_count; ++i) {
        std::uint64_t count = 0;
        for (const auto& worker : workers_) {
            const auto& decided = worker->counters().services[i].policies;
            for (const Counter& one : decided[static_cast<std::size_t>(PolicyCase::asymmetric)])
                count += one.read();
        }
        const std::string line = directions_.note(i, options_.services[i].name, count,
                                                  read_clock(CLOCK_REALTIME) / ns_per_s);
        if (!line.empty()) std::fprintf(stderr, "%s\n", line.c_str());
    }
}

// Taking clears the kernel's figures, so each byte is in one record.
void Appliance::collect_gaps(GapReason reason) {
    gaps_due_ns_ = clock_now().ns + gaps_every_ns;
    if (steer_ == nullptr) return;
    for (const TakenGap& taken : steer_->take_gaps()) {
        GapRecord gap{};
        gap.from_ns = taken.from_unix_ns;
        gap.to_ns = taken.to_unix_ns;
        gap.bytes = taken.bytes;
        gap.packets = taken.packets;
        gap.reason = reason;
        std::memcpy(gap.service, options_.services[taken.service].name, sizeof gap.service);
        events_->add_gap(gap);
    }
    events_->tend();
}

}  // namespace cordon
