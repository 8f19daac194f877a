// The maps that all program instances of one appliance share, and that outlive the process.
//
// A map is looked for, in this order: at its pin in the bpffs directory; in the programs already
// attached to our ports (a mount made inside another mount namespace is gone with it, the programs
// and their maps are not); else the kernel makes a new one while the first program loads. In every
// case it is pinned afterwards.
//
// Owns:       one descriptor per map.
// Invariants: a map whose shape differs from the object's is not used: its pin is replaced.
// Thread:     start-up only.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace cordon {

// Where our filter stands on a port's clsact hook.
inline constexpr std::uint32_t tc_handle = 1;
inline constexpr std::uint32_t tc_priority = 1;

struct ObjectCloser {
    void operator()(bpf_object* object) const;
};
using Object = std::unique_ptr<bpf_object, ObjectCloser>;

class SteerMaps {
  public:
    // Makes the directory a bpffs when it is not in one. `ports` are asked for attached programs.
    Result<void> open(std::string directory, std::vector<int> ports);

    // Before bpf_object__load: gives the object the shared maps that exist.
    Result<void> lend(bpf_object* object);
    // After it: keeps and pins those that the load has made.
    Result<void> keep(bpf_object* object);

    // −1 when no loaded object had it.
    int fd(std::string_view name) const;

    // Removes pins, directory and mount. Maps live on as long as a program uses them.
    static void remove(const std::string& directory);

  private:
    struct Entry {
        std::string name;
        Descriptor fd;
    };
    Result<void> lend_one(bpf_map* map, std::string_view name);
    Descriptor find(const bpf_map* map, std::string_view name) const;
    std::string pin_path(std::string_view name) const;

    std::string directory_;
    std::vector<int> ports_;
    std::vector<Entry> entries_;
};

// The id of our program on a port, 0 when there is none.
std::uint32_t attached_xdp(int ifindex);
std::uint32_t attached_tc(int ifindex);
// The first map of that name which a program uses; invalid when there is none.
Descriptor map_of_program(std::uint32_t program, std::string_view name);
std::string program_name(std::uint32_t program);

// Keeps libbpf quiet where an error is one of the expected answers. Start-up only.
class QuietLibbpf {
  public:
    QuietLibbpf();
    ~QuietLibbpf();
    QuietLibbpf(const QuietLibbpf&) = delete;
    QuietLibbpf& operator=(const QuietLibbpf&) = delete;

  private:
    libbpf_print_fn_t previous_;
};

}  // namespace cordon
