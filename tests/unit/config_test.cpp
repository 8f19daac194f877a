// The configuration: both shipped files load, what they say about defaults is true, and every key
// has its error with file and line.

#include "control/config/config.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "control/config/address.h"
#include "control/config/toml_section.h"
#include "control/store/postgres_url.h"
#include "dataplane/base/limits.h"
#include "dataplane/contract/options_file.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

std::string file_text(const char* path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

// A configuration that is right, in pieces that a test can replace.
const std::string ports = "[ports]\nclient = \"a0\"\nstorage = \"b0\"\n";
const std::string service_start =
    "[[service]]\nname = \"photos\"\naddress = \"192.0.2.10\"\nport = 80\nmode = \"observe\"\n";

Config good(const std::string& text) {
    const Result<Config> config = parse_config(text, "t.toml");
    if (!config) fail_msg("%s", config.error().message().c_str());
    return *config;
}

std::string error_of(const std::string& text) {
    const Result<Config> config = parse_config(text, "t.toml");
    if (config) return "(no error)";
    if (config.error().code != ErrorCode::config) return "(wrong code)";
    return config.error().message();
}

void expect_error(const std::string& text, const char* wanted) {
    const std::string error = error_of(text);
    if (error.find(wanted) == std::string::npos) {
        fail_msg("wanted: %s\ngot:    %s\nfor:\n%s", wanted, error.c_str(), text.c_str());
    }
}

void loads_both_shipped_files(void**) {
    const Result<Config> production = load_config("configs/cordon.toml");
    if (!production) fail_msg("%s", production.error().message().c_str());
    assert_int_equal(production->options.lab, 0);
    assert_int_equal(production->options.service_count, 1);
    assert_true(production->warnings.empty());

    const Result<Config> lab = load_config("configs/lab.toml");
    if (!lab) fail_msg("%s", lab.error().message().c_str());
    assert_int_equal(lab->options.lab, 1);
    assert_string_equal(lab->options.client_port, "cor-cli");
    assert_string_equal(lab->options.storage_port, "cor-sto");
    assert_string_equal(lab->control.socket_path.c_str(), "/run/cordon-lab/cordond.sock");
    assert_int_equal(lab->options.services[0].mode, ServiceMode::enforce);
}

void shipped_file_tells_the_true_defaults(void**) {
    const std::string text = file_text("configs/cordon.toml");
    std::string uncommented;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const bool is_default = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        uncommented += (is_default ? line.substr(1) : line) + "\n";
    }
    assert_string_not_equal(text.c_str(), uncommented.c_str());
    const Config with = good(uncommented);
    const Config without = good(text);
    assert_memory_equal(&with.options, &without.options, sizeof(Options));
    assert_string_equal(with.control.store_path.c_str(), without.control.store_path.c_str());
    assert_int_equal(with.control.link_timeout_ms, without.control.link_timeout_ms);
    assert_int_equal(with.control.journal_poll_ms, without.control.journal_poll_ms);
    assert_int_equal(with.control.clients_max, without.control.clients_max);
}

// Nobody who reads the configuration, its history or a complaint about it may learn a password.
void an_address_with_a_password_is_refused_and_not_repeated(void**) {
    for (const char* address :
         {"postgresql://cordon:S3CRET@db/x", "postgresql://db/x?password=S3CRET",
          "postgresql://db/x?sslpassword=S3CRET", "mysql://cordon:S3CRET@db/x",
          "postgresql://cordon:S3CRET@db/x?colour=red"}) {
        const auto config =
            parse_config(ports + "[control]\nstore = \"" + address + "\"\n", "t.toml");
        assert_false(config.has_value());
        assert_non_null(std::strstr(config.error().text.c_str(), "control.store"));
        assert_null(std::strstr(config.error().text.c_str(), "S3CRET"));
    }
    const Config shared = good(ports +
                               "[control]\nstore = \"postgresql://cordon@db:99/x"
                               "?sslmode=verify-full&passfile=/etc/cordon/pgpass\"\n");
    assert_string_equal(shown_postgres_url(shared.control.store_server).c_str(),
                        "postgresql://cordon@db:99/x");
    assert_true(good(ports).control.store_server.empty());
}

void shipped_file_explains_every_key(void**) {
    const std::string text = file_text("configs/cordon.toml");
    const std::vector<std::string> keys = config_keys();
    assert_true(keys.size() > 50);
    for (const std::string& key : keys) {
        const std::string word = key.substr(key.rfind('.') + 1);
        const bool table = text.find("[" + key + "]") != std::string::npos;
        if (table || text.find(word + " = ") != std::string::npos) continue;
        fail_msg("configs/cordon.toml does not show %s", key.c_str());
    }
}

void tells_metrics_only_where_it_is_told_to(void**) {
    assert_true(good(ports).metrics.listen.empty());
    const std::string section = "[metrics]\nlisten = ";
    assert_string_equal(good(section + "\"[::1]:9748\"\n" + ports).metrics.listen.c_str(),
                        "[::1]:9748");
    expect_error(section + "\"0.0.0.0:9748\"\n" + ports, "metrics.listen");
    expect_error(section + "9748\n" + ports, "metrics.listen");
}

void verifies_only_where_a_service_says_how(void**) {
    const std::string head = std::string(ports) +
                             "[[service]]\nname = \"a\"\naddress = \"192.0.2.1\"\nport = 80\n"
                             "mode = \"observe\"\n";
    const Config without = good(head);
    assert_false(without.verifier.enabled());
    assert_int_equal(without.options.services[0].verify, 0);

    const Config with = good("[verifier]\nretry_seconds = 9\nuser = \"v\"\n" + head +
                             "verify = { api = \"webdav\", endpoint = \"https://dav.example\", "
                             "credentials = \"/etc/c\" }\n");
    assert_true(with.verifier.enabled());
    assert_int_equal(with.options.services[0].verify, 1);
    assert_int_equal(with.verifier.retry_seconds, 9);
    const VerifiedService* service = with.verifier.find("a");
    assert_non_null(service);
    assert_int_equal(service->api, StorageApi::webdav);
    assert_string_equal(service->endpoint.c_str(), "https://dav.example");
    assert_true(service->path_style);

    const auto verify = [&](const char* keys) { return head + "verify = { " + keys + " }\n"; };
    const char* all = "api = \"s3\", endpoint = \"http://h:1\", credentials = \"/c\"";
    assert_string_equal(good(verify(all)).verifier.find("a")->region.c_str(), "us-east-1");
    expect_error(verify("api = \"s3\", endpoint = \"http://h\""), "lacks credentials");
    expect_error(verify("api = \"s3\", credentials = \"/c\""), "lacks the endpoint");
    expect_error(verify("endpoint = \"http://h\", credentials = \"/c\""), "lacks api");
    expect_error(verify("api = \"ftp\""), "api");
    expect_error(verify("api = \"s3\", endpoint = \"http://h/path\", credentials = \"/c\""),
                 "without a path");
    expect_error(verify("api = \"s3\", endpoint = \"ftp://h\", credentials = \"/c\""), "endpoint");
    expect_error(verify("api = \"s3\", endpoint = \"http://u:p@h\", credentials = \"/c\""),
                 "endpoint");
    expect_error(verify("credentials = \"c\""), "absolute path");
    const std::string secure = "api = \"s3\", endpoint = \"https://h\", credentials = \"/c\"";
    assert_string_equal(
        good(verify((secure + ", ca_file = \"/ca\"").c_str())).verifier.find("a")->ca_file.c_str(),
        "/ca");
    expect_error(verify((std::string(all) + ", ca_file = \"/ca\"").c_str()), "is not https://");
    expect_error(verify((secure + ", ca_file = \"ca\"").c_str()), "absolute path");
    expect_error(verify("regoin = \"x\""), "region");
    const std::string of_swift = std::string(all) + ", swift = \"/v1/AUTH_x\"";
    assert_string_equal(good(verify(of_swift.c_str())).options.services[0].swift, "/v1/AUTH_x");
    expect_error(verify((of_swift + ", path_style = false").c_str()), "path_style = true");
    expect_error("[verifier]\nretry_seconds = 0\n" + head, "retry_seconds");
    expect_error("[verifier]\njobs = 0\n" + head, "jobs");
    expect_error("[verifier]\njobs = 65\n" + head, "jobs");
    assert_int_equal(good("[verifier]\njobs = 64\n" + head).verifier.jobs, 64);
    expect_error("[verifier]\nverify = true\n" + head, "unknown key");
}

void tests_itself_only_where_a_service_says_how(void**) {
    const std::string head = std::string(ports) +
                             "[[service]]\nname = \"a\"\naddress = \"192.0.2.1\"\nport = 80\n"
                             "mode = \"observe\"\n";
    const auto selftest = [&](const std::string& keys) {
        return head + "selftest = { " + keys + " }\n";
    };
    const std::string all =
        "api = \"s3\", endpoint = \"http://h:1\", credentials = \"/c\", folder = \"/b/t\"";
    assert_true(good(head).verifier.tested.empty());
    const Config with = good(selftest(all));
    assert_true(with.verifier.enabled());
    assert_false(with.verifier.verifies());
    assert_int_equal(with.options.services[0].verify, 0);
    assert_int_equal(with.verifier.hands(), with.verifier.jobs_at_once() + 1);
    const TestedService* service = with.verifier.find_tested("a");
    assert_non_null(service);
    assert_string_equal(service->folder.c_str(), "/b/t");
    assert_int_equal(service->canary_seconds, 0);
    assert_false(service->trips_watchdog);
    assert_int_equal(
        good(selftest(all + ", canary_seconds = 60")).verifier.find_tested("a")->canary_seconds,
        60);
    assert_true(good(selftest(all + ", canary_seconds = 60, trips_watchdog = true"))
                    .verifier.find_tested("a")
                    ->trips_watchdog);
    expect_error(selftest(all + ", canary_seconds = 59"), "canary_seconds");
    assert_int_equal(good("lab = true\n" + selftest(all + ", canary_seconds = 1"))
                         .verifier.find_tested("a")
                         ->canary_seconds,
                     1);
    expect_error(selftest(all + ", trips_watchdog = true"), "needs canary_seconds");
    expect_error(selftest("api = \"s3\", endpoint = \"http://h\", credentials = \"/c\""),
                 "lacks folder");
    expect_error(selftest("folder = \"/b\""), "lacks api");
    for (const char* folder : {"b", "/", "/b/", "/a//b", "/a/../b", "/a b", "/a?x", "/a%2f"})
        expect_error(selftest("folder = \"" + std::string(folder) + "\""), "folder");
    expect_error(selftest(all + ", swift = \"/v1\""), "unknown key");
}

void follows_feeds_over_https(void**) {
    const std::string service =
        "[[service]]\nname = \"a\"\naddress = \"192.0.2.1\"\nport = 80\nmode = \"observe\"\n";
    const auto feed = [&](const std::string& keys, bool lab = false) {
        return (lab ? "lab = true\n" : "") + std::string(ports) + service + "[[feed]]\n" + keys;
    };
    const std::string needed =
        "name = \"centre\"\nmirrors = [\"https://m/f\"]\nroot = \"/etc/r\"\n";
    assert_true(good(std::string(ports) + service).feeds.feeds.empty());
    const FeedsOptions feeds = good(feed(needed + "poll_seconds = 10\nproxy = \"http://p:1\"\n" +
                                         "purpose = \"known-csam\"\n"))
                                   .feeds;
    assert_int_equal(feeds.find("centre")->ceiling, RightsCeiling::report);
    assert_int_equal(feeds.find("centre")->poll_seconds, 10);
    assert_string_equal(feeds.node.c_str(), "c1");
    assert_string_equal(feeds.system_files.c_str(), "/usr");

    expect_error(feed(needed + "ceiling = \"\"\n"), "\"report\" or \"block\"");
    expect_error(feed(needed + "purpose = \"copyright\"\n"), "nothing else");
    expect_error(feed(""), "name: is missing");
    expect_error(feed(""), "mirrors: is missing");
    expect_error(feed(""), "root: is missing");
    const auto mirrors = [&](const char* list, bool lab = false) {
        return feed("name = \"c\"\nroot = \"/r\"\nmirrors = " + std::string(list) + "\n", lab);
    };
    expect_error(mirrors("[\"http://m\"]"), "must begin with https://");
    assert_int_equal(good(mirrors("[\"http://m\"]", true)).feeds.feeds[0].mirrors.size(), 1);
    expect_error(mirrors("[\"file:///etc\"]", true), "does not fit");
    expect_error(mirrors("[\"https://m/\"]"), "without a slash");
    expect_error(mirrors("[\"https://m/?x\"]"), "does not fit");
    expect_error(feed(needed + "[[feed]]\n" + needed), "is the name of another feed");
    expect_error(feed("name = \"local\"\nroot = \"/r\"\nmirrors = [\"https://m\"]\n"),
                 "that of your own list");
    expect_error(feed("name = \"../x\"\n"), "a name of a-z");
    expect_error(feed(needed) + "[feeds]\nnode = \"Box\"\n", "a name of a-z");
}

void lets_a_feed_block_by_the_package_a_lab_or_two_persons(void**) {
    const auto feed = [](const std::string& top, const std::string& keys) {
        return top + std::string(ports) +
               "[[feed]]\nname = \"centre\"\nmirrors = [\"https://m\"]\n" +
               "ceiling = \"block\"\n" + keys;
    };
    const std::string own = "root = \"/etc/r\"\n";
    const std::string names = "curator = \"a hotline\"\nlegal_basis = \"a contract\"\n";
    const auto first = [&](const std::string& top, const std::string& keys) {
        return good(feed(top, keys)).feeds.feeds[0];
    };
    assert_int_equal(first("lab = true\n", own).ceiling, RightsCeiling::block);
    assert_true(first("", "root = \"package:eu-centre\"\n").ceiling == RightsCeiling::block);
    const FeedOptions named = first("", own + names);
    assert_true(named.may_be_trusted());
    assert_string_equal(named.curator.c_str(), "a hotline");
    assert_string_equal(named.legal_basis.c_str(), "a contract");
    for (const char* keys : {"", "curator = \"a\"\n", "legal_basis = \"a\"\n"})
        expect_error(feed("", own + keys), "a curator and a legal_basis");
    expect_error(feed("[node]\nprofile = \"detection-order\"\n", own + names), "\"voluntary\"");
    expect_error(feed("", "root = \"package:../x\"\n"), "or package:NAME");
    expect_error(feed("", "root = \"r\"\n"), "an absolute path");
    expect_error(feed("", own + "curator = \"" + std::string(128, 'x') + "\"\n"), "curator");
}

void doubts_newcomers_by_profile(void**) {
    const auto reports = [](const std::string& top, const std::string& keys) {
        return good(top + std::string(ports) + keys +
                    "[[feed]]\nname = \"c\"\nmirrors = [\"https://m\"]\nroot = \"/r\"\n")
            .feeds.feeds[0]
            .doubt_reports;
    };
    const std::string order = "[node]\nprofile = \"detection-order\"\n";
    assert_true(reports("", ""));
    assert_false(reports(order, ""));
    assert_true(reports(order, "[feeds]\nnewcomers = \"report\"\n"));
    assert_false(reports("", "[feeds]\nnewcomers = \"alarm\"\n"));
    expect_error(std::string(ports) + "[feeds]\nnewcomers = \"off\"\n", "\"report\" or \"alarm\"");
}

void takes_its_defaults_from_the_limits(void**) {
    const Config c = good(ports);
    assert_int_equal(c.options.flows_max, limits::flows_max);
    assert_int_equal(c.options.kept_bytes_worker_max, limits::kept_bytes_worker_max);
    assert_int_equal(c.options.heartbeat_ms_max, limits::heartbeat_ms_max);
    assert_string_equal(c.options.index_path, "/var/lib/cordon/index.cdx");
    assert_string_equal(c.control.dataplane_socket.c_str(), "/run/cordon/dataplane.sock");
    assert_int_equal(c.warnings.size(), 1);  // no service
}

void reads_every_key_of_a_service(void**) {
    const Config c = good(ports +
                          "[[service]]\nname = 'a'\naddress = '2001:db8::/32'\nport = 8080\n"
                          "vlan = 7\nmode = 'observe'\n"
                          "fail = 'closed'\non_midstream = 'reset'\nproxy_protocol = 'require'\n"
                          "client_from = 'header'\nclient_header = 'X-Forwarded-For'\n"
                          "trusted_hops = ['192.0.2.0/24', '2001:db8::1']\n"
                          "account_from = 'header'\naccount_header = 'X-Account'\n"
                          "on_tls = 'pass'\non_unparsable = 'reset'\non_limit = 'pass'\n"
                          "allow_upgrade = true\nweak_blocks = true\n"
                          "dismiss = 'size'\nembedded_archives = 'ignore'\n"
                          "copy_sources = 's3.example.com'\n");
    const ServiceOptions& s = c.options.services[0];
    assert_string_equal(s.name, "a");
    assert_int_equal(s.prefix.bits, 32);
    assert_int_equal(s.prefix.address[0], 0x20);
    assert_int_equal(s.port, 8080);
    assert_int_equal(s.vlan, 7);
    assert_int_equal(s.mode, ServiceMode::observe);
    assert_int_equal(s.fail, FailMode::closed);
    assert_int_equal(s.on_midstream, MidstreamAction::reset);
    assert_int_equal(s.proxy_protocol, ProxyProtocol::require);
    assert_int_equal(s.client_from, ClientFrom::header);
    assert_string_equal(s.client_header, "x-forwarded-for");
    assert_int_equal(s.trusted_hop_count, 2);
    assert_int_equal(s.trusted_hops[0].bits, 96 + 24);
    assert_int_equal(s.trusted_hops[0].address[11], 0xff);
    assert_int_equal(s.account_from, AccountFrom::header);
    assert_string_equal(s.account_header, "x-account");
    assert_int_equal(s.on_tls, UninspectedAction::pass);
    assert_int_equal(s.on_unparsable, UninspectedAction::reset);
    assert_int_equal(s.on_limit, UninspectedAction::pass);
    assert_int_equal(s.allow_upgrade, 1);
    assert_int_equal(s.weak_blocks, 1);
    assert_int_equal(s.dismiss, DismissBy::size);
    assert_int_equal(s.embedded_archives, EmbeddedArchives::ignore);
    assert_string_equal(s.copy_sources, "s3.example.com");
}

struct Wrong {
    const char* text;    // after the good ports
    const char* wanted;  // in the message
};

void names_what_is_wrong_with_every_key_of_the_tables(void**) {
    const Wrong table[] = {
        {"[node]\nprefix = 'LI'\n", "t.toml:5: node.prefix: \"LI\" does not fit: must be 1 to 7"},
        {"[node]\nprefix = ''\n", "node.prefix"},
        {"[node]\nprefix = '12345678'\n", "node.prefix: is 8 bytes long; at most 7 fit"},
        {"[node]\noperator = 5\n", "node.operator: must be text in quotes, but is a whole number"},
        {"[node]\noperator = \"a\\nb\"\n", "node.operator: must not hold control characters"},
        {"[node]\nprofile = 'volunteer'\n",
         "\"volunteer\" is not one of voluntary, detection-order or removal-only (did you mean "
         "\"voluntary\"?)"},
        {"[answer]\ntext = 'long'\n", "answer.text: \"long\" is not one of explain or neutral"},
        {"[answer]\ncomplaint_url = 'complaints'\n", "answer.complaint_url: \"complaints\" does"},
        {"[answer]\ncomplaint_url = 'https://a b'\n", "answer.complaint_url"},
        {"[answer]\ncomplaint_url = 'https://a/\"><b>'\n", "answer.complaint_url"},
        {"[answer]\ncontact = true\n", "answer.contact: must be text in quotes, but is true or"},
        {"[answer]\nlegal_basis = [1]\n", "answer.legal_basis: must be text in quotes, but is a l"},
        {"[paths]\nstate_dir = 'var'\n", "paths.state_dir: \"var\" does not fit: must be an absol"},
        {"[paths]\nstate_dir = '/a/../b'\n", "paths.state_dir"},
        {"[paths]\nrun_dir = '/a/'\n", "paths.run_dir"},
        {"[paths]\nrun_dir = "
         "'/0123456789012345678901234567890123456789012345678901234567890123456789"
         "01234567890123456789012345'\n",
         "paths.run_dir: is too long for the path of a socket"},
        {"[paths]\nbpf_dir = 1\n", "paths.bpf_dir"},
        {"[paths]\nsteer_object = 'x.o'\n", "paths.steer_object"},
        {"[paths]\nindex = 'x'\n", "paths.index"},
        {"[paths]\nstore = 'x'\n", "paths.store"},
        {"[limits]\nworkers = 0\n", "limits.workers: 0 is out of range; allowed is 1 to 64"},
        {"[limits]\nworkers = '2'\n", "limits.workers: must be a whole number, but is text"},
        {"[limits]\nflows_max = 5\n", "limits.flows_max: 5 is out of range; allowed is 1024"},
        {"[limits]\nmessages_max = -1\n", "limits.messages_max: -1 is out of range"},
        {"[limits]\nkept_bytes_flow_max = 1\n", "limits.kept_bytes_flow_max: 1 is out"},
        {"[limits]\nkept_bytes_worker_max = 1\n", "limits.kept_bytes_worker_max: 1 is out"},
        {"[limits]\nkept_bytes_worker_max = 1048576\n", "limits.kept_bytes_flow_max: is above"},
        {"[limits]\ntail_release_us = 1\n", "limits.tail_release_us: 1 is out"},
        {"[limits]\njournal_ms_max = 0\n", "limits.journal_ms_max: 0 is out"},
        {"[limits]\ndrain_bytes_max = 9999999999\n", "limits.drain_bytes_max: 9999999999 is out"},
        {"[limits]\nheartbeat_ms_max = 1.5\n",
         "limits.heartbeat_ms_max: must be a whole number, but is a number with a fraction"},
        {"[limits]\nabsorb_seconds = 0\n", "limits.absorb_seconds: 0 is out"},
        {"[limits]\nmbufs_per_port = 0\n", "limits.mbufs_per_port: 0 is out"},
        {"[control]\nlink_timeout_ms = 1\n", "control.link_timeout_ms: 1 is out"},
        {"[control]\njournal_poll_ms = 1\n", "control.journal_poll_ms: 1 is out"},
        {"[control]\nclients_max = 0\n", "control.clients_max: 0 is out"},
        {"[control]\nstore = \"mysql://db/cordon\"\n",
         "control.store: must be postgresql://…, but it begins otherwise"},
        {"[control]\nstore = \"postgresql://db/x?colour=red\"\n", "control.store: libpq does not"},
    };
    for (const Wrong& wrong : table)
        expect_error(ports + wrong.text, wrong.wanted);
    expect_error("lab = 1\n" + ports, "t.toml:1: lab: must be true or false, but is a whole");
    expect_error("limits = 5\n" + ports, "t.toml:1: limits: must be a table: write [limits]");
}

void names_what_is_wrong_with_the_ports(void**) {
    expect_error("", "ports.client: is missing; it must be the name of a network interface");
    expect_error("[ports]\nclient = 'a'\n", "t.toml:1: ports.storage: is missing");
    expect_error("[ports]\nclient = 'a'\nstorage = 'a'\n", "t.toml:3: ports.storage: is the same");
    expect_error("[ports]\nclient = 'a/b'\nstorage = 'c'\n", "ports.client: \"a/b\" does not fit");
    expect_error("[ports]\nclient = 'abcdefghijklmnop'\nstorage = 'c'\n", "at most 15 letters");
    expect_error("[ports]\nkind = 'xdp'\nclient = 'a'\nstorage = 'c'\n",
                 "ports.kind: \"xdp\" is not one of af_xdp, af_packet or pci");
    expect_error("[ports]\nkind = 'pci'\nclient = 'eth1'\nstorage = '0000:3b:00.1'\n",
                 "ports.client: \"eth1\" does not fit: must be a PCI address");
    expect_error("[limits]\nindex_pages = 'small'\n", "limits.index_pages");
    expect_error("[ports]\npolling = 'lazy'\nclient = 'a'\nstorage = 'c'\n", "ports.polling");
    good("[ports]\nkind = 'pci'\nclient = '0000:3b:00.0'\nstorage = '0000:3b:00.1'\n");
}

void names_what_is_wrong_with_every_key_of_a_service(void**) {
    const Wrong table[] = {
        {"vlan = 4095\n", "service.vlan: 4095 is out of range; allowed is 0 to 4094"},
        {"fail = 'shut'\n", "service.fail: \"shut\" is not one of open or closed"},
        {"on_midstream = 'cut'\n",
         "service.on_midstream: \"cut\" is not one of retire, pass, reset or refuse"},
        {"on_tls = 'drop'\n", "service.on_tls: \"drop\" is not one of pass, reset or refuse"},
        {"on_tls = 'retire'\n", "service.on_tls: \"retire\" is not one of pass, reset or refuse"},
        {"on_unparsable = 1\n",
         "service.on_unparsable: must be text in quotes: pass, reset or refuse"},
        {"on_limit = 'drop'\n", "service.on_limit: \"drop\" is not one of pass, reset or refuse"},
        {"midstream = 'pass'\n",
         "unknown key \"midstream\" in [service]; did you mean \"on_midstream\"?"},
        {"on_protocol = 'pass'\n", "unknown key \"on_protocol\" in [service]"},
        {"allow_upgrade = 'no'\n", "service.allow_upgrade: must be true or false, but is text"},
        {"weak_blocks = 0\n", "service.weak_blocks: must be true or false"},
        {"dismiss = 'sizes'\n", "service.dismiss: \"sizes\" is not one of off, head or size"},
        {"embedded_archives = false\n", "service.embedded_archives"},
        {"copy_sources = 'host'\n", "service.copy_sources"},
        {"copy_sources = '.s3.example'\n", "service.copy_sources"},
        {"copy_sources = 's3.example:80'\n", "service.copy_sources"},
        {"copy_sources = ''\n", "service.copy_sources"},
        {"proxy_protocol = 'v2'\n", "service.proxy_protocol: \"v2\" is not one of off, accept"},
        {"client_from = 'socket'\n", "service.client_from"},
        {"client_from = 'proxy'\ntrusted_hops = ['192.0.2.1']\n",
         "service.client_from: proxy needs proxy_protocol"},
        {"client_from = 'header'\n", "service.client_header: is missing"},
        {"client_header = 'X'\n", "service.client_header: has a meaning only"},
        {"client_from = 'header'\nclient_header = 'X Y'\n", "service.client_header: \"X Y\""},
        {"client_from = 'header'\nclient_header = 'X'\n", "service.trusted_hops: is missing"},
        {"proxy_protocol = 'accept'\n", "service.trusted_hops: is missing"},
        {"trusted_hops = '192.0.2.1'\n", "service.trusted_hops: must be a list of texts"},
        {"trusted_hops = [1]\n", "service.trusted_hops: every item must be text in quotes"},
        {"trusted_hops = ['x']\n", "service.trusted_hops: \"x\" is no address"},
        {"trusted_hops = ['1.1.1.1','1.1.1.2','1.1.1.3','1.1.1.4','1.1.1.5','1.1.1.6','1.1.1.7',"
         "'1.1.1.8','1.1.1.9']\n",
         "service.trusted_hops: has 9 prefixes; at most 8 fit"},
        {"account_from = 'cookie'\n", "service.account_from"},
        {"account_from = 'header'\n", "service.account_header: is missing"},
        {"account_header = 'X'\n", "service.account_header: has a meaning only"},
        {"portt = 5\n", "t.toml:9: unknown key \"portt\" in [service]; did you mean \"port\"?"},
        {"zzzzzzzzz = 5\n", "unknown key \"zzzzzzzzz\" in [service]; allowed are name, address"},
    };
    for (const Wrong& wrong : table) {
        expect_error(ports + service_start + wrong.text, wrong.wanted);
    }
}

std::string service_with(const char* name, const char* address, const char* rest) {
    return std::string("[[service]]\nname = '") + name + "'\naddress = '" + address + "'\n" + rest;
}

void resets_what_is_older_where_nothing_may_pass_unseen(void**) {
    const std::string service = service_with("a", "192.0.2.1", "port = 80\nmode = 'observe'\n");
    const Config open = good(ports + service);
    assert_int_equal(open.options.services[0].on_midstream, MidstreamAction::retire);
    const std::string closed = service + "fail = 'closed'\n";
    assert_int_equal(good(ports + closed).options.services[0].on_midstream, MidstreamAction::reset);
    const Config asked = good(ports + closed + "on_midstream = 'retire'\n");
    assert_int_equal(asked.options.services[0].on_midstream, MidstreamAction::retire);
}

void names_what_is_wrong_with_the_place_of_a_service(void**) {
    const std::string observe = "port = 80\nmode = 'observe'\n";
    const char* wrong_addresses[][2] = {
        {"photos", "\"photos\" is no address"},
        {"192.0.2.10/33", "has no length of 0 to 32"},
        {"192.0.2.10/", "has no length"},
        {"192.0.2.10/-1", "has no length"},
        {"192.0.2.10/24", "has bits set behind its length; write \"192.0.2.0/24\""},
        {"2001:db8::1/129", "0 to 128 (IPv6)"},
        {"2001:db8::1/64", "write \"2001:db8::/64\""},
        {"::/0", "would cover every IPv4 address"},
        {"192.0.2", "is no address"},
        {"", "is no address"},
    };
    for (const auto& [address, wanted] : wrong_addresses) {
        expect_error(ports + service_with("a", address, observe.c_str()), wanted);
    }
    expect_error(ports + "[[service]]\n", "service.name: is missing");
    expect_error(ports + "[[service]]\n", "service.address: is missing");
    expect_error(ports + "[[service]]\n", "t.toml:4: service.port: is missing");
    expect_error(ports + service_with("a b", "::1", observe.c_str()), "service.name: \"a b\"");
    expect_error(ports + service_with("a", "::1", "port = 65536\nmode = 'observe'\n"),
                 "service.port: 65536 is out of range; allowed is 1 to 65535");
    expect_error(ports + "[service]\nname = 'a'\n", "service: write [[service]] with two brackets");
    expect_error("service = [1]\n" + ports, "service: write [[service]]");
}

void refuses_services_that_are_listed_twice(void**) {
    const std::string observe = "port = 80\nmode = 'observe'\n";
    const std::string first = ports + service_with("a", "192.0.2.1", observe.c_str());
    expect_error(first + service_with("a", "192.0.2.2", observe.c_str()),
                 "t.toml:10: service.name: \"a\" is the name of another service already");
    expect_error(first + service_with("b", "192.0.2.1/32", observe.c_str()),
                 "t.toml:11: service.address: 192.0.2.1/32 port 80 is service \"a\" already");
    good(first + service_with("b", "192.0.2.1", "port = 81\nmode = 'observe'\n"));
    good(first + service_with("b", "192.0.2.1", "port = 80\nvlan = 5\nmode = 'observe'\n"));
    good(first + service_with("b", "192.0.2.0/24", observe.c_str()));
}

void refuses_more_services_than_fit(void**) {
    std::string text = ports;
    for (int i = 0; i < 65; ++i) {
        text += service_with(("s" + std::to_string(i)).c_str(), "::1",
                             ("mode = 'observe'\nport = " + std::to_string(i + 1) + "\n").c_str());
    }
    expect_error(text, "there are 65 services; at most 64 fit");
}

void lets_no_service_enforce_without_the_texts_of_the_answer(void**) {
    const std::string enforce = service_with("a", "192.0.2.1", "port = 80\n");
    expect_error(ports + enforce, "\"a\" is in mode enforce, which needs answer.complaint_url");
    expect_error("[answer]\ncomplaint_url = 'https://a'\n" + ports + enforce, "answer.contact");
    expect_error("[answer]\ncomplaint_url = 'https://a'\ncontact = 'b'\n" + ports + enforce,
                 "answer.legal_basis");
    good("[answer]\ncomplaint_url = 'https://a'\ncontact = 'b'\nlegal_basis = 'c'\n" + ports +
         enforce);
    good("lab = true\n" + ports + enforce);
}

void lets_nobody_write_a_bypass_down(void**) {
    const auto with = [](const char* rest) { return ports + service_with("a", "::1", rest); };
    expect_error(with("port = 80\nmode = 'bypass'\n"), "t.toml:8: service.mode: bypass is nothing");
    expect_error(with("port = 80\nmode = 'observe'\nbypass_until = 2030-01-31T18:00:00Z\n"),
                 "unknown key \"bypass_until\"");
    expect_error(with("port = 80\nmode = 'by-pass'\n"), "(did you mean \"bypass\"?)");
}

void takes_two_persons_outside_a_lab(void**) {
    assert_int_equal(good(ports).operators.approvers, 2);
    assert_int_equal(good("lab = true\n" + ports).operators.approvers, 1);
    const Config lab =
        good("lab = true\n[operators]\napprovers = 2\nadmin_group = \"a\"\n" + ports);
    assert_int_equal(lab.operators.approvers, 2);
    assert_string_equal(lab.operators.admin_group.c_str(), "a");
    assert_string_equal(lab.operators.viewer_group.c_str(), "cordon-viewer");
    expect_error("[operators]\napprovers = 0\n" + ports, "allowed is 1 to 2");
    expect_error("[operators]\napprovers = 3\n" + ports, "allowed is 1 to 2");
}

void tells_the_state_directory_of_a_wrong_file(void**) {
    assert_string_equal(state_dir_of("lag = 1\n")->c_str(), "/var/lib/cordon");
    assert_string_equal(state_dir_of("lag = 1\n[paths]\nstate_dir = \"/s\"\n")->c_str(), "/s");
    assert_false(state_dir_of("[paths]\nstate_dir = 7\n").has_value());
    assert_false(state_dir_of("[paths]\nstate_dir = \"s\"\n").has_value());
    assert_false(state_dir_of("this is no TOML").has_value());
}

void names_unknown_keys_with_the_nearest_known_one(void**) {
    expect_error("lag = true\n" + ports,
                 "t.toml:1: unknown key \"lag\" at the top of the file; did "
                 "you mean \"lab\"?");
    expect_error("[limit]\n" + ports, "did you mean \"limits\"?");
    expect_error("[limits]\nflow_max = 5000\n" + ports,
                 "t.toml:2: unknown key \"flow_max\" in "
                 "[limits]; did you mean \"flows_max\"?");
    expect_error("[limits]\n\"a\\u0007b\" = 1\n" + ports, "unknown key \"a\\x07b\"");
}

void tells_every_problem_in_the_order_of_the_file(void**) {
    const std::string error =
        error_of("lag = 1\n[limits]\nworkers = 0\nflows_max = 1\n[ports]\nclient = 5\n");
    const std::size_t first = error.find("t.toml:1:");
    const std::size_t second = error.find("t.toml:3:");
    const std::size_t third = error.find("t.toml:4:");
    const std::size_t last = error.find("t.toml:6:");
    assert_true(first < second && second < third && third < last && last != std::string::npos);
}

void names_the_line_of_what_is_not_toml(void**) {
    expect_error("lab = true\nports\n", "t.toml:2: not TOML");
    expect_error("lab = \n", "t.toml:1: not TOML");
    expect_error("lab = true\nlab = true\n", "t.toml:2: not TOML");
    expect_error("\xff\xfe\n", "t.toml:1: not TOML");
    // Neither does the TOML parser expect these.
    expect_error("lab = \u040a\u202c \"\u2212\"\n", "t.toml:1: not TOML: outside of quotes");
    expect_error("a\x01 = 1\n", "t.toml:1: not TOML: outside of quotes");
    expect_error("lab = \"tr\\\"ue\n", "t.toml:1: not TOML: the closing quote is missing");
    expect_error("[node]\noperator = \"\"\"\na\n\"\"\"\n" + ports, "t.toml:2: not TOML of a conf");
    good("[node] # \u00e4\r\noperator = \"\u00e4 '#\" # \u20ac '\r\n" + ports);
    good("[node]\noperator = '\u00e4 \"#' # \"\n" + ports);
    expect_error("a = 0\"\u03e5\"\n", "t.toml:1: not TOML: letters beyond ASCII");
    expect_error("a = 2030-[\"\u03e5\"\n", "t.toml:1: not TOML: letters beyond ASCII");
    expect_error("a = 0=\"\u03e5\"\n", "t.toml:1: not TOML: letters beyond ASCII");
    expect_error("a = 2030-01-31T\n", "t.toml:1: not TOML");
    // The TOML parser takes a name for granted here, and reads on as if it had one.
    for (const char* header : {"[", "[[", "[]", "[[]]", "[\x01\x01 a]", "[ [a] ]", "[\u20aca]"}) {
        expect_error("lab = true\n" + std::string(header) + "\n", "t.toml:2: not TOML: behind [");
    }
}

void refuses_files_and_lines_beyond_their_limits(void**) {
    expect_error("a = 1\n" + std::string(5000, 'a') + "\n", "t.toml:2: the line is longer");
    std::string large;
    while (large.size() <= config_bytes_max)
        large += "# a comment that fills the file\n";
    expect_error(large, "larger than 256 KiB");
    std::string deep = "a";
    while (deep.size() < 4000)
        deep += ".a";
    expect_error(deep + " = 1\n", "unknown key \"a\"");
}

void says_when_the_file_is_not_there(void**) {
    const Result<Config> config = load_config("/nonexistent/cordon.toml");
    assert_false(config.has_value());
    assert_int_equal(config.error().code, ErrorCode::config);
    assert_string_equal(config.error().message().c_str(),
                        "/nonexistent/cordon.toml: cannot open the configuration: "
                        "No such file or directory");
}

void prints_addresses_as_people_write_them(void**) {
    const char* same[] = {"192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "::1/128", "2000::/3"};
    for (const char* text : same) {
        AddressPrefix prefix;
        assert_int_equal(parse_prefix(text, &prefix), AddressResult::ok);
        assert_string_equal(format_prefix(prefix).c_str(), text);
    }
    AddressPrefix prefix;
    parse_prefix("192.0.2.1", &prefix);
    assert_string_equal(format_endpoint(prefix.address, 80).c_str(), "192.0.2.1:80");
    parse_prefix("2001:db8::1", &prefix);
    assert_string_equal(format_endpoint(prefix.address, 80).c_str(), "[2001:db8::1]:80");
    assert_int_equal(parse_prefix(std::string_view("1.1.1.1\0x", 9), &prefix),
                     AddressResult::not_an_address);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(loads_both_shipped_files),
        cmocka_unit_test(shipped_file_tells_the_true_defaults),
        cmocka_unit_test(an_address_with_a_password_is_refused_and_not_repeated),
        cmocka_unit_test(shipped_file_explains_every_key),
        cmocka_unit_test(tells_metrics_only_where_it_is_told_to),
        cmocka_unit_test(verifies_only_where_a_service_says_how),
        cmocka_unit_test(tests_itself_only_where_a_service_says_how),
        cmocka_unit_test(follows_feeds_over_https),
        cmocka_unit_test(lets_a_feed_block_by_the_package_a_lab_or_two_persons),
        cmocka_unit_test(doubts_newcomers_by_profile),
        cmocka_unit_test(takes_its_defaults_from_the_limits),
        cmocka_unit_test(reads_every_key_of_a_service),
        cmocka_unit_test(resets_what_is_older_where_nothing_may_pass_unseen),
        cmocka_unit_test(names_what_is_wrong_with_every_key_of_the_tables),
        cmocka_unit_test(names_what_is_wrong_with_the_ports),
        cmocka_unit_test(names_what_is_wrong_with_every_key_of_a_service),
        cmocka_unit_test(names_what_is_wrong_with_the_place_of_a_service),
        cmocka_unit_test(refuses_services_that_are_listed_twice),
        cmocka_unit_test(refuses_more_services_than_fit),
        cmocka_unit_test(lets_no_service_enforce_without_the_texts_of_the_answer),
        cmocka_unit_test(lets_nobody_write_a_bypass_down),
        cmocka_unit_test(takes_two_persons_outside_a_lab),
        cmocka_unit_test(tells_the_state_directory_of_a_wrong_file),
        cmocka_unit_test(names_unknown_keys_with_the_nearest_known_one),
        cmocka_unit_test(tells_every_problem_in_the_order_of_the_file),
        cmocka_unit_test(names_the_line_of_what_is_not_toml),
        cmocka_unit_test(refuses_files_and_lines_beyond_their_limits),
        cmocka_unit_test(says_when_the_file_is_not_there),
        cmocka_unit_test(prints_addresses_as_people_write_them),
    };
    return cmocka_run_group_tests_name("config", tests, nullptr, nullptr);
}
