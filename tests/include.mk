# Tests. `make test` needs no privileges; `make check` installs, builds and runs everything.
#
# A unit test is one file, tests/unit/<name>_test.cpp, linked with all pure rooms. Those of control
# are linked with control's objects as well and may use exceptions. A fuzz target is one file,
# tests/fuzz/<name>_fuzz.cpp, with its seeds in tests/fuzz/corpus/<name>/; it takes what it needs
# from the pure rooms, and from fuzz_sources.<name> when it needs sources of control.

room_tests    :=
control_tests :=
bpf_tests     :=
fuzz_targets  :=

room_test_programs    = $(room_tests:%=$(O)/tests/unit/%_test)
control_test_programs = $(control_tests:%=$(O)/tests/unit/%_test)
unit_test_programs    = $(room_test_programs) $(control_test_programs)
bpf_test_programs     = $(bpf_tests:%=$(O)/tests/bpf/%_test)
system_tests          = $(sort $(wildcard tests/system/*_test.sh))

# Programs that system tests use.
tool_programs = $(O)/tests/support/wire
$(tool_programs): %: %.o
	$(link)

test_sources = $(tool_programs:$(O)/%=%.cpp) \
               $(room_tests:%=tests/unit/%_test.cpp) $(control_tests:%=tests/unit/%_test.cpp) \
               $(bpf_tests:%=tests/bpf/%_test.cpp) $(fuzz_targets:%=tests/fuzz/%_fuzz.cpp)

$(room_test_programs): $(O)/tests/unit/%_test: $(O)/tests/unit/%_test.o $(pure_objects)
	$(link)
$(room_test_programs): LIBS = $(pure_libs) -lcmocka

# --- fuzz targets --------------------------------------------------------------------------------
# clang's objects of the pure rooms, instrumented once, in an archive: a target links what it uses.

F := build/fuzz
FUZZ_SECONDS  ?= 600
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CXXFLAGS := -std=c++20 -Wall -Wextra -Werror -O1 -gline-tables-only -DCORDON_DEBUG \
                 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(FUZZ_SANITIZE) -pthread -I.

fuzz_programs  = $(fuzz_targets:%=$(F)/%_fuzz)
fuzz_rooms     = $(pure_sources:%.cpp=$(F)/%.o)
$(fuzz_rooms): EXTRA_CXXFLAGS = $(NO_EXCEPTIONS)

$(F)/%.o: %.cpp Makefile tests/include.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  FUZZ $<";) \
	    $(FUZZ_CXX) $(FUZZ_CXXFLAGS) $(EXTRA_CXXFLAGS) -MMD -MP -c $< -o $@

$(F)/rooms.a: $(fuzz_rooms)
	$(Q)rm -f $@ && ar rcs $@ $^

.SECONDEXPANSION:
$(fuzz_programs): $(F)/%_fuzz: $(F)/tests/fuzz/%_fuzz.o $(F)/rooms.a \
                  $$(patsubst %.cpp,$(F)/%.o,$$(fuzz_sources.$$*))
	$(Q)$(if $(V),,echo "  LINK $@";) \
	    $(FUZZ_CXX) -fsanitize=fuzzer $(FUZZ_SANITIZE) -pthread -o $@ \
	    $(filter %.o,$^) $(filter %.a,$^) $(pure_libs) $(FUZZ_LIBS)

-include $(shell [ -d $(F) ] && find $(F) -name '*.d')
