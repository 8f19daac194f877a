// What a mirror may do to a download, over real sockets: a server that answers as a test has
// written.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "control/sync/https_fetch.h"
#include "dataplane/base/descriptor.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;

namespace {

const std::string target = "targets/full/abc.7.rec";

// One answer a connection, in their order; what was asked is kept.
class ScriptedMirror {
  public:
    ScriptedMirror() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
        ::listen(listener_.get(), 8);
        socklen_t length = sizeof address;
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
        url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/feed";
        thread_ = std::thread([this] { serve(); });
    }
    ~ScriptedMirror() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    void answers(const std::string& status, const std::string& headers, const std::string& body) {
        const std::lock_guard lock(mutex_);
        script_.push_back("HTTP/1.1 " + status + "\r\nConnection: close\r\n" + headers + "\r\n" +
                          body);
    }
    std::string asked(std::size_t n) {
        const std::lock_guard lock(mutex_);
        return n < asked_.size() ? asked_[n] : "";
    }
    std::string url;

  private:
    void serve() {
        while (true) {
            const Descriptor peer(::accept(listener_.get(), nullptr, nullptr));
            if (!peer.valid()) return;
            std::string head;
            char byte;
            while (!head.ends_with("\r\n\r\n") && ::recv(peer.get(), &byte, 1, 0) == 1)
                head += byte;
            std::string text;
            {
                const std::lock_guard lock(mutex_);
                asked_.push_back(head);
                if (!script_.empty()) {
                    text = script_.front();
                    script_.pop_front();
                }
            }
            ::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL);
        }
    }

    Descriptor listener_;
    std::mutex mutex_;
    std::deque<std::string> script_;
    std::vector<std::string> asked_;
    std::thread thread_;
};

struct Fixture {
    std::string directory;
    ScriptedMirror mirror;
    std::unique_ptr<HttpsFetch> fetch;

    TransferOptions options() const {
        TransferOptions o;
        o.base_url = mirror.url;
        o.partial_dir = directory;
        o.stall_s = 1;
        return o;
    }
    // The bytes, "gone", or the first word of what was refused.
    std::string get(const std::string& path, std::uint64_t bytes_max) {
        const auto got = fetch->get(path, bytes_max);
        if (!got) return got.error().text.substr(0, got.error().text.find(':'));
        return *got ? **got : "gone";
    }
    bool asked(std::size_t n, const char* what) {
        return mirror.asked(n).find(what) != std::string::npos;
    }
    bool nothing_kept() const { return std::filesystem::is_empty(directory); }
};

#define assert_says(is, should) assert_string_equal((is).c_str(), should)

int setup(void** state) {
    char directory[] = "/tmp/cordon-transfer-XXXXXX";
    if (::mkdtemp(directory) == nullptr) return -1;
    auto* f = new Fixture;
    f->directory = directory;
    f->fetch = std::make_unique<HttpsFetch>(f->options(), nullptr);
    *state = f;
    return 0;
}

int teardown(void** state) {
    auto* f = static_cast<Fixture*>(*state);
    std::filesystem::remove_all(f->directory);
    delete f;
    return 0;
}

Fixture& of(void** state) {
    return *static_cast<Fixture*>(*state);
}

void asks_again_only_for_what_has_changed(void** state) {
    Fixture& f = of(state);
    f.mirror.answers("200 OK", "ETag: \"one\"\r\n", "first");
    f.mirror.answers("304 Not Modified", "ETag: \"one\"\r\n", "");
    f.mirror.answers("200 OK", "ETag: \"two\"\r\n", "second");
    assert_says(f.get("metadata/timestamp.json", 100), "first");
    assert_says(f.get("metadata/timestamp.json", 100), "first");
    assert_says(f.get("metadata/timestamp.json", 100), "second");
    assert_false(f.asked(0, "If-None-Match"));
    assert_true(f.asked(1, "If-None-Match: \"one\""));
    assert_true(f.asked(1, "GET /feed/metadata/timestamp.json HTTP/1.1"));
}

// A server that makes a tag of seconds and length gives the same one to what follows in a second.
void a_tag_that_is_too_young_is_not_relied_on(void** state) {
    Fixture& f = of(state);
    const std::string changed = "Last-Modified: Sun, 22 Nov 2026 10:29:08 GMT\r\n";
    f.mirror.answers("200 OK", "ETag: \"one\"\r\nDate: Sun, 22 Nov 2026 10:29:09 GMT\r\n" + changed,
                     "first");
    f.mirror.answers("200 OK", "ETag: \"one\"\r\nDate: Sun, 22 Nov 2026 10:29:10 GMT\r\n" + changed,
                     "again");
    f.mirror.answers("304 Not Modified", "ETag: \"one\"\r\n", "");
    assert_says(f.get("metadata/timestamp.json", 100), "first");
    assert_says(f.get("metadata/timestamp.json", 100), "again");
    assert_says(f.get("metadata/timestamp.json", 100), "again");
    assert_false(f.asked(1, "If-None-Match"));
    assert_true(f.asked(2, "If-None-Match: \"one\""));
}

void what_is_not_there_is_no_error_and_what_fails_is_one(void** state) {
    Fixture& f = of(state);
    for (const char* status : {"404 Not Found", "403 Forbidden", "410 Gone"}) {
        f.mirror.answers(status, "", std::string(1000, 'x'));
        assert_says(f.get("metadata/2.root.json", 10), "gone");
    }
    f.mirror.answers("503 Service Unavailable", "", "later");
    assert_says(f.get("metadata/2.root.json", 100), "unreachable");
    f.mirror.answers("304 Not Modified", "", "");  // nobody asked whether
    assert_says(f.get("metadata/2.root.json", 100), "unreachable");
    assert_says(f.get("metadata/2.root.json", 100), "unreachable");  // hangs up without a word
}

void more_than_was_announced_is_cut_off(void** state) {
    Fixture& f = of(state);
    f.mirror.answers("200 OK", "Content-Length: 1000000000\r\n", "begins");
    assert_says(f.get("metadata/1.targets.json", 100), "endless");
    f.mirror.answers("200 OK", "", std::string(101, 'x'));  // does not say how long
    assert_says(f.get("metadata/1.targets.json", 100), "endless");
    f.mirror.answers("200 OK", "", std::string(101, 'x'));
    assert_says(f.get(target, 100), "endless");
    assert_true(f.nothing_kept());
    f.mirror.answers("200 OK", "", std::string(100, 'x'));
    assert_int_equal(f.get(target, 100).size(), 100);
}

void a_document_that_breaks_off_is_refused(void** state) {
    Fixture& f = of(state);
    f.mirror.answers("200 OK", "Content-Length: 50\r\n", "only so far");
    assert_says(f.get("metadata/1.targets.json", 100), "truncated");
}

void a_target_goes_on_where_it_broke_off(void** state) {
    Fixture& f = of(state);
    f.mirror.answers("200 OK", "Content-Length: 10\r\n", "abcd");
    f.mirror.answers("206 Partial Content", "Content-Range: bytes 4-9/10\r\nContent-Length: 6\r\n",
                     "efghij");
    assert_says(f.get(target, 10), "abcdefghij");
    assert_true(f.asked(1, "Range: bytes=4-\r\n"));
    assert_true(f.nothing_kept());
}

void another_process_goes_on_too(void** state) {
    Fixture& f = of(state);
    std::ofstream(f.directory + "/abc.7.rec") << "abcd";
    f.mirror.answers("206 Partial Content", "Content-Range: bytes 4-9/10\r\n", "efghij");
    assert_says(f.get(target, 10), "abcdefghij");
    // Ended between the last byte and its being read.
    std::ofstream(f.directory + "/abc.7.rec") << "0123456789";
    assert_says(f.get(target, 10), "0123456789");
    assert_true(f.nothing_kept());
}

void a_mirror_without_ranges_begins_anew(void** state) {
    Fixture& f = of(state);
    std::ofstream(f.directory + "/abc.7.rec") << "abcd";
    f.mirror.answers("200 OK", "", "0123456789");
    assert_says(f.get(target, 10), "0123456789");
    // … and what was kept of it is the new beginning.
    std::ofstream(f.directory + "/abc.7.rec") << "abcd";
    f.mirror.answers("200 OK", "Content-Length: 10\r\n", "012");
    f.mirror.answers("206 Partial Content", "Content-Range: bytes 3-9/10\r\n", "3456789");
    assert_says(f.get(target, 10), "0123456789");
}

void what_cannot_be_continued_is_thrown_away(void** state) {
    Fixture& f = of(state);
    std::ofstream(f.directory + "/abc.7.rec") << "abcd";
    f.mirror.answers("206 Partial Content", "Content-Range: bytes 0-9/10\r\n", "0123456789");
    f.get(target, 10);
    assert_true(f.nothing_kept());
    std::ofstream(f.directory + "/abc.7.rec") << "abcd";
    f.mirror.answers("416 Range Not Satisfiable", "", "");
    f.mirror.answers("200 OK", "", "0123456789");
    assert_says(f.get(target, 10), "0123456789");
    std::ofstream(f.directory + "/abc.7.rec") << "longer than announced";
    f.mirror.answers("200 OK", "", "0123456789");
    assert_says(f.get(target, 10), "0123456789");
    assert_true(f.nothing_kept());
}

void a_mirror_that_never_brings_it_whole_is_given_up(void** state) {
    Fixture& f = of(state);
    f.mirror.answers("200 OK", "Content-Length: 100\r\n", "a");
    for (int n = 1; n < 20; ++n)
        f.mirror.answers("206 Partial Content",
                         "Content-Range: bytes " + std::to_string(n) +
                             "-99/100\r\nContent-Length: " + std::to_string(100 - n) + "\r\n",
                         "a");
    assert_says(f.get(target, 100), "truncated");
    assert_true(std::filesystem::exists(f.directory + "/abc.7.rec"));  // the next call goes on
}

void follows_no_redirect_to_another_scheme(void** state) {
    Fixture& f = of(state);
    std::ofstream(f.directory + "/secret") << "of this machine";
    f.mirror.answers("302 Found", "Location: file://" + f.directory + "/secret\r\n", "");
    assert_says(f.get("metadata/1.targets.json", 100), "unreachable");
    f.mirror.answers("302 Found", "Location: /other\r\nContent-Length: 0\r\n", "");
    f.mirror.answers("200 OK", "", "there");
    assert_says(f.get("metadata/1.targets.json", 100), "there");
    for (int n = 0; n < 5; ++n)
        f.mirror.answers("302 Found", "Location: /again\r\nContent-Length: 0\r\n", "");
    assert_says(f.get("metadata/1.targets.json", 100), "unreachable");
}

void goes_through_a_proxy_only_when_told_so(void** state) {
    Fixture& f = of(state);
    ::setenv("http_proxy", f.mirror.url.c_str(), 1);
    TransferOptions options = f.options();
    options.base_url = "http://mirror.invalid";
    HttpsFetch direct(options, nullptr);
    assert_false(direct.get("a", 10).has_value());
    ::unsetenv("http_proxy");
    assert_says(f.mirror.asked(0), "");
    options.proxy = f.mirror.url.substr(0, f.mirror.url.rfind('/'));
    HttpsFetch by_proxy(options, nullptr);
    f.mirror.answers("200 OK", "", "by proxy");
    assert_says(**by_proxy.get("a", 10), "by proxy");
    assert_true(f.asked(0, "GET http://mirror.invalid/a"));
}

void ends_when_it_is_told_to(void** state) {
    Fixture& f = of(state);
    const std::atomic<bool> stop = true;
    HttpsFetch stopped(f.options(), &stop);
    f.mirror.answers("200 OK", "", "0123456789");
    assert_false(stopped.get(target, 10).has_value());
}

}  // namespace

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        test(asks_again_only_for_what_has_changed),
        test(a_tag_that_is_too_young_is_not_relied_on),
        test(what_is_not_there_is_no_error_and_what_fails_is_one),
        test(more_than_was_announced_is_cut_off),
        test(a_document_that_breaks_off_is_refused),
        test(a_target_goes_on_where_it_broke_off),
        test(another_process_goes_on_too),
        test(a_mirror_without_ranges_begins_anew),
        test(what_cannot_be_continued_is_thrown_away),
        test(a_mirror_that_never_brings_it_whole_is_given_up),
        test(follows_no_redirect_to_another_scheme),
        test(goes_through_a_proxy_only_when_told_so),
        test(ends_when_it_is_told_to),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
