# Tests. `make test` needs no privileges; `make check` installs, builds and runs everything.
#
# A unit test is one file, tests/unit/<name>_test.cpp, linked with all pure rooms. Those of control
# are linked with control's objects as well and may use exceptions.

room_tests    := http_message http_response proxy_header identity refusal
control_tests :=

# One libFuzzer target per parser: tests/fuzz/<name>_fuzz.cpp, seeds in tests/fuzz/corpus/<name>/.
# http_message is compared with http_parser and needs -lhttp_parser.
fuzz_targets += http_message http_response proxy_header identity

room_test_programs    = $(room_tests:%=$(O)/tests/unit/%_test)
control_test_programs = $(control_tests:%=$(O)/tests/unit/%_test)
unit_test_programs    = $(room_test_programs) $(control_test_programs)

$(room_test_programs): $(O)/tests/unit/%_test: $(O)/tests/unit/%_test.o $(pure_objects)
	$(link)
$(room_test_programs): LIBS = $(pure_libs) -lcmocka
