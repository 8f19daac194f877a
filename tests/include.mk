# Tests. `make test` needs no privileges; `make check` installs, builds and runs everything.
#
# A unit test is one file, tests/unit/<name>_test.cpp, linked with all pure rooms. Those of control
# are linked with control's objects as well and may use exceptions.

room_tests    :=
control_tests :=

room_test_programs    = $(room_tests:%=$(O)/tests/unit/%_test)
control_test_programs = $(control_tests:%=$(O)/tests/unit/%_test)
unit_test_programs    = $(room_test_programs) $(control_test_programs)

$(room_test_programs): $(O)/tests/unit/%_test: $(O)/tests/unit/%_test.o $(pure_objects)
	$(link)
$(room_test_programs): LIBS = $(pure_libs) -lcmocka

# Tests of the kernel programs run as root; without the privilege each one skips and says so.
bpf_tests := steer bypass loader

bpf_test_programs = $(bpf_tests:%=$(O)/tests/bpf/%_test)
$(bpf_test_programs:%=%.o): EXTRA_CXXFLAGS = -DCORDON_BPF_DIR='"$(O)/ebpf"'
$(bpf_test_programs): $(O)/tests/bpf/%_test: $(O)/tests/bpf/%_test.o | $(bpf_objects)
	$(link)
$(bpf_test_programs): LIBS = -lbpf -lcmocka
steer_loader_objects = $(patsubst %,$(O)/dataplane/shell/%.o,steer_loader steer_maps steer_plan \
                         xdp_features)
$(O)/tests/bpf/loader_test: $(steer_loader_objects)
# Drives the loader from tests/system/_bridge_check.sh.
$(O)/tests/bpf/steer_tool.o: EXTRA_CXXFLAGS = -DCORDON_BPF_DIR='"$(O)/ebpf"'
$(O)/tests/bpf/steer_tool: LIBS = -lbpf
$(O)/tests/bpf/steer_tool: $(O)/tests/bpf/steer_tool.o $(steer_loader_objects) | $(bpf_objects)
	$(link)
