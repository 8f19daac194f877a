// The configuration: one TOML file in, the settings of the dataplane and of cordond out.
//
// Owns:       nothing that lives on.
// Invariants: the Options of a Config pass check_options; nothing in the file is ignored: a key
// that
//             is unknown, or a value that does not fit, is an error with its file and line.
// Limits:     config_bytes_max, and those of toml_guard.h; the ranges of numbers are in config.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/feed_config.h"
#include "control/config/metrics_config.h"
#include "control/config/operators_config.h"
#include "control/config/verifier_config.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/options.h"

namespace cordon {

inline constexpr std::size_t config_bytes_max = 256 * 1024;

namespace control_defaults {
inline constexpr std::uint32_t link_timeout_ms = 1000;
inline constexpr std::uint32_t journal_poll_ms = 200;
inline constexpr std::uint32_t clients_max = 32;
inline constexpr std::uint32_t retention_days = 90;
}  // namespace control_defaults

struct ControlOptions {
    std::string store_path;        // SQLite file; the keys of incidents lie beside it
    std::string store_server;      // postgresql://…: incidents are there instead
    std::string socket_path;       // run_dir/cordond.sock
    std::string dataplane_socket;  // run_dir/dataplane.sock
    std::uint32_t link_timeout_ms = control_defaults::link_timeout_ms;
    std::uint32_t journal_poll_ms = control_defaults::journal_poll_ms;
    std::uint32_t clients_max = control_defaults::clients_max;
    std::uint32_t retention_days = control_defaults::retention_days;  // of personal data
};

struct LogOptions {
    std::string events;  // file, empty: none
};

struct Config {
    Options options = {};
    ControlOptions control;
    VerifierOptions verifier;
    FeedsOptions feeds;
    MetricsOptions metrics;
    LogOptions log;
    OperatorsOptions operators;
    std::vector<std::string> warnings;  // right, but probably not meant
};

// The places of the sockets for a run_dir.
std::string control_socket_path(std::string_view run_dir);
std::string dataplane_socket_path(std::string_view run_dir);

// The key that mode enforce still needs, empty when there is none: outside a lab a person whose
// upload is refused must be told on what ground, and where to complain.
std::string_view enforce_needs(const Options& options);

Result<std::string> read_config_text(const std::string& path);
Result<Config> load_config(const std::string& path);

// `file` is the name shown in errors.
Result<Config> parse_config(std::string_view text, const std::string& file);

// Where a file that may be wrong otherwise says that the state is; nothing when it is no TOML.
std::optional<std::string> state_dir_of(std::string_view text);

// Every key there is, as "limits.workers"; those of a service as "service.name",
// of a feed as "feed.name".
std::vector<std::string> config_keys();

}  // namespace cordon
