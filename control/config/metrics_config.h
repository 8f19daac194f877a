// [metrics]: where cordond answers programs that watch it.
//
// Owns:       nothing.
// Invariants: an address is one of the loopback or the path of a Unix socket: what is said there is
//             neither encrypted nor asked for by name.
#pragma once

#include <netinet/in.h>

#include <optional>
#include <string>

#include "control/config/toml_section.h"

namespace cordon {

struct MetricsOptions {
    std::string listen;  // empty: nowhere
};

struct ListenAddress {
    std::string path;  // of a Unix socket; empty: the address below
    sockaddr_storage address = {};
    socklen_t length = 0;
};

// "127.0.0.1:9748", "[::1]:9748" or "/run/cordon/metrics.sock".
std::optional<ListenAddress> parse_listen_address(std::string_view text);

void read_metrics(TomlSection section, MetricsOptions* o);

}  // namespace cordon
