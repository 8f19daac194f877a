#include "control/metrics/metrics_server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <string_view>
#include <vector>

#include "control/link/unix_socket.h"
#include "dataplane/base/descriptor.h"

namespace cordon {

namespace {

constexpr int backlog = 16;

struct Request {
    MetricsFormat format = MetricsFormat::text;
    bool waiting = false;
};

struct Connection {
    int socket;
    std::uint64_t since_ms;
    bool cut = false;
};

Result<Descriptor> listen_at(const std::string& where) {
    const std::optional<ListenAddress> at = parse_listen_address(where);
    if (!at) return failure(ErrorCode::config, "metrics cannot be answered at " + where);
    if (!at->path.empty()) return listen_unix(at->path, backlog);
    Descriptor socket(
        ::socket(at->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return failure(ErrorCode::io, "cannot make a socket for metrics", errno);
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto* address = reinterpret_cast<const sockaddr*>(&at->address);
    if (::bind(socket.get(), address, at->length) != 0 || ::listen(socket.get(), backlog) != 0) {
        const std::string unit = errno == EPERM ? " (SocketBindAllow= of the unit?)" : "";
        return failure(ErrorCode::io, "cannot answer metrics at " + where + unit, errno);
    }
    return socket;
}

MHD_Result respond(MHD_Connection* to, unsigned status, std::string_view text,
                   const char* content_type) {
    // The library copies, and does not change what it copies from.
    MHD_Response* response = MHD_create_response_from_buffer(
        text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    const MHD_Result queued = MHD_queue_response(to, status, response);
    MHD_destroy_response(response);
    return queued;
}

MetricsFormat format_wanted(MHD_Connection* by) {
    const char* accept = MHD_lookup_connection_value(by, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    const bool open = accept != nullptr && std::strstr(accept, "application/openmetrics-text");
    return open ? MetricsFormat::openmetrics : MetricsFormat::text;
}

}  // namespace

struct MetricsServer::State {
    MHD_Daemon* daemon = nullptr;
    int epoll = -1;
    std::string path;  // of a Unix socket of ours
    std::uint64_t now_ms = 0;
    std::list<Connection> connections;
    std::vector<MHD_Connection*> waiting;
    std::string texts[2];  // by MetricsFormat
    std::uint64_t gathered_ms = 0;
    bool gathered = false;
    MetricsCounts counts;

    ~State();
    bool fresh() const { return gathered && now_ms - gathered_ms < fresh_ms; }
    MHD_Result take(MHD_Connection* from, std::string_view url, std::string_view method,
                    std::size_t* upload_bytes, void** memory);
    MHD_Result refuse(MHD_Connection* to, unsigned status, std::string_view why);
    void resume_waiting();
    void cut_overdue();

    static MHD_Result on_request(void* self, MHD_Connection* from, const char* url,
                                 const char* method, const char*, const char*,
                                 std::size_t* upload_bytes, void** memory) {
        return static_cast<State*>(self)->take(from, url, method, upload_bytes, memory);
    }
    static void on_completed(void*, MHD_Connection*, void** memory, MHD_RequestTerminationCode) {
        delete static_cast<Request*>(*memory);
        *memory = nullptr;
    }
    static void on_connection(void* self, MHD_Connection* about, void** memory,
                              MHD_ConnectionNotificationCode code);
};

MetricsServer::State::~State() {
    if (daemon == nullptr) return;
    resume_waiting();  // the library cannot end with suspended ones
    MHD_stop_daemon(daemon);
    if (!path.empty()) ::unlink(path.c_str());
}

void MetricsServer::State::on_connection(void* self, MHD_Connection* about, void** memory,
                                         MHD_ConnectionNotificationCode code) {
    auto& connections = static_cast<State*>(self)->connections;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const MHD_ConnectionInfo* info =
            MHD_get_connection_info(about, MHD_CONNECTION_INFO_CONNECTION_FD);
        connections.push_back({info->connect_fd, static_cast<State*>(self)->now_ms});
        *memory = &connections.back();
        return;
    }
    const auto* ended = static_cast<Connection*>(*memory);
    connections.remove_if([ended](const Connection& one) { return &one == ended; });
}

// Called when a head is there, again for each piece of a body, and at the end.
MHD_Result MetricsServer::State::take(MHD_Connection* from, std::string_view url,
                                      std::string_view method, std::size_t* upload_bytes,
                                      void** memory) {
    if (*memory == nullptr) {
        if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD)
            return refuse(from, MHD_HTTP_METHOD_NOT_ALLOWED, "metrics are read by GET\n");
        if (url != "/metrics") return refuse(from, MHD_HTTP_NOT_FOUND, "see /metrics\n");
        *memory = new Request{format_wanted(from)};
        return MHD_YES;
    }
    if (*upload_bytes != 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    auto* request = static_cast<Request*>(*memory);
    if (!fresh() && !request->waiting) {
        request->waiting = true;
        waiting.push_back(from);
        MHD_suspend_connection(from);
        return MHD_YES;
    }
    ++counts.scrapes;
    return respond(from, MHD_HTTP_OK, texts[static_cast<std::size_t>(request->format)],
                   content_type_of(request->format));
}

MHD_Result MetricsServer::State::refuse(MHD_Connection* to, unsigned status, std::string_view why) {
    ++counts.refused;
    return respond(to, status, why, "text/plain");
}

void MetricsServer::State::resume_waiting() {
    for (MHD_Connection* one : std::exchange(waiting, {}))
        MHD_resume_connection(one);
}

// The library ends a connection whose peer seems to have gone.
void MetricsServer::State::cut_overdue() {
    for (Connection& one : connections) {
        if (one.cut || now_ms - one.since_ms < connection_ms_max) continue;
        one.cut = true;
        ++counts.overdue;
        ::shutdown(one.socket, SHUT_RDWR);
    }
}

MetricsServer::MetricsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::listen(const std::string& where,
                                                             std::uint64_t now_ms) {
    Result<Descriptor> socket = listen_at(where);
    if (!socket) return Failure(socket.error());
    auto state = std::make_unique<State>();
    state->now_ms = now_ms;
    if (where.starts_with('/')) state->path = where;
    const int own = ::fcntl(socket->get(), F_DUPFD_CLOEXEC, 0);  // the library closes it
    state->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &State::on_request,
        state.get(), MHD_OPTION_LISTEN_SOCKET, own, MHD_OPTION_CONNECTION_LIMIT, connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, request_bytes_max, MHD_OPTION_NOTIFY_COMPLETED,
        &State::on_completed, nullptr, MHD_OPTION_NOTIFY_CONNECTION, &State::on_connection,
        state.get(), MHD_OPTION_END);
    if (state->daemon == nullptr)
        return failure(ErrorCode::io, "the server for metrics does not start", errno);
    state->epoll = MHD_get_daemon_info(state->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(state)));
}

int MetricsServer::descriptor() const {
    return state_->epoll;
}

void MetricsServer::handle(std::uint64_t now_ms) {
    state_->now_ms = now_ms;
    state_->cut_overdue();
    MHD_run(state_->daemon);
}

bool MetricsServer::wanted() const {
    return !state_->waiting.empty();
}

void MetricsServer::answer(const MetricFamilies& families, std::uint64_t now_ms) {
    state_->now_ms = now_ms;
    state_->gathered_ms = now_ms;
    state_->gathered = true;
    for (const MetricsFormat format : {MetricsFormat::text, MetricsFormat::openmetrics})
        state_->texts[static_cast<std::size_t>(format)] = metrics_text(families, format);
    state_->resume_waiting();
    MHD_run(state_->daemon);
}

MetricsCounts MetricsServer::counts() const {
    return state_->counts;
}

}  // namespace cordon
