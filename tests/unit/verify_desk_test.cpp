// The desk of cordond: what it hands out, to whom, and what it makes of the answers.
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "control/daemon/verify_desk.h"
#include "control/feed/key_handover.h"
#include "control/store/personal_data.h"
#include "dataplane/base/time.h"
#include "dataplane/contract/section_keys.h"
#include "dataplane/contract/suspensions.h"
#include "dataplane/shell/key_ring.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

constexpr std::uint64_t noon = 1709294400ull * ns_per_s;

// --- what is final -------------------------------------------------------------------------------

VerifyDecision decide(VerifyOutcome outcome, std::uint64_t age_s, std::uint32_t tries = 1,
                      bool deleting = false, bool permanent = false) {
    VerifyRequest request;
    request.requested_ns = noon;
    request.tries = tries;
    request.deleting = deleting;
    VerifyDone done{};
    done.outcome = outcome;
    done.permanent = permanent ? 1 : 0;
    return decide_verification(request, done, VerifierOptions{}, noon + age_s * ns_per_s);
}

void waits_for_an_object_that_may_still_come(void**) {
    assert_false(decide(VerifyOutcome::gone, 59).is_final);
    assert_true(decide(VerifyOutcome::gone, 60).is_final);
    assert_int_equal(decide(VerifyOutcome::gone, 60).outcome, VerifyOutcome::gone);
    assert_true(decide(VerifyOutcome::clean, 0).is_final);
}

void waits_longer_after_each_try(void**) {
    const auto wait_s = [](std::uint32_t tries) {
        return (decide(VerifyOutcome::none, 0, tries).next_ns - noon) / ns_per_s;
    };
    assert_int_equal(wait_s(1), 5);
    assert_int_equal(wait_s(2), 10);
    assert_int_equal(wait_s(4), 40);
    assert_int_equal(wait_s(9), 900);
    assert_int_equal(wait_s(4'000'000'000), 900);
}

void gives_up_but_never_on_a_match(void**) {
    constexpr std::uint64_t days = 86400;
    assert_false(decide(VerifyOutcome::none, 3 * days).is_final);
    assert_int_equal(decide(VerifyOutcome::none, 3 * days + 1).outcome, VerifyOutcome::error);
    assert_true(decide(VerifyOutcome::none, 0, 1, false, true).is_final);
    assert_false(decide(VerifyOutcome::none, 300 * days, 99, true, true).is_final);
}

// --- the socket ----------------------------------------------------------------------------------

struct Fixture {
    std::string directory;
    StoreOptions store;
    Config config;
    SelftestBoard board;
    std::unique_ptr<VerifyDesk> desk;
    std::unique_ptr<VerifyQueue> queue;
    std::uint64_t sequence = 0;
    std::mutex told_mutex;
    std::vector<sync::Hit> told;  // what is matched

    std::vector<sync::Hit> take_told() {
        const std::lock_guard lock(told_mutex);
        return std::exchange(told, {});
    }
    void ask(const char* target, const char* service = "photos") {
        VerifyRecord record{};
        record.time_ns = noon;
        record.reason = VerifyReason::gap;
        record.client.present = 1;
        record.client.address[15] = 9;
        std::strcpy(record.service, service);
        std::strcpy(record.method, "PUT");
        std::strcpy(record.target, target);
        const JournalRecord entry = {
            RecordType::verify, ++sequence, 1,
            Bytes(reinterpret_cast<const std::uint8_t*>(&record), sizeof record)};
        auto into = std::move(*open_store(store));
        assert_true(into->apply({JournalId{1}, std::span(&entry, 1), 0, {}}).has_value());
    }
};

// A verifier that the test plays.
struct Peer {
    Descriptor socket;
    int with = -1;                 // the first descriptor that came
    std::vector<Descriptor> more;  // and those behind it

    explicit Peer(const Fixture& f) : socket(::socket(AF_UNIX, SOCK_SEQPACKET, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, f.config.verifier.socket_path.c_str());
        assert_int_equal(
            ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
        const timeval patience = {5, 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    ~Peer() {
        if (with >= 0) ::close(with);
    }
    template <typename Body>
    void say(VerifyType type, const Body& body) {
        VerifyFrame<Body> frame;
        std::memset(static_cast<void*>(&frame), 0, sizeof frame);
        frame.header = {verify_magic, verify_version, type};
        frame.body = body;
        ::send(socket.get(), &frame, sizeof frame, MSG_NOSIGNAL);
    }
    std::vector<std::uint8_t> hear() {
        std::vector<std::uint8_t> room(verify_frame_max);
        alignas(cmsghdr) char control[CMSG_SPACE(verify_files_max * sizeof(int))];
        iovec part = {room.data(), room.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t got = ::recvmsg(socket.get(), &message, 0);
        if (cmsghdr* note = CMSG_FIRSTHDR(&message); got > 0 && note != nullptr) {
            std::memcpy(&with, CMSG_DATA(note), sizeof with);
            for (std::size_t at = sizeof with; CMSG_LEN(at) < note->cmsg_len; at += sizeof with) {
                int file;
                std::memcpy(&file, CMSG_DATA(note) + at, sizeof file);
                more.emplace_back(file);
            }
        }
        room.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return room;
    }
    template <typename Body>
    Body hear_a(VerifyType type) {
        const std::vector<std::uint8_t> bytes = hear();
        assert_int_equal(bytes.size(), sizeof(VerifyFrame<Body>));
        VerifyFrame<Body> frame;
        std::memcpy(&frame, bytes.data(), sizeof frame);
        assert_int_equal(frame.header.type, type);
        return frame.body;
    }
    VerifyJob job(std::uint64_t mark = 0) {
        VerifyNext next{};
        next.mark = mark;
        say(VerifyType::next, next);
        return hear_a<VerifyJob>(VerifyType::job);
    }
    VerifyIdle idle() {
        say(VerifyType::next, VerifyNext{});
        return hear_a<VerifyIdle>(VerifyType::idle);
    }
};

int setup(void** state) {
    auto* f = new Fixture;
    char directory[] = "/tmp/cordon-desk-XXXXXX";
    if (::mkdtemp(directory) == nullptr) return -1;
    f->directory = directory;
    f->store = {f->directory + "/store.db", "node-1"};
    f->config.verifier.socket_path = f->directory + "/v/control.sock";
    f->config.verifier.user = ::getpwuid(::geteuid())->pw_name;
    f->config.verifier.services.push_back({"photos", StorageApi::webdav, "http://192.0.2.10", "r",
                                           "/etc/c", "/etc/ca", true, "/v1/AUTH_x"});
    f->config.verifier.jobs = 1;
    Options& options = f->config.options;
    options.service_count = 1;
    options.policy_generation = 5;
    options.lab = 1;
    std::strcpy(options.node_prefix, "TEST");
    std::strcpy(options.legal_basis, "law");
    std::strcpy(options.services[0].name, "photos");
    std::strcpy(options.index_path, (f->directory + "/index.cdx").c_str());
    std::ofstream(options.index_path) << "an index";
    auto desk = VerifyDesk::start(f->store, f->config, options, &f->board,
                                  [f](const std::vector<sync::Hit>& hits) {
                                      const std::lock_guard lock(f->told_mutex);
                                      f->told.insert(f->told.end(), hits.begin(), hits.end());
                                  });
    if (!desk) print_error("%s\n", desk.error().message().c_str());
    if (!desk) return -1;
    f->desk = std::move(*desk);
    f->queue = std::move(*open_verify_queue(f->store));
    *state = f;
    return 0;
}

int teardown(void** state) {
    auto* f = static_cast<Fixture*>(*state);
    f->desk.reset();
    f->queue.reset();
    std::filesystem::remove_all(f->directory);
    delete f;
    return 0;
}

Fixture& of(void** state) {
    return *static_cast<Fixture*>(*state);
}

void hands_out_a_job_and_the_index(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    Peer peer(f);
    const VerifyJob job = peer.job();
    assert_string_equal(job.target, "/one");
    assert_string_equal(job.endpoint, "http://192.0.2.10");
    assert_string_equal(job.swift, "/v1/AUTH_x");
    assert_string_equal(job.node_prefix, "TEST");
    assert_int_equal(job.lab, 1);
    assert_int_equal(job.matched, 0);
    char text[16] = "";
    assert_int_equal(::pread(peer.with, text, 8, 0), 8);
    assert_string_equal(text, "an index");
    assert_true(f.desk->status().connected);

    // The same index comes once, another one again.
    Peer second(f);
    second.job(job.mark);
    assert_int_equal(second.with, -1);
    std::ofstream(f.config.options.index_path) << "another index";
    Peer third(f);
    assert_int_not_equal(third.job(job.mark).mark, job.mark);
    assert_int_not_equal(third.with, -1);
}

// Without a suspension what was revoked would be deleted, without a key nothing would be found.
void hands_out_keys_and_suspensions_with_it(void** state) {
    Fixture& f = of(state);
    const std::string state_dir = f.directory + "/state";
    std::filesystem::create_directory(state_dir);
    Options options = f.config.options;
    std::strcpy(options.state_dir, state_dir.c_str());
    f.desk->use(f.config, options);
    const auto first_mark = Peer(f).idle().mark;

    const feed::SecretKey node = feed::SecretKey::random();
    const std::string key_file = state_dir + "/" + node_key_name;
    const auto write_key = [&](const std::string& text) {
        std::ofstream(key_file) << text;
        std::filesystem::permissions(
            key_file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    };
    const feed::SectionKey keys[] = {{"list1", 1, feed::SecretKey::random()},
                                     {"list2", 1, feed::SecretKey::random()}};
    assert_true(feed::hand_over_keys(keys, feed::box_public(node), state_dir).has_value());
    std::ofstream(state_dir + "/" + suspensions_name) << "suspended";

    Peer without(f);  // of the appliance's own key
    assert_int_equal(without.idle().mark, 0);
    assert_int_equal(without.with, -1);

    write_key(feed::to_hex(node.bytes) + "\n");
    Peer peer(f);
    const VerifyIdle idle = peer.idle();
    assert_int_not_equal(idle.mark, first_mark);
    assert_int_equal(idle.files, verify_file_index | verify_file_suspensions | verify_file_keys);
    assert_int_equal(peer.more.size(), 2);
    char text[16] = "";
    assert_int_equal(::pread(peer.more[0].get(), text, 9, 0), 9);
    assert_string_equal(text, "suspended");
    const auto taken = take_keys(peer.more[1]);
    assert_true(taken.has_value());
    assert_int_equal(taken->size(), 2);
    assert_true(key_check((*taken)[1]) == key_check(TagKey(keys[1].key.bytes)));
    assert_int_equal(::pwrite(peer.more[1].get(), text, 1, 0), -1);  // nobody changes them

    std::ofstream(state_dir + "/" + suspensions_name) << "another one";
    assert_int_not_equal(Peer(f).idle().mark, idle.mark);
}

void records_a_match_under_the_request_it_came_of(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    Peer peer(f);
    const VerifyJob job = peer.job();
    VerifyMatch match{};
    match.id = job.id;
    match.incident.action = MatchAction::block;
    match.incident.client.present = 1;  // also of the line
    std::strcpy(match.incident.case_number, "TEST-1");
    std::strcpy(match.incident.target, "/object");  // of the line, not of the client
    match.incident.time_ns = noon + ns_per_s;
    match.incident.match_count = 1;
    std::strcpy(match.incident.matches[0].section, "centre");
    match.incident.matches[0].reference = 7;
    match.incident.matches[0].added[0] = 3;
    peer.say(VerifyType::match, match);
    assert_string_equal(peer.hear_a<VerifyRecorded>(VerifyType::recorded).case_number, "TEST-1");
    // Whose upload it was counts for a newcomer as it does in flight.
    const std::vector<sync::Hit> told = f.take_told();
    assert_int_equal(told.size(), 1);
    assert_string_equal(told[0].list.c_str(), "centre");
    assert_int_equal(told[0].reference, 7);
    assert_int_equal(told[0].added, 3);
    assert_int_equal(told[0].client[15], 9);
    assert_int_equal(told[0].time_s, noon / ns_per_s + 1);
    auto incidents = std::move(*open_store(f.store));
    const Incident incident = **incidents->get_incident("TEST-1");
    const auto personal = *(*PersonalData::open(f.store))->reveal("TEST-1");
    assert_string_equal(personal->target.c_str(), "/one");
    assert_string_equal(incident.service.c_str(), "photos");
    assert_string_equal(incident.legal_basis.c_str(), "law");
    assert_int_equal(incident.policy_generation, 5);
    assert_true(incident.verified_after_write && incident.lab);

    VerifyDone done{};
    done.id = job.id;
    done.outcome = VerifyOutcome::deleted;
    done.time_ns = noon + 3 * ns_per_s;
    peer.say(VerifyType::done, done);
    assert_int_equal(peer.hear_a<VerifyTaken>(VerifyType::taken).id, job.id);
    assert_int_equal((**f.queue->get(job.id)).visible_ns, 3 * ns_per_s);
    peer.idle();
}

// Only the operator's own list matched: the line leaves the client out, and so does the desk.
void adds_no_person_to_a_match_that_tells_of_none(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    Peer peer(f);
    VerifyMatch match{};
    match.id = peer.job().id;
    match.incident.action = MatchAction::report;
    std::strcpy(match.incident.case_number, "TEST-1");
    peer.say(VerifyType::match, match);
    peer.hear_a<VerifyRecorded>(VerifyType::recorded);
    auto incidents = std::move(*open_store(f.store));
    assert_string_equal((**incidents->get_incident("TEST-1")).service.c_str(), "photos");
    const auto data = std::move(*PersonalData::open(f.store));
    assert_false(data->reveal("TEST-1")->has_value());
    VerifyDone done{};
    done.id = match.id;
    done.outcome = VerifyOutcome::reported;
    done.time_ns = noon + 3 * ns_per_s;
    peer.say(VerifyType::done, done);
    peer.hear_a<VerifyTaken>(VerifyType::taken);
    assert_string_equal((**f.queue->get(match.id)).target.c_str(), "");
}

void a_verifier_that_goes_loses_its_job(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    {
        Peer peer(f);
        assert_int_equal(peer.job().id, 1);
    }
    Peer next(f);
    VerifyJob job = next.job();
    assert_int_equal(job.id, 1);
    Peer another(f);  // takes the place of one that hangs
    job = another.job();
    assert_int_equal(job.id, 1);
    assert_int_equal(next.hear().size(), 0);
    assert_int_equal((**f.queue->get(1)).tries, 3);
}

// With two storages, and so many jobs at once.
void use_two_storages(Fixture* f, std::uint32_t jobs) {
    f->config.verifier.jobs = jobs;
    f->config.verifier.services.push_back(
        {"videos", StorageApi::s3, "http://192.0.2.11", "r", "/etc/c", "", true, ""});
    Options& options = f->config.options;
    options.service_count = 2;
    std::strcpy(options.services[1].name, "videos");
    f->desk->use(f->config, options);
}

void does_several_jobs_at_once(void** state) {
    Fixture& f = of(state);
    f.config.verifier.jobs = 2;
    f.desk->use(f.config, f.config.options);
    f.ask("/one");
    f.ask("/two");
    Peer first(f), second(f);
    assert_int_equal(first.job().id, 1);
    const VerifyJob job = second.job();
    assert_int_equal(job.id, 2);
    assert_int_equal(job.jobs, 2);
    assert_string_equal(job.ca_file, "/etc/ca");
    // What the other one has is none of its business.
    VerifyDone done{};
    done.id = 1;
    done.outcome = VerifyOutcome::clean;
    second.say(VerifyType::done, done);
    assert_true(second.hear().empty());
    first.say(VerifyType::done, done);
    assert_int_equal(first.hear_a<VerifyTaken>(VerifyType::taken).id, 1);
    // Its own waits again; a connection too many takes the place of the oldest.
    Peer third(f);
    assert_int_equal(third.job().id, 2);
    Peer fourth(f);
    assert_int_equal(fourth.idle().jobs, 2);
    assert_true(first.hear().empty());
    assert_int_equal((**f.queue->get(2)).state, VerifyState::handed);
}

void a_slow_storage_leaves_a_job_to_each_other_one(void** state) {
    Fixture& f = of(state);
    use_two_storages(&f, 3);
    for (const char* target : {"/one", "/two", "/three", "/four"})
        f.ask(target);
    Peer first(f), second(f), third(f);
    assert_string_equal(first.job().target, "/one");
    assert_string_equal(second.job().target, "/two");
    third.idle();
    f.ask("/other", "videos");
    assert_string_equal(third.job().target, "/other");
    // Nothing is kept for a storage that has its job.
    Peer none(f);
    assert_true(first.hear().empty());
    assert_string_equal(none.job().target, "/one");
}

void has_a_job_for_each_storage_at_least(void** state) {
    Fixture& f = of(state);
    use_two_storages(&f, 1);
    f.ask("/one");
    f.ask("/two");
    f.ask("/other", "videos");
    Peer first(f), second(f);
    const VerifyJob job = first.job();
    assert_string_equal(job.target, "/one");
    assert_int_equal(job.jobs, 2);
    assert_string_equal(second.job().target, "/other");
}

void another_process_takes_the_place_of_all(void** state) {
    Fixture& f = of(state);
    f.config.verifier.jobs = 3;
    f.desk->use(f.config, f.config.options);
    f.ask("/one");
    f.ask("/two");
    Peer first(f), second(f);
    first.job();
    second.job();
    const pid_t child = ::fork();
    if (child == 0) {
        Peer own(f);
        VerifyNext next{};
        own.say(VerifyType::next, next);
        const bool has_job = own.hear().size() == sizeof(VerifyFrame<VerifyJob>);
        ::_exit(has_job ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(first.hear().empty());
    assert_true(second.hear().empty());
}

void ends_the_connection_at_what_it_does_not_understand(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    const auto ended_by = [&](auto&& act) {
        Peer peer(f);
        const std::uint64_t id = peer.job().id;
        act(peer, id);
        return peer.hear().empty();
    };
    assert_true(ended_by([](Peer& p, std::uint64_t) { ::send(p.socket.get(), "x", 1, 0); }));
    assert_true(ended_by([](Peer& p, std::uint64_t) { p.say(VerifyType::taken, VerifyTaken{}); }));
    assert_true(ended_by([](Peer& p, std::uint64_t) { p.say(VerifyType::next, VerifyTaken{}); }));
    assert_true(ended_by([](Peer& p, std::uint64_t id) {  // a job that it does not have
        VerifyDone done{};
        done.id = id + 1;
        p.say(VerifyType::done, done);
    }));
    assert_true(ended_by([](Peer& p, std::uint64_t id) {  // an outcome that is none of its own
        VerifyDone done{};
        done.id = id;
        done.outcome = VerifyOutcome::overflow;
        p.say(VerifyType::done, done);
    }));
    assert_true(ended_by([](Peer& p, std::uint64_t id) {
        VerifyMatch match{};
        match.id = id + 1;
        p.say(VerifyType::match, match);
    }));
    assert_int_equal((**f.queue->get(1)).outcome, VerifyOutcome::none);
    Peer last(f);
    last.job();
}

void ends_requests_of_services_that_verify_no_more(void** state) {
    Fixture& f = of(state);
    f.ask("/one", "videos");
    f.ask("/two");
    Peer peer(f);
    assert_string_equal(peer.job().target, "/two");
    assert_int_equal((**f.queue->get(1)).outcome, VerifyOutcome::error);
}

void rests_while_the_service_is_in_bypass(void** state) {
    Fixture& f = of(state);
    f.ask("/one");
    Options bypassed = f.config.options;
    bypassed.services[0].mode = ServiceMode::bypass;
    f.desk->use(f.config, bypassed);
    Peer peer(f);
    assert_int_equal(peer.idle().lab, 1);
    assert_int_equal((**f.queue->get(1)).state, VerifyState::waiting);
}

void serves_the_configured_user_only(void** state) {
    if (::geteuid() != 0) {
        print_message("skipped: needs root, to be another user\n");
        skip();
    }
    Fixture& f = of(state);
    ::chmod(f.directory.c_str(), 0755);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setuid(12345) != 0) ::_exit(2);
        Peer peer(f);
        peer.say(VerifyType::next, VerifyNext{});
        ::_exit(peer.hear().empty() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_false(f.desk->status().connected);
}

// --- self-tests ----------------------------------------------------------------------------------

void test_videos(Fixture* f) {
    TestedService tested;
    tested.name = "videos";
    tested.api = StorageApi::webdav;
    tested.endpoint = "http://192.0.2.20";
    tested.credentials = "/etc/videos";
    tested.folder = "/selftest";
    f->config.verifier.tested.push_back(tested);
    f->desk->use(f->config, f->config.options);
}

VerifyProbe next_probe(Peer* peer) {
    peer->say(VerifyType::next, VerifyNext{});
    return peer->hear_a<VerifyProbe>(VerifyType::probe);
}

VerifyProbed only_result(Fixture* f) {
    for (int tries = 0; tries < 100; ++tries) {
        const std::vector<VerifyProbed> results = f->board.take_results();
        if (!results.empty()) return results.at(0);
        ::usleep(20'000);
    }
    fail_msg("nothing came of it");
    return {};
}

void hands_out_a_self_test_and_takes_what_came_of_it(void** state) {
    auto* f = static_cast<Fixture*>(*state);
    test_videos(f);
    f->board.order({9, "videos", 3});
    Peer peer(*f);
    const VerifyProbe probe = next_probe(&peer);
    assert_int_equal(probe.id, 9);
    assert_int_equal(probe.ways, 3);
    assert_int_equal(probe.jobs, 2);  // one is for self-tests
    assert_string_equal(probe.endpoint, "http://192.0.2.20");
    assert_string_equal(probe.folder, "/selftest");
    VerifyProbed probed{};
    probed.id = 9;
    probed.findings[1].answer = ProbeAnswer::refused;
    std::memset(probed.findings[1].detail, 'x', sizeof probed.findings[1].detail);
    peer.say(VerifyType::probed, probed);
    assert_int_equal(peer.hear_a<VerifyTaken>(VerifyType::taken).id, 9);
    const VerifyProbed result = only_result(f);
    assert_int_equal(result.findings[1].answer, ProbeAnswer::refused);
    assert_int_equal(std::strlen(result.findings[1].detail), sizeof result.findings[1].detail - 1);
}

// A slow storage has all other hands.
void a_self_test_does_not_wait_for_the_storage(void** state) {
    auto* f = static_cast<Fixture*>(*state);
    test_videos(f);
    f->ask("/one");
    f->ask("/two");
    Peer busy(*f);
    busy.job();
    Peer free(*f);
    free.idle();
    f->board.order({9, "videos", 3});
    assert_int_equal(next_probe(&free).id, 9);
}

void a_self_test_whose_verifier_goes_has_an_end(void** state) {
    auto* f = static_cast<Fixture*>(*state);
    test_videos(f);
    f->board.order({9, "videos", 3});
    {
        Peer peer(*f);
        next_probe(&peer);
    }
    const VerifyProbed result = only_result(f);
    assert_int_equal(result.id, 9);
    assert_true(result.findings[0].detail[0] != '\0');
    // One of a service that is not tested any more is handed to nobody.
    f->board.order({10, "photos", 3});
    Peer peer(*f);
    peer.idle();
    assert_int_equal(only_result(f).id, 10);
}

void what_no_verifier_says_ends_the_connection(void** state) {
    auto* f = static_cast<Fixture*>(*state);
    test_videos(f);
    for (const bool odd_id : {true, false}) {
        f->board.order({9, "videos", 3});
        Peer peer(*f);
        next_probe(&peer);
        VerifyProbed probed{};
        probed.id = odd_id ? 8 : 9;
        if (!odd_id) probed.findings[0].left = static_cast<ProbeLeft>(99);
        peer.say(VerifyType::probed, probed);
        assert_true(peer.hear().empty());
        assert_true(only_result(f).findings[0].detail[0] != '\0');
    }
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_an_object_that_may_still_come),
        cmocka_unit_test(waits_longer_after_each_try),
        cmocka_unit_test(gives_up_but_never_on_a_match),
        TEST(hands_out_a_job_and_the_index),
        TEST(hands_out_keys_and_suspensions_with_it),
        TEST(records_a_match_under_the_request_it_came_of),
        TEST(adds_no_person_to_a_match_that_tells_of_none),
        TEST(a_verifier_that_goes_loses_its_job),
        TEST(does_several_jobs_at_once),
        TEST(a_slow_storage_leaves_a_job_to_each_other_one),
        TEST(has_a_job_for_each_storage_at_least),
        TEST(another_process_takes_the_place_of_all),
        TEST(ends_the_connection_at_what_it_does_not_understand),
        TEST(ends_requests_of_services_that_verify_no_more),
        TEST(rests_while_the_service_is_in_bypass),
        TEST(serves_the_configured_user_only),
        TEST(hands_out_a_self_test_and_takes_what_came_of_it),
        TEST(a_self_test_does_not_wait_for_the_storage),
        TEST(a_self_test_whose_verifier_goes_has_an_end),
        TEST(what_no_verifier_says_ends_the_connection),
    };
    return cmocka_run_group_tests_name("verify desk", tests, nullptr, nullptr);
}
