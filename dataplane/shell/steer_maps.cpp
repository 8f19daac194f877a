#include "dataplane/shell/steer_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace cordon {

namespace {

// The names of decide.bpf.h and shunt.bpf.h. `peer` and `xsks_map` belong to one port each.
constexpr std::array<std::string_view, 10> shared_names = {
    "settings", "services", "deny",      "gap",   "epoch",
    "counters", "unlisted", "heartbeat", "shunt", "passed"};

bool is_bpffs(const std::string& path) {
    struct statfs fs {};
    return ::statfs(path.c_str(), &fs) == 0 &&
           static_cast<unsigned long>(fs.f_type) == static_cast<unsigned long>(BPF_FS_MAGIC);
}

// Makes every missing directory of the path.
bool make_directories(const std::string& path) {
    for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
        if (::mkdir(path.substr(0, at).c_str(), 0755) != 0 && errno != EEXIST) return false;
    }
    return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

bool is_mount_point(const std::string& path) {
    struct stat self {};
    struct stat parent {};
    return ::stat(path.c_str(), &self) == 0 && ::stat((path + "/..").c_str(), &parent) == 0 &&
           self.st_dev != parent.st_dev;
}

bool same_shape(const bpf_map* wanted, int fd) {
    bpf_map_info info{};
    std::uint32_t size = sizeof info;
    if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return false;
    return info.type == static_cast<std::uint32_t>(::bpf_map__type(wanted)) &&
           info.key_size == ::bpf_map__key_size(wanted) &&
           info.value_size == ::bpf_map__value_size(wanted) &&
           info.max_entries == ::bpf_map__max_entries(wanted) &&
           info.map_flags == ::bpf_map__map_flags(wanted);
}

}  // namespace

void ObjectCloser::operator()(bpf_object* object) const {
    ::bpf_object__close(object);
}

QuietLibbpf::QuietLibbpf() : previous_(nullptr) {
    previous_ = ::libbpf_set_print(nullptr);
}

QuietLibbpf::~QuietLibbpf() {
    ::libbpf_set_print(previous_);
}

std::uint32_t attached_xdp(int ifindex) {
    std::uint32_t program = 0;
    if (::bpf_xdp_query_id(ifindex, 0, &program) != 0) return 0;
    return program;
}

std::uint32_t attached_tc(int ifindex) {
    const QuietLibbpf quiet;
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = ifindex;
    hook.attach_point = BPF_TC_INGRESS;
    bpf_tc_opts query{};
    query.sz = sizeof query;
    query.handle = tc_handle;
    query.priority = tc_priority;
    return ::bpf_tc_query(&hook, &query) == 0 ? query.prog_id : 0;
}

std::string program_name(std::uint32_t program) {
    const Descriptor fd(::bpf_prog_get_fd_by_id(program));
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (!fd.valid() || ::bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) return {};
    return info.name;
}

Descriptor map_of_program(std::uint32_t program, std::string_view name) {
    const Descriptor fd(::bpf_prog_get_fd_by_id(program));
    std::array<std::uint32_t, 64> ids{};
    bpf_prog_info info{};
    info.nr_map_ids = ids.size();
    info.map_ids = reinterpret_cast<std::uint64_t>(ids.data());
    std::uint32_t size = sizeof info;
    if (!fd.valid() || ::bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) return {};
    for (std::uint32_t i = 0; i < info.nr_map_ids && i < ids.size(); ++i) {
        Descriptor map(::bpf_map_get_fd_by_id(ids[i]));
        bpf_map_info map_info{};
        size = sizeof map_info;
        if (!map.valid() || ::bpf_obj_get_info_by_fd(map.get(), &map_info, &size) != 0) continue;
        if (name == map_info.name) return map;
    }
    return {};
}

Result<void> SteerMaps::open(std::string directory, std::vector<int> ports) {
    directory_ = std::move(directory);
    ports_ = std::move(ports);
    if (is_bpffs(directory_)) return {};
    if (!make_directories(directory_)) {
        return failure(ErrorCode::io, "cannot make the BPF directory " + directory_, errno);
    }
    if (is_bpffs(directory_)) return {};
    if (::mount("bpf", directory_.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700")) {
        return failure(ErrorCode::permission,
                       "cannot mount bpffs at " + directory_ + " (needs CAP_SYS_ADMIN)", errno);
    }
    return {};
}

std::string SteerMaps::pin_path(std::string_view name) const {
    return directory_ + "/" + std::string(name);
}

int SteerMaps::fd(std::string_view name) const {
    for (const Entry& entry : entries_) {
        if (entry.name == name) return entry.fd.get();
    }
    return -1;
}

Descriptor SteerMaps::find(const bpf_map* map, std::string_view name) const {
    Descriptor pinned(::bpf_obj_get(pin_path(name).c_str()));
    if (pinned.valid() && same_shape(map, pinned.get())) return pinned;
    for (int ifindex : ports_) {
        for (std::uint32_t program : {attached_tc(ifindex), attached_xdp(ifindex)}) {
            if (program == 0) continue;
            // tc first: the driver's own XDP instance, should a process have died at its start,
            // has maps of the right shape that nobody filled.
            Descriptor used = map_of_program(program, name);
            if (used.valid() && same_shape(map, used.get())) return used;
        }
    }
    return {};
}

Result<void> SteerMaps::lend_one(bpf_map* map, std::string_view name) {
    int shared = fd(name);
    if (shared < 0) {
        Descriptor found = find(map, name);
        if (!found.valid()) return {};
        shared = found.get();
        entries_.push_back({std::string(name), std::move(found)});
    }
    const int error = ::bpf_map__reuse_fd(map, shared);
    if (error == 0) return {};
    return failure(ErrorCode::refused, "cannot share the BPF map " + std::string(name), -error);
}

Result<void> SteerMaps::lend(bpf_object* object) {
    for (std::string_view name : shared_names) {
        bpf_map* map = ::bpf_object__find_map_by_name(object, std::string(name).c_str());
        if (map == nullptr) continue;
        if (auto lent = lend_one(map, name); !lent) return lent;
    }
    return {};
}

Result<void> SteerMaps::keep(bpf_object* object) {
    for (std::string_view name : shared_names) {
        const int made = ::bpf_object__find_map_fd_by_name(object, std::string(name).c_str());
        if (made < 0) continue;
        if (fd(name) < 0) {
            Descriptor own(::dup(made));
            if (!own.valid()) return failure(ErrorCode::io, "cannot keep a BPF map", errno);
            entries_.push_back({std::string(name), std::move(own)});
        }
        const std::string path = pin_path(name);
        const Descriptor pinned(::bpf_obj_get(path.c_str()));
        if (pinned.valid()) {
            const bpf_map* map = ::bpf_object__find_map_by_name(object, std::string(name).c_str());
            if (same_shape(map, pinned.get())) continue;
            ::unlink(path.c_str());
        }
        if (::bpf_obj_pin(made, path.c_str()) != 0) {
            return failure(ErrorCode::io, "cannot pin the BPF map " + path, errno);
        }
    }
    return {};
}

void SteerMaps::remove(const std::string& directory) {
    if (!is_bpffs(directory)) return;
    for (std::string_view name : shared_names) {
        ::unlink((directory + "/" + std::string(name)).c_str());
    }
    if (is_mount_point(directory)) ::umount2(directory.c_str(), MNT_DETACH);
    ::rmdir(directory.c_str());
}

}  // namespace cordon
