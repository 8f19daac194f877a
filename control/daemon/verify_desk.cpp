#include "control/daemon/verify_desk.h"

#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "control/daemon/clocks.h"
#include "control/daemon/log.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

constexpr std::uint64_t retry_s_max = 15 * 60;
constexpr std::uint32_t idle_wait_ms = 500;
constexpr std::uint64_t housekeeping_ms = 2000;
// On a full disk small things succeed and great ones do not: what failed is told for a while.
constexpr std::uint64_t error_shown_ms = 10'000;
constexpr int turn_ms = 500;

template <std::size_t N>
void copy_text(std::string_view text, char (&out)[N]) {
    const std::size_t length = std::min(text.size(), N - 1);
    std::memcpy(out, text.data(), length);
    out[length] = '\0';
}

Result<std::uint32_t> uid_of(const std::string& user) {
    const passwd* found = ::getpwnam(user.c_str());
    if (found != nullptr) return found->pw_uid;
    return failure(
        ErrorCode::config,
        "verifier.user \"" + user + "\" is no user of this machine; `systemd-sysusers` makes it");
}

// The directory may be entered by everybody, and the socket asked: who is served is decided by the
// credentials of the peer. Nothing else lies in that directory.
Result<Descriptor> listen_at(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return failure(ErrorCode::config, "the path of the socket is too long: " + path);
    std::memcpy(address.sun_path, path.data(), path.size());
    const std::string directory = path.substr(0, path.rfind('/'));
    if (::mkdir(directory.c_str(), 0711) != 0 && errno != EEXIST)
        return failure(ErrorCode::io, "cannot make the directory " + directory, errno);
    Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::unlink(path.c_str());
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(socket.get(), where, sizeof address) != 0 || ::chmod(path.c_str(), 0666) != 0 ||
        ::listen(socket.get(), 4) != 0)
        return failure(ErrorCode::io, "cannot listen at " + path, errno);
    struct stat info = {};
    if (::stat(directory.c_str(), &info) == 0 && info.st_uid == ::geteuid())
        ::chmod(directory.c_str(), info.st_mode | S_IXGRP | S_IXOTH);
    return socket;
}

const ServiceOptions* service_of(const Options& options, std::string_view name) {
    for (std::uint32_t n = 0; n < options.service_count; ++n)
        if (options.services[n].name == name) return &options.services[n];
    return nullptr;
}

std::string seconds(std::uint64_t ns) {
    return fmt::format("{:.3f} s", static_cast<double>(ns) / static_cast<double>(ns_per_s));
}

// What the line cannot know of a stored object: whose upload it was, and by what right.
void complete_incident(const VerifyRequest& request, const Options& options,
                       IncidentRecord* incident) {
    incident->policy_generation = options.policy_generation;
    incident->server = request.server;
    incident->vlan = -1;
    incident->lab = options.lab;
    incident->complete = 1;
    copy_text(request.service, incident->service);
    copy_text(options.legal_basis, incident->legal_basis);
    copy_text(request.method, incident->method);
    // As in the line: what only the operator's own list acts upon tells of nobody, and a test is
    // nobody's case.
    if (!tells_of_person(*incident)) return;
    incident->client = request.client;
    incident->forwarded = request.forwarded;
    copy_text(request.host, incident->host);
    copy_text(request.account, incident->account);
    copy_text(request.target, incident->target);
}

}  // namespace

VerifyDecision decide_verification(const VerifyRequest& request, const VerifyDone& done,
                                   const VerifierOptions& options, std::uint64_t now_ns) {
    const std::uint64_t age_ns = now_ns - std::min(now_ns, request.requested_ns);
    const std::uint32_t doublings = std::min(std::max(request.tries, 1u) - 1, 16u);
    const std::uint64_t wait_s =
        std::min<std::uint64_t>(std::uint64_t{options.retry_seconds} << doublings,
                                std::max<std::uint64_t>(retry_s_max, options.retry_seconds));
    const VerifyDecision later = {false, VerifyOutcome::none, now_ns + wait_s * ns_per_s};
    if (done.outcome == VerifyOutcome::gone && age_ns < options.appear_seconds * ns_per_s)
        return later;
    if (done.outcome != VerifyOutcome::none) return {true, done.outcome, 0};
    // What matched is there until it is not: nobody gives up on it.
    const bool old = age_ns > std::uint64_t{options.give_up_hours} * 3600 * ns_per_s;
    if (!request.deleting && (done.permanent != 0 || old)) return {true, VerifyOutcome::error, 0};
    return later;
}

// --- life ----------------------------------------------------------------------------------------

Result<std::unique_ptr<VerifyDesk>> VerifyDesk::start(const StoreOptions& store,
                                                      const Config& config, const Options& active,
                                                      SelftestBoard* board, HitTap::Tell tell) {
    const Result<std::uint32_t> uid = uid_of(config.verifier.user);
    if (!uid) return Failure(uid.error());
    Result<std::unique_ptr<VerifyQueue>> queue = open_verify_queue(store);
    if (!queue) return Failure(queue.error());
    Result<Descriptor> listener = listen_at(config.verifier.socket_path);
    if (!listener) return Failure(listener.error());
    Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.valid()) return failure(ErrorCode::io, "cannot make an event", errno);
    std::unique_ptr<VerifyDesk> desk(new VerifyDesk(std::move(*queue), std::move(*listener),
                                                    std::move(wake), *uid, board, std::move(tell)));
    desk->use(config, active);
    desk->thread_ = std::thread([raw = desk.get()] { raw->run(); });
    return desk;
}

VerifyDesk::VerifyDesk(std::unique_ptr<VerifyQueue> queue, Descriptor listener, Descriptor wake,
                       std::uint32_t uid, SelftestBoard* board, HitTap::Tell tell)
    : queue_(std::move(queue)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      uid_(uid),
      board_(*board),
      tell_(std::move(tell)) {
    status_.since_s = unix_seconds();
}

VerifyDesk::~VerifyDesk() {
    stop();
}

void VerifyDesk::stop() {
    stopping_ = true;
    const std::uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) != sizeof one) return;
    if (thread_.joinable()) thread_.join();
}

void VerifyDesk::use(const Config& config, const Options& active) {
    auto fresh = std::make_shared<const Settings>(Settings{config.verifier, active});
    const std::lock_guard lock(mutex_);
    settings_ = std::move(fresh);
}

std::shared_ptr<const VerifyDesk::Settings> VerifyDesk::settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
}

VerifyDeskStatus VerifyDesk::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void VerifyDesk::run() {
    while (!stopping_) {
        std::vector<pollfd> set = {{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
        for (const Seat& seat : seats_)
            set.push_back({seat.socket.get(), POLLIN, 0});
        ::poll(set.data(), set.size(), turn_ms);
        if (stopping_) break;
        auto seat = seats_.begin();
        for (std::size_t n = 2; n < set.size(); ++n) {
            const auto current = seat++;
            if (set[n].revents != 0) serve(current);
        }
        if (set[1].revents != 0) accept_one();
        if (monotonic_ms() >= housekeeping_ms_) housekeeping();
    }
    lose_all("cordond stops");
}

void VerifyDesk::accept_one() {
    Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!peer.valid()) return;
    ucred who = {};
    socklen_t size = sizeof who;
    if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
        (who.uid != uid_ && who.uid != 0)) {
        return log_line(LogLevel::warning,
                        "verifier: uid " + std::to_string(who.uid) + " is not served");
    }
    if (!seats_.empty() && seats_.front().process != who.pid) lose_all("another one has come");
    while (seats_.size() >= settings()->verifier.hands())
        lose(seats_.begin(), "it has come once more");
    seats_.push_back({std::move(peer), who.pid, std::nullopt, 0});
    if (seats_.size() != 1) return;
    log_line(LogLevel::notice, "verifier: connected");
    const std::lock_guard lock(mutex_);
    status_.connected = true;
    status_.since_s = unix_seconds();
}

void VerifyDesk::lose(Seats::iterator seat, const char* why) {
    fail_probe(&*seat);
    seats_.erase(seat);
    release();
    if (!seats_.empty()) return;
    log_line(LogLevel::warning, std::string("verifier: disconnected: ") + why);
    const std::lock_guard lock(mutex_);
    status_.connected = false;
    status_.since_s = unix_seconds();
}

// What nobody has waits again. Should the store not take it now, it is said again.
void VerifyDesk::release() {
    std::vector<std::uint64_t> kept;
    for (const Seat& seat : seats_)
        if (seat.job) kept.push_back(seat.job->id);
    checked(queue_->release(kept));
}

void VerifyDesk::lose_all(const char* why) {
    while (!seats_.empty())
        lose(seats_.begin(), why);
}

void VerifyDesk::serve(Seats::iterator seat) {
    std::array<std::uint8_t, verify_frame_max + 1> room;
    const ssize_t got = ::recv(seat->socket.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lose(seat, "it has gone");
    if (!handle(&*seat, Bytes(room).first(static_cast<std::size_t>(got))))
        lose(seat, "it was not understood");
}

template <typename T>
bool VerifyDesk::checked(const Result<T>& result) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t now_ms = monotonic_ms();
    if (result) {
        if (now_ms - failed_ms_ >= error_shown_ms) status_.error.clear();
        return true;
    }
    const std::string error = result.error().message();
    if (status_.error != error) log_line(LogLevel::error, "verifier: " + error);
    status_.error = error;
    failed_ms_ = now_ms;
    return false;
}

// --- frames --------------------------------------------------------------------------------------

bool VerifyDesk::handle(Seat* seat, Bytes frame) {
    VerifyHeader header;
    if (frame.size() < sizeof header) return false;
    std::memcpy(&header, frame.data(), sizeof header);
    if (header.magic != verify_magic || header.version != verify_version) return false;
    const auto take = [&](auto* whole) {
        if (frame.size() != sizeof *whole) return false;
        std::memcpy(whole, frame.data(), sizeof *whole);
        return true;
    };
    switch (header.type) {
        case VerifyType::next: {
            VerifyFrame<VerifyNext> ask;
            return take(&ask) && on_next(seat, ask.body);
        }
        case VerifyType::match: {
            VerifyFrame<VerifyMatch> match;
            return take(&match) && on_match(seat, match.body);
        }
        case VerifyType::done: {
            VerifyFrame<VerifyDone> done;
            return take(&done) && on_done(seat, done.body);
        }
        case VerifyType::probed: {
            VerifyFrame<VerifyProbed> probed;
            return take(&probed) && on_probed(seat, probed.body);
        }
        case VerifyType::job:
        case VerifyType::idle:
        case VerifyType::recorded:
        case VerifyType::taken:
        case VerifyType::probe:
            break;
    }
    return false;
}

template <typename Body>
bool VerifyDesk::send(const Seat& seat, VerifyType type, const Body& body,
                      std::span<const Descriptor> files) {
    VerifyFrame<Body> frame;
    std::memset(static_cast<void*>(&frame), 0, sizeof frame);
    frame.header = {verify_magic, verify_version, type};
    frame.body = body;
    iovec part = {&frame, sizeof frame};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    std::array<int, verify_files_max> numbers;
    std::size_t count = 0;
    for (const Descriptor& file : files)
        if (file.valid()) numbers[count++] = file.get();
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof numbers)] = {};
    if (count != 0) {
        const std::size_t bytes = count * sizeof numbers[0];
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(bytes);
        cmsghdr* note = CMSG_FIRSTHDR(&message);
        note->cmsg_level = SOL_SOCKET;
        note->cmsg_type = SCM_RIGHTS;
        note->cmsg_len = CMSG_LEN(bytes);
        std::memcpy(CMSG_DATA(note), numbers.data(), bytes);
    }
    return ::sendmsg(seat.socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(sizeof frame);
}

bool VerifyDesk::on_next(Seat* seat, const VerifyNext& ask) {
    {
        const std::lock_guard lock(mutex_);
        const std::string_view text(ask.program_version, sizeof ask.program_version);
        status_.program_version = text.substr(0, text.find('\0'));
    }
    // Who asks for the next one has not done what it had.
    if (seat->job) {
        seat->job.reset();
        release();
    }
    fail_probe(seat);
    const std::shared_ptr<const Settings> now = settings();
    if (find_probe(seat, *now)) return true;
    if (!find_job(seat, *now, unix_ns())) return send_idle(*seat, *now, ask);
    return send_job(*seat, *now, *now->verifier.find(seat->job->service), ask);
}

// The next one that can be worked on, for `seat`.
bool VerifyDesk::find_job(Seat* seat, const Settings& settings, std::uint64_t now_ns) {
    constexpr int passed_over_max = 100;
    std::vector<std::string> busy;
    for (const Seat& one : seats_)
        if (one.job) busy.push_back(one.job->service);
    const std::size_t for_tests = settings.verifier.tested.empty() ? 0 : 1;
    if (busy.size() + for_tests >= settings.verifier.hands()) return false;
    const std::vector<std::string> held_back = settings.verifier.held_back(busy);
    for (int n = 0; n < passed_over_max; ++n) {
        auto taken = queue_->take(now_ns, held_back);
        if (!checked(taken) || !*taken) return false;
        const VerifyRequest& request = **taken;
        const ServiceOptions* service = service_of(settings.options, request.service);
        VerifyDone none{};
        none.id = request.id;
        none.time_ns = now_ns;
        if (service == nullptr || settings.verifier.find(request.service) == nullptr) {
            copy_text("the service does not verify any more", none.detail);
            checked(queue_->finish(none, VerifyOutcome::error));
        } else if (service->mode == ServiceMode::bypass) {
            copy_text("the service is in mode bypass", none.detail);
            checked(queue_->put_off(none, now_ns + 60 * ns_per_s));
        } else if (request.target.empty()) {
            copy_text("its key is destroyed: nobody can say what to fetch", none.detail);
            checked(queue_->finish(none, VerifyOutcome::error));
        } else {
            seat->job = std::move(**taken);
            return true;
        }
    }
    return false;
}

VerifyGrounds VerifyDesk::open_checked(const Settings& settings, const VerifyNext& ask) {
    VerifyGrounds grounds = open_grounds(settings.options, ask.mark);
    if (!grounds.fault.empty() && grounds.fault != told_fault_)
        log_line(LogLevel::error, grounds.fault);
    // What did not change is not opened, and says nothing.
    if (!grounds.fault.empty() || grounds.present() != 0) told_fault_ = grounds.fault;
    return grounds;
}

bool VerifyDesk::send_job(const Seat& seat, const Settings& settings,
                          const VerifiedService& service, const VerifyNext& ask) {
    const VerifyRequest& request = *seat.job;
    const ServiceOptions& options = *service_of(settings.options, request.service);
    const VerifyGrounds grounds = open_checked(settings, ask);
    VerifyJob job{};
    job.id = request.id;
    job.mark = grounds.mark;
    job.files = grounds.present();
    job.object_bytes_max = settings.verifier.object_bytes_max;
    job.seconds_max = settings.verifier.request_seconds_max;
    job.api = service.api;
    job.path_style = service.path_style ? 1 : 0;
    job.mode = options.mode;
    job.weak_blocks = options.weak_blocks;
    job.lab = settings.options.lab;
    job.jobs = settings.verifier.hands();
    job.matched = request.deleting ? 1 : 0;
    job.cut = request.cut || request.target.size() >= sizeof job.target ? 1 : 0;
    std::memcpy(job.node_prefix, settings.options.node_prefix, sizeof job.node_prefix);
    copy_text(request.service, job.service);
    copy_text(service.endpoint, job.endpoint);
    copy_text(service.region, job.region);
    copy_text(service.credentials, job.credentials);
    copy_text(service.ca_file, job.ca_file);
    copy_text(service.swift, job.swift);
    copy_text(request.host, job.host);
    copy_text(request.target, job.target);
    copy_text(request.etag, job.etag);
    copy_text(request.object_version, job.object_version);
    return send(seat, VerifyType::job, job, grounds.files);
}

bool VerifyDesk::send_idle(const Seat& seat, const Settings& settings, const VerifyNext& ask) {
    const VerifyGrounds grounds = open_checked(settings, ask);
    VerifyIdle idle{};
    idle.mark = grounds.mark;
    idle.files = grounds.present();
    idle.wait_ms = idle_wait_ms;
    idle.jobs = settings.verifier.hands();
    idle.lab = settings.options.lab;
    return send(seat, VerifyType::idle, idle, grounds.files);
}

bool VerifyDesk::on_match(Seat* seat, const VerifyMatch& match) {
    if (!seat->job || seat->job->id != match.id) return false;
    IncidentRecord incident = match.incident;
    complete_incident(*seat->job, settings()->options, &incident);
    const Result<std::string> case_number = queue_->record_match(match, incident);
    if (!checked(case_number)) return false;  // not durable: nothing may be deleted
    // A block in flight is in the journal already, whether it was enforced or not.
    if (tell_ && seat->job->case_number.empty()) tell_(hits_of(incident));
    seat->job->deleting = incident.action == MatchAction::block;
    seat->job->incident = *case_number;
    log_line(LogLevel::notice, "case " + *case_number + ": service " + seat->job->service +
                                   " has a known object that was not stopped in flight");
    VerifyRecorded recorded{};
    recorded.id = match.id;
    copy_text(*case_number, recorded.case_number);
    return send(*seat, VerifyType::recorded, recorded);
}

bool VerifyDesk::on_done(Seat* seat, const VerifyDone& done) {
    if (!seat->job || seat->job->id != done.id) return false;
    const auto outcome = static_cast<std::size_t>(done.outcome);
    if (outcome >= static_cast<std::size_t>(VerifyOutcome::error)) return false;
    const VerifyDecision decision =
        decide_verification(*seat->job, done, settings()->verifier, unix_ns());
    const Result<void> kept = decision.is_final ? queue_->finish(done, decision.outcome)
                                                : queue_->put_off(done, decision.next_ns);
    if (!checked(kept)) return false;
    if (decision.is_final) end(*seat->job, done, decision.outcome);
    seat->job.reset();
    return send(*seat, VerifyType::taken, VerifyTaken{done.id});
}

// --- self-tests ----------------------------------------------------------------------------------

bool VerifyDesk::find_probe(Seat* seat, const Settings& settings) {
    while (const std::optional<SelftestOrder> order = board_.take()) {
        VerifyProbe probe{};
        probe.id = order->id;
        seat->probe = order->id;
        const TestedService* service = settings.verifier.find_tested(order->service);
        if (service == nullptr) {  // not any more
            fail_probe(seat);
            continue;
        }
        probe.jobs = settings.verifier.hands();
        probe.api = service->api;
        probe.path_style = service->path_style ? 1 : 0;
        probe.ways = order->ways;
        copy_text(service->name, probe.service);
        copy_text(service->endpoint, probe.endpoint);
        copy_text(service->region, probe.region);
        copy_text(service->credentials, probe.credentials);
        copy_text(service->ca_file, probe.ca_file);
        copy_text(service->folder, probe.folder);
        if (!send(*seat, VerifyType::probe, probe)) fail_probe(seat);
        return true;
    }
    return false;
}

bool VerifyDesk::on_probed(Seat* seat, const VerifyProbed& probed) {
    if (seat->probe == 0 || seat->probe != probed.id) return false;
    VerifyProbed checked = probed;
    checked.error[sizeof checked.error - 1] = '\0';
    for (ProbeFinding& finding : checked.findings) {
        if (finding.answer > ProbeAnswer::failed || finding.left > ProbeLeft::all) return false;
        finding.case_number[sizeof finding.case_number - 1] = '\0';
        finding.detail[sizeof finding.detail - 1] = '\0';
    }
    seat->probe = 0;
    board_.put(checked);
    return send(*seat, VerifyType::taken, VerifyTaken{probed.id});
}

// It was handed out, and nobody will say what came of it.
void VerifyDesk::fail_probe(Seat* seat) {
    if (seat->probe == 0) return;
    VerifyProbed failed{};
    failed.id = std::exchange(seat->probe, 0);
    ProbeFinding& first = failed.findings[static_cast<std::size_t>(ProbeWay::control)];
    first.tried = 1;
    copy_text(
        "cordon-verifier went away in the middle of it, or the service is not tested any more",
        first.detail);
    board_.put(failed);
}

void VerifyDesk::end(const VerifyRequest& request, const VerifyDone& done, VerifyOutcome outcome) {
    if (outcome == VerifyOutcome::deleted) {
        log_line(LogLevel::notice,
                 "case " + request.incident + ": deleted; it was visible for " +
                     seconds(done.time_ns - std::min(done.time_ns, request.requested_ns)));
    }
    if (outcome == VerifyOutcome::error) {
        log_line(LogLevel::error, "verification " + std::to_string(request.id) + " of service " +
                                      request.service + " is given up; see cordonctl verify show");
    }
}

void VerifyDesk::housekeeping() {
    housekeeping_ms_ = monotonic_ms() + housekeeping_ms;
    release();  // first of all what a verifier had when cordond ended
    const std::shared_ptr<const Settings> now = settings();
    const std::uint64_t now_ns = unix_ns();
    const std::uint64_t before_ns = now_ns - now->verifier.confirm_seconds * ns_per_s;
    for (const VerifiedService& service : now->verifier.services)
        checked(queue_->adopt_unconfirmed(service.name, before_ns, now_ns));
    checked(queue_->trim());
}

}  // namespace cordon
