// cordon-bench: benchmarks of the line and its parts, each with its physical limit measured in the
// same run. `cordon-bench --help` lists them; docs/benchmarks.md shows what they said last.
#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/limits.h"
#include "dataplane/base/result.h"
#include "dataplane/fingerprint/kernels.h"
#include "tests/bench/assembly_bench.h"
#include "tests/bench/content_bench.h"
#include "tests/bench/decoders_bench.h"
#include "tests/bench/lanes_bench.h"
#include "tests/bench/line_bench.h"
#include "tests/bench/lookup_bench.h"
#include "tests/bench/parts_bench.h"
#include "tests/bench/report.h"
#include "tests/bench/swap_bench.h"

namespace {

using namespace cordon;
using namespace cordon::bench;

struct Settings {
    std::uint64_t flows = 64;
    std::uint64_t object_bytes = 1 << 20;
    std::uint64_t workers = 1;
    std::uint64_t runs = 5;
    std::optional<std::uint64_t> indicators;  // not said: as many as the bench has
    std::uint64_t sections = 1;
    KindSet digests{IndicatorKind::sha256};
    bool dismissible = false;
    bool from_memory = false;
    bool json = false;
    std::uint32_t few() const { return static_cast<std::uint32_t>(runs); }
    std::uint64_t many() const { return indicators.value_or(10'000'000); }
};

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

// --- the benches ---------------------------------------------------------------------------------

bool line(const Settings& settings) {
    const std::uint64_t indicators = settings.indicators.value_or(0);
    const LineResult result = run_line(
        {static_cast<std::uint32_t>(settings.flows), settings.object_bytes, settings.digests,
         settings.few(), static_cast<std::uint32_t>(settings.workers), settings.dismissible,
         indicators, static_cast<std::uint32_t>(settings.sections), settings.from_memory});
    Report("line", settings.json)
        .number("flows", static_cast<double>(settings.flows))
        .number("object_bytes", static_cast<double>(settings.object_bytes))
        .word("digests", digest_names(settings.digests))
        .word("dismissed", settings.dismissible ? "by head" : "no")
        .word("frames", settings.from_memory ? "in memory" : "in the cache")
        .number("indicators", static_cast<double>(indicators))
        .number("sections", static_cast<double>(settings.sections))
        .number("workers", static_cast<double>(settings.workers))
        .number("runs", settings.few())
        .spread("gbit_per_s", result.gbit_per_s)
        .spread("limit_gbit_per_s", result.limit_gbit_per_s)
        .spread("of_limit", result.of_limit)
        .spread("cycles_per_packet", result.cycles_per_packet)
        .spread("cycles_per_byte", result.cycles_per_byte)
        .spread("held_us", result.held_us)
        .spread("passed_us", result.passed_us)
        .end();
    return true;
}

// What the verdict adds: the last segment of an object waits for it, the others do not.
bool hold(const Settings& settings) {
    for (const std::uint64_t object_bytes : {64u << 10, 1u << 20}) {
        for (const std::uint32_t flows : {1u, 64u}) {
            LineSettings of_line;
            of_line.flows = flows;
            of_line.object_bytes = object_bytes;
            of_line.digests = settings.digests;
            of_line.runs = settings.few();
            const LineResult result = run_line(of_line);
            Report("hold", settings.json)
                .number("flows", flows)
                .number("object_bytes", static_cast<double>(object_bytes))
                .word("digests", digest_names(settings.digests))
                .number("runs", settings.few())
                .spread("held_us", result.held_us)
                .spread("passed_us", result.passed_us)
                .number("added_us", result.held_us.median - result.passed_us.median)
                .end();
        }
    }
    return true;
}

bool lanes(const Settings& settings) {
    for (const LanesResult& result : run_lanes({settings.few()})) {
        Report("lanes", settings.json)
            .word("digest", result.digest)
            .word("isa", result.isa)
            .number("objects", result.objects)
            .word("through", result.flush ? "flush" : "kernel")
            .spread("gb_per_s", result.gb_per_s)
            .number("openssl_gb_per_s", result.openssl_gb_per_s)
            .number("ratio", result.gb_per_s.median / result.openssl_gb_per_s)
            .end();
    }
    return true;
}

bool assembly(const Settings& settings) {
    for (const AssemblyResult& result : run_assembly(settings.few())) {
        Report("assembly", settings.json)
            .word("form", result.form)
            .spread("gb_per_s", result.gb_per_s)
            .number("ratio", result.of_plain)
            .end();
    }
    return true;
}

bool decoders(const Settings& settings) {
    for (const DecodersResult& result : run_decoders(settings.few())) {
        Report("decoders", settings.json)
            .word("form", result.form)
            .spread("gb_per_s", result.gb_per_s)
            .number("found", result.found)
            .number("sha256_gb_per_s", result.sha256_gb_per_s)
            .number("ratio", result.gb_per_s.median / result.sha256_gb_per_s)
            .end();
    }
    return true;
}

bool content(const Settings& settings) {
    const ContentResult result = run_content(settings.few());
    for (const ContentResult::Type& type : result.types)
        Report("type", settings.json)
            .word("of", type.name)
            .number("ns_per_object", type.ns_per_object)
            .end();
    for (const ContentResult::Search& search : result.searches)
        Report("patterns", settings.json)
            .number("patterns", search.patterns)
            .number("gb_per_s", search.gbyte_per_s)
            .number("sha256_gb_per_s", result.digest_gbyte_per_s)
            .end();
    return true;
}

bool lookup(const Settings& settings) {
    const std::optional<LookupResult> result = run_lookup(
        {settings.many(), static_cast<std::uint32_t>(settings.sections), settings.few()});
    if (!result) return false;
    constexpr const char* pages[] = {"none", "plain", "transparent", "reserved"};
    Report("lookup", settings.json)
        .number("indicators", static_cast<double>(settings.many()))
        .number("sections", static_cast<double>(settings.sections))
        .word("pages", pages[static_cast<std::size_t>(result->pages)])
        .spread("batch_ns", result->batch_ns)
        .spread("limit_ns", result->limit_ns)
        .spread("hit_ns", result->hit_ns)
        .spread("key_ns", result->key_ns)
        .spread("keyed_batch_ns", result->keyed_batch_ns)
        .spread("cold_ns", result->cold_ns)
        .number("table_bytes_each", result->table_bytes_each)
        .number("bytes_each", result->bytes_each)
        .number("build_s", result->build_seconds)
        .number("build_cpu_s", result->build_cpu_seconds)
        .number("load_cpu_s", result->load_cpu_seconds)
        .end();
    return true;
}

bool swap(const Settings& settings) {
    const std::optional<SwapResult> result =
        run_swap({settings.many(), static_cast<std::uint32_t>(settings.sections), settings.few()});
    if (!result) return false;
    Report("swap", settings.json)
        .number("indicators", static_cast<double>(settings.many()))
        .number("swaps", settings.few())
        .number("longest_us", result->during.longest_us)
        .number("longest_before_us", result->before.longest_us)
        .number("p999_us", result->during.p999_us)
        .number("p999_before_us", result->before.p999_us)
        .number("median_us", result->during.median_us)
        .number("median_before_us", result->before.median_us)
        .number("gbit_per_cpu_s", result->during.gbit_per_s)
        .number("gbit_per_cpu_s_before", result->before.gbit_per_s)
        .number("frames_dropped", static_cast<double>(result->frames_dropped))
        .spread("load_s", result->load_seconds)
        .spread("settle_s", result->settle_seconds)
        .end();
    return true;
}

bool parts(const Settings& settings, const std::vector<PartResult>& results) {
    for (const PartResult& result : results) {
        Report(result.bench, settings.json)
            .word("of", result.of)
            .spread("ns", result.ns)
            .spread("limit_ns", result.limit_ns)
            .number("times_limit", result.ns.median / result.limit_ns.median)
            .end();
    }
    return true;
}

bool stream(const Settings& settings) {
    return parts(settings, run_stream(settings.few()));
}

bool http(const Settings& settings) {
    return parts(settings, run_http(settings.few()));
}

bool shunt(const Settings& settings) {
    const Result<std::vector<PartResult>> results = run_shunt(settings.few());
    if (results) return parts(settings, *results);
    std::fprintf(stderr, "cordon-bench: %s\n", results.error().message().c_str());
    return false;
}

struct Bench {
    const char* name;
    bool (*run)(const Settings&);
    const char* options;  // beside --runs and --json; as in `options` below
    const char* help;
    ErrorCode lacks = ErrorCode::memory;  // what it cannot run without
};

constexpr Bench benches[] = {
    {"line", line, "fbdwmisc",
     "[--flows N] [--object-bytes N] [--digests md5,sha1,sha256] [--workers N]\n"
     "              [--dismissible | --indicators N [--sections N]] [--from-memory]\n"
     "              whole line over a port in memory, against the same digests alone; how long "
     "the\n"
     "              last segment of an object is held, against what the others take"},
    {"hold", hold, "d",
     "[--digests md5,sha1,sha256]\n"
     "              how long the verdict keeps an upload's last segment, against any other one"},
    {"lanes", lanes, "", "\n              digest kernels, against one stream of OpenSSL"},
    {"assembly", assembly, "", "\n              uploads in parts, against one PUT of the same"},
    {"decoders", decoders, "", "\n              bodies taken apart, against their SHA-256"},
    {"content", content, "", "\n              types and patterns, against SHA-256"},
    {"lookup", lookup, "is",
     "[--indicators N] [--sections N]\n"
     "              look-ups in a large index, against the memory of this machine"},
    {"swap", swap, "i",
     "[--indicators N]\n"
     "              turns of the line while a large index is swapped, against turns before"},
    {"stream", stream, "", "\n              a segment put in order, against copying it"},
    {"http", http, "",
     "\n              a request head and what it means, against looking at its bytes"},
    {"shunt", shunt, "",
     "\n              a packet of a shunted range in XDP and in the worker, against one that is not"
     "\n              protected (root); whole uploads, in namespaces: make bench-inline",
     ErrorCode::permission},
};

void print_usage(std::FILE* to) {
    std::fputs("usage: cordon-bench BENCH [option]… [--runs N] [--json]\n", to);
    for (const Bench& bench : benches)
        std::fprintf(to, "  %-9s %s\n", bench.name, bench.help);
    std::fputs(
        "Medians (least to most) of --runs, 5 by default. CORDON_ISA=scalar|openssl|shani|avx2|"
        "avx512\nforces a set of digest kernels.\n",
        to);
}

int usage_error(const std::string& what) {
    std::fprintf(stderr, "cordon-bench: %s\n", what.c_str());
    print_usage(stderr);
    return static_cast<int>(ErrorCode::usage);
}

// --- options -------------------------------------------------------------------------------------

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

bool parse_option(int c, const char* value, Settings* settings) {
    switch (c) {
        case 'f':
            return parse_number(value, 1, 10000, &settings->flows);
        case 'b':
            return parse_number(value, 1, 64u << 20, &settings->object_bytes);
        case 'd':
            return parse_digests(value, &settings->digests);
        case 'w':
            return parse_number(value, 1, 64, &settings->workers);
        case 'r':
            return parse_number(value, 1, 99, &settings->runs);
        case 'i':
            return parse_number(value, 1, 1'000'000'000, &settings->indicators.emplace());
        case 's':
            return parse_number(value, 1, limits::sections_max, &settings->sections);
        case 'm':
            return settings->dismissible = true;
        case 'c':
            return settings->from_memory = true;
        case 'j':
            return settings->json = true;
        default:
            return false;
    }
}

int run(const Bench& bench, int argc, char** argv) {
    static const option options[] = {{"flows", required_argument, nullptr, 'f'},
                                     {"object-bytes", required_argument, nullptr, 'b'},
                                     {"digests", required_argument, nullptr, 'd'},
                                     {"workers", required_argument, nullptr, 'w'},
                                     {"indicators", required_argument, nullptr, 'i'},
                                     {"sections", required_argument, nullptr, 's'},
                                     {"dismissible", no_argument, nullptr, 'm'},
                                     {"from-memory", no_argument, nullptr, 'c'},
                                     {"runs", required_argument, nullptr, 'r'},
                                     {"json", no_argument, nullptr, 'j'},
                                     {nullptr, 0, nullptr, 0}};
    Settings settings;
    int place = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, &place)) != -1;) {
        if (c == '?') return usage_error("unknown option");
        const std::string name = std::string("--") + options[place].name;
        if (c != 'r' && c != 'j' && std::strchr(bench.options, c) == nullptr)
            return usage_error(std::string(bench.name) + " has no " + name);
        if (!parse_option(c, optarg, &settings)) return usage_error(name + " is out of range");
    }
    if (optind != argc) return usage_error("too many arguments");
    if (settings.dismissible && settings.indicators)
        return usage_error("--dismissible has an index of its own");
    return bench.run(settings) ? 0 : static_cast<int>(bench.lacks);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return usage_error("which bench?");
    if (std::string_view(argv[1]) == "--help") {
        print_usage(stdout);
        return 0;
    }
    if (kernels::at_start() == nullptr)
        return usage_error("CORDON_ISA names no kernels that this processor can run");
    for (const Bench& bench : benches) {
        if (std::string_view(argv[1]) == bench.name) return run(bench, argc - 1, argv + 1);
    }
    return usage_error("there is no such bench");
}
