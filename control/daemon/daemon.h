// cordond: one event loop around the socket of operators, the dataplane's socket, the journal and
// the index file.
//
// Owns:       everything of the process: configuration, store, sockets, journal thread, lock.
// Invariants: the loop never waits for a client, the dataplane, the store or the journal; one
//             cordond for one run_dir (a lock). A configuration that is wrong changes nothing; in
//             force is what was approved last. What an operator changes is on record before it is
//             done.
// Thread:     one, beside those of the journal, the store, the audit trail, the verifier and the
//             feeds.
// Limits:     those of its parts.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "control/approval/config_history.h"
#include "control/approval/proposals.h"
#include "control/approval/weakening.h"
#include "control/audit/audit_check.h"
#include "control/audit/audit_log.h"
#include "control/config/config.h"
#include "control/daemon/exchanges.h"
#include "control/daemon/feed_answers.h"
#include "control/daemon/index_watch.h"
#include "control/daemon/journal_intake.h"
#include "control/daemon/mode_overrides.h"
#include "control/daemon/request.h"
#include "control/daemon/request_server.h"
#include "control/daemon/selftests.h"
#include "control/daemon/store_desk.h"
#include "control/daemon/verify_desk.h"
#include "control/events/event_writer.h"
#include "control/local/local_list.h"
#include "control/metrics/metrics_server.h"
#include "control/sync/feed_desk.h"

namespace cordon {

// What a case matched is to do nothing for so long; 0 seconds: to act again.
struct SuspendWish {
    std::string case_number;
    std::uint64_t seconds = 0;
    std::string reason;
    Person actor;
    std::vector<std::pair<std::string, std::uint64_t>> indicators;  // feed, reference
};

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

    // What it starts with: the configuration that was approved, or one that is to be on record
    // first.
    struct Beginning {
        Config config;
        std::string text;
        std::string how;      // of ApprovedConfig; empty: as approved
        std::string problem;  // of the file, when it is not what is in force
    };
    static Result<Beginning> begin_with(const std::string& config_path, ConfigHistory* history);
    static Result<Beginning> begin_approved(const std::string& config_path, const std::string& file,
                                            ConfigHistory* history);

    Daemon(std::string config_path, Beginning beginning, ConfigHistory history);
    Result<void> prepare();
    Result<void> begin_record();
    Result<void> open_server();
    Result<void> open_stores();
    Result<void> open_trail_reader();
    Result<void> open_desk();
    HitTap::Tell hit_teller() const;
    Result<void> open_feeds();
    Result<void> open_journal();
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

    // The configuration (config_requests.cpp).
    struct WantedConfig {
        std::string text;
        Config config;
        std::string how;
        std::uint64_t confirm_s = 0;  // on trial for so long; 0: for good
        std::string reason;
    };
    Result<WantedConfig> read_wanted(const std::string& text, std::string how);
    // In force at once, or waiting for a second person.
    Result<nlohmann::json> change_config(WantedConfig wanted, const Person& actor);
    Result<nlohmann::json> accept_config(WantedConfig wanted, const Person& requester,
                                         const std::optional<Person>& approver);
    Result<std::string> put_in_force(const Config& config);
    Result<nlohmann::json> reload(const Person& actor);
    Result<nlohmann::json> approve_config(const Proposal& proposal, const Person& approver);
    void end_trial();
    bool file_differs() const;

    // What waits for a second person (approval_requests.cpp).
    bool two_persons() const { return approved_.operators.approvers > 1; }
    Result<nlohmann::json> propose(Proposal proposal);
    // What this person may approve now; nothing, and the client has been told why.
    std::optional<Proposal> approvable(ClientId client, const Request& request,
                                       const std::string& hash);
    // On record, and it does not wait any more.
    bool taken(ClientId client, const Request& request, const Proposal& proposal);
    void end_proposals();
    void end_untried();
    nlohmann::json approval_json() const;
    nlohmann::json trail_json() const;

    // The audit trail (audit_requests.cpp), which is read on a thread of its own.
    struct AuditRun {                           // of `audit verify`, and once at a start
        static constexpr std::size_t max = 16;  // newest that are remembered

        std::uint64_t id;
        std::shared_ptr<AuditChecker> checker;
        std::string wanted;
        std::uint64_t own_sequence;  // what this process had written when it began
        std::shared_ptr<bool> has_own;
        bool done = false;
        std::uint64_t bytes_done = 0;
    };
    Result<std::uint64_t> begin_audit_run(const std::string& wanted);
    // One step of one run at a time: who asks something else of the trail waits for no more.
    void step_audit_runs();
    AuditRun* find_audit_run(std::uint64_t id);
    void end_audit_run(const AuditRun& run);
    nlohmann::json audit_run_json(const AuditRun& run) const;
    template <typename Ask>
    void answer_from_trail(ClientId client, Ask ask);
    Result<void> record(const Person& actor, std::string action, std::string what,
                        std::string reason = "", std::string ref = "");
    // Where what is told of has happened, or must: a trail that cannot be written does not undo it.
    void record_after(const Person& actor, std::string action, std::string what,
                      std::string reason = "", std::string ref = "");
    void record_refusal(const Person& actor, const std::string& what);
    void record_noticed();
    void record_index();
    void record_store();
    void record_news(const std::vector<Gap>& gaps, const std::vector<ModeChange>& modes);
    void record_feed(const nlohmann::json& feed);
    void name_list(const std::string& list, const std::string& curator,
                   const std::string& legal_basis);
    // Records what a request is about to do; false: it cannot be, and the client has been told.
    bool recorded(ClientId client, const Request& request, std::string action, std::string what,
                  std::string reason = "");

    void end_retention();

    // The store (store_requests.cpp), which is asked on its own thread.
    StoreOptions store_options() const;
    void with_figures(std::function<void()> then);
    void take_figures(const Result<StoreFigures>& figures);
    void go_on_without_figures(std::uint64_t now_ms);
    Result<StoreFigures> figures() const;
    // Answers with what `ask` finds in the store.
    template <typename Ask>
    void answer_from_store(ClientId client, Ask ask);
    // The operator's own list (list_requests.cpp).
    struct LocalWish {  // of one person, who waits while the files of the system are looked at
        LocalEntry entry;
        Person actor;
        std::string reason;
    };
    struct LocalTrial {                         // of a proposal: what came of that look
        static constexpr std::size_t max = 16;  // newest that are remembered

        std::string hash;
        std::string problem;  // empty: it may be listed
    };
    void propose_entry(ClientId client, const LocalWish& wish, sync::FeedQuestion question);
    void finish_trial(const std::string& hash, const Result<nlohmann::json>& looked);
    Result<LocalEntry> wanted_entry(Request* request, LocalDigest* digest) const;
    void finish_list_add(const sync::FeedAnswer& looked);
    void accept_entry(ClientId client, const LocalEntry& entry);
    void tell_local(ClientId client, nlohmann::json told);
    void end_local_entries();
    // `met`: what its entries have met, as the store told last.
    nlohmann::json local_json(const std::vector<LocalHits>& met) const;
    nlohmann::json list_json(const std::vector<LocalHits>& hits) const;
    // Self-tests (selftest_requests.cpp).
    void turn_selftests();
    SelftestSeen selftest_seen(SelftestAnswers answers = {});
    void go_on_with_selftests(const SelftestAnswers& answers);
    void send_distrust(const std::string& why);

    // Requests.
    void on_version(ClientId client, std::uint32_t uid, Request* request);
    void on_status_request(ClientId client, std::uint32_t uid, Request* request);
    void on_coverage(ClientId client, std::uint32_t uid, Request* request);
    void on_unlisted(ClientId client, std::uint32_t uid, Request* request);
    void on_incidents_list(ClientId client, std::uint32_t uid, Request* request);
    void on_incidents_after(ClientId client, std::uint32_t uid, Request* request);
    void on_incidents_show(ClientId client, std::uint32_t uid, Request* request);
    void on_incidents_reveal(ClientId client, std::uint32_t uid, Request* request);
    void on_incidents_hold(ClientId client, std::uint32_t uid, Request* request);
    void on_mode_show(ClientId client, std::uint32_t uid, Request* request);
    void on_mode_set(ClientId client, std::uint32_t uid, Request* request);
    void on_bypass_set(ClientId client, std::uint32_t uid, Request* request);
    void on_bypass_end(ClientId client, std::uint32_t uid, Request* request);
    void on_pending(ClientId client, std::uint32_t uid, Request* request);
    void on_approve(ClientId client, std::uint32_t uid, Request* request);
    void on_reject(ClientId client, std::uint32_t uid, Request* request);
    void on_audit_show(ClientId client, std::uint32_t uid, Request* request);
    void on_audit_verify(ClientId client, std::uint32_t uid, Request* request);
    void on_audit_check(ClientId client, std::uint32_t uid, Request* request);
    void on_config_diff(ClientId client, std::uint32_t uid, Request* request);
    void on_config_propose(ClientId client, std::uint32_t uid, Request* request);
    void on_config_confirm(ClientId client, std::uint32_t uid, Request* request);
    void on_config_rollback(ClientId client, std::uint32_t uid, Request* request);
    void on_config_history(ClientId client, std::uint32_t uid, Request* request);
    void explain_with_events(ClientId client, const Incident& incident,
                             const std::optional<KeyStanding>& standing);
    nlohmann::json explain(const Incident& incident, const std::optional<KeyStanding>& standing,
                           const nlohmann::json& events) const;
    void reveal(ClientId client, const Request& request, const Incident& incident,
                const std::string& reason);
    void hold(ClientId client, const Request& request, const Incident& incident,
              std::uint64_t until_s, const std::string& reason);
    void on_verify_list(ClientId client, std::uint32_t uid, Request* request);
    void on_verify_show(ClientId client, std::uint32_t uid, Request* request);
    void on_verify_retry(ClientId client, std::uint32_t uid, Request* request);
    void on_selftest_start(ClientId client, std::uint32_t uid, Request* request);
    void on_selftest_show(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_status(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_sync(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_history(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_verify(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_hold(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_import(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_enrol(ClientId client, std::uint32_t uid, Request* request);
    void on_list_add(ClientId client, std::uint32_t uid, Request* request);
    void on_list_trial(ClientId client, std::uint32_t uid, Request* request);
    void on_list_approve(ClientId client, std::uint32_t uid, Request* request);
    void on_list_show(ClientId client, std::uint32_t uid, Request* request);
    void on_list_remove(ClientId client, std::uint32_t uid, Request* request);
    void on_explain(ClientId client, std::uint32_t uid, Request* request);
    void on_suspend(ClientId client, std::uint32_t uid, Request* request);
    void suspend(ClientId client, const SuspendWish& wish);
    void approve_suspension(ClientId client, const Proposal& proposal);
    void put_suspension(ClientId client, const SuspendWish& wish);
    void on_feed_trust(ClientId client, std::uint32_t uid, Request* request);
    void on_feed_confirm(ClientId client, std::uint32_t uid, Request* request);
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
    static constexpr const char* import_kind = "feed.import";  // of proposals
    Result<nlohmann::json> propose_import(const sync::FeedAnswer& looked_at);
    void approve_import(ClientId client, const Proposal& proposal);
    static constexpr const char* trust_kind = "feed.trust";
    static constexpr const char* suspend_kind = "suspension";
    Result<nlohmann::json> propose_trust(const sync::FeedAnswer& looked_at);
    void approve_trust(ClientId client, const Proposal& proposal, const Person& approver);
    bool fields_are_right(ClientId client, const Request& request);

    // Metrics: gathered by two questions to the dataplane, when somebody waits for them.
    void answer_metrics();
    void gather_status();
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
    ServiceMode mode_of(const ServiceOptions& configured) const;
    bool in_bypass(const ServiceOptions& configured) const;
    Result<void> check_mode_change(const ModeOverride& wanted) const;
    Result<void> check_bypass(const ModeOverride& wanted, std::uint64_t seconds) const;
    // Proposes it, or does it, by its effect.
    void change_mode(ClientId client, const ModeOverride& wanted, const Person& actor);
    void approve_mode(ClientId client, const Proposal& proposal, const Person& approver);
    // On record already.
    void set_mode(ClientId client, const ModeOverride& wanted);
    void finish_mode_change(ClientId client, const ModeOverride& wanted,
                            const Result<LinkPayload>& answer);

    std::string config_path_;
    Config config_;        // that cordond runs with
    Beginning beginning_;  // until it is on record
    Config approved_;      // differs from it in what takes a restart of cordond
    ConfigHistory history_;
    Proposals proposals_;
    AuditLog audit_;
    std::string audit_error_;  // of the last record
    bool audit_broken_ = false;
    std::string chain_broken_;  // as the look at all of it found
    std::deque<AuditRun> audit_runs_;
    bool audit_stepping_ = false;
    std::uint64_t next_audit_run_ = 1;
    std::uint64_t own_audit_run_ = 0;                // that of the start
    std::map<std::string, std::uint64_t> refusals_;  // recorded when
    std::vector<std::string> role_problems_;
    std::string config_error_;  // of the last reload
    Options active_ = {};       // what active.options says
    ModeOverrides overrides_;
    std::uint64_t started_s_ = 0;

    Descriptor lock_;
    Descriptor signals_;
    std::atomic<bool> leaving_ = false;  // nobody waits for a store any more
    std::unique_ptr<StoreDesk> stores_;
    std::unique_ptr<SideThread> trail_reader_;
    std::unique_ptr<sync::FeedDesk> feeds_;   // none when no feed is followed
    std::unique_ptr<JournalIntake> journal_;  // tells them what is matched
    Selftests selftests_;
    bool selftests_asked_ = false;
    std::unique_ptr<VerifyDesk> desk_;  // none when no service verifies or is tested
    FeedAnswers feed_answers_;
    // Who answers for a list, as the store was told.
    std::map<std::string, std::pair<std::string, std::string>> named_lists_;
    LocalList local_;
    std::map<ClientId, LocalWish> local_wishes_;
    std::deque<LocalTrial> local_trials_;
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
    std::uint64_t next_retention_ms_ = 0;

    struct WaitsForFigures {
        std::uint64_t until_ms;
        std::function<void()> then;
    };
    std::deque<WaitsForFigures> figures_waited_for_;
    Result<StoreFigures> figures_ =
        Failure(Error{ErrorCode::timeout, "the store has not answered"});
    std::uint64_t figures_ms_ = 0;  // when they came
    bool figures_asked_ = false;
    bool news_asked_ = false;    // for the audit trail
    bool events_asked_ = false;  // for the event log
    std::uint64_t next_local_end_ms_ = 0;
};

template <typename Ask>
void Daemon::answer_from_store(ClientId client, Ask ask) {
    const Result<void> asked =
        stores_->ask([this, client, ask = std::move(ask)](StoreDesk::Stores& stores) {
            Result<nlohmann::json> found = ask(stores);
            return StoreDesk::Answer(
                [this, client, found = std::move(found)] { answer(client, found); });
        });
    if (!asked) answer(client, Failure(asked.error()));
}

// Answers with what `ask` finds in the trail as it is then.
template <typename Ask>
void Daemon::answer_from_trail(ClientId client, Ask ask) {
    const bool asked =
        trail_reader_->ask([this, client, path = audit_.path(), ask = std::move(ask)] {
            Result<nlohmann::json> found = open_audit_trail(path).and_then(ask);
            return SideThread::Answer(
                [this, client, found = std::move(found)] { answer(client, found); });
        });
    if (!asked)
        answer(client, failure(ErrorCode::unreachable,
                               "too many questions about the trail wait already; try again"));
}

}  // namespace cordon
