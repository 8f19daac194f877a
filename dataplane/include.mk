# Sources of the dataplane, by room. Only shell/ sees DPDK.

contract_sources := dataplane/contract/keyed_tag.cpp dataplane/contract/index_verify.cpp \
                    dataplane/contract/journal_codec.cpp dataplane/contract/options_file.cpp \
                    dataplane/contract/pattern_database.cpp
decode_sources := dataplane/decode/decode.cpp dataplane/decode/checksum.cpp \
                  dataplane/decode/build.cpp
fragment_sources := dataplane/fragment/reassembly.cpp dataplane/fragment/places.cpp \
                    dataplane/fragment/header_chain.cpp
flow_sources := dataplane/flow/flow_table.cpp
stream_sources := dataplane/stream/stream.cpp
http_sources := dataplane/http/head.cpp dataplane/http/chunked.cpp dataplane/http/message.cpp \
                dataplane/http/response.cpp dataplane/http/address.cpp \
                dataplane/http/proxy_header.cpp dataplane/http/identity.cpp \
                dataplane/http/refusal.cpp dataplane/http/body_rest.cpp
object_sources := dataplane/object/object.cpp dataplane/object/body.cpp \
                  dataplane/object/coding.cpp dataplane/object/multipart.cpp \
                  dataplane/object/part_head.cpp dataplane/object/parameters.cpp \
                  dataplane/object/transfer_coding.cpp
fingerprint_sources := dataplane/fingerprint/fingerprinter.cpp
content_sources := dataplane/content/content_scanner.cpp dataplane/content/pattern_scanner.cpp \
                   dataplane/content/pattern_view.cpp dataplane/content/type_scanner.cpp \
                   dataplane/content/type_table.cpp
index_sources := dataplane/index/index_view.cpp
verdict_sources := dataplane/verdict/policy.cpp
worker_sources := dataplane/worker/worker.cpp dataplane/worker/flows.cpp \
                  dataplane/worker/midstream.cpp dataplane/worker/up.cpp \
                  dataplane/worker/repeats.cpp dataplane/worker/release.cpp \
                  dataplane/worker/down.cpp dataplane/worker/exchange.cpp \
                  dataplane/worker/objects.cpp dataplane/worker/pressure.cpp \
                  dataplane/worker/judge.cpp dataplane/worker/answering.cpp \
                  dataplane/worker/case_number.cpp dataplane/worker/fragments.cpp \
                  dataplane/worker/content.cpp
# Of the shell, but free of DPDK: tests and control link it as well.
shell_plain_sources := dataplane/base/files.cpp dataplane/shell/journal_writer.cpp \
                       dataplane/shell/journal_thread.cpp dataplane/shell/link_frames.cpp \
                       dataplane/shell/control_socket.cpp dataplane/shell/index_holder.cpp \
                       dataplane/shell/memory_plan.cpp dataplane/shell/event_log.cpp \
                       dataplane/shell/spread.cpp dataplane/shell/link_pair.cpp \
                       dataplane/shell/link_watch.cpp
shell_sources := dataplane/shell/steer_loader.cpp dataplane/shell/steer_maps.cpp \
                 dataplane/shell/steer_plan.cpp dataplane/shell/main.cpp \
                 dataplane/shell/appliance.cpp dataplane/shell/appliance_link.cpp \
                 dataplane/shell/worker_loop.cpp dataplane/shell/dpdk_port.cpp \
                 dataplane/shell/eal.cpp dataplane/shell/net_device.cpp \
                 dataplane/shell/process.cpp dataplane/shell/xdp_features.cpp
replay_sources := dataplane/replay/capture.cpp dataplane/replay/clock.cpp \
                  dataplane/replay/json_lines.cpp dataplane/replay/pcap_port.cpp \
                  dataplane/replay/resegment.cpp dataplane/replay/roles.cpp \
                  dataplane/replay/settings.cpp
replay_main_sources := dataplane/replay/hash_index.cpp dataplane/replay/main.cpp \
                       dataplane/replay/replay.cpp

pure_sources    = $(contract_sources) $(decode_sources) $(fragment_sources) $(flow_sources) \
                  $(stream_sources) $(http_sources) $(object_sources) $(fingerprint_sources) \
                  $(content_sources) $(index_sources) $(verdict_sources) $(worker_sources)
pure_objects    = $(pure_sources:%.cpp=$(O)/%.o)
pure_libs       = -lcrypto -lxxhash -lz -lzstd -lbrotlidec -lhs
shell_plain_objects = $(shell_plain_sources:%.cpp=$(O)/%.o)

replay_objects = $(replay_sources:%.cpp=$(O)/%.o)
replay_main_objects = $(replay_main_sources:%.cpp=$(O)/%.o)

dataplane_objects = $(pure_objects) $(shell_plain_objects) $(shell_sources:%.cpp=$(O)/%.o) \
                    $(replay_objects) $(replay_main_objects)
$(dataplane_objects): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS)
$(shell_sources:%.cpp=$(O)/%.o): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS) $(DPDK_CXXFLAGS)

programs += $(O)/bin/cordon-dataplane
$(O)/bin/cordon-dataplane: $(pure_objects) $(shell_plain_objects) $(shell_sources:%.cpp=$(O)/%.o)
	$(link)
$(O)/bin/cordon-dataplane: LIBS = $(DPDK_LIBS) -lbpf -lsystemd $(pure_libs)

# A tool at the edge: the one program here that links a part of control, the index builder, whose
# sources are named only after this file was read.
builder_objects = $(builder_sources:%.cpp=$(O)/%.o)
.SECONDEXPANSION:
programs += $(O)/bin/cordon-replay
$(O)/bin/cordon-replay: $(replay_main_objects) $(replay_objects) $$(builder_objects) $(pure_objects)
	$(link)
$(O)/bin/cordon-replay: LIBS = $(pure_libs) -lpcap
