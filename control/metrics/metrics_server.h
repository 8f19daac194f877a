// The HTTP server for metrics, by libmicrohttpd in the event loop of cordond: GET /metrics, and
// nothing else.
//
// Owns:       the listening socket and its connections.
// Invariants: nothing here waits. Metrics are gathered at most once in fresh_ms, for all who ask
//             meanwhile. One connection is one answer, and is cut when it takes longer than
//             connection_ms_max, whatever trickles in or out.
// Thread:     the event loop's.
// Limits:     connections_max, request_bytes_max for a head; a body is thrown away as it comes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "control/config/metrics_config.h"
#include "control/metrics/exposition.h"
#include "dataplane/base/result.h"

namespace cordon {

struct MetricsCounts {
    std::uint64_t scrapes = 0;
    std::uint64_t refused = 0;  // other paths, other methods
    std::uint64_t overdue = 0;  // cut
};

class MetricsServer {
  public:
    static constexpr unsigned connections_max = 16;
    static constexpr std::size_t request_bytes_max = 16 * 1024;
    static constexpr std::uint64_t connection_ms_max = 5000;
    static constexpr std::uint64_t fresh_ms = 1000;

    // `where`: as parse_listen_address() takes it.
    static Result<std::unique_ptr<MetricsServer>> listen(const std::string& where,
                                                         std::uint64_t now_ms);
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    // Readable when handle() has something to do; it is to be called twice a second in any case.
    int descriptor() const;
    void handle(std::uint64_t now_ms);

    // Somebody waits for metrics, and what was gathered last is not fresh.
    bool wanted() const;
    void answer(const MetricFamilies& families, std::uint64_t now_ms);

    MetricsCounts counts() const;

  private:
    struct State;
    explicit MetricsServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace cordon
