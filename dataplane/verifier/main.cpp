// cordon-verifier --socket PATH: judges on the storage what could not be judged in flight.

#include <curl/curl.h>
#include <getopt.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <vector>

#include "dataplane/contract/version.h"
#include "dataplane/verifier/hand.h"

namespace {

using namespace cordon;
using namespace cordon::verifier;

constexpr char usage[] =
    "usage: cordon-verifier [--socket PATH]\n"
    "Fetches objects that could not be judged in flight from the storage, judges them as the\n"
    "dataplane does, and deletes those that match. Everything it needs to know comes from "
    "cordond.\n"
    "  --socket PATH  where cordond hands out its work\n"
    "                 (default /run/cordon-verifier/control.sock)\n"
    "  --version      says the version\n"
    "SIGTERM stops. Exit codes: cordonctl help exit-codes.\n";

// A hand that shows no life for so long hangs, and nobody tells systemd any more that all is well.
constexpr std::uint64_t lifeless_ns = 45 * ns_per_s;  // above what cordond may take for an answer
constexpr long turn_ns = 250 * 1000 * 1000;

volatile std::sig_atomic_t stopping = 0;

void on_signal(int) {
    stopping = 1;
}

bool all_alive(const std::vector<std::unique_ptr<Hand>>& hands) {
    const std::uint64_t now_ns = clock_now().ns;
    for (const auto& hand : hands)
        if (now_ns - std::min(now_ns, hand->alive_ns()) > lifeless_ns) return false;
    return true;
}

// As many hands as cordond wants; those too many rest.
void run(Workshop* workshop) {
    std::vector<std::unique_ptr<Hand>> hands;
    while (stopping == 0) {
        while (hands.size() < workshop->jobs.load(std::memory_order_relaxed))
            hands.push_back(
                std::make_unique<Hand>(workshop, static_cast<std::uint32_t>(hands.size())));
        if (all_alive(hands)) ::sd_notify(0, "WATCHDOG=1");
        const timespec turn = {0, turn_ns};
        if (stopping == 0) ::nanosleep(&turn, nullptr);
    }
    workshop->stopping = true;
}

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

int verify(const std::string& socket) {
    ::prctl(PR_SET_DUMPABLE, 0);  // content and keys are in this memory
    catch_signals();
    std::uint64_t seed = 0;
    if (::getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        complain("the kernel gives no random numbers");
        return static_cast<int>(ErrorCode::io);
    }
    if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        complain("libcurl cannot start");
        return static_cast<int>(ErrorCode::memory);
    }
    ::sd_notify(0, "READY=1");
    Workshop workshop;
    workshop.socket = socket;
    workshop.seed = seed;
    run(&workshop);
    ::sd_notify(0, "STOPPING=1");
    ::curl_global_cleanup();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::string socket = "/run/cordon-verifier/control.sock";
    constexpr option options[] = {{"socket", required_argument, nullptr, 's'},
                                  {"help", no_argument, nullptr, 'h'},
                                  {"version", no_argument, nullptr, 'v'},
                                  {nullptr, 0, nullptr, 0}};
    for (int found; (found = ::getopt_long(argc, argv, "s:h", options, nullptr)) != -1;) {
        if (found == 's') {
            socket = optarg;
        } else if (found == 'h') {
            std::fputs(usage, stdout);
            return 0;
        } else if (found == 'v') {
            std::printf("cordon-verifier %s\n", version);
            return 0;
        } else {
            std::fputs(usage, stderr);
            return static_cast<int>(ErrorCode::usage);
        }
    }
    if (optind != argc) {
        std::fputs(usage, stderr);
        return static_cast<int>(ErrorCode::usage);
    }
    return verify(socket);
}
