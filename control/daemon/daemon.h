// cordond: one event loop around the socket of operators, the dataplane's socket, the journal and
// the index file.
//
// Owns:       everything of the process: configuration, store, sockets, journal thread, lock.
// Invariants: the loop never waits for a client, the dataplane or the journal's disk; one cordond
//             for one run_dir (a lock). A configuration that is wrong changes nothing.
// Thread:     one, beside the journal's.
// Limits:     those of its parts.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "control/config/config.h"
#include "control/daemon/exchanges.h"
#include "control/daemon/feed_answers.h"
#include "control/daemon/index_watch.h"
#include "control/daemon/journal_intake.h"
#include "control/daemon/mode_overrides.h"
#include "control/daemon/request.h"
#include "control/daemon/request_server.h"
#include "control/daemon/verify_desk.h"
#include "control/events/event_writer.h"
#include "control/metrics/metrics_server.h"
#include "control/store/store.h"
#include "control/store/verify_queue.h"
#include "control/sync/feed_desk.h"

namespace cordon {

class Daemon {
  public:
    // The signals that stop() and reload are asked by must be blocked before any thread is made.
    static void block_signals();

    static Result<std::unique_ptr<Daemon>> start(const std::string& config_path);

    // Until SIGTERM or SIGINT.
    Result<void> run();

  private:
    using Handler = void (Daemon::*)(ClientId client, std::uint32_t uid, Request* request);
    struct Command {
        const char* name;
        Handler handler;
    };
    static const Command commands_[];

    Daemon(std::string config_path, Config config);
    Result<void> prepare();
    Result<void> open_store();
    Result<void> open_desk();
    Result<void> open_feeds();
    Result<void> open_metrics();
    void open_events();
    void tell_events();

    // The loop.
    void wait_once();
    void take_signals();
    void tick();
    void answer_requests();
    bool stopping_ = false;

    // The dataplane, the index and the modes.
    void ask(LinkType type, Bytes payload, std::uint32_t timeout_ms, Exchanges::Done done);
    void ask_status();
    void on_status(const Result<LinkPayload>& answer);
    void watch_index(const LinkStatus& status);
    void load_index(std::uint64_t generation);
    void send_mode(std::string_view service, ServiceMode mode, std::uint64_t until_s);
    void end_overrides();
    Result<void> activate();  // writes active.options from the configuration and the overrides
    Result<std::string> reload();

    // Requests.
    void on_version(ClientId client, std::uint32_t uid, Request* request);
    void on_status_request(ClientId client, std::uint32_t uid, Request* request);
    void on_coverage(ClientId client, std::uint32_t uid, Request* request);
    void on_unlisted(ClientId client, std::uint32_t uid, Request* request);
    void on_incidents_list(ClientId client, std::uint32_t uid, Request* request);
    void on_incidents_after(ClientId client, std::uint32_t uid, Request* request);
    void on_incidents_show(ClientId client, std::uint32_t uid, Request* request);
    void on_mode_show(ClientId client, std::uint32_t uid, Request* request);
    void on_mode_set(ClientId client, std::uint32_t uid, Request* request);
    void on_verify_list(ClientId client, std::uint32_t uid, Request* request);
    void on_verify_show(ClientId client, std::uint32_t uid, Request* request);
    void on_verify_retry(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_status(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_sync(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_history(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_verify(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_hold(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_import(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_enrol(ClientId client, std::uint32_t uid, Request* request);
    void on_reload(ClientId client, std::uint32_t uid, Request* request);
    void on_request(const ClientRequest& line);

    // Answers with what `render` makes of the dataplane's answer.
    template <typename Render>
    void relay(ClientId client, LinkType type, Render&& render);
    void answer(ClientId client, const Result<nlohmann::json>& result);
    // To the feeds' own thread; its answer comes by answer_feeds().
    void ask_feeds(const sync::FeedQuestion& question);
    void answer_feeds();
    void pass_feed_answers();
    bool fields_are_right(ClientId client, const Request& request);

    // Metrics: gathered by two questions to the dataplane, when somebody waits for them.
    void answer_metrics();
    void gather_coverage(nlohmann::json status);
    void finish_metrics(const nlohmann::json& status);
    nlohmann::json metrics_json() const;

    nlohmann::json status_of(const Result<LinkStatus>& status);
    nlohmann::json control_json();
    nlohmann::json backlog_json(const JournalSnapshot& journal) const;
    nlohmann::json verify_json();
    nlohmann::json feeds_json() const;
    nlohmann::json mode_json(const ServiceOptions& configured) const;
    const ServiceOptions* find_service(std::string_view name) const;
    Result<void> check_mode_change(const ModeOverride& wanted) const;
    void finish_mode_change(ClientId client, const ModeOverride& wanted,
                            const Result<LinkPayload>& answer);

    std::string config_path_;
    Config config_;
    std::string config_error_;  // of the last reload
    Options active_ = {};       // what active.options says
    ModeOverrides overrides_;
    std::uint64_t started_s_ = 0;

    Descriptor lock_;
    Descriptor signals_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<JournalIntake> journal_;
    std::unique_ptr<VerifyQueue> verify_queue_;  // to answer from
    std::unique_ptr<VerifyDesk> desk_;           // none when no service verifies
    std::unique_ptr<sync::FeedDesk> feeds_;      // none when no feed is followed
    FeedAnswers feed_answers_;
    std::optional<RequestServer> server_;
    std::unique_ptr<EventWriter> events_;     // none when none is configured
    std::unique_ptr<MetricsServer> metrics_;  // none when nobody may ask
    bool metrics_gathering_ = false;
    Exchanges exchanges_;

    std::optional<LinkStatus> dataplane_;  // nothing while it does not answer
    bool dataplane_asked_ = false;         // a status is under way
    bool dataplane_silence_told_ = false;
    IndexWatch index_watch_;
    bool index_loading_ = false;
    std::string index_error_;
    std::uint64_t next_tick_ms_ = 0;
};

}  // namespace cordon
