// A worker makes no system call after its start, whatever it does with uploads: it runs in a
// process that the kernel kills at the first one. Memory is the exception, for the port of the
// tests; that the worker takes none is asserted where allocation_watch.h is used.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <ios>  // before cmocka.h, which defines fail()

#include "tests/support/cmocka_cpp.h"
#include "tests/support/lab.h"

using namespace cordon;
using namespace cordon::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

constexpr sock_filter call_is(unsigned number, unsigned char then_skip) {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, then_skip, 0);
}

bool forbid_system_calls() {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        call_is(SYS_exit_group, 6),
        call_is(SYS_brk, 5),
        call_is(SYS_mmap, 4),
        call_is(SYS_munmap, 3),
        call_is(SYS_mremap, 2),
        call_is(SYS_madvise, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// The status of a child in which work() ran without system calls and said whether it was right.
template <typename Work>
int in_silence(Work work) {
    const pid_t child = fork();
    if (child == 0) _exit(forbid_system_calls() && work() ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

bool killed(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

bool succeeded(int status) {
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void skip_when_sanitized() {
    if (!sanitized) return;
    print_message("skipped: a sanitizer makes system calls of its own\n");
    skip();
}

// A test that cannot fail would be none.
void a_system_call_ends_the_process(void**) {
    skip_when_sanitized();
    assert_true(killed(in_silence([] { return getppid() != 0; })));
    assert_true(succeeded(in_silence([] { return true; })));
    assert_false(succeeded(in_silence([] { return false; })));
}

void an_upload_that_passes_makes_none(void**) {
    skip_when_sanitized();
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    assert_true(succeeded(in_silence([&] {
        lab.connect();
        for (const char filling : {'.', ',', '!'}) {
            lab.send(put("/clean", std::string(5'000, filling)));
            lab.acknowledge();
            lab.respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        }
        lab.step(2000);
        return lab.count(Outcome::object_clean) == 3;
    })));
}

void an_upload_that_is_blocked_makes_none(void**) {
    skip_when_sanitized();
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    assert_true(succeeded(in_silence([&] {
        lab.connect();
        lab.send(put("/known", known_content()));
        lab.step(5000);
        return lab.answer.starts_with("HTTP/1.1 403 ") && lab.storage_reset;
    })));
}

void a_form_and_a_piece_make_none(void**) {
    skip_when_sanitized();
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    const std::string form =
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n" +
        std::string(20'000, 'x') + "\r\n--b--\r\n";
    assert_true(succeeded(in_silence([&] {
        lab.connect();
        lab.send(put("/form", form, "Content-Type: multipart/form-data; boundary=b\r\n"));
        lab.respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        lab.send(put("/bkt/key?partNumber=2&uploadId=u1", std::string(20'000, 'y')));
        lab.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        lab.step(2000);
        return lab.count(Outcome::object_clean) >= 1;
    })));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_system_call_ends_the_process),
        cmocka_unit_test(an_upload_that_passes_makes_none),
        cmocka_unit_test(an_upload_that_is_blocked_makes_none),
        cmocka_unit_test(a_form_and_a_piece_make_none),
    };
    return cmocka_run_group_tests_name("worker_system_calls", tests, nullptr, nullptr);
}
