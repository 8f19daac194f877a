// Options files as an enemy would write them: any bytes, also behind a right checksum.

#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "dataplane/base/limits.h"
#include "dataplane/contract/options_file.h"

using namespace cordon;

namespace {

// What read_options promises, in other words than its own.
void insist(const Options& o) {
    if (o.service_count > services_max || o.workers == 0) std::abort();
    if (std::strlen(o.node_prefix) >= sizeof o.node_prefix) std::abort();
    if (std::strlen(o.index_path) >= sizeof o.index_path) std::abort();
    for (std::uint32_t i = 0; i < o.service_count; ++i) {
        const ServiceOptions& s = o.services[i];
        if (std::strlen(s.name) >= sizeof s.name) std::abort();
        if (s.trusted_hop_count > 8 || s.prefix.bits > 128) std::abort();
        if (static_cast<int>(s.mode) > 2 || s.port == 0) std::abort();
    }
    // What was read can be written, and is the same again.
    const auto file = write_options(o);
    static Options again;
    if (read_options(file, &again) != OptionsFileResult::ok) std::abort();
    if (std::memcmp(&again, &o, sizeof o) != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    static Options options;
    if (read_options({bytes, size}, &options) == OptionsFileResult::ok) insist(options);

    // The same bytes, laid over a good file of the right length with a right checksum.
    std::vector<std::uint8_t> file(options_file_bytes);
    Options base = {};
    base.workers = base.flows_max = base.messages_max = base.kept_bytes_flow_max = 1;
    base.kept_bytes_worker_max = 1;
    base.tail_release_us = base.journal_ms_max = base.heartbeat_ms_max = 1;
    base.absorb_seconds = base.mbufs_per_port = base.service_count = 1;
    base.assemblies_max = base.assembly_seconds = 1;
    base.services[0].port = 1;
    std::uint8_t* body = file.data() + sizeof(OptionsHeader);
    std::memcpy(body, &base, sizeof base);
    // Two bytes say where, the rest what: small inputs reach every field.
    if (size > 2) {
        const std::size_t at = (bytes[0] | bytes[1] << 8) % sizeof(Options);
        std::memcpy(body + at, bytes + 2, std::min(size - 2, sizeof(Options) - at));
    }
    const XXH128_hash_t sum = XXH3_128bits(body, sizeof(Options));
    const OptionsHeader header = {
        options_magic, options_version, sizeof(Options), {sum.low64, sum.high64}};
    std::memcpy(file.data(), &header, sizeof header);
    if (read_options(file, &options) == OptionsFileResult::ok) insist(options);
    return 0;
}
