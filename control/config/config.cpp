#include "control/config/config.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "control/config/service_config.h"
#include "control/config/text_rules.h"
#include "control/config/toml_guard.h"
#include "control/config/toml_section.h"
#include "control/store/postgres_url.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"
#include "dataplane/contract/options_file.h"

namespace cordon {

namespace {

template <std::size_t N>
void set_text(char (&field)[N], std::string_view text) {
    static_assert(N > 0);
    INVARIANT(text.size() < N);
    std::memset(field, 0, N);
    std::memcpy(field, text.data(), text.size());
}

Config defaults() {
    Config config;
    Options& o = config.options;
    set_text(o.node_prefix, "C1");
    o.profile = Profile::voluntary;
    o.answer_text = AnswerText::explain;
    o.port_kind = PortKind::af_xdp;
    o.polling = Polling::adaptive;
    o.index_pages = IndexPages::huge;
    o.link_propagation = 1;
    set_text(o.state_dir, "/var/lib/cordon");
    set_text(o.run_dir, "/run/cordon");
    set_text(o.bpf_dir, "/sys/fs/bpf/cordon");
    set_text(o.steer_object, "/usr/lib/cordon/steer.bpf.o");
    o.workers = limits::workers;
    o.flows_max = limits::flows_max;
    o.messages_max = limits::messages_max;
    o.kept_bytes_flow_max = limits::kept_bytes_flow_max;
    o.kept_bytes_worker_max = limits::kept_bytes_worker_max;
    o.tail_release_us = limits::tail_release_us;
    o.journal_ms_max = limits::journal_ms_max;
    o.drain_bytes_max = limits::drain_bytes_max;
    o.heartbeat_ms_max = limits::heartbeat_ms_max;
    o.absorb_seconds = limits::absorb_seconds;
    o.mbufs_per_port = limits::mbufs_per_port;
    o.spool_bytes_max = limits::spool_bytes_max;
    o.assemblies_max = limits::assemblies_max;
    o.assembly_seconds = limits::assembly_seconds;
    o.policy_generation = 1;
    return config;
}

void read_node(TomlSection node, Options* o) {
    node.text("prefix", o->node_prefix, case_prefix_rule);
    node.text("operator", o->operator_name, any_text_rule);
    node.choice("profile", &o->profile);
    node.finish();
}

void read_answer(TomlSection answer, Options* o) {
    answer.choice("text", &o->answer_text);
    answer.text("complaint_url", o->complaint_url, complaint_rule);
    answer.text("contact", o->contact, any_text_rule);
    answer.text("legal_basis", o->legal_basis, any_text_rule);
    answer.finish();
}

void read_port(TomlSection* ports, std::string_view key, PortKind kind, char (&value)[64]) {
    const TextRule& rule = kind == PortKind::pci ? pci_rule : interface_rule;
    if (!ports->text(key, value, rule) && !ports->has(key)) {
        ports->refuse(key, "is missing; it must be " + std::string(rule.must_be));
    }
}

void read_ports(TomlSection ports, Options* o) {
    ports.choice("kind", &o->port_kind);
    read_port(&ports, "client", o->port_kind, o->client_port);
    read_port(&ports, "storage", o->port_kind, o->storage_port);
    const bool both = o->client_port[0] != '\0' && o->storage_port[0] != '\0';
    if (both && std::strcmp(o->client_port, o->storage_port) == 0) {
        ports.refuse("storage", "is the same port as ports.client; the two sides need one each");
    }
    ports.choice("polling", &o->polling);
    ports.flag("link_propagation", &o->link_propagation);
    ports.finish();
}

void read_paths(TomlSection paths, Config* config) {
    Options& o = config->options;
    paths.text("state_dir", o.state_dir, path_rule);
    if (paths.text("run_dir", o.run_dir, path_rule)) {
        // The kernel's limit for the path of a Unix socket, with its NUL.
        constexpr std::size_t socket_path_max = 108;
        if (dataplane_socket_path(o.run_dir).size() >= socket_path_max) {
            paths.refuse("run_dir", "is too long for the path of a socket; at most 92 bytes fit");
        }
    }
    paths.text("bpf_dir", o.bpf_dir, path_rule);
    paths.text("steer_object", o.steer_object, path_rule);

    // What is not named lives in the state directory.
    std::string index = std::string(o.state_dir) + "/index.cdx";
    paths.text("index", &index, sizeof o.index_path - 1, path_rule);
    if (index.size() < sizeof o.index_path) {
        set_text(o.index_path, index);
    } else {
        paths.refuse("state_dir", "is too long for the path of the index below it");
    }
    config->control.store_path = std::string(o.state_dir) + "/cordon.sqlite";
    paths.text("store", &config->control.store_path, 4095, path_rule);
    config->control.socket_path = control_socket_path(o.run_dir);
    config->control.dataplane_socket = dataplane_socket_path(o.run_dir);
    paths.finish();
}

void read_limits(TomlSection section, Options* o) {
    section.choice("index_pages", &o->index_pages);
    section.number("workers", &o->workers, 1, limits::workers_max);
    section.number("flows_max", &o->flows_max, 1024, 1u << 20);
    section.number("messages_max", &o->messages_max, 16, 1u << 20);
    section.number("kept_bytes_flow_max", &o->kept_bytes_flow_max, 64u << 10, 1u << 30);
    section.number("kept_bytes_worker_max", &o->kept_bytes_worker_max, 1u << 20, 64ull << 30);
    section.number("tail_release_us", &o->tail_release_us, 50, 1000 * 1000);
    section.number("journal_ms_max", &o->journal_ms_max, 10, 60 * 1000);
    section.number("drain_bytes_max", &o->drain_bytes_max, 0, 2ull << 30);
    section.number("heartbeat_ms_max", &o->heartbeat_ms_max, 10, 10 * 1000);
    section.number("absorb_seconds", &o->absorb_seconds, 1, 3600);
    section.number("mbufs_per_port", &o->mbufs_per_port, 1024, 1u << 20);
    section.number("spool_bytes_max", &o->spool_bytes_max, 1u << 20, 64ull << 30);
    section.number("assemblies_max", &o->assemblies_max, 64, 1u << 20);
    section.number("assembly_seconds", &o->assembly_seconds, 60, 7 * 24 * 3600);
    if (o->kept_bytes_flow_max > o->kept_bytes_worker_max) {
        section.refuse("kept_bytes_flow_max",
                       "is above limits.kept_bytes_worker_max, which all flows of a worker share");
    }
    section.finish();
}

void read_control(TomlSection control, ControlOptions* o) {
    control.number("link_timeout_ms", &o->link_timeout_ms, 100, 60 * 1000);
    control.number("journal_poll_ms", &o->journal_poll_ms, 10, 10 * 1000);
    control.number("clients_max", &o->clients_max, 1, 256);
    control.number("retention_days", &o->retention_days, 1, 365);
    // No rule of its own: what does not fit a rule is shown, and may hold a password.
    std::string server;
    if (control.text("store", &server, 4095, any_text_rule) && !server.empty()) {
        const std::string_view fault = postgres_url_fault(server);
        if (fault.empty()) o->store_server = server;
        if (!fault.empty()) control.refuse("store", fault);
    }
    control.finish();
}

void read_log(TomlSection log, LogOptions* o) {
    log.text("events", &o->events, 4095, path_rule);
    log.finish();
}

void check_enforce(TomlSection* root, const Options& o) {
    const std::string_view missing = enforce_needs(o);
    if (missing.empty()) return;
    for (std::uint32_t i = 0; i < o.service_count; ++i) {
        const ServiceOptions& service = o.services[i];
        if (service.mode != ServiceMode::enforce) continue;
        root->refuse("service", "\"" + std::string(service.name) +
                                    "\" is in mode enforce, which needs " + std::string(missing) +
                                    " (or mode = \"observe\", or lab = true on a test bench)");
        return;
    }
}

// The tables of a list like [[service]]; nothing when there are none, or when it is no such list.
const toml::array* tables_of(TomlSection* root, std::string_view key, std::size_t most) {
    const toml::node* node = root->any(key);
    if (node == nullptr) return nullptr;
    const toml::array* list = node->as_array();
    const std::string name(key);
    if (list == nullptr || !list->is_homogeneous<toml::table>()) {
        root->refuse(key, "write [[" + name + "]] with two brackets, once for each " + name);
        return nullptr;
    }
    if (list->size() <= most) return list;
    root->refuse(key, "there are " + std::to_string(list->size()) + " " + name + "s; at most " +
                          std::to_string(most) + " fit");
    return nullptr;
}

void read_services(TomlSection* root, Problems* problems, Config* config) {
    if (!root->has("service"))
        config->warnings.push_back("no [[service]] is listed: everything is bridged uninspected");
    const toml::array* list = tables_of(root, "service", services_max);
    if (list == nullptr) return;
    for (const toml::node& item : *list) {
        TomlSection section(problems, "service", item.as_table());
        read_service(&section, &config->options, &config->verifier);
    }
}

void read_feed_list(TomlSection* root, Problems* problems, Config* config) {
    const toml::array* list = tables_of(root, "feed", limits::sections_max);
    if (list == nullptr) return;
    for (const toml::node& item : *list) {
        TomlSection section(problems, "feed", item.as_table());
        read_feed(&section, config->options.lab != 0, &config->feeds);
    }
}

void read_all(const toml::table& table, Problems* problems, Config* config) {
    TomlSection root(problems, "", &table);
    Options& o = config->options;
    root.flag("lab", &o.lab);
    read_node(root.section("node"), &o);
    read_answer(root.section("answer"), &o);
    read_ports(root.section("ports"), &o);
    read_paths(root.section("paths"), config);
    read_limits(root.section("limits"), &o);
    read_control(root.section("control"), &config->control);
    read_log(root.section("log"), &config->log);
    read_metrics(root.section("metrics"), &config->metrics);
    read_operators(root.section("operators"), o.lab != 0, &config->operators);
    read_verifier(root.section("verifier"), &config->verifier);
    read_feeds(root.section("feeds"), o, &config->feeds);
    read_feed_list(&root, problems, config);
    read_services(&root, problems, config);
    check_enforce(&root, o);
    root.finish();
}

}  // namespace

std::string_view enforce_needs(const Options& o) {
    if (o.lab != 0) return "";
    if (o.complaint_url[0] == '\0') return "answer.complaint_url";
    if (o.contact[0] == '\0') return "answer.contact";
    return o.legal_basis[0] == '\0' ? "answer.legal_basis" : "";
}

std::string control_socket_path(std::string_view run_dir) {
    return std::string(run_dir) + "/cordond.sock";
}

std::string dataplane_socket_path(std::string_view run_dir) {
    return std::string(run_dir) + "/dataplane.sock";
}

Result<Config> parse_config(std::string_view text, const std::string& file) {
    Problems problems(file);
    if (text.size() > config_bytes_max) {
        return failure(ErrorCode::config, file + ": the file is larger than 256 KiB");
    }
    if (!parser_may_see(text, &problems)) return Failure(problems.error());
    const toml::parse_result parsed = toml::parse(text, file);
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        problems.add(error.source().begin.line,
                     "not TOML: " + shown(error.description()) + " (texts need quotes)");
        return Failure(problems.error());
    }
    Config config = defaults();
    read_all(parsed.table(), &problems, &config);
    if (!problems.none()) return Failure(problems.error());
    INVARIANT(check_options(config.options) == OptionsFileResult::ok);
    return config;
}

Result<std::string> read_config_text(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    if (file == nullptr) {
        return failure(ErrorCode::config, path + ": cannot open the configuration", errno);
    }
    std::string text(config_bytes_max + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0) {
        return failure(ErrorCode::config, path + ": cannot read the configuration", errno);
    }
    return text;
}

Result<Config> load_config(const std::string& path) {
    return read_config_text(path).and_then(
        [&path](const std::string& text) { return parse_config(text, path); });
}

std::optional<std::string> state_dir_of(std::string_view text) {
    Problems problems("");
    if (text.size() > config_bytes_max || !parser_may_see(text, &problems)) return std::nullopt;
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) return std::nullopt;
    const Config standard = defaults();
    const toml::node_view<const toml::node> found = parsed["paths"]["state_dir"];
    if (!found) return standard.options.state_dir;
    const auto* named = found.as_string();
    if (named == nullptr || !path_rule.fits(named->get())) return std::nullopt;
    return named->get();
}

std::vector<std::string> config_keys() {
    Problems problems("");
    Config config = defaults();
    const toml::parse_result parsed = toml::parse("[[service]]\n[[feed]]\n");
    INVARIANT(static_cast<bool>(parsed));
    read_all(parsed.table(), &problems, &config);
    return problems.known_keys;
}

}  // namespace cordon
