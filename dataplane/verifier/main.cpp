// cordon-verifier --socket PATH: judges on the storage what could not be judged in flight.

#include <curl/curl.h>
#include <getopt.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <csignal>
#include <cstdio>

#include "dataplane/contract/version.h"
#include "dataplane/verifier/desk_link.h"
#include "dataplane/verifier/http_storage.h"

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

constexpr int retry_ms = 1000;

volatile std::sig_atomic_t stopping = 0;

void on_signal(int) {
    stopping = 1;
}

std::uint64_t nanoseconds(clockid_t clock) {
    timespec now;
    ::clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * ns_per_s +
           static_cast<std::uint64_t>(now.tv_nsec);
}

Now clock_now() {
    return {nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_REALTIME)};
}

// <3> is what the journal of systemd reads as an error.
void complain(const std::string& text) {
    std::fprintf(stderr, "<3>%s\n", text.c_str());
}

void sleep_ms(std::uint32_t ms) {
    const timespec time = {ms / 1000, static_cast<long>(ms % 1000) * 1000000};
    if (stopping == 0) ::nanosleep(&time, nullptr);  // a signal ends it
}

bool is_alive() {
    ::sd_notify(0, "WATCHDOG=1");
    return stopping == 0;
}

class Verifier {
  public:
    Verifier(const std::string& socket, std::uint64_t seed)
        : link_(socket), storage_(is_alive), runner_(&storage_, &link_, clock_now, seed) {}

    void run() {
        while (stopping == 0) {
            ::sd_notify(0, "WATCHDOG=1");
            if (!link_.is_open() && !connect()) {
                sleep_ms(retry_ms);
                continue;
            }
            turn();
        }
    }

  private:
    bool connect() {
        const bool open = link_.open();
        if (open != told_open_) std::fprintf(stderr, open ? "<5>ready\n" : "<4>cordond is away\n");
        told_open_ = open;
        return open;
    }

    void turn() {
        auto job = std::make_unique<VerifyJob>();
        std::uint32_t wait_ms = 0;
        const DeskLink::Next next = link_.next(job.get(), &wait_ms);
        if (link_.index_error() != told_index_error_) {
            told_index_error_ = link_.index_error();
            if (!told_index_error_.empty()) complain(told_index_error_);
        }
        if (next == DeskLink::Next::idle) return sleep_ms(wait_ms);
        if (next == DeskLink::Next::lost) return sleep_ms(retry_ms);
        work(*job);
    }

    void work(const VerifyJob& job) {
        VerifyDone done{};
        if (const Result<void> usable = storage_.use(job); !usable) {
            complain(usable.error().message());
            done.id = job.id;
            done.time_ns = clock_now().unix_ns;
            std::snprintf(done.detail, sizeof done.detail, "%s", usable.error().message().c_str());
        } else if (!runner_.run(job, link_.index(), &done)) {
            return complain("cordond went away before a match was recorded");
        }
        // A try that was ended by the stop is no failure of the storage: the job goes back as the
        // connection ends.
        if (stopping != 0 && done.outcome == VerifyOutcome::none) return;
        link_.done(done);
    }

    DeskLink link_;
    HttpStorage storage_;
    JobRunner runner_;
    bool told_open_ = false;
    std::string told_index_error_;
};

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
    Verifier(socket, seed).run();
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
