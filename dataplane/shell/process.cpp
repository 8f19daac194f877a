#include "dataplane/shell/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

namespace cordon {
namespace {

sigset_t waited_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT})
        sigaddset(&set, signal);
    return set;
}

}  // namespace

Result<void> guard_process() {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &all);  // needs the privilege; mlockall says whether it was enough
    // On fault: what is reserved and never touched (a full flow table) costs nothing.
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
        const int code = errno;
        return failure(geteuid() == 0 ? ErrorCode::memory : ErrorCode::permission,
                       "memory cannot be locked: run as root, or set LimitMEMLOCK=infinity", code);
    }
    return {};
}

void block_signals() {
    const sigset_t set = waited_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

int next_signal(int wait_ms) {
    const sigset_t set = waited_signals();
    const timespec time{wait_ms / 1000, wait_ms % 1000 * 1000000L};
    const int signal = sigtimedwait(&set, nullptr, &time);
    return signal > 0 ? signal : 0;
}

Result<void> claim_place(const std::string& run_dir) {
    const std::string path = run_dir + "/dataplane.lock";
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        return failure(errno == EACCES ? ErrorCode::permission : ErrorCode::io,
                       "cannot make " + path + " (does run_dir exist?)", errno);
    }
    // Held until the process ends, however it ends.
    if (flock(file, LOCK_EX | LOCK_NB) == 0) return {};
    close(file);
    return failure(ErrorCode::refused, "another cordon-dataplane runs with " + run_dir);
}

void notify_service_manager(const char* state) {
    sd_notify(0, state);
}

}  // namespace cordon
