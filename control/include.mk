# Sources of the control side. It may include dataplane/contract and dataplane/base, and its
# libraries throw: exceptions end at the edge of a library and become Error.

config_sources := \
    control/config/address.cpp \
    control/config/config.cpp \
    control/config/feed_config.cpp \
    control/config/metrics_config.cpp \
    control/config/operators_config.cpp \
    control/config/service_config.cpp \
    control/config/text_rules.cpp \
    control/config/toml_guard.cpp \
    control/config/toml_section.cpp \
    control/config/verifier_config.cpp
audit_sources := \
    control/audit/audit_check.cpp \
    control/audit/audit_json.cpp \
    control/audit/audit_log.cpp \
    control/audit/audit_pages.cpp \
    control/audit/audit_record.cpp \
    control/audit/audit_segments.cpp \
    control/audit/person.cpp
approval_sources := \
    control/approval/config_history.cpp \
    control/approval/proposals.cpp \
    control/approval/weakening.cpp
store_sources := \
    control/store/case_keys.cpp \
    control/store/database.cpp \
    control/store/personal.cpp \
    control/store/personal_data.cpp \
    control/store/incident_counts.cpp \
    control/store/incident_filter.cpp \
    control/store/postgres.cpp \
    control/store/postgres_url.cpp \
    control/store/local_hits.cpp \
    control/store/list_rights.cpp \
    control/store/schema.cpp \
    control/store/schema_postgres.cpp \
    control/store/sql_store.cpp \
    control/store/sqlite.cpp \
    control/store/text.cpp \
    control/store/verify_queue.cpp
builder_sources := \
    control/index/atomic_file.cpp \
    control/index/feed_index.cpp \
    control/index/index_builder.cpp \
    control/index/index_files.cpp \
    control/index/list_parser.cpp \
    control/index/list_writer.cpp \
    control/index/pattern_list.cpp \
    control/index/refused_digests.cpp
link_sources := \
    control/link/dataplane_link.cpp \
    control/link/link_json.cpp \
    control/link/unix_socket.cpp \
    control/link/journal_reader.cpp
local_sources := \
    control/local/local_list.cpp
events_sources := \
    control/events/event_file.cpp \
    control/events/event_line.cpp \
    control/events/event_writer.cpp
metrics_sources := \
    control/metrics/exposition.cpp \
    control/metrics/metric_table.cpp \
    control/metrics/metrics_server.cpp
cli_sources := \
    control/cli/approval.cpp \
    control/cli/audit.cpp \
    control/cli/bypass.cpp \
    control/cli/check.cpp \
    control/cli/cli.cpp \
    control/cli/commands.cpp \
    control/cli/completion.cpp \
    control/cli/config.cpp \
    control/cli/cordond_client.cpp \
    control/cli/explain.cpp \
    control/cli/feed.cpp \
    control/cli/incidents.cpp \
    control/cli/index.cpp \
    control/cli/json_fields.cpp \
    control/cli/json_state_fields.cpp \
    control/cli/list.cpp \
    control/cli/mode.cpp \
    control/cli/problems.cpp \
    control/cli/status.cpp \
    control/cli/suspend.cpp \
    control/cli/tables.cpp \
    control/cli/text.cpp \
    control/cli/top.cpp \
    control/cli/top_view.cpp \
    control/cli/selftest.cpp \
    control/cli/verify.cpp
daemon_sources := \
    control/daemon/active_options.cpp \
    control/daemon/approval_requests.cpp \
    control/daemon/audit_requests.cpp \
    control/daemon/config_requests.cpp \
    control/daemon/daemon.cpp \
    control/daemon/exchanges.cpp \
    control/daemon/explain_requests.cpp \
    control/daemon/feed_answers.cpp \
    control/daemon/feed_requests.cpp \
    control/daemon/hit_tap.cpp \
    control/daemon/incident_json.cpp \
    control/daemon/incident_requests.cpp \
    control/daemon/index_watch.cpp \
    control/daemon/journal_intake.cpp \
    control/daemon/list_requests.cpp \
    control/daemon/log.cpp \
    control/daemon/metrics_requests.cpp \
    control/daemon/mode_overrides.cpp \
    control/daemon/mode_requests.cpp \
    control/daemon/request.cpp \
    control/daemon/request_roles.cpp \
    control/daemon/request_server.cpp \
    control/daemon/requests.cpp \
    control/daemon/side_thread.cpp \
    control/daemon/store_desk.cpp \
    control/daemon/suspend_requests.cpp \
    control/daemon/store_requests.cpp \
    control/daemon/selftest_requests.cpp \
    control/daemon/selftest_verdict.cpp \
    control/daemon/selftests.cpp \
    control/daemon/verify_desk.cpp \
    control/daemon/verify_grounds.cpp \
    control/daemon/verify_requests.cpp

# Of a feed: what publisher and client share.
feed_sources := \
    control/feed/canonical_json.cpp \
    control/feed/client.cpp \
    control/feed/crypto.cpp \
    control/feed/file_digests.cpp \
    control/feed/file_hashers.cpp \
    control/feed/files_below.cpp \
    control/feed/folder_fetch.cpp \
    control/feed/grant.cpp \
    control/feed/key_handover.cpp \
    control/feed/known_files.cpp \
    control/feed/metadata.cpp \
    control/feed/metadata_reader.cpp \
    control/feed/records.cpp \
    control/feed/sealed_file.cpp \
    control/feed/sealed_part.cpp
# The appliance's side: it follows feeds.
sync_sources := \
    control/sync/doubting.cpp \
    control/sync/feed_desk.cpp \
    control/sync/feed_json.cpp \
    control/sync/feed_state.cpp \
    control/sync/follower.cpp \
    control/sync/https_fetch.cpp \
    control/sync/index_of_feeds.cpp \
    control/sync/index_trial.cpp \
    control/sync/newcomers.cpp \
    control/sync/polling.cpp \
    control/sync/rights.cpp \
    control/sync/taking.cpp
publisher_sources := \
    control/publisher/backup.cpp \
    control/publisher/deltas.cpp \
    control/publisher/documents.cpp \
    control/publisher/feed_store.cpp \
    control/publisher/folder.cpp \
    control/publisher/intake.cpp \
    control/publisher/json_items.cpp \
    control/publisher/key_file.cpp \
    control/publisher/known_good.cpp \
    control/publisher/ncmec.cpp \
    control/publisher/online_keys.cpp \
    control/publisher/repository.cpp \
    control/publisher/row_parts.cpp \
    control/publisher/rows.cpp \
    control/publisher/staging.cpp \
    control/publisher/stix.cpp \
    control/publisher/stix_pattern.cpp \
    control/publisher/vics.cpp
# Its command line, and main().
publisher_main_sources := \
    control/publisher/backing_up.cpp \
    control/publisher/listing.cpp \
    control/publisher/main.cpp \
    control/publisher/making.cpp \
    control/publisher/publishing.cpp \
    control/publisher/revoking.cpp

control_sources = $(config_sources) $(audit_sources) $(approval_sources) \
                  $(store_sources) $(builder_sources) $(link_sources) \
                  $(events_sources) $(metrics_sources) $(cli_sources) $(daemon_sources) \
                  $(local_sources) $(feed_sources) $(sync_sources) $(publisher_sources)
control_objects = $(control_sources:%.cpp=$(O)/%.o) $(trust_table_object)

# What the package trusts, compiled in. Made anew only when it says something else.
TRUST ?= configs/trust
trust_table_object = $(O)/control/feed/trust_roots.o
$(O)/control/feed/trust_roots.cpp: scripts/trust-table ALWAYS
	$(Q)mkdir -p $(@D)
	$(Q)scripts/trust-table trust_table $(sort $(wildcard $(TRUST)/*.root.json)) > $@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PHONY: ALWAYS
$(trust_table_object): $(O)/control/feed/trust_roots.cpp
	$(Q)$(if $(V),,echo "  CXX  $<";) $(CXX) $(CXXFLAGS) -MMD -MP -c $< -o $@
control_libs    = $(pure_libs) -lsqlite3 -lpq -lfmt -lsystemd -lsodium -lexpat -lcurl \
                  -lmicrohttpd -lprometheus-cpp-core -lncursesw -ltinfo

PQ_CXXFLAGS     = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libpq))
$(O)/control/store/postgres.o $(O)/control/store/postgres_url.o: EXTRA_CXXFLAGS = $(PQ_CXXFLAGS)

control_main_sources = control/daemon/main.cpp control/cli/main.cpp $(publisher_main_sources)

programs += $(O)/bin/cordond $(O)/bin/cordonctl
$(O)/bin/cordond: $(O)/control/daemon/main.o $(control_objects) $(pure_objects) \
                  $(shell_plain_objects)
	$(link)
$(O)/bin/cordond: LIBS = $(control_libs)

$(O)/bin/cordonctl: $(O)/control/cli/main.o $(control_objects) $(pure_objects) \
                    $(shell_plain_objects)
	$(link)
$(O)/bin/cordonctl: LIBS = $(control_libs)

# The publisher's tool stands on its own: it needs nothing of the daemon.
programs += $(O)/bin/cordon-feed
$(O)/bin/cordon-feed: $(patsubst %.cpp,$(O)/%.o,$(publisher_main_sources) $(publisher_sources) \
                        $(feed_sources) control/cli/text.cpp control/store/sqlite.cpp \
                        control/store/database.cpp $(builder_sources)) $(pure_objects)
	$(link)
$(O)/bin/cordon-feed: LIBS = $(pure_libs) -lsqlite3 -lfmt -lsodium -lexpat
