// The loader against a real kernel, in a network and mount namespace of its own that vanishes with
// the process. What DPDK's AF_XDP driver does with the object is done here with the same calls.
#include "dataplane/shell/steer_loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/shell/xdp_features.h"
#include "tests/bpf/program_fixture.h"
#include "tests/support/cmocka_cpp.h"

namespace {

using namespace cordon;
using namespace cordon::test;
using Frame = cordon::test::Frame;  // there is one of a Port as well

bool privileged = false;
char bpf_dir[] = "/tmp/cordon-eb-test-XXXXXX";

#define REQUIRE_PRIVILEGE() \
    if (!privileged) skip()

AddressPrefix prefix_of(const char* text, unsigned bits) {
    AddressPrefix prefix{};
    if (::inet_pton(AF_INET6, text, prefix.address) == 1) {
        prefix.bits = static_cast<std::uint8_t>(bits);
        return prefix;
    }
    prefix.address[10] = prefix.address[11] = 0xff;
    ::inet_pton(AF_INET, text, prefix.address + 12);
    prefix.bits = static_cast<std::uint8_t>(96 + bits);
    return prefix;
}

void add_service(Options* options, const char* prefix, unsigned bits, std::uint16_t port,
                 std::int16_t vlan = -1, FailMode fail = FailMode::open) {
    ServiceOptions& service = options->services[options->service_count++];
    service.prefix = prefix_of(prefix, bits);
    service.port = port;
    service.vlan = vlan;
    service.fail = fail;
}

std::unique_ptr<Options> make_options() {
    auto options = std::make_unique<Options>();
    std::strcpy(options->client_port, "eb-cli");
    std::strcpy(options->storage_port, "eb-sto");
    std::snprintf(options->bpf_dir, sizeof options->bpf_dir, "%s/pins", bpf_dir);
    std::snprintf(options->steer_object, sizeof options->steer_object, "%s/steer.bpf.o",
                  CORDON_BPF_DIR);
    options->heartbeat_ms_max = 200;
    add_service(options.get(), "10.0.0.0", 24, 80);
    return options;
}

#define ASSERT_OK(expression)                                              \
    do {                                                                   \
        const auto outcome_ = (expression);                                \
        if (!outcome_) fail_msg("%s", outcome_.error().message().c_str()); \
    } while (false)

// rte_eth_af_xdp.c: load_custom_xdp_prog() and the update of xsks_map in xsk_configure().
struct Driver {
    bpf_object* object = nullptr;
    int socket = -1;
    int ifindex = 0;

    int attach(const Options& options, const char* interface) {
        ifindex = static_cast<int>(::if_nametoindex(interface));
        object = ::bpf_object__open_file(options.steer_object, nullptr);
        if (object == nullptr || ::bpf_object__load(object) != 0) return -1;
        bpf_program* program = ::bpf_object__next_program(object, nullptr);
        const QuietLibbpf quiet;
        const int error = ::bpf_xdp_attach(ifindex, ::bpf_program__fd(program),
                                           XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr);
        if (error != 0) return error;
        socket = ::socket(AF_XDP, SOCK_RAW, 0);
        const std::uint32_t zero = 0;
        return ::bpf_map_update_elem(::bpf_object__find_map_fd_by_name(object, "xsks_map"), &zero,
                                     &socket, BPF_ANY);
    }
    void die() {  // the program stays
        if (socket >= 0) ::close(socket);
        ::bpf_object__close(object);
        socket = -1;
        object = nullptr;
    }
};

int run_attached(int ifindex, const Frame& in) {
    const Descriptor program(::bpf_prog_get_fd_by_id(attached_xdp(ifindex)));
    Frame out(in.size() + 256);
    bpf_test_run_opts opts{};
    opts.sz = sizeof opts;
    opts.data_in = in.data();
    opts.data_size_in = static_cast<std::uint32_t>(in.size());
    opts.data_out = out.data();
    opts.data_size_out = static_cast<std::uint32_t>(out.size());
    opts.repeat = 1;
    if (::bpf_prog_test_run_opts(program.get(), &opts) != 0) return -1;
    return static_cast<int>(opts.retval);
}

std::uint64_t frames(const SteerLoader& loader, steer_class class_) {
    return loader.counters().tally[steer_layer_xdp][class_][steer_from_client].frames;
}

int client_port() {
    return static_cast<int>(::if_nametoindex("eb-cli"));
}
int storage_port() {
    return static_cast<int>(::if_nametoindex("eb-sto"));
}

// A heartbeat that no pause of the machine makes stale: the next minute's.
void beat(const SteerLoader& loader) {
    loader.beat(0, Programs::now() + 60'000'000'000u);
}

void plans_every_covering_service_into_the_longest_prefix(void**) {
    Options options{};
    add_service(&options, "10.0.0.9", 8, 80);
    add_service(&options, "10.1.2.3", 32, 443, -1, FailMode::closed);
    add_service(&options, "10.1.0.0", 16, 8080);
    add_service(&options, "10.1.0.0", 16, 8080, 100);
    add_service(&options, "2001:db8::", 33, 80);
    const auto plan = plan_services({options.services, options.service_count});
    assert_int_equal(plan.size(), 4);

    assert_int_equal(plan[0].prefix.bits, 104);
    assert_int_equal(plan[0].prefix.address[15], 0);
    assert_int_equal(plan[0].set.count, 1);

    assert_int_equal(plan[1].set.count, 4);
    const std::uint8_t order[] = {1, 3, 2, 0};
    for (std::size_t i = 0; i < 4; ++i) {
        assert_int_equal(plan[1].set.services[i].id, order[i]);
    }
    assert_int_equal(plan[1].set.services[0].fail, steer_fail_closed);
    assert_int_equal(plan[1].set.services[1].vlan, 100);
    assert_int_equal(plan[1].set.services[2].vlan, steer_vlan_any);

    assert_int_equal(plan[2].set.count, 3);
    assert_int_equal(plan[3].prefix.bits, 33);
    assert_int_equal(plan[3].set.count, 1);
}

// In a container nothing can be attached; the dataplane goes on without the net.
void answers_without_maps_before_anything_is_attached(void**) {
    SteerLoader loader;
    loader.beat(0, 1);
    assert_int_equal(loader.epoch(0), 0);
    assert_int_equal(loader.take_gaps().size(), 0);
    assert_int_equal(loader.bypassed(0).frames, 0);
    assert_int_equal(frames(loader, steer_bridged), 0);
    assert_int_equal(loader.unlisted(10).size(), 0);
    assert_false(loader.deny(steer_flow{}, 1).has_value());
    assert_false(loader.xdp_attached());
}

void replaces_every_service_of_a_full_table(void**) {
    REQUIRE_PRIVILEGE();
    auto options = make_options();
    SteerLoader loader;
    for (int turn = 0; turn < 2; ++turn) {
        options->service_count = 0;
        for (unsigned i = 0; i < services_max; ++i) {
            const std::string prefix = (turn == 0 ? "10.1.0." : "10.2.0.") + std::to_string(i);
            add_service(options.get(), prefix.c_str(), 32, 80);
        }
        ASSERT_OK(loader.attach_bypass(*options));
    }
}

void attaches_the_bypass_to_both_ports_again_and_again(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    SteerLoader first;
    ASSERT_OK(first.attach_bypass(*options));
    assert_string_equal(program_name(attached_tc(client_port())).c_str(), "bypass");
    assert_string_equal(program_name(attached_tc(storage_port())).c_str(), "bypass");
    const std::uint32_t before = attached_tc(client_port());
    SteerLoader second;
    ASSERT_OK(second.attach_bypass(*options));
    assert_int_not_equal(attached_tc(client_port()), before);
    assert_false(second.xdp_attached());
}

void replaces_the_drivers_program_and_keeps_its_sockets(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    ASSERT_OK(loader.before_ports());
    Driver client;
    Driver storage;
    assert_int_equal(client.attach(*options, "eb-cli"), 0);
    const Frame upload = build({.payload = 10});
    // Before the replacement the net below serves: nothing may meet the unfilled maps.
    assert_int_equal(run_attached(client_port(), upload), XDP_PASS);
    assert_false(loader.after_ports().has_value());
    assert_int_equal(storage.attach(*options, "eb-sto"), 0);
    ASSERT_OK(loader.after_ports());
    assert_true(loader.xdp_attached());
    assert_true(loader.bridges_in_xdp());

    const auto taken = frames(loader, steer_to_worker);
    const auto bypassed = frames(loader, steer_bypassed);
    assert_int_equal(run_attached(client_port(), upload), XDP_REDIRECT);
    assert_int_equal(frames(loader, steer_bypassed), bypassed + 1);
    beat(loader);
    assert_int_equal(run_attached(client_port(), upload), XDP_REDIRECT);
    assert_int_equal(frames(loader, steer_to_worker), taken + 1);

    const std::uint64_t epoch = loader.epoch(0);
    client.die();
    storage.die();
    beat(loader);
    assert_int_equal(run_attached(client_port(), upload), XDP_REDIRECT);
    assert_int_equal(frames(loader, steer_bypassed), bypassed + 2);
    assert_int_equal(loader.epoch(0), epoch + 1);
}

// A redirect to such a driver would lose every frame silently. veth is one until its far end polls.
void leaves_bridging_to_tc_when_a_driver_takes_no_frames_from_xdp(void**) {
    REQUIRE_PRIVILEGE();
    if (xdp_transmit(storage_port()) == XdpTransmit::unknown) skip();
    assert_int_equal(std::system("ethtool -K eb-sto0 gro off"), 0);
    const auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    ASSERT_OK(loader.before_ports());
    Driver client;
    Driver storage;
    assert_int_equal(client.attach(*options, "eb-cli"), 0);
    assert_int_equal(storage.attach(*options, "eb-sto"), 0);
    ASSERT_OK(loader.after_ports());
    assert_int_equal(std::system("ethtool -K eb-sto0 gro on"), 0);
    assert_false(loader.bridges_in_xdp());

    loader.beat(0, 0);
    const auto untaken = frames(loader, steer_untaken);
    const auto taken = frames(loader, steer_to_worker);
    const Frame upload = build({.payload = 10});
    assert_int_equal(run_attached(client_port(), build({.dst_port = 81})), XDP_PASS);
    assert_int_equal(run_attached(client_port(), build_other(0x8847)), XDP_PASS);
    assert_int_equal(run_attached(client_port(), upload), XDP_PASS);
    assert_int_equal(frames(loader, steer_untaken), untaken + 3);
    beat(loader);
    assert_int_equal(run_attached(client_port(), upload), XDP_REDIRECT);
    assert_int_equal(frames(loader, steer_to_worker), taken + 1);
    client.die();
    storage.die();
}

void starts_again_over_the_program_of_a_dead_process(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    ASSERT_OK(loader.before_ports());
    Driver client;
    Driver storage;
    assert_int_equal(client.attach(*options, "eb-cli"), 0);
    assert_int_equal(storage.attach(*options, "eb-sto"), 0);
    ASSERT_OK(loader.after_ports());
    const steer_flow flow = make_steer_flow(prefix_of("192.0.2.1", 32).address, 40000,
                                            prefix_of("10.0.0.1", 32).address, 80);
    ASSERT_OK(loader.deny(flow, 60'000'000'000u));
    client.die();
    storage.die();

    Driver refused;
    assert_int_not_equal(refused.attach(*options, "eb-cli"), 0);
    refused.die();

    SteerLoader next;
    ASSERT_OK(next.attach_bypass(*options));
    ASSERT_OK(next.before_ports());
    assert_int_equal(client.attach(*options, "eb-cli"), 0);
    assert_int_equal(storage.attach(*options, "eb-sto"), 0);
    ASSERT_OK(next.after_ports());
    beat(next);
    // The decision of the dead process holds, against the new worker as well.
    const auto denied = frames(next, steer_denied_dropped);
    assert_int_equal(run_attached(client_port(), build({.payload = 10})), XDP_DROP);
    assert_int_equal(frames(next, steer_denied_dropped), denied + 1);
    next.undeny(flow);
    assert_int_equal(run_attached(client_port(), build({.payload = 10})), XDP_REDIRECT);
    client.die();
    storage.die();
}

void takes_a_gap_once(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    ASSERT_OK(loader.before_ports());
    Driver client;
    Driver storage;
    assert_int_equal(client.attach(*options, "eb-cli"), 0);
    assert_int_equal(storage.attach(*options, "eb-sto"), 0);
    ASSERT_OK(loader.after_ports());
    loader.take_gaps();
    const steer_tally total = loader.bypassed(0);
    client.die();
    storage.die();
    const Frame upload = build({.payload = 10});
    run_attached(client_port(), upload);
    run_attached(client_port(), upload);

    SteerLoader next;  // what is counted outlives the process
    ASSERT_OK(next.attach_bypass(*options));
    const auto gaps = next.take_gaps();
    assert_int_equal(gaps.size(), 1);
    assert_int_equal(gaps[0].service, 0);
    assert_int_equal(gaps[0].packets, 2);
    assert_int_equal(gaps[0].bytes, 2 * upload.size());
    assert_int_equal(gaps[0].payload_bytes, 20);
    assert_true(gaps[0].from_unix_ns > 1'600'000'000ull * 1'000'000'000ull);
    assert_true(gaps[0].to_unix_ns >= gaps[0].from_unix_ns);
    assert_int_equal(next.take_gaps().size(), 0);
    assert_int_equal(next.bypassed(0).frames, total.frames + 2);
}

void finds_the_maps_in_the_programs_when_the_pins_are_gone(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    const steer_flow flow = make_steer_flow(prefix_of("192.0.2.7", 32).address, 1,
                                            prefix_of("10.0.0.1", 32).address, 80);
    ASSERT_OK(loader.deny(flow, 60'000'000'000u));
    assert_int_equal(::umount(options->bpf_dir), 0);

    SteerLoader next;
    ASSERT_OK(next.attach_bypass(*options));
    const Descriptor deny(::bpf_obj_get((std::string(options->bpf_dir) + "/deny").c_str()));
    steer_denied denied{};
    assert_int_equal(::bpf_map_lookup_elem(deny.get(), &flow, &denied), 0);
    next.undeny(flow);
}

void makes_a_new_map_when_the_pinned_one_has_another_shape(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    ASSERT_OK(SteerLoader::detach_all(*options));
    ::mkdir(options->bpf_dir, 0700);
    assert_int_equal(::mount("bpf", options->bpf_dir, "bpf", 0, nullptr), 0);
    const Descriptor odd(::bpf_map_create(BPF_MAP_TYPE_ARRAY, "gap", 4, 4, 1, nullptr));
    const std::string path = std::string(options->bpf_dir) + "/gap";
    assert_int_equal(::bpf_obj_pin(odd.get(), path.c_str()), 0);
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    assert_int_equal(loader.take_gaps().size(), 0);
    SteerLoader next;  // and the new one is what is pinned now
    ASSERT_OK(next.attach_bypass(*options));
}

void changes_services_under_running_programs(void**) {
    REQUIRE_PRIVILEGE();
    auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    ASSERT_OK(loader.before_ports());
    Driver client;
    Driver storage;
    assert_int_equal(client.attach(*options, "eb-cli"), 0);
    assert_int_equal(storage.attach(*options, "eb-sto"), 0);
    ASSERT_OK(loader.after_ports());
    const auto bridged = frames(loader, steer_bridged);
    const auto refused = frames(loader, steer_refused);
    options->service_count = 0;
    add_service(options.get(), "10.0.5.0", 24, 80, -1, FailMode::closed);
    ASSERT_OK(loader.set_services(*options));
    assert_int_equal(run_attached(client_port(), build({.payload = 10})), XDP_REDIRECT);
    assert_int_equal(frames(loader, steer_bridged), bridged + 1);
    const Frame closed = build({.dst = "10.0.5.1", .payload = 10});
    assert_int_equal(run_attached(client_port(), closed), XDP_DROP);
    assert_int_equal(frames(loader, steer_refused), refused + 1);
    client.die();
    storage.die();
}

void expires_denied_flows(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    loader.expire_denied();
    const auto flow = [](std::uint16_t port) {
        return make_steer_flow(prefix_of("192.0.2.7", 32).address, port,
                               prefix_of("10.0.0.1", 32).address, 80);
    };
    ASSERT_OK(loader.deny(flow(1), 0));
    ASSERT_OK(loader.deny(flow(2), 60'000'000'000u));
    assert_int_equal(loader.expire_denied(), 1);
    assert_int_equal(loader.expire_denied(), 0);
    loader.undeny(flow(2));
}

ShuntRange range_of(std::uint16_t client_port) {
    ShuntRange range{};
    std::memcpy(range.client, prefix_of("192.0.2.1", 32).address, 16);
    std::memcpy(range.storage, prefix_of("10.0.0.1", 32).address, 16);
    range.client_port = client_port;
    range.storage_port = 80;
    range.from = 5000;
    range.to = 2000000;
    range.client_ack = 2000;
    range.storage_ack = 4000;
    return range;
}

void gives_ranges_away_and_takes_them_back(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    assert_null(loader.shunts(0, 1).get());  // no program yet that could
    ASSERT_OK(loader.before_ports());
    Driver client;
    Driver storage;
    assert_int_equal(client.attach(*options, "eb-cli"), 0);
    assert_int_equal(storage.attach(*options, "eb-sto"), 0);
    ASSERT_OK(loader.after_ports());
    beat(loader);
    const auto shunts = loader.shunts(1, steer_shunted_max / 2);  // two places
    const Frame inside = build({.payload = 10, .sequence = 6000});
    std::uint32_t place = 0;
    std::uint32_t other = 0;
    assert_true(shunts->shunt(range_of(40000), &place) == ShuntGrant::granted);
    assert_true(shunts->shunt(range_of(40001), &other) == ShuntGrant::granted);
    assert_true(shunts->shunt(range_of(40002), &other) == ShuntGrant::full);
    const auto passed = frames(loader, steer_shunted);
    run_attached(client_port(), inside);
    assert_int_equal(frames(loader, steer_shunted), passed + 1);
    assert_int_equal(shunts->passed(place).client.frames, 1);
    assert_int_equal(shunts->passed(place).client.ack, 2000);
    assert_int_equal(shunts->passed(place).client.window, 65535);
    assert_int_equal(shunts->passed(place).reach, 6010);
    assert_int_equal(shunts->passed(place).storage.frames, 0);
    shunts->revoke(place);
    run_attached(client_port(), inside);
    assert_int_equal(shunts->passed(place).client.frames, 1);  // still to be asked for
    shunts->unshunt(range_of(40000), place);
    assert_true(shunts->shunt(range_of(40000), &place) == ShuntGrant::granted);
    assert_int_equal(shunts->passed(place).client.frames, 0);
    run_attached(client_port(), inside);
    assert_int_equal(frames(loader, steer_shunted), passed + 2);
    client.die();
    storage.die();
}

void forgets_the_ranges_of_an_earlier_process(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    const Frame inside = build({.payload = 10, .sequence = 6000});
    for (const bool dead : {false, true}) {
        SteerLoader loader;
        ASSERT_OK(loader.attach_bypass(*options));
        ASSERT_OK(loader.before_ports());
        Driver client;
        Driver storage;
        assert_int_equal(client.attach(*options, "eb-cli"), 0);
        assert_int_equal(storage.attach(*options, "eb-sto"), 0);
        ASSERT_OK(loader.after_ports());
        beat(loader);
        std::uint32_t place = 0;
        const auto shunts = loader.shunts(0, 1);
        if (!dead) assert_true(shunts->shunt(range_of(40000), &place) == ShuntGrant::granted);
        const auto before = frames(loader, steer_shunted);
        run_attached(client_port(), inside);
        assert_int_equal(frames(loader, steer_shunted), before + (dead ? 0 : 1));
        client.die();
        storage.die();
    }
}

void leaves_the_xdp_program_of_somebody_else_alone(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    ASSERT_OK(SteerLoader::detach_all(*options));
    const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS},
                             {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const Descriptor other(::bpf_prog_load(BPF_PROG_TYPE_XDP, "other", "GPL", pass, 2, nullptr));
    assert_int_equal(::bpf_xdp_attach(client_port(), other.get(), 0, nullptr), 0);
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    const auto refused = loader.before_ports();
    assert_false(refused.has_value());
    assert_int_equal(refused.error().code, ErrorCode::interface);
    assert_string_equal(program_name(attached_xdp(client_port())).c_str(), "other");
    ::bpf_xdp_detach(client_port(), 0, nullptr);
}

void says_which_interface_is_missing(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    std::strcpy(options->storage_port, "eb-none");
    SteerLoader loader;
    const auto refused = loader.attach_bypass(*options);
    assert_false(refused.has_value());
    assert_int_equal(refused.error().code, ErrorCode::interface);
    assert_non_null(std::strstr(refused.error().text.c_str(), "eb-none"));
}

void leaves_nothing_behind(void**) {
    REQUIRE_PRIVILEGE();
    const auto options = make_options();
    SteerLoader loader;
    ASSERT_OK(loader.attach_bypass(*options));
    ASSERT_OK(loader.before_ports());
    Driver client;
    assert_int_equal(client.attach(*options, "eb-cli"), 0);
    client.die();
    ASSERT_OK(SteerLoader::detach_all(*options));
    assert_int_equal(attached_xdp(client_port()), 0);
    assert_int_equal(attached_tc(client_port()), 0);
    assert_int_equal(attached_tc(storage_port()), 0);
    struct stat gone {};
    assert_int_not_equal(::stat(options->bpf_dir, &gone), 0);
    ASSERT_OK(SteerLoader::detach_all(*options));  // nothing to do is no error
}

int enter_namespace(void**) {
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
        std::puts("loader_test: skipped, needs CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_BPF");
        return 0;
    }
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return -1;
    if (::mkdtemp(bpf_dir) == nullptr) return -1;
    // Without IPv6's own frames: the tests count what they send.
    privileged = std::system(
                     "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 && "
                     "ip link add eb-cli type veth peer name eb-cli0 && "
                     "ip link add eb-sto type veth peer name eb-sto0 && "
                     "ethtool -K eb-cli0 gro on && ethtool -K eb-sto0 gro on && "
                     "ip link set lo up && ip link set eb-cli0 up && ip link set eb-sto0 up") == 0;
    return privileged ? 0 : -1;
}

int leave(void**) {
    if (!privileged) return 0;
    (void)SteerLoader::detach_all(*make_options());
    ::rmdir(bpf_dir);
    return 0;
}

// Every test starts without a program on the ports.
int clear_xdp(void**) {
    if (!privileged) return 0;
    for (int ifindex : {client_port(), storage_port()})
        ::bpf_xdp_detach(ifindex, 0, nullptr);
    return 0;
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(plans_every_covering_service_into_the_longest_prefix),
        cmocka_unit_test(answers_without_maps_before_anything_is_attached),
        cmocka_unit_test_setup(replaces_every_service_of_a_full_table, clear_xdp),
        cmocka_unit_test_setup(attaches_the_bypass_to_both_ports_again_and_again, clear_xdp),
        cmocka_unit_test_setup(replaces_the_drivers_program_and_keeps_its_sockets, clear_xdp),
        cmocka_unit_test_setup(leaves_bridging_to_tc_when_a_driver_takes_no_frames_from_xdp,
                               clear_xdp),
        cmocka_unit_test_setup(starts_again_over_the_program_of_a_dead_process, clear_xdp),
        cmocka_unit_test_setup(takes_a_gap_once, clear_xdp),
        cmocka_unit_test_setup(finds_the_maps_in_the_programs_when_the_pins_are_gone, clear_xdp),
        cmocka_unit_test_setup(makes_a_new_map_when_the_pinned_one_has_another_shape, clear_xdp),
        cmocka_unit_test_setup(changes_services_under_running_programs, clear_xdp),
        cmocka_unit_test_setup(expires_denied_flows, clear_xdp),
        cmocka_unit_test_setup(gives_ranges_away_and_takes_them_back, clear_xdp),
        cmocka_unit_test_setup(forgets_the_ranges_of_an_earlier_process, clear_xdp),
        cmocka_unit_test_setup(leaves_the_xdp_program_of_somebody_else_alone, clear_xdp),
        cmocka_unit_test_setup(says_which_interface_is_missing, clear_xdp),
        cmocka_unit_test_setup(leaves_nothing_behind, clear_xdp),
    };
    return cmocka_run_group_tests(tests, enter_namespace, leave);
}
