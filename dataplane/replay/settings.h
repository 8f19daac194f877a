// The command line of cordon-replay.
//
// Owns:       plain values.
// Invariants: after ok, at least one input, and every service has a port or is the one for any.
// Thread:     start-up.
#pragma once

#include <string>
#include <vector>

#include "dataplane/contract/keyed_tag.h"
#include "dataplane/contract/options.h"
#include "dataplane/decode/decode.h"

namespace cordon::replay {

enum class CommandLine : std::uint8_t { ok, help, wrong };

struct Settings {
    std::string index_path;
    std::string hashes_path;
    std::vector<SegmentEnd> services;  // empty: any TCP flow whose client speaks HTTP
    KindSet digests{IndicatorKind::md5, IndicatorKind::sha1, IndicatorKind::sha256,
                    IndicatorKind::sha256_tree};
    ChecksumRule checksums = ChecksumRule::strict;
    bool midstream_inspect = false;
    std::string client_out;
    std::string storage_out;
    std::vector<std::string> inputs;
};

extern const char usage[];

// On `wrong`, *why is one line.
CommandLine parse_command_line(int argc, char** argv, Settings* settings, std::string* why);

// "192.0.2.1:80" or "[2001:db8::1]:80"; false when it is neither.
bool parse_service(const std::string& text, SegmentEnd* service);

// What a worker gets: the defaults of base/limits.h, the services, and everything that is not
// inspected passed on, because a capture shows what has happened already. With `enforce` a match
// is blocked.
Options make_options(const Settings& settings, bool enforce);

}  // namespace cordon::replay
