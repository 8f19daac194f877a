// Loads both kernel programs, once for each port, over one set of maps, and runs them on single
// frames by BPF_PROG_TEST_RUN. The redirect's target is not visible there: the counters are.
#pragma once

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "ebpf/steer_shared.h"
#include "tests/bpf/frames.h"

namespace cordon::test {

enum class Worker { alive, no_socket, stale };

struct Ran {
    int result;  // the program's return code, negative: could not run
    Frame out;
    int frame_class;  // the one frame class counted, −1: none, −2: more than one
};

class Programs {
  public:
    // False without the privilege to load programs; any other failure prints and leaves broken().
    bool load() {
        load_one("steer", steer_layer_xdp, steer_role_client);
        if (refused_) return false;
        load_one("steer", steer_layer_xdp, steer_role_storage);
        load_one("bypass", steer_layer_tc, steer_role_client);
        load_one("bypass", steer_layer_tc, steer_role_storage);
        write_settings(true, false);
        const std::uint32_t zero = 0;
        const std::uint32_t loopback = 1;
        for (int fd : peers_)
            ::bpf_map_update_elem(fd, &zero, &loopback, BPF_ANY);
        return true;
    }
    bool broken() const { return broken_; }
    void close() {
        for (bpf_object* object : objects_)
            ::bpf_object__close(object);
        if (socket_ >= 0) ::close(socket_);
    }

    int map(const char* name) const { return maps_.at(name); }

    void write_settings(bool configured, bool any_closed, std::uint32_t instance = 1,
                        bool tapped = false) {
        steer_settings settings{};
        settings.heartbeat_ns_max = 200'000'000;
        settings.configured = configured;
        settings.instance = instance;
        settings.any_closed = any_closed;
        settings.tapped = tapped;
        const std::uint32_t zero = 0;
        ::bpf_map_update_elem(map("settings"), &zero, &settings, BPF_ANY);
    }

    void write_services(const char* prefix, unsigned bits, std::vector<steer_service> services) {
        steer_prefix key{};
        if (::inet_pton(AF_INET6, prefix, key.address) != 1) {
            key.address[10] = key.address[11] = 0xff;
            ::inet_pton(AF_INET, prefix, key.address + 12);
            bits += 96;
        }
        key.bits = bits;
        steer_service_set set{};
        set.count = static_cast<std::uint32_t>(services.size());
        for (std::size_t i = 0; i < services.size(); ++i)
            set.services[i] = services[i];
        ::bpf_map_update_elem(map("services"), &key, &set, BPF_ANY);
    }

    void set_worker(Worker worker) {
        const std::uint32_t zero = 0;
        for (int fd : sockets_) {
            ::bpf_map_delete_elem(fd, &zero);
            if (worker == Worker::no_socket) continue;
            if (socket_ < 0) socket_ = ::socket(AF_XDP, SOCK_RAW, 0);
            if (::bpf_map_update_elem(fd, &zero, &socket_, BPF_ANY) != 0) broken_ = true;
        }
        // A fresh one is the next minute's: no pause of the machine makes it stale.
        steer_heartbeat beat{};
        beat.ns = worker == Worker::stale ? now() - 1'000'000'000u : now() + 60'000'000'000u;
        ::bpf_map_update_elem(map("heartbeat"), &zero, &beat, BPF_ANY);
    }

    // Until so long from now, or ago.
    void deny(const steer_flow& flow, std::uint32_t instance, std::int64_t lifetime_ns) {
        steer_denied denied{};
        denied.expires_ns = now() + static_cast<std::uint64_t>(lifetime_ns);
        denied.instance = instance;
        ::bpf_map_update_elem(map("deny"), &flow, &denied, BPF_ANY);
    }

    // A range that is in force, and what passed of it.
    void shunt(const steer_flow& flow, std::uint32_t from, std::uint32_t to, bool timestamps,
               std::uint32_t epoch = 7) {
        steer_passed place{};
        place.client.epoch = place.storage.epoch = epoch;
        place.client.reach = from;
        place.client.answer = std::uint64_t{2000} << 32 | 1;
        place.storage.answer = std::uint64_t{from} << 32 | 1;
        const std::uint32_t number = 3;
        ::bpf_map_update_elem(map("passed"), &number, &place, BPF_ANY);
        const steer_shunt range{from, to, epoch, number, timestamps, 0};
        ::bpf_map_update_elem(map("shunt"), &flow, &range, BPF_ANY);
    }
    void revoke() {
        const std::uint32_t number = 3;
        steer_passed place = passed();
        place.client.epoch = place.storage.epoch = 0;
        ::bpf_map_update_elem(map("passed"), &number, &place, BPF_ANY);
    }
    steer_passed passed() {
        const std::uint32_t number = 3;
        steer_passed place{};
        ::bpf_map_lookup_elem(map("passed"), &number, &place);
        return place;
    }

    Ran run(steer_layer layer, steer_role role, const Frame& in) {
        const auto before = read_classes(layer);
        Ran ran{-1, Frame(in.size() + 256), -1};
        bpf_test_run_opts opts{};
        opts.sz = sizeof opts;
        opts.data_in = in.data();
        opts.data_size_in = static_cast<std::uint32_t>(in.size());
        opts.data_out = ran.out.data();
        opts.data_size_out = static_cast<std::uint32_t>(ran.out.size());
        opts.repeat = 1;
        const int fd = programs_[layer][role];
        if (::bpf_prog_test_run_opts(fd, &opts) != 0) return ran;
        ran.result = static_cast<int>(opts.retval);
        ran.out.resize(opts.data_size_out);
        ran.frame_class = changed(before, read_classes(layer));
        return ran;
    }

    // Runs it so many times on the same frame within one call, for who asks what a run takes.
    bool repeat(steer_layer layer, steer_role role, const Frame& in, std::uint32_t times) {
        bpf_test_run_opts opts{};
        opts.sz = sizeof opts;
        opts.data_in = in.data();
        opts.data_size_in = static_cast<std::uint32_t>(in.size());
        opts.repeat = static_cast<int>(times);
        return ::bpf_prog_test_run_opts(programs_[layer][role], &opts) == 0;
    }

    steer_tally read_counter(steer_layer layer, std::uint32_t class_, steer_direction direction) {
        const std::uint32_t index = steer_counter_index(layer, class_, direction);
        std::vector<steer_tally> values(static_cast<std::size_t>(::libbpf_num_possible_cpus()));
        ::bpf_map_lookup_elem(map("counters"), &index, values.data());
        steer_tally sum{};
        for (const steer_tally& value : values) {
            sum.frames += value.frames;
            sum.bytes += value.bytes;
        }
        return sum;
    }

    steer_gap read_gap(std::uint32_t service) {
        steer_gap gap{};
        ::bpf_map_lookup_elem(map("gap"), &service, &gap);
        return gap;
    }

    std::uint64_t read_epoch(std::uint32_t service) {
        std::uint64_t epoch = 0;
        ::bpf_map_lookup_elem(map("epoch"), &service, &epoch);
        return epoch;
    }

    static std::uint64_t now() {
        timespec t{};
        ::clock_gettime(CLOCK_MONOTONIC, &t);
        return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u +
               static_cast<std::uint64_t>(t.tv_nsec);
    }

  private:
    using Classes = std::array<std::uint64_t, steer_frame_class_count>;

    Classes read_classes(steer_layer layer) {
        Classes classes{};
        for (std::uint32_t c = 0; c < steer_frame_class_count; ++c) {
            classes[c] = read_counter(layer, c, steer_from_client).frames +
                         read_counter(layer, c, steer_from_storage).frames;
        }
        return classes;
    }

    static int changed(const Classes& before, const Classes& after) {
        int found = -1;
        for (std::size_t c = 0; c < after.size(); ++c) {
            if (after[c] == before[c]) continue;
            if (found != -1 || after[c] != before[c] + 1) return -2;
            found = static_cast<int>(c);
        }
        return found;
    }

    void load_one(const char* name, steer_layer layer, steer_role role) {
        const std::string path = std::string(CORDON_BPF_DIR) + "/" + name + ".bpf.o";
        bpf_object* object = ::bpf_object__open_file(path.c_str(), nullptr);
        if (object == nullptr) {
            std::fprintf(stderr, "cannot open %s\n", path.c_str());
            broken_ = true;
            return;
        }
        objects_.push_back(object);
        std::size_t size = 0;
        bpf_map* rodata = ::bpf_object__find_map_by_name(object, ".rodata.port");
        auto* port =
            static_cast<steer_port*>(const_cast<void*>(::bpf_map__initial_value(rodata, &size)));
        port->role = role;
        port->peer_ifindex = 1;
        for (const auto& [map_name, fd] : maps_) {
            if (bpf_map* map = ::bpf_object__find_map_by_name(object, map_name.c_str())) {
                ::bpf_map__reuse_fd(map, fd);
            }
        }
        const int error = ::bpf_object__load(object);
        if (error != 0) {
            refused_ = error == -EPERM;
            broken_ = !refused_;
            return;
        }
        collect(object);
        programs_[layer][role] = ::bpf_program__fd(::bpf_object__next_program(object, nullptr));
    }

    void collect(bpf_object* object) {
        bpf_map* map = nullptr;
        while ((map = ::bpf_object__next_map(object, map)) != nullptr) {
            const std::string name = ::bpf_map__name(map);
            if (name == "peer") {
                peers_.push_back(::bpf_map__fd(map));
            } else if (name == "xsks_map") {
                sockets_.push_back(::bpf_map__fd(map));
            } else if (!::bpf_map__is_internal(map) && maps_.count(name) == 0) {
                maps_[name] = ::bpf_map__fd(map);
            }
        }
    }

    std::vector<bpf_object*> objects_;
    std::map<std::string, int> maps_;
    std::vector<int> peers_;
    std::vector<int> sockets_;
    int programs_[steer_layer_count][3] = {{-1, -1, -1}, {-1, -1, -1}};
    int socket_ = -1;
    bool refused_ = false;
    bool broken_ = false;
};

// Of a client, by what its frames say, and a storage on port 80.
inline steer_flow flow_of(const char* client, std::uint16_t client_port, const char* storage) {
    steer_flow flow{};
    if (::inet_pton(AF_INET6, client, flow.client) == 1) {
        ::inet_pton(AF_INET6, storage, flow.storage);
    } else {
        flow.client[10] = flow.client[11] = flow.storage[10] = flow.storage[11] = 0xff;
        ::inet_pton(AF_INET, client, flow.client + 12);
        ::inet_pton(AF_INET, storage, flow.storage + 12);
    }
    flow.client_port = client_port;
    flow.storage_port = 80;
    return flow;
}

}  // namespace cordon::test
