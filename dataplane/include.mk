# Sources of the dataplane, by room. Only shell/ sees DPDK.

contract_sources := \
    dataplane/contract/keyed_tag.cpp \
    dataplane/contract/index_verify.cpp \
    dataplane/contract/journal_codec.cpp \
    dataplane/contract/options_file.cpp \
    dataplane/contract/pattern_database.cpp \
    dataplane/contract/section_keys.cpp \
    dataplane/contract/suspensions.cpp \
    dataplane/contract/test_vector.cpp
decode_sources := \
    dataplane/decode/decode.cpp \
    dataplane/decode/checksum.cpp \
    dataplane/decode/build.cpp
fragment_sources := \
    dataplane/fragment/reassembly.cpp \
    dataplane/fragment/places.cpp \
    dataplane/fragment/header_chain.cpp
flow_sources := dataplane/flow/flow_table.cpp
stream_sources := dataplane/stream/stream.cpp
http_sources := \
    dataplane/http/head.cpp \
    dataplane/http/chunked.cpp \
    dataplane/http/message.cpp \
    dataplane/http/response.cpp \
    dataplane/http/address.cpp \
    dataplane/http/proxy_header.cpp \
    dataplane/http/identity.cpp \
    dataplane/http/refusal.cpp \
    dataplane/http/body_rest.cpp
object_sources := \
    dataplane/object/object.cpp \
    dataplane/object/body.cpp \
    dataplane/object/body_archive.cpp \
    dataplane/object/body_coding.cpp \
    dataplane/object/body_text.cpp \
    dataplane/object/archive.cpp \
    dataplane/object/zip_search.cpp \
    dataplane/object/archive_sniffer.cpp \
    dataplane/object/archive_single.cpp \
    dataplane/object/archive_signature.cpp \
    dataplane/object/archive_tar.cpp \
    dataplane/object/pax_records.cpp \
    dataplane/object/coding.cpp \
    dataplane/object/multipart.cpp \
    dataplane/object/part_head.cpp \
    dataplane/object/parameters.cpp \
    dataplane/object/transfer_coding.cpp \
    dataplane/object/archive_zip.cpp \
    dataplane/object/zip_data.cpp \
    dataplane/object/zip_directory.cpp \
    dataplane/object/zip_name.cpp \
    dataplane/object/zip_record.cpp \
    dataplane/object/base64.cpp \
    dataplane/object/encoded_text.cpp \
    dataplane/object/text_base64.cpp
kernel_sources := \
    dataplane/fingerprint/kernel_scalar.cpp \
    dataplane/fingerprint/kernel_shani.cpp \
    dataplane/fingerprint/kernel_stitched.cpp \
    dataplane/fingerprint/kernel_avx2.cpp \
    dataplane/fingerprint/kernel_avx512.cpp
fingerprint_sources := \
    dataplane/fingerprint/fingerprinter.cpp \
    dataplane/fingerprint/digest_state.cpp \
    dataplane/fingerprint/tree.cpp \
    dataplane/fingerprint/blocks.cpp \
    dataplane/fingerprint/batch.cpp \
    dataplane/fingerprint/kernels.cpp \
    $(kernel_sources)
content_sources := \
    dataplane/content/content_scanner.cpp \
    dataplane/content/pattern_scanner.cpp \
    dataplane/content/pattern_view.cpp \
    dataplane/content/type_scanner.cpp \
    dataplane/content/type_table.cpp
index_sources := dataplane/index/index_view.cpp
assembly_sources := \
    dataplane/assembly/recipe.cpp \
    dataplane/assembly/chain_content.cpp \
    dataplane/assembly/content_reader.cpp \
    dataplane/assembly/recipe_view.cpp \
    dataplane/assembly/recipe_storage.cpp \
    dataplane/assembly/recipe_ranges.cpp \
    dataplane/assembly/recipe_forms.cpp \
    dataplane/assembly/spelling.cpp \
    dataplane/assembly/commit_list.cpp \
    dataplane/assembly/xml_reader.cpp \
    dataplane/assembly/json_reader.cpp \
    dataplane/assembly/assembly.cpp \
    dataplane/assembly/begin_piece.cpp \
    dataplane/assembly/lease.cpp \
    dataplane/assembly/leaves.cpp \
    dataplane/assembly/chain.cpp \
    dataplane/assembly/retained.cpp \
    dataplane/assembly/gaps.cpp \
    dataplane/assembly/in_place.cpp \
    dataplane/assembly/forgotten.cpp \
    dataplane/assembly/renamed.cpp \
    dataplane/assembly/copied.cpp \
    dataplane/assembly/source_names.cpp \
    dataplane/assembly/source_shelf.cpp \
    dataplane/assembly/numbering.cpp
verdict_sources := dataplane/verdict/policy.cpp
worker_sources := \
    dataplane/worker/worker.cpp \
    dataplane/worker/flows.cpp \
    dataplane/worker/midstream.cpp \
    dataplane/worker/up.cpp \
    dataplane/worker/repeats.cpp \
    dataplane/worker/straight.cpp \
    dataplane/worker/shunting.cpp \
    dataplane/worker/release.cpp \
    dataplane/worker/down.cpp \
    dataplane/worker/exchange.cpp \
    dataplane/worker/unpacking.cpp \
    dataplane/worker/assembling.cpp \
    dataplane/worker/assembling_bytes.cpp \
    dataplane/worker/assembling_end.cpp \
    dataplane/worker/surveying.cpp \
    dataplane/worker/advancing.cpp \
    dataplane/worker/assembling_forms.cpp \
    dataplane/worker/assembling_leaves.cpp \
    dataplane/worker/copying.cpp \
    dataplane/worker/creating.cpp \
    dataplane/worker/renaming.cpp \
    dataplane/worker/committing.cpp \
    dataplane/worker/composing.cpp \
    dataplane/worker/objects.cpp \
    dataplane/worker/dismissal.cpp \
    dataplane/worker/pressure.cpp \
    dataplane/worker/judge.cpp \
    dataplane/worker/looking.cpp \
    dataplane/worker/answering.cpp \
    dataplane/worker/case_number.cpp \
    dataplane/worker/fragments.cpp \
    dataplane/worker/verify.cpp \
    dataplane/worker/content.cpp \
    dataplane/worker/chain_reading.cpp
# Of the shell, but free of DPDK: tests and control link it as well.
shell_plain_sources := \
    dataplane/base/files.cpp \
    dataplane/shell/journal_writer.cpp \
    dataplane/shell/journal_thread.cpp \
    dataplane/shell/link_frames.cpp \
    dataplane/shell/control_socket.cpp \
    dataplane/shell/index_holder.cpp \
    dataplane/shell/key_ring.cpp \
    dataplane/shell/suspension_holder.cpp \
    dataplane/shell/memory_plan.cpp \
    dataplane/shell/event_log.cpp \
    dataplane/shell/spread.cpp \
    dataplane/shell/link_pair.cpp \
    dataplane/shell/link_watch.cpp
shell_sources := \
    dataplane/shell/steer_loader.cpp \
    dataplane/shell/steer_maps.cpp \
    dataplane/shell/steer_plan.cpp \
    dataplane/shell/steer_shunts.cpp \
    dataplane/shell/main.cpp \
    dataplane/shell/appliance.cpp \
    dataplane/shell/appliance_link.cpp \
    dataplane/shell/worker_loop.cpp \
    dataplane/shell/dpdk_port.cpp \
    dataplane/shell/eal.cpp \
    dataplane/shell/net_device.cpp \
    dataplane/shell/process.cpp \
    dataplane/shell/telemetry.cpp \
    dataplane/shell/xdp_features.cpp
replay_sources := \
    dataplane/replay/capture.cpp \
    dataplane/replay/clock.cpp \
    dataplane/replay/delivery_order.cpp \
    dataplane/replay/json_lines.cpp \
    dataplane/replay/pcap_port.cpp \
    dataplane/replay/pcap_view.cpp \
    dataplane/replay/resegment.cpp \
    dataplane/replay/roles.cpp \
    dataplane/replay/settings.cpp
# A process of its own, at the edge as well: the rooms, and libcurl.
verifier_sources := \
    dataplane/verifier/aws_sign.cpp \
    dataplane/verifier/credentials.cpp \
    dataplane/verifier/desk_link.cpp \
    dataplane/verifier/hand.cpp \
    dataplane/verifier/http_storage.cpp \
    dataplane/verifier/index_shelf.cpp \
    dataplane/verifier/job_runner.cpp \
    dataplane/verifier/line_judge.cpp \
    dataplane/verifier/location.cpp \
    dataplane/verifier/prober.cpp
verifier_main_sources := dataplane/verifier/main.cpp
replay_main_sources := \
    dataplane/replay/hash_index.cpp \
    dataplane/replay/main.cpp \
    dataplane/replay/replay.cpp

pure_sources    = $(contract_sources) $(decode_sources) $(fragment_sources) $(flow_sources) \
                  $(stream_sources) $(http_sources) $(object_sources) $(fingerprint_sources) \
                  $(content_sources) $(index_sources) $(assembly_sources) $(verdict_sources) \
                  $(worker_sources)
pure_objects    = $(pure_sources:%.cpp=$(O)/%.o)
pure_libs       = -lcrypto -lxxhash -lz -lzstd -lbrotlidec -lhs -lsodium
shell_plain_objects = $(shell_plain_sources:%.cpp=$(O)/%.o)

replay_objects = $(replay_sources:%.cpp=$(O)/%.o)
verifier_objects = $(verifier_sources:%.cpp=$(O)/%.o)
verifier_main_objects = $(verifier_main_sources:%.cpp=$(O)/%.o)
replay_main_objects = $(replay_main_sources:%.cpp=$(O)/%.o)

dataplane_objects = $(pure_objects) $(shell_plain_objects) $(shell_sources:%.cpp=$(O)/%.o) \
                    $(replay_objects) $(replay_main_objects) $(verifier_objects) \
                    $(verifier_main_objects)
$(dataplane_objects): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS)
$(shell_sources:%.cpp=$(O)/%.o): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS) $(DPDK_CXXFLAGS)

# Digest kernels: each file for another instruction set, and in release builds by clang, whose code
# for them is faster by a fifth; but the stitched ones by GCC, which leaves the steps of several
# digests in the order they are written in, and is faster by two fifths. Nothing that they share
# with other files may be emitted in them: the linker could take that copy for all.
kernel_flags.scalar :=
kernel_flags.shani  := -msse4.1 -msha
kernel_flags.stitched = $(kernel_flags.shani)
kernel_flags.avx2   := -mavx2
kernel_flags.avx512 := -mavx512f -mavx512bw -mavx512vl
kernel_flags         = $(kernel_flags.$(patsubst kernel_%.o,%,$(@F)))
kernel_clang := $(if $(filter release,$(MODE)),$(shell command -v clang++-14))
KERNEL_CXX   := $(or $(KERNEL_CXX),$(kernel_clang),$(CXX))
# Intrinsics of GCC 12 without a mask have an undefined source, and it warns of that.
kernel_warn := $(if $(findstring clang,$(KERNEL_CXX)),,-Wno-maybe-uninitialized)
kernel_objects = $(kernel_sources:%.cpp=$(O)/%.o)
$(filter-out %/kernel_stitched.o,$(kernel_objects)): CXX = $(KERNEL_CXX)
$(kernel_objects): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS) $(kernel_flags) $(kernel_warn)
$(kernel_objects): after_compiling = if nm -C $@ | grep ' [uVvWw] '; then \
    echo '$@ shares the symbols above with files for other processors'; rm $@; exit 1; fi

programs += $(O)/bin/cordon-dataplane
$(O)/bin/cordon-dataplane: $(pure_objects) $(shell_plain_objects) $(shell_sources:%.cpp=$(O)/%.o)
	$(link)
$(O)/bin/cordon-dataplane: LIBS = $(DPDK_LIBS) -lbpf -lsystemd $(pure_libs)

programs += $(O)/bin/cordon-verifier
$(O)/bin/cordon-verifier: $(verifier_main_objects) $(verifier_objects) $(pure_objects) \
                          $(shell_plain_objects)
	$(link)
$(O)/bin/cordon-verifier: LIBS = $(pure_libs) -lcurl -lsystemd

# A tool at the edge: the one program here that links a part of control, the index builder, whose
# sources are named only after this file was read.
builder_objects = $(builder_sources:%.cpp=$(O)/%.o)
.SECONDEXPANSION:
programs += $(O)/bin/cordon-replay
$(O)/bin/cordon-replay: $(replay_main_objects) $(replay_objects) $$(builder_objects) $(pure_objects)
	$(link)
$(O)/bin/cordon-replay: LIBS = $(pure_libs) -lpcap
