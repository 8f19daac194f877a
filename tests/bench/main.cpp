// cordon-bench: benchmarks of the line, each with its physical limit measured in the same run.
//
//   cordon-bench line [--flows N] [--object-bytes N] [--digests md5,sha1,sha256] [--runs N]
//   [--json]
//   cordon-bench lanes [--runs N] [--json]
//   cordon-bench decoders [--runs N] [--json]
//   cordon-bench assembly [--runs N] [--json]
//   cordon-bench content
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"
#include "dataplane/fingerprint/kernels.h"
#include "tests/bench/assembly_bench.h"
#include "tests/bench/content_bench.h"
#include "tests/bench/decoders_bench.h"
#include "tests/bench/lanes_bench.h"
#include "tests/bench/line_bench.h"

namespace {

using namespace cordon;
using namespace cordon::bench;

constexpr char usage[] =
    "usage: cordon-bench line [--flows N] [--object-bytes N] [--digests md5,sha1,sha256]\n"
    "                         [--runs N] [--json]\n"
    "       cordon-bench lanes [--runs N] [--json]\n"
    "       cordon-bench decoders [--runs N] [--json]\n"
    "       cordon-bench assembly [--runs N] [--json]\n"
    "       cordon-bench content\n"
    "CORDON_ISA=scalar|openssl|shani|avx2|avx512 forces a set of digest kernels.\n";

int usage_error(const char* what) {
    std::fprintf(stderr, "cordon-bench: %s\n%s", what, usage);
    return static_cast<int>(ErrorCode::usage);
}

bool parse_number(const char* text, std::uint64_t least, std::uint64_t most, std::uint64_t* out) {
    char* end = nullptr;
    errno = 0;
    *out = std::strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *out >= least &&
           *out <= most;
}

bool parse_digests(std::string_view list, KindSet* kinds) {
    *kinds = {};
    while (!list.empty()) {
        const std::string_view name = list.substr(0, list.find(','));
        list.remove_prefix(name.size() < list.size() ? name.size() + 1 : list.size());
        if (name == "sha256")
            kinds->add(IndicatorKind::sha256);
        else if (name == "sha1")
            kinds->add(IndicatorKind::sha1);
        else if (name == "md5")
            kinds->add(IndicatorKind::md5);
        else
            return false;
    }
    return !kinds->empty();
}

std::string digest_names(KindSet kinds) {
    std::string names;
    for (const IndicatorKind kind :
         {IndicatorKind::md5, IndicatorKind::sha1, IndicatorKind::sha256}) {
        if (!kinds.has(kind)) continue;
        if (!names.empty()) names += ',';
        names += indicator_kind_name(kind);
    }
    return names;
}

void print_json(const LineSettings& settings, const LineResult& result) {
    const auto spread = [](const char* name, const Spread& of) {
        std::printf(",\"%s\":%.3f,\"%s_min\":%.3f,\"%s_max\":%.3f", name, of.median, name, of.least,
                    name, of.most);
    };
    std::printf("{\"bench\":\"line\",\"flows\":%u,\"object_bytes\":%llu,\"digests\":\"%s\"",
                settings.flows, static_cast<unsigned long long>(settings.object_bytes),
                digest_names(settings.digests).c_str());
    std::printf(",\"workers\":1,\"runs\":%u", settings.runs);
    spread("gbit_per_s", result.gbit_per_s);
    spread("limit_gbit_per_s", result.limit_gbit_per_s);
    spread("of_limit", result.of_limit);
    spread("cycles_per_packet", result.cycles_per_packet);
    std::printf("}\n");
}

void print_text(const LineSettings& settings, const LineResult& result) {
    std::printf("line: one worker, %u flows of %llu-byte objects, %s; median of %u (min to max)\n",
                settings.flows, static_cast<unsigned long long>(settings.object_bytes),
                digest_names(settings.digests).c_str(), settings.runs);
    const auto row = [](const char* name, const Spread& of, const char* unit) {
        std::printf("  %-28s %8.2f %s (%.2f to %.2f)\n", name, of.median, unit, of.least, of.most);
    };
    row("whole line", result.gbit_per_s, "Gbit/s");
    row("the same digests, bare", result.limit_gbit_per_s, "Gbit/s");
    row("of the limit", result.of_limit, "");
    row("cycles a packet", result.cycles_per_packet, "");
}

int line_command(int argc, char** argv) {
    LineSettings settings;
    bool json = false;
    static const option options[] = {{"flows", required_argument, nullptr, 'f'},
                                     {"object-bytes", required_argument, nullptr, 'b'},
                                     {"digests", required_argument, nullptr, 'd'},
                                     {"runs", required_argument, nullptr, 'r'},
                                     {"workers", required_argument, nullptr, 'w'},
                                     {"json", no_argument, nullptr, 'j'},
                                     {nullptr, 0, nullptr, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        std::uint64_t number = 0;
        switch (c) {
            case 'f':
                if (!parse_number(optarg, 1, 10000, &number))
                    return usage_error("--flows takes 1 to 10000");
                settings.flows = static_cast<std::uint32_t>(number);
                break;
            case 'b':
                if (!parse_number(optarg, 1, 64u << 20, &settings.object_bytes))
                    return usage_error("--object-bytes takes 1 to 67108864");
                break;
            case 'd':
                if (!parse_digests(optarg, &settings.digests))
                    return usage_error("--digests takes a list of md5, sha1, sha256");
                break;
            case 'r':
                if (!parse_number(optarg, 1, 99, &number))
                    return usage_error("--runs takes 1 to 99");
                settings.runs = static_cast<std::uint32_t>(number);
                break;
            case 'w':
                if (!parse_number(optarg, 1, 1, &number))
                    return usage_error("--workers: the bench drives one worker");
                break;
            case 'j':
                json = true;
                break;
            default:
                return usage_error("unknown option");
        }
    }
    if (optind != argc) return usage_error("too many arguments");
    const LineResult result = run_line(settings);
    if (json)
        print_json(settings, result);
    else
        print_text(settings, result);
    return 0;
}

int content_command() {
    constexpr std::uint32_t runs = 5;
    const ContentResult result = run_content(runs);
    std::printf("content: one thread, median of %u\n", runs);
    for (const ContentResult::Type& type : result.types)
        std::printf("  the type of %-16s %8.0f ns an object\n", type.name, type.ns_per_object);
    std::printf("  SHA-256 of a page            %8.2f GB/s\n", result.digest_gbyte_per_s);
    for (const ContentResult::Search& search : result.searches)
        std::printf("  search for %5u patterns    %8.2f GB/s\n", search.patterns,
                    search.gbyte_per_s);
    return 0;
}

void print_lanes(const LanesResult& result, bool json) {
    const Spread& rate = result.gb_per_s;
    const double ratio = rate.median / result.openssl_gb_per_s;
    if (json) {
        std::printf(
            "{\"bench\":\"lanes\",\"digest\":\"%s\",\"isa\":\"%s\",\"objects\":%u,\"flush\":%s,"
            "\"gb_per_s\":%.3f,\"gb_per_s_min\":%.3f,\"gb_per_s_max\":%.3f,"
            "\"openssl_gb_per_s\":%.3f,\"ratio\":%.3f}\n",
            result.digest.c_str(), result.isa.c_str(), result.objects,
            result.flush ? "true" : "false", rate.median, rate.least, rate.most,
            result.openssl_gb_per_s, ratio);
        return;
    }
    std::printf("  %-16s %-13s %2u %-8s %7.2f GB/s (%.2f to %.2f), %5.2f x OpenSSL\n",
                result.digest.c_str(), result.isa.c_str(), result.objects,
                result.flush ? "objects" : "lanes", rate.median, rate.least, rate.most, ratio);
}

int lanes_command(int argc, char** argv) {
    LanesSettings settings;
    bool json = false;
    static const option options[] = {{"runs", required_argument, nullptr, 'r'},
                                     {"json", no_argument, nullptr, 'j'},
                                     {nullptr, 0, nullptr, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        std::uint64_t number = 0;
        if (c == 'j') {
            json = true;
        } else if (c == 'r' && parse_number(optarg, 1, 99, &number)) {
            settings.runs = static_cast<std::uint32_t>(number);
        } else {
            return usage_error("lanes takes --runs 1 to 99 and --json");
        }
    }
    if (optind != argc) return usage_error("too many arguments");
    if (!json)
        std::printf(
            "lanes: bare kernels with all lanes in use, then segments of many objects in "
            "a flush;\n       median of %u (min to max), of CPU time\n",
            settings.runs);
    for (const LanesResult& result : run_lanes(settings))
        print_lanes(result, json);
    return 0;
}

void print_decoder(const DecodersResult& result, bool json) {
    const Spread& rate = result.gb_per_s;
    const double ratio = rate.median / result.sha256_gb_per_s;
    if (json) {
        std::printf(
            "{\"bench\":\"decoders\",\"form\":\"%s\",\"gb_per_s\":%.3f,\"gb_per_s_min\":%.3f,"
            "\"gb_per_s_max\":%.3f,\"found\":%.3f,\"sha256_gb_per_s\":%.3f,\"ratio\":%.3f}\n",
            result.form.c_str(), rate.median, rate.least, rate.most, result.found,
            result.sha256_gb_per_s, ratio);
        return;
    }
    std::printf("  %-18s %7.2f GB/s (%.2f to %.2f), %5.2f x SHA-256 of it; objects %.2f x body\n",
                result.form.c_str(), rate.median, rate.least, rate.most, ratio, result.found);
}

// What `decoders` and `assembly` take. 0, or the status to end with.
int read_runs(int argc, char** argv, const char* misuse, std::uint32_t* runs, bool* json) {
    std::uint64_t number = 5;
    static const option options[] = {{"runs", required_argument, nullptr, 'r'},
                                     {"json", no_argument, nullptr, 'j'},
                                     {nullptr, 0, nullptr, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        if (c == 'j')
            *json = true;
        else if (c != 'r' || !parse_number(optarg, 1, 99, &number))
            return usage_error(misuse);
    }
    *runs = static_cast<std::uint32_t>(number);
    return optind == argc ? 0 : usage_error("too many arguments");
}

int decoders_command(int argc, char** argv) {
    std::uint32_t runs = 0;
    bool json = false;
    const int misuse =
        read_runs(argc, argv, "decoders takes --runs 1 to 99 and --json", &runs, &json);
    if (misuse != 0) return misuse;
    if (!json)
        std::printf(
            "decoders: bodies taken apart, without digests, in segments; median of %u (min\n"
            "          to max), of CPU time; beside one stream of SHA-256 (OpenSSL)\n",
            runs);
    for (const DecodersResult& result : run_decoders(runs))
        print_decoder(result, json);
    return 0;
}

void print_assembly(const AssemblyResult& result, bool json) {
    const Spread& rate = result.gb_per_s;
    if (json) {
        std::printf(
            "{\"bench\":\"assembly\",\"form\":\"%s\",\"gb_per_s\":%.3f,\"gb_per_s_min\":%.3f,"
            "\"gb_per_s_max\":%.3f,\"ratio\":%.3f}\n",
            result.form.c_str(), rate.median, rate.least, rate.most, result.of_plain);
        return;
    }
    std::printf("  %-32s %6.2f GB/s (%.2f to %.2f), %5.2f x the plain PUT\n", result.form.c_str(),
                rate.median, rate.least, rate.most, result.of_plain);
}

int assembly_command(int argc, char** argv) {
    std::uint32_t runs = 0;
    bool json = false;
    const int misuse =
        read_runs(argc, argv, "assembly takes --runs 1 to 99 and --json", &runs, &json);
    if (misuse != 0) return misuse;
    if (!json)
        std::printf(
            "assembly: 12 MB through the line, in one PUT and in three S3 parts; median of %u\n"
            "          (min to max), of CPU time with the port's; one upload at a time\n",
            runs);
    for (const AssemblyResult& result : run_assembly(runs))
        print_assembly(result, json);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return usage_error("which bench?");
    if (std::string_view(argv[1]) == "--help") {
        std::fputs(usage, stdout);
        return 0;
    }
    if (kernels::at_start() == nullptr)
        return usage_error("CORDON_ISA names no kernels that this processor can run");
    if (std::string_view(argv[1]) == "assembly") return assembly_command(argc - 1, argv + 1);
    if (std::string_view(argv[1]) == "decoders") return decoders_command(argc - 1, argv + 1);
    if (std::string_view(argv[1]) == "lanes") return lanes_command(argc - 1, argv + 1);
    if (std::string_view(argv[1]) == "line") return line_command(argc - 1, argv + 1);
    if (std::string_view(argv[1]) == "content") return content_command();
    return usage_error("there is no such bench");
}
