#include "dataplane/replay/settings.h"

#include <arpa/inet.h>
#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "dataplane/base/limits.h"

namespace cordon::replay {
namespace {

// How long a client may pause before its rolling tail is looked up and goes. An appliance does so
// sooner, because somebody waits for it. Nobody waits for a replay, and on a busy line the segments
// of one connection of a thousand are some milliseconds apart: with less time each of them would be
// looked up for itself.
constexpr std::uint32_t tail_release_us = 10 * 1000;

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t comma; (comma = text.find(',', begin)) != std::string::npos;
         begin = comma + 1) {
        parts.push_back(text.substr(begin, comma - begin));
    }
    parts.push_back(text.substr(begin));
    return parts;
}

bool parse_port(std::string_view text, std::uint16_t* port) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *port);
    return error == std::errc{} && end == text.data() + text.size() && *port != 0;
}

bool parse_address(std::string text, Address* address) {
    if (text.find(':') == std::string::npos) text = "::ffff:" + text;
    return ::inet_pton(AF_INET6, text.c_str(), address->bytes) == 1;
}

bool parse_services(const std::string& text, Settings* settings, std::string* why) {
    settings->services.clear();
    if (text == "any") return true;
    for (const std::string& part : split(text)) {
        SegmentEnd service{};
        if (!parse_service(part, &service)) {
            *why = "--service: '" + part + "' is not any, ADDR:PORT or [ADDR]:PORT";
            return false;
        }
        settings->services.push_back(service);
    }
    if (settings->services.size() <= services_max) return true;
    *why = "--service: at most " + std::to_string(services_max) + " services";
    return false;
}

bool parse_digests(const std::string& text, Settings* settings, std::string* why) {
    settings->digests = {};
    for (const std::string& part : split(text)) {
        if (part == "md5") {
            settings->digests.add(IndicatorKind::md5);
        } else if (part == "sha1") {
            settings->digests.add(IndicatorKind::sha1);
        } else if (part == "sha256") {
            settings->digests.add(IndicatorKind::sha256);
        } else if (part == "sha256-tree") {
            settings->digests.add(IndicatorKind::sha256_tree);
        } else {
            *why = "--digests: '" + part + "' is not md5, sha1, sha256 or sha256-tree";
            return false;
        }
    }
    return true;
}

// One of two words; false when it is neither.
bool parse_choice(const char* option, const std::string& text, const char* first,
                  const char* second, bool* is_second, std::string* why) {
    *is_second = text == second;
    if (*is_second || text == first) return true;
    *why = std::string(option) + ": '" + text + "' is not " + first + " or " + second;
    return false;
}

constexpr option long_options[] = {
    {"index", required_argument, nullptr, 'i'},
    {"hashes", required_argument, nullptr, 'h'},
    {"service", required_argument, nullptr, 's'},
    {"digests", required_argument, nullptr, 'd'},
    {"checksums", required_argument, nullptr, 'c'},
    {"midstream", required_argument, nullptr, 'm'},
    {"client-out", required_argument, nullptr, 'C'},
    {"storage-out", required_argument, nullptr, 'S'},
    {"help", no_argument, nullptr, '?' + 256},
    {nullptr, 0, nullptr, 0},
};

bool take_option(int code, const std::string& value, Settings* settings, std::string* why) {
    bool second = false;
    switch (code) {
        case 'i':
            settings->index_path = value;
            return true;
        case 'h':
            settings->hashes_path = value;
            return true;
        case 's':
            return parse_services(value, settings, why);
        case 'd':
            return parse_digests(value, settings, why);
        case 'c':
            if (!parse_choice("--checksums", value, "strict", "off", &second, why)) return false;
            settings->checksums = second ? ChecksumRule::off : ChecksumRule::strict;
            return true;
        case 'm':
            return parse_choice("--midstream", value, "skip", "inspect",
                                &settings->midstream_inspect, why);
        case 'C':
            settings->client_out = value;
            return true;
        case 'S':
            settings->storage_out = value;
            return true;
    }
    return false;
}

void copy_text(const std::string& from, char* to, std::size_t size) {
    std::snprintf(to, size, "%s", from.c_str());
}

void fill_service(const SegmentEnd& end, std::uint8_t bits, bool enforce, ServiceOptions* service) {
    std::memcpy(service->prefix.address, end.address.bytes, sizeof end.address.bytes);
    service->prefix.bits = bits;
    service->port = end.port;
    service->vlan = -1;
    service->mode = enforce ? ServiceMode::enforce : ServiceMode::observe;
    service->fail = FailMode::open;
    service->on_midstream = MidstreamAction::pass;
    service->on_tls = UninspectedAction::pass;
    service->on_unparsable = UninspectedAction::pass;
    service->on_limit = UninspectedAction::pass;
    service->allow_upgrade = 1;
}

void fill_limits(Options* options) {
    options->workers = 1;
    options->flows_max = limits::flows_max;
    options->messages_max = limits::messages_max;
    options->kept_bytes_flow_max = limits::kept_bytes_flow_max;
    options->kept_bytes_worker_max = limits::kept_bytes_worker_max;
    options->tail_release_us = tail_release_us;
    options->journal_ms_max = limits::journal_ms_max;
    options->drain_bytes_max = limits::drain_bytes_max;
    options->heartbeat_ms_max = limits::heartbeat_ms_max;
    options->absorb_seconds = limits::absorb_seconds;
    options->mbufs_per_port = limits::mbufs_per_port;
    options->spool_bytes_max = limits::spool_bytes_max;
    options->assemblies_max = limits::assemblies_max;
    options->assembly_seconds = 7 * 24 * 3600;  // a capture may pause for long
}

}  // namespace

const char usage[] =
    "usage: cordon-replay [options] FILE.pcap...\n"
    "Runs captures through the line of the appliance; prints one JSON line per object.\n"
    "  --index FILE           indicator index\n"
    "  --hashes FILE          list of hex digests (md5, sha1, sha256), one a line\n"
    "  --service LIST         any (default), or ADDR:PORT[,ADDR:PORT...]\n"
    "  --digests LIST         of md5,sha1,sha256,sha256-tree; default all\n"
    "  --checksums RULE       strict (default): segments with wrong ones are dropped; off\n"
    "  --midstream RULE       skip (default): flows without their SYN are not inspected; inspect\n"
    "  --client-out FILE      write what would have been sent to the client\n"
    "  --storage-out FILE     write what would have been sent to the storage\n"
    "Exit status: 0, 1 unreadable input, 2 usage.\n";

bool parse_service(const std::string& text, SegmentEnd* service) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return false;
    std::string address = text.substr(0, colon);
    const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
    if (bracketed) address = address.substr(1, address.size() - 2);
    if (bracketed != (address.find(':') != std::string::npos)) return false;
    return parse_port(text.substr(colon + 1), &service->port) &&
           parse_address(address, &service->address);
}

CommandLine parse_command_line(int argc, char** argv, Settings* settings, std::string* why) {
    ::optind = 0;
    ::opterr = 0;
    for (;;) {
        const int code = ::getopt_long(argc, argv, ":", long_options, nullptr);
        if (code == -1) break;
        if (code == '?' + 256) return CommandLine::help;
        if (code == ':' || code == '?') {
            *why = std::string(argv[::optind - 1]) +
                   (code == ':' ? ": needs a value" : ": no such option");
            return CommandLine::wrong;
        }
        if (!take_option(code, ::optarg, settings, why)) return CommandLine::wrong;
    }
    settings->inputs.assign(argv + ::optind, argv + argc);
    if (!settings->index_path.empty() && !settings->hashes_path.empty()) {
        *why = "--index and --hashes exclude each other";
        return CommandLine::wrong;
    }
    if (!settings->inputs.empty()) return CommandLine::ok;
    *why = "no capture given";
    return CommandLine::wrong;
}

Options make_options(const Settings& settings, bool enforce) {
    Options options{};
    copy_text("REPLAY", options.node_prefix, sizeof options.node_prefix);
    copy_text("replay", options.operator_name, sizeof options.operator_name);
    copy_text("replay of a capture", options.legal_basis, sizeof options.legal_basis);
    options.profile = Profile::voluntary;
    options.answer_text = AnswerText::neutral;
    options.lab = 1;
    fill_limits(&options);
    if (settings.services.empty()) {
        fill_service(SegmentEnd{}, 0, enforce, &options.services[0]);
        copy_text("any", options.services[0].name, sizeof options.services[0].name);
        options.service_count = 1;
    }
    for (const SegmentEnd& end : settings.services) {
        ServiceOptions& service = options.services[options.service_count];
        fill_service(end, 128, enforce, &service);
        copy_text("service " + std::to_string(options.service_count + 1), service.name,
                  sizeof service.name);
        ++options.service_count;
    }
    return options;
}

}  // namespace cordon::replay
