// cordon-replay: captures through the same line as the appliance, one JSON line per object.
#include <cstdio>

#include "dataplane/fingerprint/kernels.h"
#include "dataplane/replay/hash_index.h"
#include "dataplane/replay/replay.h"

using namespace cordon;
using namespace cordon::replay;

namespace {

int complain(const std::string& why, int status) {
    std::fprintf(stderr, "cordon-replay: %s\n", why.c_str());
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    std::string why;
    switch (parse_command_line(argc, argv, &settings, &why)) {
        case CommandLine::ok:
            break;
        case CommandLine::help:
            std::fputs(usage, stdout);
            return 0;
        case CommandLine::wrong:
            complain(why, 2);
            std::fputs(usage, stderr);
            return 2;
    }
    if (const Result<void> fit = check_pattern_platform(); !fit)
        return complain(fit.error().text, static_cast<int>(fit.error().code));
    if (kernels::at_start() == nullptr)
        return complain("CORDON_ISA names no digest kernels that this processor can run", 2);
    HashIndex index;
    const bool from_file = !settings.index_path.empty();
    const bool from_hashes = !settings.hashes_path.empty();
    if (from_file && !index.load_file(settings.index_path, &why)) return complain(why, 1);
    if (from_hashes && !index.load_hashes(settings.hashes_path, &why)) return complain(why, 1);
    Replay replay(settings, from_file || from_hashes ? &index.view() : nullptr, index.scanner());
    if (replay.run(&why) != 0) return complain(why, 1);
    return 0;
}
