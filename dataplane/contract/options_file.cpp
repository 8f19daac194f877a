#include "dataplane/contract/options_file.h"

#include <xxhash.h>

#include "dataplane/base/invariant.h"
#include "dataplane/base/limits.h"

namespace cordon {

namespace {

template <std::size_t N>
bool terminated(const char (&text)[N]) {
    return std::memchr(text, '\0', N) != nullptr;
}

// Enums are read from a file, so any byte is possible: compare the number, never `switch` on it.
template <typename Enum>
bool named(Enum value, Enum last) {
    return static_cast<std::uint8_t>(value) <= static_cast<std::uint8_t>(last);
}

bool flag(std::uint8_t value) {
    return value <= 1;
}

bool texts_terminated(const Options& o) {
    return terminated(o.node_prefix) && terminated(o.operator_name) &&
           terminated(o.complaint_url) && terminated(o.contact) && terminated(o.legal_basis) &&
           terminated(o.client_port) && terminated(o.storage_port) && terminated(o.state_dir) &&
           terminated(o.run_dir) && terminated(o.bpf_dir) && terminated(o.steer_object) &&
           terminated(o.index_path);
}

bool values_named(const Options& o) {
    return named(o.profile, Profile::removal_only) && named(o.answer_text, AnswerText::neutral) &&
           named(o.port_kind, PortKind::pci) && named(o.polling, Polling::busy) && flag(o.lab) &&
           flag(o.link_propagation) && named(o.index_pages, IndexPages::plain);
}

bool limits_usable(const Options& o) {
    const bool some = o.flows_max > 0 && o.messages_max > 0 && o.kept_bytes_flow_max > 0 &&
                      o.tail_release_us > 0 && o.journal_ms_max > 0 && o.heartbeat_ms_max > 0 &&
                      o.absorb_seconds > 0 && o.mbufs_per_port > 0 && o.assemblies_max > 0 &&
                      o.assembly_seconds > 0;
    return some && o.kept_bytes_flow_max <= o.kept_bytes_worker_max;
}

bool service_values_named(const ServiceOptions& s) {
    return named(s.mode, ServiceMode::bypass) && named(s.fail, FailMode::closed) &&
           named(s.on_midstream, MidstreamAction::refuse) &&
           named(s.proxy_protocol, ProxyProtocol::require) &&
           named(s.client_from, ClientFrom::header) && named(s.account_from, AccountFrom::header) &&
           named(s.on_tls, UninspectedAction::refuse) &&
           named(s.on_unparsable, UninspectedAction::refuse) &&
           named(s.on_limit, UninspectedAction::refuse) && flag(s.allow_upgrade) &&
           flag(s.weak_blocks) && flag(s.verify) && named(s.dismiss, DismissBy::size) &&
           named(s.embedded_archives, EmbeddedArchives::ignore);
}

OptionsFileResult check_service(const ServiceOptions& s) {
    if (!terminated(s.name) || !terminated(s.client_header) || !terminated(s.account_header) ||
        !terminated(s.copy_sources)) {
        return OptionsFileResult::bad_text;
    }
    if (!service_values_named(s)) return OptionsFileResult::bad_value;
    if (s.prefix.bits > 128 || s.trusted_hop_count > std::size(s.trusted_hops)) {
        return OptionsFileResult::bad_count;
    }
    for (const AddressPrefix& hop : s.trusted_hops) {
        if (hop.bits > 128) return OptionsFileResult::bad_count;
    }
    if (s.port == 0 || s.vlan < -1 || s.vlan > 4094) return OptionsFileResult::bad_value;
    // A bypass without an end would be for ever.
    if (s.mode == ServiceMode::bypass && s.bypass_until_s == 0) return OptionsFileResult::bad_value;
    return OptionsFileResult::ok;
}

}  // namespace

OptionsFileResult check_options(const Options& options) {
    if (!texts_terminated(options)) return OptionsFileResult::bad_text;
    if (!values_named(options)) return OptionsFileResult::bad_value;
    if (options.workers == 0 || options.workers > limits::workers_max ||
        options.service_count > services_max) {
        return OptionsFileResult::bad_count;
    }
    if (!limits_usable(options)) return OptionsFileResult::bad_limit;
    for (std::uint32_t i = 0; i < options.service_count; ++i) {
        const OptionsFileResult result = check_service(options.services[i]);
        if (result != OptionsFileResult::ok) return result;
    }
    return OptionsFileResult::ok;
}

OptionsFileResult read_options(Bytes file, Options* options) {
    OptionsHeader header;
    if (file.size() < sizeof header) return OptionsFileResult::wrong_length;
    std::memcpy(&header, file.data(), sizeof header);
    // Magic and version first: a file of another release has another length as well, and the
    // operator is better served by the true reason.
    if (header.magic != options_magic) return OptionsFileResult::wrong_magic;
    if (header.version != options_version) return OptionsFileResult::wrong_version;
    if (header.size != sizeof(Options) || file.size() != options_file_bytes) {
        return OptionsFileResult::wrong_length;
    }
    const Bytes body = file.subspan(sizeof header);
    const XXH128_hash_t checksum = XXH3_128bits(body.data(), body.size());
    if (header.checksum[0] != checksum.low64 || header.checksum[1] != checksum.high64) {
        return OptionsFileResult::wrong_checksum;
    }
    // The file has no alignment, and the caller's Options stay as they are until all is checked.
    Options copy;
    std::memcpy(&copy, body.data(), sizeof copy);
    const OptionsFileResult result = check_options(copy);
    if (result == OptionsFileResult::ok) *options = copy;
    return result;
}

std::array<std::uint8_t, options_file_bytes> write_options(const Options& options) {
    INVARIANT(check_options(options) == OptionsFileResult::ok);
    const XXH128_hash_t checksum = XXH3_128bits(&options, sizeof options);
    const OptionsHeader header = {
        options_magic, options_version, sizeof options, {checksum.low64, checksum.high64}};
    std::array<std::uint8_t, options_file_bytes> file;
    std::memcpy(file.data(), &header, sizeof header);
    std::memcpy(file.data() + sizeof header, &options, sizeof options);
    return file;
}

const char* options_file_why(OptionsFileResult result) {
    switch (result) {
        case OptionsFileResult::ok:
            return "the options file is good";
        case OptionsFileResult::wrong_length:
            return "the options file is cut short or too long; let cordond write it anew";
        case OptionsFileResult::wrong_magic:
            return "this is no options file; let cordond write one";
        case OptionsFileResult::wrong_version:
            return "the options file is of another release; start this release's cordond first";
        case OptionsFileResult::wrong_checksum:
            return "the options file is damaged (its checksum is wrong); let cordond write it anew";
        case OptionsFileResult::bad_text:
            return "the options file holds a text without an end";
        case OptionsFileResult::bad_value:
            return "the options file holds a value without a meaning";
        case OptionsFileResult::bad_count:
            return "the options file holds a count above what there can be";
        case OptionsFileResult::bad_limit:
            return "the options file holds a limit that is zero or contradicts another";
    }
    return "unknown";
}

}  // namespace cordon
