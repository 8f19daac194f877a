# Tests. `make test` needs no privileges; `make check` installs, builds and runs everything.
#
# A unit test is one file, tests/unit/<name>_test.cpp, linked with all pure rooms. Those of control
# are linked with control's objects as well and may use exceptions.

room_tests    := journal
control_tests := journal_crash journal_reader store

room_test_programs    = $(room_tests:%=$(O)/tests/unit/%_test)
control_test_programs = $(control_tests:%=$(O)/tests/unit/%_test)
unit_test_programs    = $(room_test_programs) $(control_test_programs)

$(room_test_programs): $(O)/tests/unit/%_test: $(O)/tests/unit/%_test.o $(pure_objects) \
                       $(shell_plain_objects)
	$(link)
$(room_test_programs): LIBS = $(pure_libs) -lcmocka

# control_objects: everything of control but the mains (control/include.mk).
$(control_test_programs): $(O)/tests/unit/%_test: $(O)/tests/unit/%_test.o $(pure_objects) \
                          $(shell_plain_objects) $(control_objects)
	$(link)
$(control_test_programs): LIBS = $(control_libs) -lcmocka
