#include "control/metrics/metric_table.h"

namespace cordon {

namespace {

constexpr auto counter = MetricKind::counter;
constexpr auto gauge = MetricKind::gauge;
constexpr auto time = MetricKind::time;
constexpr auto age = MetricKind::age;
constexpr auto state = MetricKind::state;
constexpr auto fault = MetricKind::fault;
constexpr auto number = MetricKind::number;
constexpr auto histogram = MetricKind::histogram;
constexpr auto left_out = MetricKind::left_out;

constexpr const char* for_people = "a text for people";
constexpr const char* identity = "says nothing over time";
constexpr const char* a_sum = "the sum of others";

// clang-format off
constexpr MetricRow rows[] = {
    // --- cordond -------------------------------------------------------------------------------
    {"/control/reachable", nullptr, left_out, "", "who answers is reachable"},
    {"/control/version", "cordon_build_info", state, "version", "Version of cordond."},
    {"/control/pid", nullptr, left_out, "", identity},
    {"/control/started", "cordon_control_start_timestamp_seconds", time, "", "When cordond was started."},
    {"/control/lab", "cordon_lab", gauge, "", "1: the configuration is that of a test bench."},
    {"/control/config", nullptr, left_out, "", identity},
    {"/control/config_error", "cordon_config_fault", fault, "", "1: the configuration was read again and refused."},
    {"/control/policy_generation", "cordon_policy_generation", gauge, "", "Number of the configuration that was written for the dataplane."},
    {"/control/approval/approvers", "cordon_approvers", gauge, "", "Persons it takes to weaken the appliance."},
    {"/control/approval/pending", "cordon_pending", number, "", "Changes that wait for a second person."},
    {"/control/approval/pending/*/hash|kind|what|reason|asked|until", nullptr, left_out, "pending=hash,field", for_people},
    {"/control/approval/pending/*/requester/*", nullptr, left_out, "pending=hash,field", "persons are no labels"},
    {"/control/approval/oldest_pending_seconds", "cordon_pending_oldest_seconds", gauge, "", "For how long the oldest of them has waited."},
    {"/control/approval/break_glass", "cordon_break_glass", number, "", "Services that one person alone has bypassed in an emergency."},
    {"/control/approval/break_glass/*/service|until|requester", nullptr, left_out, "service=service,field", "cordon_mode and cordon_bypass_until_timestamp_seconds say it"},
    {"/control/approval/config/number", "cordon_config_number", gauge, "", "Number of the approved configuration."},
    {"/control/approval/config/time", "cordon_config_approved_timestamp_seconds", time, "", "When it was approved."},
    {"/control/approval/config/hash|how|reason", nullptr, left_out, "field", for_people},
    {"/control/approval/config/requester/*", nullptr, left_out, "field", "persons are no labels"},
    {"/control/approval/config/approver/*", nullptr, left_out, "field", "persons are no labels"},
    {"/control/approval/config/approver", nullptr, left_out, "", "persons are no labels"},
    {"/control/approval/file_differs", "cordon_config_differs", gauge, "", "1: the file is not the approved configuration."},
    {"/control/approval/confirm_until", "cordon_config_trial_ends_timestamp_seconds", time, "", "When a configuration on trial goes back by itself."},
    {"/control/approval/role_problems", "cordon_roles_fault", number, "", "Roles whose socket could not be made."},
    {"/control/audit/sequence", "cordon_audit_records", gauge, "", "Number of the last record of the audit trail."},
    {"/control/audit/torn", "cordon_audit_torn", gauge, "", "Pieces of records in it that a crash left."},
    {"/control/audit/error", "cordon_audit_fault", fault, "", "1: nothing can be recorded, so that nothing can be changed."},
    {"/control/audit/path|head", nullptr, left_out, "field", "for whoever keeps the head elsewhere"},
    {"/restart_needed", "cordon_restart_needed", gauge, "", "1: the dataplane runs with an older configuration."},
    {"/control/index/path", nullptr, left_out, "", identity},
    {"/control/index/loading", "cordon_index_loading", gauge, "", "1: the dataplane is loading an index."},
    {"/control/index/error", "cordon_index_fault", fault, "", "1: the newest index is not in force."},
    {"/control/metrics/scrapes", "cordon_metrics_scrapes_total", counter, "", "Answers with metrics so far."},
    {"/control/metrics/refused", "cordon_metrics_refused_total", counter, "", "Requests for anything but the metrics."},
    {"/control/metrics/overdue", "cordon_metrics_overdue_total", counter, "", "Connections that were cut because they were too slow."},

    {"/control/events/written", "cordon_events_total", counter, "", "Lines written to the event log."},
    {"/control/events/errors", "cordon_events_errors_total", counter, "", "Times the event log could not be written; the lines come later."},
    {"/control/events/error", "cordon_events_fault", fault, "", "1: the event log cannot be written."},

    {"/control/journal/next_sequence", "cordon_journal_next_sequence", gauge, "", "Number of the record of the journal that is read next."},
    {"/control/journal/backlog", "cordon_journal_backlog_records", gauge, "", "Records that the dataplane wrote and cordond has not stored yet."},
    {"/control/journal/records", "cordon_journal_records_total", counter, "", "Records read since cordond was started."},
    {"/control/journal/segments_deleted", "cordon_journal_segments_deleted_total", counter, "", "Segments of the journal deleted because all of them is stored."},
    {"/control/journal/segments_damaged", "cordon_journal_segments_damaged_total", counter, "", "Segments of the journal that did not verify and were put aside."},
    {"/control/journal/missing", "cordon_journal_missing_records_total", counter, "", "Records of the journal that never came, since cordond was started."},
    {"/control/journal/error", "cordon_journal_fault", fault, "", "1: the journal cannot be read."},

    {"/control/store/error", "cordon_store_fault", fault, "", "1: the store does not answer."},
    {"/control/store/records", "cordon_store_records", gauge, "", "Records of the journal in the store."},
    {"/control/store/incidents", "cordon_store_incidents", gauge, "", "Incidents in the store."},
    {"/control/store/tests", "cordon_store_tests", gauge, "", "Vectors of self-tests in the store, in none of the others; the newest are kept."},
    {"/control/store/blocked|reported|observed|suspended", nullptr, left_out, "kind", a_sum},
    {"/control/store/services/*/incidents", "cordon_service_incidents", gauge, "service&action", "Incidents in the store by service and by what was done."},
    {"/control/store/services/*/service|action", nullptr, left_out, "service&action,field", "labels"},
    {"/control/store/lists/*/matches", "cordon_list_matches", gauge, "list&curator&legal_basis", "Matches in the store of lists that two persons answer for, with curator and legal basis."},
    {"/control/store/lists/*/list|curator|legal_basis", nullptr, left_out, "list&curator&legal_basis,field", "labels"},
    {"/control/store/decided|unconfirmed|enforced", "cordon_store_blocks", gauge, "status", "Blocks in the store by what is known of their enforcement."},
    {"/control/store/gaps", "cordon_store_gaps", gauge, "", "Times in which traffic passed without the dataplane."},
    {"/control/store/gap_bytes", "cordon_store_gap_bytes", gauge, "", "Bytes that passed in these times."},
    {"/control/store/odd_records", "cordon_store_odd_records", gauge, "", "Records of the journal that were not understood and kept aside."},
    {"/control/store/missing", "cordon_store_missing_records", gauge, "", "Records of the journal that never came."},
    {"/control/store/damaged", "cordon_store_damaged_segments", gauge, "", "Segments of the journal that are damaged and were put aside."},

    {"/control/verify/error", "cordon_verify_fault", fault, "", "1: the queue of the verifier, or the verifier itself, is at fault."},
    {"/control/verify/configured", "cordon_verify_configured", gauge, "", "1: a service has objects judged on its storage."},
    {"/control/verify/connected", "cordon_verify_connected", gauge, "", "1: cordon-verifier is there."},
    {"/control/verify/since", nullptr, left_out, "", identity},
    {"/control/verify/version", "cordon_verify_build_info", state, "version", "Version of cordon-verifier."},
    {"/control/verify/waiting", "cordon_verify_waiting", gauge, "", "Objects that wait to be judged on the storage."},
    {"/control/verify/oldest_waiting_seconds", "cordon_verify_oldest_waiting_seconds", gauge, "", "For how long the oldest of them has waited."},
    {"/control/verify/postponed", "cordon_verify_postponed", gauge, "", "Objects that could not be judged yet."},
    {"/control/verify/undeleted", "cordon_verify_undeleted", gauge, "", "Known objects on a storage that are not deleted yet."},
    {"/control/verify/last_failure", nullptr, left_out, "", for_people},
    {"/control/verify/outcomes/*", "cordon_verify_outcomes", gauge, "outcome", "Objects judged on the storage, by what became of them."},
    {"/control/verify/longest_visible_seconds", "cordon_verify_longest_visible_seconds", gauge, "", "The longest time that a known object was on a storage."},

    {"/control/local_list/entries", "cordon_local_list_entries", gauge, "", "Entries of the operator's own list."},
    {"/control/local_list/entries_max", "cordon_local_list_entries_limit", gauge, "", "As many as it may have."},
    {"/control/local_list/pending", "cordon_local_list_pending", gauge, "", "Entries that wait for a second person."},
    {"/control/local_list/next_end", "cordon_local_list_next_end_timestamp_seconds", time, "", "When the next of its entries ends."},
    {"/control/local_list/hits/*", "cordon_local_list_hits", gauge, "origin", "Files that the operator's own list has met, by who told him of them."},
    {"/control/local_list/problem", "cordon_local_list_fault", fault, "", "1: the list is not in force as it is."},
    {"/control/selftest/*/service", nullptr, left_out, "service=service", "a label"},
    {"/control/selftest/*/canary_seconds", "cordon_canary_interval_seconds", gauge, "service=service", "How often the canary tests a service; 0: it does not."},
    {"/control/selftest/*/time", "cordon_selftest_timestamp_seconds", time, "service=service", "When a service was last tested with the vector."},
    {"/control/selftest/*/proven", "cordon_selftest_proven_timestamp_seconds", time, "service=service", "When the vector was last seen to be refused."},
    {"/control/selftest/*/result", "cordon_selftest_result", state, "service=service,result", "What the last test of a service showed."},
    {"/control/selftest/*/failures", "cordon_canary_failures", gauge, "service=service", "Canaries in a row that ended in that result, when it is not ok."},
    {"/control/selftest/*/text|storage", nullptr, left_out, "service=service,field", for_people},

    {"/control/feeds/node", nullptr, left_out, "", identity},
    {"/control/feeds/feeds/*/name", nullptr, left_out, "feed=name", "a label"},
    {"/control/feeds/feeds/*/feed", nullptr, left_out, "feed=name", "the feed's own name, chosen elsewhere"},
    {"/control/feeds/feeds/*/lab", "cordon_feed_lab", gauge, "feed=name", "1: a feed of a test bench."},
    {"/control/feeds/feeds/*/ceiling", "cordon_feed_ceiling", state, "feed=name,ceiling", "What a match of the feed may do at most."},
    {"/control/feeds/feeds/*/rights/by", "cordon_feed_rights", state, "feed=name,by", "By whose word the feed may block."},
    {"/control/feeds/feeds/*/rights/*", nullptr, left_out, "feed=name,field", for_people},
    {"/control/feeds/feeds/*/in_force/generation", "cordon_feed_generation", gauge, "feed=name", "Generation in force."},
    {"/control/feeds/feeds/*/in_force/epoch", "cordon_feed_epoch", gauge, "feed=name", "Epoch of the generation in force."},
    {"/control/feeds/feeds/*/in_force/records", "cordon_feed_records", gauge, "feed=name", "Indicators of the generation in force."},
    {"/control/feeds/feeds/*/in_force/accepted", "cordon_feed_accepted_timestamp_seconds", time, "feed=name", "When the generation in force was taken."},
    {"/control/feeds/feeds/*/previous", nullptr, left_out, "feed=name", "was in force before, and exported then"},
    {"/control/feeds/feeds/*/announced_generation", "cordon_feed_announced_generation", gauge, "feed=name", "The newest generation that a mirror tells of."},
    {"/control/feeds/feeds/*/issued", "cordon_feed_issued_timestamp_seconds", time, "feed=name", "When the newest news of the Centre was signed."},
    {"/control/feeds/feeds/*/issued", "cordon_feed_age_seconds", age, "feed=name", "How old the newest news of the Centre is."},
    {"/control/feeds/feeds/*/age_seconds", nullptr, left_out, "feed=name", "as of the last poll; cordon_feed_age_seconds is of now"},
    {"/control/feeds/feeds/*/imported", "cordon_feed_imported", gauge, "feed=name", "1: news is brought by hand."},
    {"/control/feeds/feeds/*/grant/serial", "cordon_grant_serial", gauge, "feed=name", "Number of the grant."},
    {"/control/feeds/feeds/*/grant/holds", "cordon_grant_holds", gauge, "feed=name", "1: the grant holds now."},
    {"/control/feeds/feeds/*/grant/not_after", "cordon_grant_expires_timestamp_seconds", time, "feed=name", "When the grant ends."},
    {"/control/feeds/feeds/*/grant/epochs", "cordon_grant_epochs", number, "feed=name", "Epochs to which the grant has the key."},
    {"/control/feeds/feeds/*/grant/*", nullptr, left_out, "feed=name,field", for_people},
    {"/control/feeds/feeds/*/hold/kind", "cordon_feed_hold", state, "feed=name,kind", "Releases are held back, by a pause or a pin."},
    {"/control/feeds/feeds/*/hold/until", "cordon_feed_hold_until_timestamp_seconds", time, "feed=name", "When they are taken again."},
    {"/control/feeds/feeds/*/hold/reason|uid", nullptr, left_out, "feed=name,field", for_people},
    {"/control/feeds/feeds/*/own_suspensions", "cordon_feed_own_suspensions", number, "feed=name", "Indicators of the feed that two persons here suspended."},
    {"/control/feeds/feeds/*/suspensions", "cordon_feed_suspensions", number, "feed=name", "Suspensions of the feed that are on record."},
    {"/control/feeds/feeds/*/doubted", "cordon_feed_doubted", number, "feed=name", "Newcomers of the feed that report only until they are confirmed."},
    {"/control/feeds/feeds/*/polled", "cordon_feed_polled_timestamp_seconds", time, "feed=name", "When the mirrors were last asked."},
    {"/control/feeds/feeds/*/next_poll", "cordon_feed_next_poll_timestamp_seconds", time, "feed=name", "When they are asked next."},
    {"/control/feeds/feeds/*/failures", "cordon_feed_failures", gauge, "feed=name", "Polls in a row that failed."},
    {"/control/feeds/feeds/*/mirrors/*/address|problem|timestamp_version", nullptr, left_out, "feed=name,mirror=address,field", "addresses and texts are no labels"},
    {"/control/feeds/feeds/*/mirrors/*/behind", nullptr, left_out, "feed=name,mirror=address", "counts in alarms"},
    {"/control/feeds/feeds/*/mirrors", "cordon_feed_mirrors", number, "feed=name", "Mirrors of the feed."},
    {"/control/feeds/feeds/*/alarms", "cordon_feed_alarms", number, "feed=name", "What needs attention; `cordonctl feed status` says it."},

    // --- the dataplane ---------------------------------------------------------------------------
    {"/dataplane/reachable", "cordon_up", gauge, "", "1: the dataplane answers."},
    {"/dataplane/error", nullptr, left_out, "", "cordon_up says it"},
    {"/dataplane/version", "cordon_dataplane_build_info", state, "version", "Version of cordon-dataplane."},
    {"/dataplane/pid", nullptr, left_out, "", identity},
    {"/dataplane/started", "cordon_dataplane_start_timestamp_seconds", time, "", "When the dataplane was started."},
    {"/dataplane/lab", nullptr, left_out, "", "as of cordond, or a restart is needed"},
    {"/dataplane/distrusted", "cordon_dataplane_distrusted", gauge, "", "1: a canary found that known files pass; the dataplane feeds its watchdog no more."},
    {"/dataplane/port_kind", "cordon_port_kind_info", state, "kind", "How the ports are driven."},
    {"/dataplane/xdp_attached", "cordon_xdp_attached", gauge, "", "1: the kernel takes over when the dataplane dies."},
    {"/dataplane/ports/*", "cordon_port_link_info", state, "port,link", "State of the link of a port."},
    {"/dataplane/workers", "cordon_workers", gauge, "", "Cores that inspect."},
    {"/dataplane/flows", "cordon_flows", gauge, "", "Connections now."},
    {"/dataplane/flows_max", "cordon_flows_limit", gauge, "", "Connections for which there is room."},
    {"/dataplane/flows_midstream", "cordon_flows_midstream", gauge, "", "Connections older than the dataplane, not inspected."},
    {"/dataplane/kept_bytes", "cordon_kept_bytes", gauge, "", "Bytes forwarded and not yet acknowledged by the storage."},
    {"/dataplane/policy_generation", "cordon_dataplane_policy_generation", gauge, "", "Number of the configuration that the dataplane runs with."},
    {"/dataplane/journal/sequence", "cordon_journal_written_sequence", gauge, "", "Number of the last durable record of the journal."},
    {"/dataplane/journal/errors", "cordon_journal_write_errors_total", counter, "", "Times the journal could not be written."},

    {"/dataplane/index/generation", "cordon_index_generation", gauge, "", "Number of the index in force; 0: none."},
    {"/dataplane/index/indicators", "cordon_index_indicators", gauge, "", "Indicators in force."},
    {"/dataplane/index/loaded", "cordon_index_loaded_timestamp_seconds", time, "", "Since when the index is in force."},
    {"/dataplane/index/lab", "cordon_index_lab", gauge, "", "1: the index was made by hand."},
    {"/dataplane/index/error", "cordon_index_refused", fault, "", "1: the last index was refused."},
    {"/dataplane/index/kinds/*/indicators", "cordon_index_kind_indicators", gauge, "kind", "Indicators in force by kind of digest."},
    {"/dataplane/index/kinds/*/with_size", "cordon_index_kind_with_size", gauge, "kind", "Of these, with the size of their file."},
    {"/dataplane/index/kinds/*/with_head", "cordon_index_kind_with_head", gauge, "kind", "Of these, with the head of their file."},
    {"/dataplane/index/suspensions/in_force", "cordon_suspensions", gauge, "", "Suspensions in force."},
    {"/dataplane/index/suspensions/written", "cordon_suspensions_written_timestamp_seconds", time, "", "When the suspensions in force were written."},
    {"/dataplane/index/suspensions/refused", "cordon_suspensions_refused_total", counter, "", "Files of suspensions that were refused."},
    {"/dataplane/index/suspensions/error", "cordon_suspensions_fault", fault, "", "1: the newest suspensions are not in force."},
    {"/dataplane/index/clock_step_seconds", "cordon_clock_step_seconds", gauge, "", "The last step of the clock that was too large; 0: none."},
    {"/dataplane/index/memory", "cordon_index_memory_info", state, "kind", "What the index in force lies in."},
    {"/dataplane/index/test_vector", "cordon_test_vector_info", state, "state", "What would be done about the vector of a self-test."},
    {"/dataplane/index/key_protection", "cordon_key_protection_info", state, "protection", "Where the key is that opens the keys of the lists."},
    {"/dataplane/index/key_fault", "cordon_key_fault", fault, "", "1: a key of the lists is missing."},

    {"/dataplane/index/sections/*/name", nullptr, left_out, "list=name", "a label"},
    {"/dataplane/index/sections/*/kind", "cordon_list_kind_info", state, "list=name,kind", "Where a list comes from."},
    {"/dataplane/index/sections/*/ceiling", "cordon_list_ceiling", state, "list=name,ceiling", "What a match of the list may do at most."},
    {"/dataplane/index/sections/*/state", "cordon_list_state", state, "list=name,state", "What of the list is in force, by its keys and its age."},
    {"/dataplane/index/sections/*/epoch", "cordon_list_epoch", gauge, "list=name", "Epoch of the list."},
    {"/dataplane/index/sections/*/generation", "cordon_list_generation", gauge, "list=name", "Generation of the list."},
    {"/dataplane/index/sections/*/indicators", "cordon_list_entries", gauge, "list=name", "Indicators of the list."},
    {"/dataplane/index/sections/*/not_after", "cordon_list_expires_timestamp_seconds", time, "list=name", "When the list ends with its grant."},
    {"/dataplane/index/sections/*/fresh_until", "cordon_list_fresh_until_timestamp_seconds", time, "list=name", "When the list is old, unless news comes."},
    {"/dataplane/index/sections/*/weak_until", "cordon_list_weak_until_timestamp_seconds", time, "list=name", "When its weak indicators only report."},
    {"/dataplane/index/sections/*/block_until", "cordon_list_block_until_timestamp_seconds", time, "list=name", "When all of it only reports."},

    {"/dataplane/services/*/name", nullptr, left_out, "service=name", "a label"},
    {"/dataplane/services/*/mode", "cordon_mode", state, "service=name,mode", "Mode of a service."},
    {"/dataplane/services/*/fail", "cordon_fail_mode", state, "service=name,fail", "What happens to a service while no dataplane works."},
    {"/dataplane/services/*/dismiss", "cordon_dismiss_mode", state, "service=name,dismiss", "How objects are told early to be none of the listed ones."},
    {"/dataplane/services/*/bypass_until", "cordon_bypass_until_timestamp_seconds", time, "service=name", "When a bypass ends."},
    {"/dataplane/services/*/bypassed_bytes", "cordon_bypassed_bytes_total", counter, "service=name", "Bytes that passed without the dataplane, since boot."},
    {"/dataplane/services/*/bypassed_packets", "cordon_bypassed_packets_total", counter, "service=name", "Packets that passed without the dataplane, since boot."},
    {"/dataplane/services/*/policies/*/action", "cordon_policy", state, "service=name,about,action", "What is done with connections that cannot be inspected."},
    {"/dataplane/services/*/policies/*/passed|reset|refused|retired", "cordon_policy_connections_total", counter, "service=name,about,result", "Connections that could not be inspected, by what was done."},
    {"/dataplane/services/*/asymmetric_last", "cordon_asymmetric_last_timestamp_seconds", time, "service=name", "When only one direction of a connection was last seen."},

    // --- what it counted ---------------------------------------------------------------------------
    {"/coverage/frames/*/class", nullptr, left_out, "class", "a label"},
    {"/coverage/frames/*/packets", "cordon_frames_total", counter, "class/reason=class", "Frames received, each in one class."},
    {"/coverage/frames/*/bytes", "cordon_frame_bytes_total", counter, "class/reason=class", "Bytes of these frames."},
    {"/coverage/objects/*/class", nullptr, left_out, "class", "a label"},
    {"/coverage/objects/*/objects", "cordon_objects_total", counter, "class/reason=class", "Objects that ended, each in one class."},
    {"/coverage/objects/*/bytes", "cordon_object_bytes_total", counter, "class/reason=class", "Bytes of these objects."},
    {"/coverage/service_objects/*/service", nullptr, left_out, "service", "a label"},
    {"/coverage/service_objects/*/objects/*/class", nullptr, left_out, "service,class", "a label"},
    {"/coverage/service_objects/*/objects/*/objects", "cordon_service_objects_total", counter, "service,class/reason=class", "Objects of a service that ended, each in one class."},
    {"/coverage/service_objects/*/objects/*/bytes", "cordon_service_object_bytes_total", counter, "service,class/reason=class", "Bytes of these objects."},
    {"/coverage/service_objects/*/verdicts/*/objects", "cordon_verdicts_total", counter, "service,verdict", "Objects judged, by service and verdict; one in another counts beside it."},
    {"/coverage/service_objects/*/verdicts/*/bytes", "cordon_verdict_bytes_total", counter, "service,verdict", "Bytes of these objects."},
    {"/coverage/service_objects/*/latency", "cordon_verdict_seconds", histogram, "service", "From the end of an upload to its verdict, when what was held of it may leave."},
    {"/coverage/types/*/type", nullptr, left_out, "type", "a label"},
    {"/coverage/types/*/clean|dismissed|matched|uninspected/objects", "cordon_type_objects_total", counter, "type,verdict", "Objects judged, by their first bytes; one in another counts beside it."},
    {"/coverage/types/*/clean|dismissed|matched|uninspected/bytes", "cordon_type_bytes_total", counter, "type,verdict", "Bytes of these objects."},
    {"/coverage/outcomes/*/name|unit|help", nullptr, left_out, "outcome=name,field", "labels and texts"},
    {"/coverage/outcomes/*/value", "cordon_outcomes_total", counter, "outcome=name&unit", "What the dataplane met; `cordonctl coverage` explains each."},
    {"/coverage/ports/*/received/packets", "cordon_port_received_packets_total", counter, "port", "Packets received by a port."},
    {"/coverage/ports/*/received/bytes", "cordon_port_received_bytes_total", counter, "port", "Bytes received by a port."},
    {"/coverage/ports/*/transmitted/packets", "cordon_port_transmitted_packets_total", counter, "port", "Packets sent by a port."},
    {"/coverage/ports/*/transmitted/bytes", "cordon_port_transmitted_bytes_total", counter, "port", "Bytes sent by a port."},
    {"/coverage/ports/*/missed|errors|oversized", "cordon_port_lost_packets_total", counter, "port,reason", "Packets that a port lost by itself."},
    {"/coverage/sum/frame_bytes|received_bytes", nullptr, left_out, "field", a_sum},
    {"/coverage/object_sum/class_bytes", nullptr, left_out, "", a_sum},
    {"/coverage/object_sum/body_bytes", "cordon_body_bytes_total", counter, "", "Bytes of bodies by their framing."},
    {"/coverage/object_sum/unframed_bytes", "cordon_unframed_bytes_total", counter, "", "Bytes of clients on connections that are not inspected."},
    {"/coverage/object_sum/open_bytes", "cordon_open_bytes", gauge, "", "Bytes of objects under way, in no class yet."},
    {"/coverage/sum|object_sum/difference", "cordon_ledger_difference_bytes", gauge, "ledger", "Bytes that are in no class, or in two; for longer than a moment it is a fault of ours."},
    {"/coverage/sum|object_sum/balanced", nullptr, left_out, "ledger", "the difference is 0"},
};
// clang-format on

}  // namespace

std::span<const MetricRow> metric_table() {
    return rows;
}

const char* metric_type(MetricKind kind) {
    if (kind == MetricKind::histogram) return "histogram";
    return kind == MetricKind::counter ? "counter" : "gauge";
}

}  // namespace cordon
