// The inside of a Worker: the line of rooms wired together. One file for each stretch of the line:
//
//   worker.cpp     bursts in, bursts out, bridging, accounting
//   fragments.cpp  fragments → datagrams → segments; tunnels
//   flows.cpp      a flow's life: open, close, timers
//   midstream.cpp  connections that are not inspected: nobody saw them begin, or sees one direction
//   up.cpp, straight.cpp, repeats.cpp   segments client → storage, into the stream
//   release.cpp    what may leave towards the storage, and what is held; shunting.cpp  beside us
//   down.cpp       segments storage → client: acknowledgements, answers
//   exchange.cpp   stream bytes → requests → object bytes; unpacking.cpp  how many in one turn
//   pressure.cpp   what gives way when flows, messages or kept bytes are full
//   assembling*.cpp pieces of uploads; creating, surveying, committing, composing, copying.cpp
//   objects.cpp    body bytes → objects; chain_reading.cpp  the same of uploads in pieces
//   content.cpp    objects → type and patterns; dismissal.cpp  those that are no listed ones
//   judge.cpp, looking.cpp  digests → match → action, the incident
//   answering.cpp  the connection after a cut: our end of it
//
// Owns:       everything a worker owns; see worker.h.
// Worker:     used by one worker only.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/fingerprint/fingerprinter.h"
#include "dataplane/fragment/reassembly.h"
#include "dataplane/http/refusal.h"
#include "dataplane/verdict/policy.h"
#include "dataplane/worker/answer.h"
#include "dataplane/worker/arrival.h"
#include "dataplane/worker/case_number.h"
#include "dataplane/worker/exchange.h"
#include "dataplane/worker/flow_state.h"
#include "dataplane/worker/lifetime.h"
#include "dataplane/worker/looking.h"
#include "dataplane/worker/verdict_clock.h"
#include "dataplane/worker/worker.h"

namespace cordon {

struct Worker::State {
    State(const WorkerOptions& worker_options, Port* the_port, Recorder* the_recorder);

    // --- worker.cpp ---
    std::size_t receive_clients();
    std::size_t receive_burst(Side side);
    void handle(Arrival& arrival);
    void handle_tcp(Arrival& arrival);
    bool check_payload(Arrival& arrival, FlowNumber number);
    bool dies_on_the_way(const Arrival& arrival, int service_number) const;
    void bridge(Arrival& arrival);
    void drop(Arrival& arrival, Outcome why);
    void account(Arrival& arrival, std::size_t frame_class_index);
    void forward(Arrival& arrival, FrameClass why);  // as it is, to the other side
    void forward_uninspected(Arrival& arrival, UninspectedReason reason);
    void queue(Side to, const Frame& frame);
    void flush(Side to);
    int service_of(const SegmentEnd& end, std::int16_t vlan) const;
    int service_for(const Segment& segment, Side side) const;
    bool protects(const Segment& segment) const;
    const ServiceOptions& service(const Flow& flow) const { return options.services[flow.service]; }
    ServiceMode mode(const Flow& flow) const { return mode_of(flow.service); }
    ServiceMode mode_of(std::size_t service_number) const;

    // --- fragments.cpp ---
    void handle_fragment(Arrival& arrival);
    std::size_t handle_datagram(Arrival& arrival);
    std::size_t deliver_parts(const Segment& whole, Side side);
    std::size_t bridge_datagram(Arrival& arrival);
    void bridge_member(Reassembly::Node member, Side to);
    std::size_t part_bytes_max(const Segment& whole) const;
    void account_members(Side side, std::size_t frame_class_index, FragmentTally members);
    void count_lost_fragments();
    void handle_tunnel(Arrival& arrival);
    bool refuses_tunnel(const Segment& segment) const;

    // --- flows.cpp ---
    FlowNumber open_flow(Arrival& arrival, int service_number);
    FlowNumber take_place(const FlowKey& key, bool begins);
    bool evict_one(bool begins);
    bool evict_oldest(FlowRank rank, std::uint64_t untouched_ns);
    void evict(FlowNumber number);
    void rank(FlowNumber number) { table.move_to(number, rank_of(flows[number])); }
    void begin_flow(Flow& flow, int service_number);
    void handle_syn(Arrival& arrival, FlowNumber number);
    void normalise_handshake(Arrival& arrival);
    void begin_anew(FlowNumber number);
    bool ends_answer_for_syn(FlowNumber number);
    void note_syn_while_established(Arrival& arrival, Flow& flow);
    void reopen(FlowNumber number, bool timestamps);
    void without_place(Arrival& arrival, std::size_t service_number);
    void become_uninspected(FlowNumber number, UninspectedReason reason);
    void release_inspection(FlowNumber number);  // exchange, held frame, kept bytes
    void close_flow(FlowNumber number);
    void free_flow(FlowNumber number);
    void reset_both(FlowNumber number);
    void reset_client(const Flow& flow);
    void after_reset(Arrival& arrival, Flow& flow);
    void cut(FlowNumber number, Outcome why);
    void reset_and_sever(FlowNumber number);
    void sever(FlowNumber number);
    void sever_again(FlowNumber number);
    void set_timer(FlowNumber number, TimerKind kind, std::uint64_t at_ns);
    void clear_timer(FlowNumber number);
    TimerList& timer_list(TimerKind kind) { return timers[static_cast<std::size_t>(kind)]; }
    bool is_due(TimerKind kind) { return is_due(timer_list(kind)); }
    bool is_due(const TimerList& list) const;
    void run_timers();
    void sweep();
    void expire(FlowNumber number);

    // --- midstream.cpp ---
    void open_midstream(Arrival& arrival, int service_number);
    void begin_midstream(const Arrival& arrival, Flow& flow, int service_number);
    void refuse_stray(Arrival& arrival, int service_number);
    bool end_unfollowed(Arrival& arrival, FlowNumber number);
    bool one_direction_only(const Arrival& arrival, const Flow& flow) const;
    void become_asymmetric(FlowNumber number);
    bool contradicts_class(Flow& flow, Bytes first_bytes) const;
    void uninspected_segment(Arrival& arrival, FlowNumber number);
    bool retires_soon(const Flow& flow) const;
    static bool begins_another_message(const Flow& flow, const Segment& segment);

    // --- up.cpp ---
    void from_client(Arrival& arrival, FlowNumber number);
    void client_before_syn_ack(Arrival& arrival, FlowNumber number);
    bool client_segment_acceptable(Arrival& arrival, Flow& flow);
    void normalise_client_options(Arrival& arrival, const Flow& flow);
    std::uint64_t trim_to_window(Arrival& arrival, const Flow& flow);
    void client_payload(Arrival& arrival, FlowNumber number);
    void client_fin(FlowNumber number);
    void client_fin_at(FlowNumber number, std::uint64_t end);
    void client_reset(Arrival& arrival, FlowNumber number);
    void challenge_client(const Flow& flow);
    void note_client(Arrival& arrival, Flow& flow);
    bool end_of_client_bytes(FlowNumber number);

    // --- straight.cpp, repeats.cpp ---
    bool straight_on(Arrival& arrival, FlowNumber number);
    bool release_held_first(Arrival& arrival, FlowNumber number);
    bool client_repeats(Arrival& arrival, FlowNumber number, std::uint64_t offset);
    void repeat_sent_part(Flow& flow, const Segment& segment, std::uint64_t offset);
    void repeat_forgotten(Arrival& arrival, Flow& flow);
    void client_probe(Arrival& arrival, Flow& flow);
    void probe_storage(Flow& flow);
    void emit_bytes(const Flow& flow, std::uint32_t sequence, Bytes bytes);

    // --- shunting.cpp ---
    void offer_shunt(FlowNumber number);
    void grant_shunt(FlowNumber number, std::uint64_t begin, std::uint64_t end);
    void note_passed(FlowNumber number);
    void note_client_passed(Flow& flow, const ShuntPassed& passed);
    void note_storage_passed(Flow& flow, const ShuntHeard& heard);
    bool client_beside_shunt(Arrival& arrival, FlowNumber number);
    void pass_beside(Arrival& arrival, FlowNumber number, std::int64_t offset, std::int64_t last);
    void end_in_shunt(FlowNumber number, std::uint64_t end);
    void return_from_shunt(FlowNumber number, std::uint64_t at);
    void leave_shunt(FlowNumber number);
    void end_shunt(Flow* flow);
    void revoke_shunts();
    void watch_shunts();

    // --- release.cpp ---
    void pump(FlowNumber number, Arrival* arrival = nullptr, std::uint64_t arrival_begin = 0,
              std::uint64_t arrival_end = 0);
    bool relay(FlowNumber number, Arrival* arrival, std::uint64_t begin, std::uint64_t end);
    void pump_any(FlowNumber number, Arrival* arrival, std::uint64_t arrival_begin,
                  std::uint64_t arrival_end);
    void set_tail_timer(FlowNumber number);
    void keep_frame(Flow& flow, Arrival& arrival, std::uint64_t end);
    void drop_held(Flow& flow);

    // --- down.cpp ---
    void from_storage(Arrival& arrival, FlowNumber number);
    std::int64_t sent_to_storage(const Flow& flow);
    bool storage_segment_acceptable(Arrival& arrival, Flow& flow);
    void storage_syn_ack(Arrival& arrival, FlowNumber number);
    void storage_payload(Arrival& arrival, FlowNumber number);
    bool take_storage_bytes(Arrival& arrival, FlowNumber number, std::int64_t offset);
    bool read_answer(Arrival& arrival, FlowNumber number, Bytes bytes);
    bool answer_event(FlowNumber number, const ResponseEvent& event);
    bool leave_http(Flow& flow, UninspectedReason reason);
    bool leave_or_cut(FlowNumber number, Outcome why, UninspectedReason reason);
    void storage_fin(FlowNumber number, const Segment& segment);
    void end_of_storage_bytes(FlowNumber number);
    void storage_reset(Arrival& arrival, FlowNumber number);
    void note_storage(Arrival& arrival, Flow& flow);

    // --- exchange.cpp ---
    bool need_exchange(Flow& flow, Bytes first);
    void end_exchange(Flow& flow);
    void end_exchange_if_idle(Flow& flow);
    void inspect(FlowNumber number);
    void parse(FlowNumber number);
    bool stalls(FlowNumber number);
    void go_on(FlowNumber number);
    void read_on(FlowNumber number);
    bool read_proxy_header(FlowNumber number, std::uint64_t begin, Bytes* chunk);
    bool begin_without_proxy_header(FlowNumber number, std::uint64_t begin, std::size_t gathered);
    void request_event(FlowNumber number, const RequestEvent& event);
    void read_body(FlowNumber number, Bytes bytes);
    void count_body(Exchange* exchange, std::size_t bytes);
    void request_head(FlowNumber number);
    void request_error(FlowNumber number, Outcome why);
    void request_foreign(FlowNumber number, UninspectedReason reason);
    void end_inspection(FlowNumber number, const Uninspectable& what);
    void pass_rest(FlowNumber number, UninspectedReason reason);
    void count_unframed(std::size_t service_number, UninspectedReason reason, std::uint64_t bytes);

    // --- unpacking.cpp ---
    void note_unpacked(std::size_t bytes) { unpack_left -= std::min(unpack_left, bytes); }
    bool unpacks(const Exchange& exchange);
    void put_off(FlowNumber number);
    void read_put_off();
    enum class SpoolStep : std::uint8_t { read, end, gone };
    SpoolStep read_spool(std::uint32_t place, std::size_t* left);

    // --- objects.cpp ---
    void open_message(FlowNumber number);
    void open_decoder(Exchange* exchange);
    void close_decoder(Exchange* exchange);
    void sniff_body(Exchange* exchange, Bytes bytes);
    void body_bytes(FlowNumber number, Bytes bytes);
    void hold_plain(FlowNumber number);
    void end_of_body(FlowNumber number);
    void take_objects(FlowNumber number);
    void object_event(FlowNumber number, const ObjectEvent& event);
    void open_object(FlowNumber number, std::uint8_t object);
    void drop_object(Exchange* exchange, std::uint8_t object);
    void hold_tails(FlowNumber number);
    void form_fault(FlowNumber number, const ObjectEvent& event);
    void count_unread(FlowNumber number, const ObjectEvent& event);
    bool is_member(const Exchange& exchange, std::uint8_t object);
    void close_message(Exchange* exchange);
    void abort_object(FlowNumber number);  // the upload ended before its end was seen
    std::uint64_t take_body_bytes(Exchange* exchange);
    void class_rest(Exchange* exchange);
    BodyDecoder::Name name_of(const Exchange& exchange, std::uint8_t object);

    // --- dismissal.cpp ---
    // How many of the body bytes that come next nobody needs: no digest, search, archive, upload in
    // pieces or held tail. 0: they are needed, or it is not known what comes. More than 0 becomes
    // less only by bytes that come, until use_index(): ask again then. It ends with the body or,
    // of a chunked one, with its chunk. No digest can match whatever these bytes are.
    std::uint64_t unneeded_bytes(FlowNumber number);
    // As if so many of them had come and been read, when all that was received is read: they are
    // counted as read of the body. The stream is the caller's to move on, and what is behind them
    // to be read by go_on().
    void pass_unneeded(FlowNumber number, std::uint64_t bytes);
    KindSet dismissal_kinds(const ServiceOptions& wanted) const;
    void hash(FlowNumber number, std::uint8_t object, Bytes bytes);
    void look_for_candidates(FlowNumber number, std::uint8_t object);
    bool may_dismiss(const Exchange& exchange, std::uint8_t object);
    std::optional<std::uint64_t> declared_size(FlowNumber number, std::uint8_t object);
    bool may_be_listed(const Digests& digests) const;
    bool is_dismissed(const Flow& flow);

    // --- assembling.cpp ---
    bool begin_assembling(FlowNumber number);
    void note_begun(const PieceBegun& begun);
    UninspectedAction unassembled_action(FlowNumber number, PolicyCase about) const;
    bool passes_unassembled(FlowNumber number, PolicyCase about, VerifyReason reason);
    PolicyCase gap_case();
    bool is_left_to_commit(FlowNumber number, const PieceRequest& request) const;
    KindSet piece_kinds(const Exchange& exchange);
    std::uint32_t open_assembling(FlowNumber number, const PieceRequest& request);
    void begin_reading_piece(FlowNumber number);
    void begin_whole(FlowNumber number, PieceRequest request);
    void begin_empty(FlowNumber number, PieceRequest request);
    bool begin_piece(FlowNumber number, const PieceRequest& request);
    bool put_zeros(std::uint32_t place, std::uint64_t left);
    void begin_component(FlowNumber number, PieceRequest request);
    void note_unseen(FlowNumber number, const PieceRequest& request);
    void set_aside(FormPlace* form, Bytes bytes);
    void give_up_aside(Assembling* own);
    bool end_aside(FlowNumber number, PieceRequest request);
    std::uint32_t open_form_place();
    void release_form_place(std::uint32_t place);
    void begin_form(FlowNumber number, const PieceRequest& request);
    void take_field(const Exchange& exchange, std::uint8_t object, Bytes text);
    bool begin_form_piece(FlowNumber number, std::uint8_t object);
    bool end_form(FlowNumber number);
    std::uint64_t form_tail(const Exchange& exchange);
    bool assemble_bytes(FlowNumber number, std::uint8_t object, Bytes bytes);
    bool is_piece(const Exchange& exchange, std::uint8_t object);
    bool is_kept_piece(const Exchange& exchange, std::uint8_t object);
    void note_piece(const Exchange& exchange, const Digests& digests);
    bool awaits_assembly(const Flow& flow);
    bool is_held(const Exchange& exchange);
    bool look_at_chain(FlowNumber number, bool last);
    static bool shows_at_end(const PieceRequest& request);
    bool judge_prefix(std::uint32_t place, const DigestState& state);
    bool judge_content(std::uint32_t place, std::uint64_t bytes);
    bool is_all(const Assembling& own, std::uint64_t bytes);
    void note_plain(const Exchange& exchange, const Assembling& own);
    bool end_assembling(FlowNumber number);  // false: the flow waits, or is cut
    bool end_piece(FlowNumber number);
    bool advance_alone(std::uint32_t place);
    bool begin_advance(std::uint32_t place, bool anyway);
    void put_to_work(std::uint32_t place);
    void run_assembling();
    void work_on(std::uint32_t place, std::size_t* left);
    bool advance(std::uint32_t place, std::size_t* left);
    bool look_on(std::uint32_t place);
    bool judge_matched(std::uint32_t place);
    bool end_look(std::uint32_t place);
    bool end_unjudged(std::uint32_t place, PolicyCase about, VerifyReason reason);
    void wait_anew(std::uint32_t place);
    bool has_waited(std::uint32_t place);
    void resume_after_assembly(FlowNumber number);
    void leave_assembling(Exchange* exchange);
    void drop_assembling(std::uint32_t place);
    void note_piece_answer(Exchange* exchange, std::uint16_t status);
    void tail_due(FlowNumber number);
    bool survey_on(std::uint32_t place, std::size_t* left);
    bool wait_for_survey(std::uint32_t place, Standing standing);
    void stop_survey(std::uint32_t place, bool goes);
    bool judge_survey(std::uint32_t place);
    bool end_survey(std::uint32_t place);
    bool leave_survey(std::uint32_t place, VerifyReason reason);
    void resume_piece(std::uint32_t place);
    void taint_held(const Exchange& exchange);

    // --- creating.cpp ---
    bool begin_creation(FlowNumber number, const PieceRequest& request);
    FormPlace& await_location(FlowNumber number, const PieceRequest& request);
    void begin_partial(FlowNumber number, const PieceRequest& request);
    bool end_creation(FlowNumber number);
    void cut_creation(const Assembling& own);
    void note_location(Exchange* exchange);
    void note_creation_answer(Exchange* exchange, std::uint16_t status);
    bool begin_created(const PieceRequest& request, std::uint32_t service, PieceTicket* ticket);
    void hand_over(ChainContent* content, UploadRef upload);
    void forget_creation(Exchange* exchange);

    // --- renaming.cpp ---
    bool comes_with_folder(const Head& head, const PieceRequest& request);
    void note_change_answer(Exchange* exchange, std::uint16_t status);
    void end_change(Exchange* exchange, NameChange::Outcome outcome);

    // --- committing.cpp ---
    bool begin_commit(FlowNumber number, const PieceRequest& request);
    void read_list(Assembling* own, Bytes bytes);
    void take_list(Assembling* own);
    bool end_commit(FlowNumber number);
    bool commit_on(std::uint32_t place, std::size_t* left);
    CommitStep commit_step(std::uint32_t place, std::size_t* left);
    CommitStep commit_waits(std::uint32_t place);
    CommitStep commit_fails(std::uint32_t place, Outcome why, VerifyReason reason);
    CommitStep commit_tainted(std::uint32_t place, const ChainView& chain);
    CommitStep commit_unjudged(std::uint32_t place, PolicyCase about, VerifyReason reason);
    bool commit_recorded(std::uint32_t place);
    CommitStep commit_all(std::uint32_t place);
    void begin_list(std::uint32_t place);
    std::uint64_t next_position(Assembling* own);
    bool has_listed(std::uint32_t place, std::uint64_t count);
    CommitStep look_up_list(std::uint32_t place);
    CommitStep hash_list(std::uint32_t place, std::size_t* left);
    CommitStep judge_commit(std::uint32_t place);

    // --- assembling_leaves.cpp ---
    bool needs_only_trees() const;
    void take_leaves(Exchange* exchange, Bytes bytes);
    void begin_leaves(Exchange* exchange, Bytes first);
    bool is_left_to_leaves(FlowNumber number);
    bool open_folding(std::uint32_t place, std::uint64_t first);
    CommitStep begin_folding(std::uint32_t place, VerifyReason reason);
    CommitStep fold_commit(std::uint32_t place);
    LeafStep next_folded(std::uint32_t place);
    LeafStep fold(std::uint32_t place);
    CommitStep judge_folded(std::uint32_t place);
    bool begin_folding_piece(std::uint32_t place);
    bool fold_piece(std::uint32_t place);
    std::uint64_t first_folded(std::uint32_t place);

    // --- copying.cpp ---
    bool follows_sources() const;
    void begin_source(FlowNumber number, const PieceRequest& request);
    void end_source(Exchange* exchange, SourceAnswer answer);
    bool begin_copied(FlowNumber number, const PieceRequest& request);
    void end_copied(Exchange* exchange, PieceAnswer answer);
    void end_followed(Exchange* exchange, bool is_complete);
    void keep_source_leaves(Exchange* exchange, std::span<const TreeDigest> leaves);
    void note_source(Exchange* exchange, std::uint64_t bytes, const PieceMarks& marks);
    bool begin_shelving(std::uint32_t place);
    bool shelve_on(std::uint32_t place);
    void note_folded_source(std::uint32_t place);

    // --- composing.cpp ---
    static bool names_objects(const PieceRequest& request);
    void take_component(Assembling* own, const CommitEntry& entry);
    ComponentPlace next_component(Assembling* own);
    void begin_composition(std::uint32_t place);
    UploadRef open_component(Assembling* own, const ComponentPlace& place);
    void close_component(const Assembling& own, UploadRef upload);
    CommitStep look_up_components(std::uint32_t place);
    Component look_up_component(UploadRef upload, const ComponentPlace& component, bool from_chain);
    Component look_up_partial(UploadRef upload, bool from_chain);
    CommitStep hash_components(std::uint32_t place, std::size_t* left);
    ComponentStep next_bytes_of_components(Assembling* own);
    void leave_component(Assembling* own);
    CommitStep judge_doubtful(std::uint32_t place);

    // --- pressure.cpp ---
    std::size_t end_slow_messages(std::size_t wanted, std::size_t look);
    void relieve_messages(std::size_t look);
    bool is_slow(Exchange& exchange) const;
    bool take_place_of_head(Flow& flow, Bytes first);
    bool is_unfinished_head(const Exchange& exchange) const;
    void end_message(FlowNumber number);
    void without_message(Arrival& arrival, FlowNumber number);
    std::uint64_t kept_share() const;
    bool passes_at_limit(std::size_t service_number) const;
    static std::uint64_t bytes_moved(const Flow& flow);

    // --- chain_reading.cpp ---
    enum class MemberSeen : std::uint8_t { so_far, cut, whole };
    void open_chain(std::uint32_t place);
    bool read_chain(std::uint32_t place, Bytes bytes);
    void prepare_chain(ChainContent* content);
    bool begin_reading(std::uint32_t place, Bytes bytes);
    ContentReader* open_reader(ChainContent* content);
    void note_chain_flaw(ChainContent* content, Outcome why);
    bool take_members(std::uint32_t place, ContentReader* reader);
    bool member_event(std::uint32_t place, ContentReader* reader, const ObjectEvent& event);
    bool judge_member(std::uint32_t place, ContentReader* reader, std::uint8_t object,
                      MemberSeen seen, Bytes kept_back = {});
    bool judge_found(std::uint32_t place, MemberSeen seen);
    PatternHits hits_of(const FoundMember& member);
    PatternHits hits_of_chain(std::uint32_t place);
    std::uint64_t index_generation() const;
    void search_apart(ObjectContent* object, TextTail* tail, Bytes bytes);
    void count_clean_member(std::size_t service_number);
    void count_unread_member(std::uint32_t place, ContentReader* reader, const ObjectEvent& event);
    void member_fault(std::uint32_t place, ContentReader* reader, Outcome why);
    static PolicyCase case_of_flaw(Outcome why);
    static VerifyReason reason_of_flaw(Outcome why);
    bool finish_chain(std::uint32_t place);
    bool look_at_members(std::uint32_t place);
    bool judge_frozen(std::uint32_t place);

    // --- content.cpp ---
    void open_content(FlowNumber number, std::uint8_t object);
    void search_path(std::string_view target, ObjectContent* content);
    void content_bytes(OpenObject* object, Bytes bytes, bool left_alone);
    void end_content(OpenObject* object);
    void note_search(ContentScanner::Search search);
    ContentType type_of(const Judged& judged);
    void count_type(const Judged& judged, TypeVerdict verdict);
    void move_contents(PatternScanner* patterns);

    // --- judge.cpp ---
    void settle();  // flushes the digests and judges every object that ended in this burst
    void look_ahead();
    void judge(FlowNumber number, LookedAhead* looked);
    void judge_object(FlowNumber number, std::uint8_t object, bool is_cut, LookedAhead* looked);
    void judge_so_far(FlowNumber number, std::uint8_t object, Bytes more);
    bool judge_tail(FlowNumber number, bool last);  // false: it matched and the flow is cut
    bool look_at_tails(FlowNumber number, bool last);
    bool look_at_tail(FlowNumber number, std::uint8_t object, Bytes kept_back, bool last);
    struct Finding;
    void settle_actions(const Flow& flow, Finding* finding) const;
    void look_up(const Digests& digests, const PatternHits& hits, const Flow& flow,
                 Finding* finding, LookUps* ahead = nullptr) const;
    bool matches_anything(const Digests& digests) const;
    bool matches_to_block(const Judged& judged, bool last) const;
    bool judge_assembled(const Judged& judged, bool last);  // false: the flow is cut
    bool judge_contained(const Judged& judged, const PatternHits& hits, UploadRef upload,
                         MemberSeen seen);
    void record_match(const Judged& judged, const Finding& finding);
    void fill_incident(const Judged& judged, const Finding& finding);
    void fill_request(const Flow& flow, IncidentRecord* record) const;
    void fill_person(const Flow& flow, IncidentRecord* record) const;
    void count_clean(const Judged& judged, const Finding& finding);
    void count_dismissed(const Judged& judged);
    void count_verdict(const Judged& judged, ServiceVerdict verdict);
    void note_verdict(FlowNumber number);
    bool is_stale(const Judged& judged);
    void count_uninspected(const Judged& judged, UninspectedReason reason);
    std::uint64_t own_bytes(const Judged& judged);
    void report(const Judged& judged, ObjectVerdict verdict, UninspectedReason reason,
                std::uint64_t indicator);
    KindSet planned_kinds() const;

    // --- verify.cpp ---
    bool request_verification(FlowNumber number, VerifyReason reason, std::string_view target = {},
                              RecordTicket* ticket = nullptr);
    bool verify_stored(FlowNumber number, VerifyReason reason, RecordTicket* ticket = nullptr);
    void ask_about_unjudged(Exchange* exchange);

    // --- answering.cpp ---
    bool begin_answer(FlowNumber number, bool is_match);
    void address_answer(const Flow& flow, Answer* answer);
    bool end_one_answer();
    void await_body(FlowNumber number);
    void drain_body(FlowNumber number, Bytes bytes);
    void stop_awaiting(FlowNumber number);
    void block(FlowNumber number);
    void refuse(FlowNumber number, ErrorStatus status, bool in_body);  // needs no record
    void retire(FlowNumber number);                                    // nothing but a FIN
    void retire_if_quiet(FlowNumber number);
    void drop_answer(Flow& flow);
    void run_answer(FlowNumber number);
    void await_record(FlowNumber number);
    void start_answer(FlowNumber number);
    void passed_beside(FlowNumber number);
    void reset_storage(Flow& flow, std::uint32_t next);
    void write_answer(Answer* answer) const;
    void send_answer(FlowNumber number);
    void note_answer_acked(FlowNumber number);
    static std::uint32_t client_next(const Flow& flow);
    bool answer_impossible(const Flow& flow, std::size_t awaited);
    void release_for_answer(FlowNumber number);
    void finish_answer(FlowNumber number);
    void hand_over_enforced(FlowNumber number);
    void client_while_answering(Arrival& arrival, FlowNumber number);
    void storage_while_answering(Arrival& arrival, FlowNumber number);
    void reset_where_it_stands(const Flow& flow, const Arrival& arrival);
    void acknowledge_client(Flow& flow);
    bool emit_to_storage(const Flow& flow, std::uint32_t sequence, std::uint8_t flags, Bytes bytes);
    bool emit_to_client(const Flow& flow, std::uint32_t sequence, std::uint32_t ack,
                        std::uint8_t flags, Bytes payload);
    bool emit(Side to, const Flow& flow, const OwnSegment& segment);

    const Options& options;
    const WorkerOptions settings;
    Port& port;
    Recorder& recorder;
    Counters counters;
    VerdictClock verdict_clock;
    Now now{};

    Reassembly fragments;
    FlowTable table;
    std::unique_ptr<Flow[]> flows;
    PiecePool pieces;
    SlotPool<Exchange> exchanges;
    SlotPool<DecoderPlace> decoders;
    CodingPool coding_pool;
    std::unique_ptr<Assembly> own_assembly;  // of a worker that is alone
    Assembly& assembly;
    SlotPool<Assembling> assemblings;
    SlotPool<CommitPlace> commit_places;
    SlotPool<FormPlace> form_places;
    ArchivePool archive_pool;
    SlotPool<Answer> answers;
    Fingerprinter fingerprinter;
    std::unique_ptr<TypeDatabases> own_types;  // null: those of the options
    ContentScanner contents;
    CaseNumbers case_numbers;
    const IndexView* index = nullptr;
    const Suspensions* suspensions = nullptr;
    std::uint32_t index_number = 0;  // counts those that were put in force
    std::array<ServiceState, services_max> service_states{};

    TimerList timers[timer_kind_count];
    std::uint64_t sweep_at_ns = 0;
    FlowNumber sweep_next = 0;
    std::uint32_t message_next = 0;   // looked at for being slow
    std::uint32_t head_next = 0;      // looked at for being an unfinished head
    std::size_t messages_wanted = 0;  // and not found, since the last sweep
    bool messages_short = false;      // more were wanted than could be had, in this second
    std::uint32_t patience_halvings = 0;
    std::uint64_t patience_at_ns = 0;
    std::uint32_t held_frames = 0;
    std::uint32_t midstream_flows = 0;
    std::uint64_t object_bytes_open = 0;   // read of bodies, and in no class of the ledger yet
    std::uint64_t midstream_until_ns = 0;  // 0: not started

    std::size_t unpack_left = 0;            // of this turn
    std::uint32_t working = no_assembling;  // uploads that wait, or that are hashed
    std::uint64_t assembling_due_ns = UINT64_MAX;
    DigestState chain_state;  // scratch
    DigestState piece_state;  // of the piece that ended last, and what tells it
    PieceSum piece_sum{};
    std::array<std::uint8_t, limits::decode_run_bytes> decode_room;  // what decoders write
    std::array<std::uint8_t, limits::decode_run_bytes> chain_room;   // … and readers of that
    FoundMember chain_found;                                         // scratch: contained_object
    ObjectContent name_content;                                      // scratch
    std::vector<FlowNumber> shunted;  // flows with a range; capacity fixed at start
    std::size_t shunt_next = 0;       // looked at for what passed
    DueVerdicts judgements;           // flows whose object ended
    OutQueue out[2];

    // Only with report_objects, which the appliance never sets: a burst may fill the hole before a
    // form of as many parts as fit into what is kept, and a tool wants to hear of all of them.
    std::deque<ObjectReport> reports;
    IncidentRecord incident{};          // scratch
    std::uint64_t test_records_ns = 0;  // when all records of test vectors may be made again
    VerifyRecord verification{};
};

}  // namespace cordon

#include "dataplane/worker/each_segment.h"
