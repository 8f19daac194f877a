// cordond --config FILE: the control daemon.

#include <getopt.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>

#include "control/daemon/daemon.h"
#include "control/daemon/log.h"
#include "dataplane/contract/version.h"

namespace {

constexpr char usage[] =
    "usage: cordond [--config FILE]\n"
    "The control daemon of Cordon: writes the dataplane's options, keeps its journal in a store,\n"
    "has it load the index, and answers cordonctl.\n"
    "  --config FILE  configuration (default /etc/cordon/cordon.toml)\n"
    "  --version      says the version\n"
    "SIGHUP reads the configuration again; SIGTERM stops. Exit codes: cordonctl help exit-codes.\n";

int fail(const cordon::Error& error) {
    cordon::log_line(cordon::LogLevel::error, error.message());
    return static_cast<int>(error.code);
}

}  // namespace

int main(int argc, char** argv) {
    std::string config = "/etc/cordon/cordon.toml";
    constexpr option options[] = {{"config", required_argument, nullptr, 'c'},
                                  {"help", no_argument, nullptr, 'h'},
                                  {"version", no_argument, nullptr, 'v'},
                                  {nullptr, 0, nullptr, 0}};
    for (int found; (found = ::getopt_long(argc, argv, "c:h", options, nullptr)) != -1;) {
        if (found == 'c') {
            config = optarg;
        } else if (found == 'h') {
            std::fputs(usage, stdout);
            return 0;
        } else if (found == 'v') {
            std::printf("cordond %s\n", cordon::version);
            return 0;
        } else {
            std::fputs(usage, stderr);
            return static_cast<int>(cordon::ErrorCode::usage);
        }
    }
    if (optind != argc) {
        std::fputs(usage, stderr);
        return static_cast<int>(cordon::ErrorCode::usage);
    }
    ::umask(027);  // nothing that is made here is for everybody
    cordon::Daemon::block_signals();
    auto daemon = cordon::Daemon::start(config);
    if (!daemon) return fail(daemon.error());
    const cordon::Result<void> done = (*daemon)->run();
    return done ? 0 : fail(done.error());
}
