#include "control/daemon/daemon.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "control/daemon/active_options.h"
#include "control/daemon/clocks.h"
#include "control/daemon/log.h"
#include "control/daemon/request_roles.h"
#include "control/index/index_files.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

constexpr std::uint64_t tick_ms = 500;
// An index of ten million indicators is copied and verified before it is in force.
constexpr std::uint32_t load_timeout_ms = 120 * 1000;

sigset_t our_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

Result<void> make_directory(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (!error) return {};
    return failure(ErrorCode::io, "cannot make the directory " + path, error.value());
}

// Two daemons would read one journal and answer at one socket.
Result<Descriptor> lock_directory(const std::string& run_dir) {
    const std::string path = run_dir + "/cordond.lock";
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file.valid()) return failure(ErrorCode::io, "cannot open " + path, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
    return failure(ErrorCode::refused, "another cordond is running with run_dir " + run_dir);
}

}  // namespace

void Daemon::block_signals() {
    const sigset_t set = our_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Daemon::Daemon(std::string config_path, Beginning beginning, ConfigHistory history)
    : config_path_(std::move(config_path)),
      config_(beginning.config),
      beginning_(std::move(beginning)),
      approved_(config_),
      history_(std::move(history)),
      proposals_(std::string(config_.options.state_dir) + "/pending.json"),
      audit_(audit_path(config_.options.state_dir)),
      overrides_(std::string(config_.options.state_dir) + "/modes.json"),
      started_s_(unix_seconds()),
      local_(std::string(config_.options.state_dir) + "/local.json") {}

Result<std::unique_ptr<Daemon>> Daemon::start(const std::string& config_path) {
    ConfigHistory history("");
    Result<Beginning> beginning = begin_with(config_path, &history);
    if (!beginning) return Failure(beginning.error());
    for (const std::string& warning : beginning->config.warnings)
        log_line(LogLevel::warning, warning);
    std::unique_ptr<Daemon> daemon(
        new Daemon(config_path, std::move(*beginning), std::move(history)));
    if (const Result<void> ready = daemon->prepare(); !ready) return Failure(ready.error());
    return daemon;
}

Result<void> Daemon::prepare() {
    const Options& o = config_.options;
    for (const char* directory : {o.state_dir, o.run_dir}) {
        if (const Result<void> made = make_directory(directory); !made) return made;
    }
    Result<Descriptor> lock = lock_directory(o.run_dir);
    if (!lock) return Failure(lock.error());
    lock_ = std::move(*lock);

    if (const Result<void> begun = begin_record(); !begun) return begun;
    end_trial();
    for (const Result<void>& loaded : {overrides_.load(), proposals_.load()})
        if (!loaded) log_line(LogLevel::error, loaded.error().message());
    end_untried();
    overrides_.take_ended(unix_seconds());
    if (const Result<void> written = activate(); !written) return written;
    if (const Result<void> opened = open_stores(); !opened) return opened;
    if (const Result<void> opened = open_trail_reader(); !opened) return opened;
    if (const Result<void> opened = open_feeds(); !opened) return opened;
    if (const Result<void> opened = open_desk(); !opened) return opened;
    if (const Result<void> opened = open_journal(); !opened) return opened;
    if (const Result<void> opened = open_metrics(); !opened) return opened;
    open_events();
    if (const Result<void> opened = open_server(); !opened) return opened;

    const sigset_t set = our_signals();
    signals_ = Descriptor(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals_.valid()) return failure(ErrorCode::io, "cannot wait for signals", errno);
    return {};
}

// Root's socket, and one for each group there is.
Result<void> Daemon::open_server() {
    const ControlOptions& control = config_.control;
    Result<RequestServer> server = RequestServer::listen(control.socket_path, control.clients_max);
    if (!server) return Failure(server.error());
    server_.emplace(std::move(*server));
    const std::string run_dir = config_.options.run_dir;
    // To pass the directory is no right in it: every socket has its own.
    struct stat info = {};
    if (::stat(run_dir.c_str(), &info) == 0)
        (void)::chmod(run_dir.c_str(), (info.st_mode & 07777) | S_IXGRP | S_IXOTH);
    const OperatorsOptions& groups = config_.operators;
    const std::string names[] = {groups.viewer_group, groups.operator_group, groups.admin_group};
    for (const Role role : {Role::viewer, Role::operating, Role::admin}) {
        Result<Descriptor> socket =
            listen_for_group(role_socket_path(run_dir, role), names[static_cast<std::size_t>(role)],
                             control.clients_max);
        if (socket) {
            server_->add_listener(std::move(*socket), role);
            continue;
        }
        role_problems_.push_back(socket.error().message());
        log_line(LogLevel::warning, role_problems_.back());
    }
    return {};
}

// What was closed before is looked at once, while everything else begins.
Result<void> Daemon::open_trail_reader() {
    Result<std::unique_ptr<SideThread>> thread = SideThread::start();
    if (!thread) return Failure(thread.error());
    trail_reader_ = std::move(*thread);
    if (audit_.closed() == 0) return {};
    return begin_audit_run("").map([this](std::uint64_t id) { own_audit_run_ = id; });
}

Result<void> Daemon::open_desk() {
    selftests_.use(config_.verifier.tested, monotonic_ms());
    if (desk_) desk_->use(config_, active_);
    if (desk_ || !config_.verifier.enabled()) return {};
    Result<std::unique_ptr<VerifyDesk>> desk =
        VerifyDesk::start(store_options(), config_, active_, &selftests_.board(), hit_teller());
    if (!desk) return Failure(desk.error());
    desk_ = std::move(*desk);
    return {};
}

// The feeds outlive whom it is given to.
HitTap::Tell Daemon::hit_teller() const {
    if (!feeds_) return {};
    return [desk = feeds_.get()](const std::vector<sync::Hit>& hits) { desk->tell_hits(hits); };
}

Result<void> Daemon::open_feeds() {
    if (config_.feeds.feeds.empty()) return {};
    const auto key = sync::node_key(sync::node_key_path(config_.options.state_dir));
    if (!key) return Failure(key.error());
    if (const Result<void> loaded = local_.load(*key); !loaded)
        log_line(LogLevel::error, loaded.error().message());
    auto desk = sync::FeedDesk::start(config_, local_.in_force());
    if (!desk) return Failure(desk.error());
    feeds_ = std::move(*desk);
    return {};
}

Result<void> Daemon::run() {
    log_line(LogLevel::notice, std::string("cordond is ready at ") + config_.control.socket_path +
                                   (config_.options.lab != 0 ? " (LAB)" : ""));
    ::sd_notify(0, "READY=1");
    while (!stopping_) {
        wait_once();
        answer_requests();
        if (monotonic_ms() >= next_tick_ms_) tick();
    }
    ::sd_notify(0, "STOPPING=1");
    leaving_ = true;
    stores_->stop();
    trail_reader_->stop();
    if (desk_) desk_->stop();
    journal_->stop();
    if (feeds_) feeds_->stop();  // when nobody tells it of matches any more
    std::filesystem::remove(config_.control.socket_path);
    for (const Role role : {Role::viewer, Role::operating, Role::admin})
        std::filesystem::remove(role_socket_path(config_.options.run_dir, role));
    log_line(LogLevel::notice, "cordond has stopped; the dataplane goes on");
    return {};
}

void Daemon::wait_once() {
    std::vector<pollfd> set = {{signals_.get(), POLLIN, 0},
                               {feeds_ ? feeds_->descriptor() : -1, POLLIN, 0},
                               {metrics_ ? metrics_->descriptor() : -1, POLLIN, 0},
                               {stores_->descriptor(), POLLIN, 0},
                               {trail_reader_->descriptor(), POLLIN, 0}};
    const std::size_t own = set.size();
    server_->add_descriptors(&set);
    const std::size_t of_server = set.size() - own;
    exchanges_.add_descriptors(&set);

    const std::uint64_t now = monotonic_ms();
    std::uint64_t until = exchanges_.next_deadline_ms(next_tick_ms_);
    if (!figures_waited_for_.empty()) until = std::min(until, figures_waited_for_.front().until_ms);
    ::poll(set.data(), set.size(), until > now ? static_cast<int>(until - now) : 0);

    const std::span<const pollfd> ready(set);
    if (ready[0].revents != 0) take_signals();
    if (ready[1].revents != 0) answer_feeds();
    if (ready[3].revents != 0) stores_->answer();
    if (ready[4].revents != 0) trail_reader_->answer();
    go_on_without_figures(monotonic_ms());
    server_->handle(ready.subspan(own, of_server), monotonic_ms());
    exchanges_.handle(ready.subspan(own + of_server), monotonic_ms());
    answer_metrics();
}

void Daemon::take_signals() {
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP) {
            stopping_ = true;
            continue;
        }
        ::sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                     static_cast<unsigned long long>(monotonic_ms() * 1000));
        if (events_) events_->reopen();  // whatever the configuration is like
        const Result<nlohmann::json> done = reload(person_of(info.ssi_uid, Role::operating));
        if (!done) log_line(LogLevel::error, "not reloaded: " + done.error().message());
        ::sd_notify(0, "READY=1");
    }
}

void Daemon::tick() {
    next_tick_ms_ = monotonic_ms() + tick_ms;
    ::sd_notify(0, "WATCHDOG=1");
    end_overrides();
    end_proposals();
    end_trial();
    record_noticed();
    end_retention();
    end_local_entries();
    pass_feed_answers();
    turn_selftests();
    ask_status();
}

void Daemon::ask_status() {
    if (dataplane_asked_) return;
    dataplane_asked_ = true;
    ask(LinkType::status, {}, config_.control.link_timeout_ms,
        [this](const Result<LinkPayload>& answer) { on_status(answer); });
}

void Daemon::ask(LinkType type, Bytes payload, std::uint32_t timeout_ms, Exchanges::Done done) {
    exchanges_.begin(config_.control.dataplane_socket, type, payload, timeout_ms, monotonic_ms(),
                     std::move(done));
}

void Daemon::on_status(const Result<LinkPayload>& answer) {
    dataplane_asked_ = false;
    feed_answers_.heard();
    const Result<LinkStatus> status =
        answer.and_then([](const LinkPayload& payload) { return decode_status(payload); });
    if (!status) {
        if (!dataplane_silence_told_) log_line(LogLevel::error, status.error().message());
        dataplane_silence_told_ = true;
        dataplane_.reset();
        return tell_events();
    }
    if (!dataplane_) {
        log_line(LogLevel::notice, "the dataplane answers, pid " + std::to_string(status->pid) +
                                       ", index generation " + std::to_string(status->generation));
    }
    dataplane_silence_told_ = false;
    dataplane_ = *status;
    watch_index(*status);
    pass_feed_answers();
    tell_events();
}

// Also when the file was moved away. A log at another place goes on where this one was.
void Daemon::open_events() {
    const Options& o = config_.options;
    const std::string& path = config_.log.events;
    if (events_ && events_->path() == path) return events_->reopen();
    events_.reset();
    if (path.empty()) return;
    // Each store numbers its rows itself.
    const char* position =
        config_.control.store_server.empty() ? "/events.json" : "/events-shared.json";
    events_ =
        std::make_unique<EventWriter>(path, o.node_prefix, o.state_dir + std::string(position));
}

void Daemon::tell_events() {
    if (!events_ || events_asked_) return;
    events_asked_ = true;
    const Result<void> asked =
        stores_->ask([this, from = events_->position()](StoreDesk::Stores& stores) {
            auto news = read_news(*stores.incidents, from);
            return StoreDesk::Answer([this, news = std::move(news)] {
                events_asked_ = false;
                if (!events_) return;
                events_->turn(news, dataplane_, feeds_json().at("feeds"), unix_seconds(),
                              audit_.recent(), selftests_.status_json());
            });
        });
    events_asked_ = asked.has_value();
}

void Daemon::watch_index(const LinkStatus& status) {
    if (index_loading_) return;
    const std::string path = config_.options.index_path;
    std::uint64_t generation = 0;
    const bool wanted =
        index_watch_.wants_load(mark_of(path), status.pid, status.generation, [&path] {
            const Result<IndexDescription> description = describe_index(path);
            return description ? description->generation : 0;
        });
    if (!wanted) return;
    // What cannot even be described is not worth a visit to the dataplane, but is worth a word.
    if (const Result<IndexDescription> description = describe_index(path)) {
        generation = description->generation;
    } else {
        index_error_ = description.error().message();
        log_line(LogLevel::error, "index: " + index_error_);
        return;
    }
    load_index(generation);
}

void Daemon::load_index(std::uint64_t generation) {
    const Result<LinkLoadIndex> request = make_load_index(config_.options.index_path);
    if (!request) return log_line(LogLevel::error, request.error().message());
    index_loading_ = true;
    ask(LinkType::load_index, payload_of(*request), load_timeout_ms,
        [this, generation](const Result<LinkPayload>& answer) {
            index_loading_ = false;
            const Result<LinkStatus> status =
                answer.and_then([](const LinkPayload& payload) { return decode_status(payload); });
            index_error_ = status ? std::string(status->index_error) : status.error().message();
            if (status) dataplane_ = *status;
            if (!index_error_.empty()) {
                log_line(LogLevel::error, "index not in force: " + index_error_);
            } else {
                log_line(LogLevel::notice,
                         "index generation " + std::to_string(generation) + " is in force");
                // Another file may have the generation of the one before it.
                if (audit_error_.empty()) record_index();
            }
            if (!status && status.error().code == ErrorCode::unreachable) {
                index_watch_.forget();
            } else if (feeds_) {
                feeds_->tell(generation, index_error_);
            }
            feed_answers_.heard();
            pass_feed_answers();
        });
}

void Daemon::send_mode(std::string_view service, ServiceMode mode, std::uint64_t until_s) {
    const Result<LinkSetMode> request = make_set_mode(service, mode, until_s);
    if (!request) return log_line(LogLevel::error, request.error().message());
    ask(LinkType::set_mode, payload_of(*request), config_.control.link_timeout_ms,
        [name = std::string(service)](const Result<LinkPayload>& answer) {
            if (answer) return;
            // A dataplane that is away starts from active.options, which says the same.
            log_line(LogLevel::warning, "mode of " + name + ": " + answer.error().message());
        });
}

void Daemon::end_overrides() {
    const std::vector<ModeOverride> ended = overrides_.take_ended(unix_seconds());
    if (ended.empty()) return;
    if (const Result<void> saved = overrides_.save(); !saved) {
        log_line(LogLevel::error, saved.error().message());
    }
    if (const Result<void> written = activate(); !written) {
        log_line(LogLevel::error, written.error().message());
    }
    for (const ModeOverride& override : ended) {
        log_line(LogLevel::notice, "bypass of " + override.service + " has ended");
        record_after(cordond_itself(), "bypass.ended", "service " + override.service);
        const ServiceOptions* service = find_service(override.service);
        if (service == nullptr) continue;
        send_mode(service->name, service->mode, service->bypass_until_s);
    }
}

Result<void> Daemon::activate() {
    Options options = config_.options;
    overrides_.apply(&options);
    const Result<void> written =
        write_active_options(active_options_path(options.state_dir), &options);
    if (written) active_ = options;
    if (written && desk_) desk_->use(config_, active_);
    return written;
}

const ServiceOptions* Daemon::find_service(std::string_view name) const {
    for (std::uint32_t i = 0; i < config_.options.service_count; ++i) {
        if (config_.options.services[i].name == name) return &config_.options.services[i];
    }
    return nullptr;
}

}  // namespace cordon
