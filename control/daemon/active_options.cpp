#include "control/daemon/active_options.h"

#include <cstdio>
#include <cstring>
#include <memory>

#include "control/index/atomic_file.h"
#include "dataplane/contract/options_file.h"

namespace cordon {

namespace {

// The options without what may change in flight.
Options settled(const Options& options) {
    Options copy = options;
    copy.policy_generation = 0;
    for (ServiceOptions& service : copy.services) {
        service.mode = ServiceMode::enforce;
        service.bypass_until_s = 0;
    }
    return copy;
}

bool same(const Options& a, const Options& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

template <typename Field>
bool differ(const Field& a, const Field& b) {
    return std::memcmp(&a, &b, sizeof a) != 0;
}

void name_if(std::string* reasons, bool wanted, std::string_view what) {
    if (!wanted) return;
    if (!reasons->empty()) *reasons += ", ";
    *reasons += what;
}

bool texts_differ(const Options& a, const Options& b) {
    return differ(a.node_prefix, b.node_prefix) || differ(a.operator_name, b.operator_name) ||
           differ(a.complaint_url, b.complaint_url) || differ(a.contact, b.contact) ||
           differ(a.legal_basis, b.legal_basis) || a.profile != b.profile ||
           a.answer_text != b.answer_text;
}

bool ports_differ(const Options& a, const Options& b) {
    return differ(a.client_port, b.client_port) || differ(a.storage_port, b.storage_port) ||
           a.port_kind != b.port_kind || a.polling != b.polling ||
           a.link_propagation != b.link_propagation;
}

bool paths_differ(const Options& a, const Options& b) {
    return differ(a.state_dir, b.state_dir) || differ(a.run_dir, b.run_dir) ||
           differ(a.bpf_dir, b.bpf_dir) || differ(a.steer_object, b.steer_object) ||
           differ(a.index_path, b.index_path);
}

bool limits_differ(const Options& a, const Options& b) {
    return a.index_pages != b.index_pages || a.workers != b.workers || a.flows_max != b.flows_max ||
           a.messages_max != b.messages_max || a.kept_bytes_flow_max != b.kept_bytes_flow_max ||
           a.kept_bytes_worker_max != b.kept_bytes_worker_max ||
           a.tail_release_us != b.tail_release_us || a.journal_ms_max != b.journal_ms_max ||
           a.drain_bytes_max != b.drain_bytes_max || a.heartbeat_ms_max != b.heartbeat_ms_max ||
           a.absorb_seconds != b.absorb_seconds || a.mbufs_per_port != b.mbufs_per_port ||
           a.spool_bytes_max != b.spool_bytes_max || a.assemblies_max != b.assemblies_max ||
           a.assembly_seconds != b.assembly_seconds;
}

const ServiceOptions* find_service(const Options& options, const char* name) {
    for (std::uint32_t i = 0; i < options.service_count; ++i) {
        if (std::strcmp(options.services[i].name, name) == 0) return &options.services[i];
    }
    return nullptr;
}

// Services of `a` that `b` lacks or has in another form.
void name_services(std::string* reasons, const Options& a, const Options& b, bool only_missing) {
    for (std::uint32_t i = 0; i < a.service_count; ++i) {
        const ServiceOptions& service = a.services[i];
        const ServiceOptions* other = find_service(b, service.name);
        const bool changed = other != nullptr && !only_missing && differ(*other, service);
        name_if(reasons, other == nullptr || changed, "service " + std::string(service.name));
    }
}

}  // namespace

std::string active_options_path(std::string_view state_dir) {
    return std::string(state_dir) + "/active.options";
}

Result<Options> read_active_options(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    if (file == nullptr) return failure(ErrorCode::io, "cannot open " + path, errno);
    std::vector<std::uint8_t> bytes(options_file_bytes + 1);
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
    Options options;
    const OptionsFileResult result = read_options(bytes, &options);
    if (result == OptionsFileResult::ok) return options;
    return failure(ErrorCode::integrity, path + ": " + options_file_why(result));
}

Result<void> write_active_options(const std::string& path, Options* options) {
    options->policy_generation = 1;
    if (const Result<Options> before = read_active_options(path)) {
        const bool changed = !same(settled(*before), settled(*options));
        options->policy_generation = before->policy_generation + (changed ? 1 : 0);
        if (same(*before, *options)) return {};
    }
    constexpr unsigned owner_only = 0600;
    return write_file_atomically(path, write_options(*options), owner_only);
}

std::string restart_reasons(const Options& before, const Options& after) {
    const Options a = settled(before);
    const Options b = settled(after);
    std::string reasons;
    name_if(&reasons, a.lab != b.lab, "lab");
    name_if(&reasons, texts_differ(a, b), "node and answer");
    name_if(&reasons, ports_differ(a, b), "ports");
    name_if(&reasons, paths_differ(a, b), "paths");
    name_if(&reasons, limits_differ(a, b), "limits");
    name_services(&reasons, b, a, false);
    name_services(&reasons, a, b, true);
    // The order of services has a meaning for nobody, but the generation has counted it.
    if (reasons.empty() && !same(a, b)) reasons = "order of services";
    return reasons;
}

}  // namespace cordon
