# Tests. `make test` needs no privileges; `make check` installs, builds and runs everything.
#
# A unit test is one file, tests/unit/<name>_test.cpp, linked with all pure rooms. Those of control
# are linked with control's objects as well and may use exceptions.

room_tests := \
    decode \
    build \
    reassembly \
    flow_table \
    stream \
    http_message \
    http_response \
    framing_corpus \
    framing_answers \
    proxy_header \
    identity \
    refusal \
    fingerprint \
    fingerprint_tree \
    kernels \
    keyed_tag \
    index_verify \
    index_view \
    index_outline \
    index_builder \
    index_feed \
    index_holder \
    key_ring \
    suspensions \
    type_scanner \
    pattern_scanner \
    worker_content \
    multipart \
    aws_chunked \
    content_coding \
    text_base64 \
    archive \
    archive_signature \
    zip \
    content_reader \
    recipe \
    commit_list \
    policy \
    assembly \
    assembly_leaves \
    source_names \
    source_shelf \
    worker \
    worker_reset \
    worker_system_calls \
    worker_shunt \
    worker_shunt_schedule \
    worker_hostile \
    worker_liveness \
    worker_loss \
    worker_policy \
    worker_services \
    worker_sections \
    worker_local \
    worker_forms \
    worker_archives \
    worker_unpacking \
    worker_peers \
    worker_dismissal \
    worker_assembled_archives \
    worker_assembly \
    worker_leaves \
    worker_copies \
    worker_names \
    worker_gaps \
    worker_parallel_ranges \
    worker_broken_pieces \
    worker_composite \
    worker_late_fields \
    worker_limits \
    worker_looking \
    worker_overload \
    worker_link \
    worker_normaliser \
    worker_straight \
    worker_rules \
    worker_fragment \
    verifier \
    verify_job \
    prober \
    worker_selftest \
    journal \
    journal_thread \
    options_file \
    link_frames \
    control_socket \
    pacing \
    roll_call \
    direction_alarm \
    link_pair \
    event_log \
    delivery_order \
    replay
control_tests := \
    approval \
    audit \
    journal_crash \
    personal_data \
    shared_store \
    selftest \
    store \
    verify_queue \
    verify_desk \
    config \
    dataplane_link \
    feed_backup \
    feed_client \
    feed_crash \
    feed_format \
    feed_follower \
    feed_polling \
    feed_answers \
    feed_importers \
    feed_desk \
    feed_in_force \
    feed_newcomers \
    feed_publisher \
    feed_rights \
    feed_sections \
    feed_threats \
    feed_transfer \
    explain \
    journal_reader \
    known_files \
    local_list \
    request_server \
    cordond \
    completion \
    events \
    metrics \
    weakening \
    cli \
    top_view

room_test_programs    = $(room_tests:%=$(O)/tests/unit/%_test)
control_test_programs = $(control_tests:%=$(O)/tests/unit/%_test)
unit_test_programs    = $(room_test_programs) $(control_test_programs)
# Tests of the store run on a server of their own as well.
$(control_test_programs:%=%.o): EXTRA_CXXFLAGS = $(PQ_CXXFLAGS)

$(room_test_programs): $(O)/tests/unit/%_test: $(O)/tests/unit/%_test.o $(pure_objects) \
                       $(shell_plain_objects)
	$(link)
$(room_test_programs): LIBS = $(pure_libs) -lcmocka
# It makes what it takes apart.
$(O)/tests/unit/content_coding_test $(O)/tests/unit/worker_forms_test: \
    LIBS = $(pure_libs) -lcmocka -lbrotlienc

# The verifier is no part of the rooms.
of_verifier := $(patsubst %,$(O)/tests/unit/%_test,verifier verify_job prober)
$(of_verifier): $(verifier_objects)
$(of_verifier): LIBS = $(pure_libs) -lcmocka -lcurl

# Compares with what the http room was given to read: tests/support/inspected_tap.h.
tapped := \
    -Wl,--wrap=_ZN6cordon13RequestParser4feedESt4spanIKhLm18446744073709551615EE \
    -Wl,--wrap=_ZN6cordon13RequestParser10feed_innerESt4spanIKhLm18446744073709551615EE
$(O)/tests/unit/worker_normaliser_test: LIBS = $(pure_libs) -lcmocka $(tapped)

# These build the index they try.
$(patsubst %,$(O)/tests/unit/%_test, \
    $(filter worker% index_% key_ring framing% pattern% verif%,$(room_tests))): \
    $(builder_sources:%.cpp=$(O)/%.o)
# It opens what control seals.
$(O)/tests/unit/key_ring_test: $(patsubst %,$(O)/control/feed/%.o,crypto key_handover)
fuzz_sources.worker      = $(builder_sources)
fuzz_libs.worker         = $(tapped)
fuzz_sources.shunt       = $(builder_sources)
fuzz_libs.shunt          = $(tapped)
fuzz_sources.index_view  = $(builder_sources)
fuzz_sources.pattern_scanner = $(builder_sources)
fuzz_sources.list_parser = control/index/list_parser.cpp
fuzz_sources.config      = $(config_sources) control/store/postgres_url.cpp
fuzz_libs.config         = -lpq
fuzz_sources.verify_location = dataplane/verifier/location.cpp dataplane/verifier/aws_sign.cpp
fuzz_sources.request     = control/daemon/request.cpp control/link/link_json.cpp \
                           control/config/address.cpp
fuzz_sources.journal_reader = control/link/journal_reader.cpp
# What a mirror or a foreign list may say.
fuzz_sources.feed_metadata = $(patsubst %,control/feed/%.cpp, \
                               canonical_json crypto metadata metadata_reader)
fuzz_libs.feed_metadata    = -lsodium
fuzz_sources.feed_grant    = $(fuzz_sources.feed_metadata) control/feed/grant.cpp
fuzz_libs.feed_grant       = -lsodium
fuzz_sources.feed_records  = $(patsubst %,control/feed/%.cpp, \
                               crypto records sealed_file sealed_part)
fuzz_libs.feed_records     = -lsodium
fuzz_sources.feed_rows     = $(patsubst %,control/publisher/%.cpp,row_parts rows) \
                             control/index/list_parser.cpp \
                             $(patsubst %,control/feed/%.cpp,crypto sealed_part)
fuzz_libs.feed_rows        = -lsodium
fuzz_sources.feed_lists    = $(patsubst %,control/publisher/%.cpp, \
                               json_items ncmec row_parts stix stix_pattern vics) \
                             $(patsubst %,control/feed/%.cpp, \
                               canonical_json crypto metadata metadata_reader)
fuzz_libs.feed_lists       = -lsodium -lexpat
fuzz_sources.audit_trail = $(patsubst %,control/audit/%.cpp,audit_record person) \
                           control/feed/crypto.cpp
fuzz_libs.audit_trail    = -lsodium
fuzz_sources.link_frames = dataplane/shell/link_frames.cpp
fuzz_sources.pcap_view   = dataplane/replay/pcap_view.cpp
fuzz_libs.pcap_view      = -lpcap

# control_objects: everything of control but the mains (control/include.mk).
$(control_test_programs): $(O)/tests/unit/%_test: $(O)/tests/unit/%_test.o $(pure_objects) \
                          $(shell_plain_objects) $(control_objects)
	$(link)
$(control_test_programs): LIBS = $(control_libs) -lcmocka
# Sees what is done to files: tests/support/recorded_folder.h.
recorded := -Wl,--wrap=write,--wrap=fsync,--wrap=mkostemp \
            -Wl,--wrap=rename,--wrap=link,--wrap=unlink
$(O)/tests/unit/audit_test $(O)/tests/unit/feed_crash_test: \
    LIBS = $(control_libs) -lcmocka $(recorded)

# The corpus of framing cases, and how our parser frames bytes.
framing_sources := tests/framing/corpus.cpp tests/framing/framed.cpp
$(O)/tests/unit/framing_corpus_test: $(framing_sources:%.cpp=$(O)/%.o)
framing_tool_sources := $(framing_sources) tests/framing/mutate.cpp tests/framing/tool.cpp
$(O)/tests/framing/framing-tool: $(framing_tool_sources:%.cpp=$(O)/%.o) $(pure_objects)
	$(link)
$(O)/tests/framing/framing-tool: LIBS = $(pure_libs)

# The parts of cordon-replay that need no worker.
$(O)/tests/unit/replay_test $(O)/tests/unit/delivery_order_test: $(replay_objects)
$(O)/tests/unit/replay_test $(O)/tests/unit/delivery_order_test: LIBS = $(pure_libs) -lcmocka -lpcap
# As the objects it is linked with: the sanitizer looks for type information where there is none.
$(O)/tests/unit/replay_test.o: EXTRA_CXXFLAGS = $(NO_EXCEPTIONS)

# Tests of the kernel programs run as root; without the privilege each one skips and says so.
bpf_tests := steer shunt bypass loader

bpf_test_programs = $(bpf_tests:%=$(O)/tests/bpf/%_test)
$(bpf_test_programs:%=%.o): EXTRA_CXXFLAGS = -DCORDON_BPF_DIR='"$(O)/ebpf"'
$(bpf_test_programs): $(O)/tests/bpf/%_test: $(O)/tests/bpf/%_test.o | $(bpf_objects)
	$(link)
$(bpf_test_programs): LIBS = -lbpf -lcmocka
steer_loader_objects = $(patsubst %,$(O)/dataplane/shell/%.o,steer_loader steer_maps steer_plan \
                         steer_shunts xdp_features)
$(O)/tests/bpf/loader_test: $(steer_loader_objects)
# Drives the loader from tests/system/_bridge_check.sh.
$(O)/tests/bpf/steer_tool.o: EXTRA_CXXFLAGS = -DCORDON_BPF_DIR='"$(O)/ebpf"'
$(O)/tests/bpf/steer_tool: LIBS = -lbpf
$(O)/tests/bpf/steer_tool: $(O)/tests/bpf/steer_tool.o $(steer_loader_objects) | $(bpf_objects)
	$(link)

# Benchmarks: make bench. Never part of a test.
bench_sources := \
    tests/bench/main.cpp \
    tests/bench/assembly_bench.cpp \
    tests/bench/bench_port.cpp \
    tests/bench/content_bench.cpp \
    tests/bench/decoders_bench.cpp \
    tests/bench/http_bench.cpp \
    tests/bench/lanes_bench.cpp \
    tests/bench/large_index.cpp \
    tests/bench/line_bench.cpp \
    tests/bench/lookup_bench.cpp \
    tests/bench/shunt_bench.cpp \
    tests/bench/stream_bench.cpp \
    tests/bench/swap_bench.cpp
programs += $(O)/bin/cordon-bench
$(O)/bin/cordon-bench: $(bench_sources:%.cpp=$(O)/%.o) $(pure_objects) $(shell_plain_objects) \
                       $(builder_sources:%.cpp=$(O)/%.o) | $(bpf_objects)
	$(link)
$(O)/bin/cordon-bench: LIBS = $(pure_libs) -lbrotlienc -lbpf
# It runs the kernel's program, from wherever it is called.
$(O)/tests/bench/shunt_bench.o: EXTRA_CXXFLAGS = -DCORDON_BPF_DIR='"$(abspath $(O))/ebpf"'
# The least that a process in the wire adds (tests/bench/idle).
bench_relay   := $(O)/tests/bench/relay
bench_sources += tests/bench/relay.cpp
$(bench_relay): $(O)/tests/bench/relay.o
	$(link)
$(bench_relay): LIBS =
# The cadence of a fleet, by the classes that cordond polls with (tests/bench/feed).
feed_staleness := $(O)/tests/bench/feed_staleness
bench_sources  += tests/bench/feed_staleness.cpp
$(feed_staleness): $(O)/tests/bench/feed_staleness.o $(O)/control/sync/polling.o $(pure_objects) \
                   $(patsubst %,$(O)/control/feed/%.o,canonical_json client crypto metadata \
                     metadata_reader records sealed_file sealed_part)
	$(link)
$(feed_staleness): LIBS = $(pure_libs)
