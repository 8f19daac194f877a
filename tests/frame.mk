# What runs the tests of include.mk: fuzz targets, tools of the system tests, the lists that
# `make test` and `make check` give to tests/run.

bpf_test_programs ?=
system_tests       = $(sort $(wildcard tests/system/*_test.sh))

# Programs that system tests use.
tool_programs = $(O)/tests/support/wire $(O)/tests/support/fill_journal \
                $(O)/tests/support/crowd $(O)/tests/support/zip_list \
                $(O)/tests/support/commit_entries $(O)/tests/support/text_list \
                $(O)/tests/support/body_list \
                $(O)/tests/support/ask_verify $(O)/tests/support/canonical_lines \
                $(O)/tests/support/make_sections $(O)/tests/framing/framing-tool \
                $(O)/tests/support/unnamed_values $(paired_queues)
# Several AF_XDP queues on a veth: for system tests and for tests/bench/inline.
paired_queues = $(O)/tests/support/paired_queues.so
$(O)/tests/support/paired_queues.o: EXTRA_CXXFLAGS = -fPIC
$(paired_queues): $(O)/tests/support/paired_queues.o
	$(Q)$(if $(V),,echo "  LINK $@";) $(CXX) -shared -o $@ $<
$(O)/tests/support/unnamed_values: %: %.o $(O)/control/cli/text.o \
                $(patsubst %,$(O)/control/metrics/%.o,exposition metric_table)
	$(link)
$(O)/tests/support/unnamed_values: LIBS = -lfmt -lprometheus-cpp-core
$(O)/tests/support/make_sections: %: %.o $(builder_sources:%.cpp=$(O)/%.o) $(pure_objects) \
                $(patsubst %,$(O)/control/feed/%.o,crypto key_handover)
	$(link)
$(O)/tests/support/make_sections: LIBS = $(pure_libs)
$(O)/tests/support/canonical_lines: $(O)/tests/support/canonical_lines.o \
                                    $(O)/control/feed/canonical_json.o
	$(link)
pure_tools    = $(O)/tests/support/zip_list $(O)/tests/support/commit_entries \
                $(O)/tests/support/text_list $(O)/tests/support/body_list
journal_tools = $(O)/tests/support/fill_journal $(O)/tests/support/ask_verify
$(pure_tools): $(pure_objects)
$(journal_tools): $(pure_objects) $(shell_plain_objects)
$(pure_tools) $(journal_tools): LIBS = $(pure_libs)
$(pure_tools) $(journal_tools) $(O)/tests/support/wire $(O)/tests/support/crowd: %: %.o
	$(link)

# --- fuzz targets --------------------------------------------------------------------------------
# tests/fuzz/<name>_fuzz.cpp with its seeds in tests/fuzz/corpus/<name>/. It takes what it needs
# from the pure rooms, and from fuzz_sources.<name> and fuzz_libs.<name> when it needs more. clang's
# objects of the rooms are instrumented once, in an archive: a target links what it uses.

F := build/fuzz
FUZZ_SECONDS  ?= 600
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CXXFLAGS := -std=c++20 -Wall -Wextra -Werror -O1 -gline-tables-only -DCORDON_DEBUG \
                 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(FUZZ_SANITIZE) -pthread -I.

fuzz_targets  = $(patsubst tests/fuzz/%_fuzz.cpp,%,$(sort $(wildcard tests/fuzz/*_fuzz.cpp)))
fuzz_programs = $(fuzz_targets:%=$(F)/%_fuzz)
fuzz_rooms    = $(pure_sources:%.cpp=$(F)/%.o)
$(fuzz_rooms): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS)
$(kernel_sources:%.cpp=$(F)/%.o): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS) $(kernel_flags)
$(F)/control/store/postgres_url.o: EXTRA_CXXFLAGS = $(PQ_CXXFLAGS)

fuzz_objects_of = $(patsubst %.cpp,$(F)/%.o,$(fuzz_sources.$(1)))

fuzz_libs.http_message = -lhttp_parser

$(F)/%.o: %.cpp Makefile tests/frame.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  FUZZ $<";) \
	    $(FUZZ_CXX) $(FUZZ_CXXFLAGS) $(EXTRA_CXXFLAGS) -MMD -MP -c $< -o $@

$(F)/rooms.a: $(fuzz_rooms)
	$(Q)rm -f $@ && ar rcs $@ $^

$(fuzz_programs): $(F)/%_fuzz: $(F)/tests/fuzz/%_fuzz.o $(F)/rooms.a \
                  $$(call fuzz_objects_of,$$*)
	$(Q)$(if $(V),,echo "  LINK $@";) \
	    $(FUZZ_CXX) -fsanitize=fuzzer $(FUZZ_SANITIZE) -pthread -o $@ \
	    $(filter %.o,$^) $(filter %.a,$^) $(pure_libs) $(fuzz_libs.$*)

test_sources = tests/bpf/steer_tool.cpp tests/support/wire.cpp tests/support/fill_journal.cpp \
               tests/support/crowd.cpp tests/support/zip_list.cpp tests/support/commit_entries.cpp \
               tests/support/text_list.cpp tests/support/body_list.cpp \
               tests/support/ask_verify.cpp tests/support/make_sections.cpp \
               tests/support/canonical_lines.cpp tests/support/unnamed_values.cpp \
               tests/support/paired_queues.cpp \
               $(framing_tool_sources) \
               $(bpf_tests:%=tests/bpf/%_test.cpp) \
               $(room_tests:%=tests/unit/%_test.cpp) $(control_tests:%=tests/unit/%_test.cpp) \
               $(fuzz_targets:%=tests/fuzz/%_fuzz.cpp)

-include $(shell [ -d $(F) ] && find $(F) -name '*.d')
