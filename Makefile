# Cordon. `make help` lists the targets.
#
# One non-recursive Makefile: every directory names its files in its include.mk, every object lands
# in build/$(MODE). `sudo make demo` and `sudo make check` install what they need first; all other
# targets only build and run, so that they work without privileges.

MODE ?= release
O    := build/$(MODE)
Q    := $(if $(V),,@)

.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.PHONY: all
all:

CXX        ?= g++
BPF_CLANG  ?= clang-14
FUZZ_CXX   ?= clang++-14
PKG_CONFIG ?= pkg-config

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wswitch-enum \
        -Wnon-virtual-dtor -Woverloaded-virtual -Wundef -Wcast-align -Wformat=2 -Werror
# Lines are enough for a backtrace. With the variables that a debugger asks for (DEBUG_INFO=-g, as
# the packages have) a build takes a third longer.
DEBUG_INFO ?= -g1
CXXFLAGS.release := -O2 $(DEBUG_INFO) -DNDEBUG -D_FORTIFY_SOURCE=2
CXXFLAGS.debug   := -O0 -g -DCORDON_DEBUG
# vptr: objects of rooms have no type information, and tests call them through their base.
CXXFLAGS.asan    := -O1 -g -DCORDON_DEBUG -fsanitize=address,undefined -fno-sanitize=vptr \
                    -fno-sanitize-recover=all -fno-omit-frame-pointer
CXXFLAGS.tsan    := -O1 -g -DCORDON_DEBUG -fsanitize=thread
LDFLAGS.asan     := -fsanitize=address,undefined
LDFLAGS.tsan     := -fsanitize=thread
# The memory of a worker is marked byte by byte, for each place where an upload is cut.
ifneq ($(filter asan tsan,$(MODE)),)
export TEST_SECONDS_MAX ?= 600
endif
$(if $(CXXFLAGS.$(MODE)),,$(error MODE=$(MODE) is not one of release debug asan tsan))

CXXFLAGS := -std=c++20 $(WARN) $(CXXFLAGS.$(MODE)) -fstack-protector-strong -fPIE \
            -pthread -I. -I$(O)
LDFLAGS  := -pthread -pie -Wl,-z,relro,-z,now $(LDFLAGS.$(MODE))

# Only the rooms that name them get the flags of a library: a pure room that includes rte_*.h does
# not compile.
NO_EXCEPTIONS := -fno-exceptions -fno-rtti
DPDK_CXXFLAGS  = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libdpdk))
DPDK_LIBS      = $(shell $(PKG_CONFIG) --libs libdpdk)

include dataplane/include.mk
include control/include.mk
include ebpf/include.mk
include tests/include.mk
include tests/frame.mk

# --- rules ---------------------------------------------------------------------------------------

$(O)/%.o: %.cpp Makefile
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  CXX  $<";) $(CXX) $(CXXFLAGS) $(TEST_CXXFLAGS) \
	    $(EXTRA_CXXFLAGS) -MMD -MP -c $< -o $@
	$(Q)$(after_compiling)

# What is measured is elsewhere; these are half of all there is to compile.
$(O)/tests/unit/%.o: TEST_CXXFLAGS = $(if $(filter release,$(MODE)),-O1)

# A program is the objects it names plus the libraries it names.
define link
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CXX) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS)
endef

all: programs  ## build the programs into build/$(MODE)/bin; build/bin is a link to the release ones
.PHONY: programs
programs: $(programs) $(bpf_objects)
	$(Q)if [ $(MODE) = release ]; then mkdir -p build && ln -sfn release/bin build/bin; fi

# --- tests ---------------------------------------------------------------------------------------

# -j for the targets that start a make of their own, unless the caller has said how many.
parallel = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

has_fuzzer := $(shell command -v $(FUZZ_CXX) >/dev/null && echo yes)

.PHONY: test check tests tools fuzz-programs system soak soak-overload acceptance fuzz bench \
        bench-goodput bench-inline bench-idle bench-feed bench-answers demo
tests: $(unit_test_programs)
tools: $(tool_programs)
fuzz-programs: $(fuzz_programs)

test: tests $(if $(has_fuzzer),fuzz-programs)  ## unit tests and fuzz corpora: needs no privileges
	$(Q)$(if $(has_fuzzer),,echo "left out: fuzz corpora (no $(FUZZ_CXX))")
	$(Q)echo "left out: XDP program tests and system tests (sudo make check)"
	$(Q)tests/run $(unit_test_programs) $(if $(has_fuzzer),$(fuzz_programs))

# A build that fails is a failed test: whoever reads the last line sees it.
check:  ## install what is needed (root), build and run every test; ends with `N passed, …`
	$(Q)scripts/setup-debian --test
	$(Q)$(MAKE) --no-print-directory $(parallel) programs tools tests bpf-tests fuzz-programs || \
	    { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
	$(Q)tests/run scripts/check-tidy $(unit_test_programs) $(fuzz_programs) $(bpf_test_programs) \
	    $(system_tests)

.PHONY: bpf-tests
bpf-tests: $(bpf_test_programs)

system: programs tools  ## system tests in namespaces (root); ONLY=word picks some
	$(Q)tests/run $(foreach t,$(system_tests),$(if $(findstring $(or $(ONLY),/),$t),$t))

acceptance: programs  ## replay the captures of DATA=dir and compare with their expected.tsv
	$(Q)tests/acceptance/run $(O)/bin/cordon-replay "$(or $(DATA),$(error acceptance needs DATA=dir))"

fuzz: fuzz-programs  ## fuzz every target for FUZZ_SECONDS=600 (ONLY=name picks one)
	$(Q)for target in $(or $(ONLY),$(fuzz_targets)); do \
	    mkdir -p $(F)/corpus/$$target $(F)/found/$$target && \
	    $(F)/$${target}_fuzz -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	        -artifact_prefix=$(F)/found/$$target/ $(F)/corpus/$$target tests/fuzz/corpus/$$target \
	        || exit 1; \
	done

soak: programs tools  ## the storm of kills, long (root); SOAK_KILLS=200, SOAK_SEED=n repeats one
	$(Q)STORM_KILLS=$(or $(SOAK_KILLS),200) STORM_SEED=$(SOAK_SEED) \
	    tests/system/kill_storm_test.sh </dev/null

overload_tests = $(patsubst %,tests/system/%_test.sh,syn_flood slow_heads idle_connections \
                   stopped_storage)
soak-overload: programs tools tests  ## floods and crowds, long (root)
	$(Q)OVERLOAD_PERCENT=$(or $(OVERLOAD_PERCENT),500) \
	    OVERLOAD_SECONDS=$(or $(OVERLOAD_SECONDS),60) TEST_SECONDS_MAX=900 \
	    tests/run $(O)/tests/unit/worker_overload_test $(overload_tests)

bench bench-idle: $(bench_relay)
bench bench-inline: $(paired_queues)
bench: programs  ## every benchmark with its limit; writes docs/benchmarks.md and README's table
	$(Q)tests/bench/all $(O)/bench.jsonl
	$(Q)tests/bench/table $(O)/bench.jsonl docs/benchmarks.md README.md

bench-idle: programs  ## what a quiet appliance costs, what its sleep adds (root); IDLE="--runs 9"
	$(Q)tests/bench/idle $(IDLE)

# FEED="--only full,delta --records 1000000": see tests/bench/feed.
bench-feed: programs $(feed_staleness)  ## a feed of 10 M, its fleet (root); into docs/benchmarks.md
	$(Q)tests/bench/feed --results $(O)/bench-feed.jsonl $(FEED)
	$(Q)tests/bench/table --feed $(O)/bench-feed.jsonl docs/benchmarks.md

# ANSWERS="--entries 10000000": see tests/bench/answers.
bench-answers: programs  ## how long cordond takes to answer while it syncs (root)
	$(Q)tests/bench/answers $(ANSWERS)

# INLINE="--runs 5 --connections 4": see tests/bench/inline.
bench-inline: programs  ## large uploads bridged, shunted, hashed (root); INLINE="--runs 5"
	$(Q)tests/bench/inline $(INLINE)

# GOODPUT="--loss 1 --runs 9": see tests/bench/goodput.
bench-goodput:  ## goodput of lossy uploads against testpmd (root); GOODPUT="--runs 9" for figures
	$(Q)scripts/setup-debian --bench
	$(Q)$(MAKE) --no-print-directory $(parallel) programs tools
	$(Q)tests/bench/goodput $(GOODPUT)

demo:  ## install, build and show a known file being stopped (root); KEEP=1 leaves it running
	$(Q)scripts/setup-debian --demo
	$(Q)$(MAKE) --no-print-directory $(parallel) programs
	$(Q)KEEP=$(KEEP) scripts/demo

# --- install -------------------------------------------------------------------------------------

prefix     ?= /usr/local
sysconfdir ?= /etc
bindir     ?= $(prefix)/bin
unitdir    ?= $(prefix)/lib/systemd/system
usersdir   ?= $(prefix)/lib/sysusers.d
libdir     ?= $(prefix)/lib/cordon
mandir     ?= $(prefix)/share/man
datadir    ?= $(prefix)/share/cordon

# Units and configurations name the places of a Debian package (/usr); other prefixes are put in.
define install_text
	$(Q)for file in $(2); do \
	    sed 's|/usr/lib/cordon|$(libdir)|g; s|/usr/bin/|$(bindir)/|g; s|/usr/sbin/|$(bindir)/|g' \
	        $$file > $(DESTDIR)$(1)/$$(basename $$file) || exit 1; \
	done
endef

.PHONY: install
install: programs  ## install into $(DESTDIR)$(prefix); a configuration that is there stays
	$(Q)install -d $(DESTDIR)$(bindir) $(DESTDIR)$(libdir) $(DESTDIR)$(unitdir) \
	    $(DESTDIR)$(sysconfdir)/cordon
	$(Q)install -m 755 $(filter $(O)/bin/%,$(programs)) $(DESTDIR)$(bindir)/
	$(if $(bpf_objects),$(Q)install -m 644 $(bpf_objects) $(DESTDIR)$(libdir)/)
	$(call install_text,$(unitdir),$(wildcard configs/*.service))
	$(Q)install -D -m 644 configs/cordon.sysusers $(DESTDIR)$(usersdir)/cordon.conf
	$(Q)install -D -m 644 configs/cordon.logrotate $(DESTDIR)$(sysconfdir)/logrotate.d/cordon
	$(Q)for file in $(wildcard configs/*.toml); do \
	    target=$(DESTDIR)$(sysconfdir)/cordon/$$(basename $$file); \
	    [ -e $$target ] || install -m 640 $$file $$target; \
	done
	$(Q)install -D -m 644 -t $(DESTDIR)$(datadir) docs/json-fields.md
	$(Q)install -D -m 644 -t $(DESTDIR)$(datadir)/alerts configs/alerts/cordon.rules.yml
	$(Q)install -D -m 644 -t $(DESTDIR)$(datadir)/grafana configs/grafana/cordon.json
	$(Q)for place in bash:bash-completion/completions/cordonctl \
	    zsh:zsh/vendor-completions/_cordonctl fish:fish/vendor_completions.d/cordonctl.fish; do \
	    target=$(DESTDIR)$(prefix)/share/$${place#*:}; \
	    install -d $$(dirname $$target) && \
	    $(O)/bin/cordonctl completion $${place%%:*} > $$target || exit 1; \
	done
	$(Q)for page in $(wildcard docs/*.[158]); do \
	    install -D -m 644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/$$(basename $$page); \
	done

# Staging stands below debian/ and goes again; what was begun and not ended would be taken as done.
.PHONY: deb
deb: build/deb/made  ## Debian packages into build/deb; dpkg-buildpackage adds debug symbols
	$(Q)ls build/deb/*.deb
build/deb/made: $(programs) $(bpf_objects) $(wildcard debian/* configs/* configs/*/* docs/*.[158]) \
                docs/json-fields.md
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && dh_clean
	$(Q)DEB_BUILD_OPTIONS="nocheck noautodbgsym" DEB_DIR=$(CURDIR)/$(@D) \
	    debian/rules binary > $(@D)/log 2>&1 || { cat $(@D)/log; exit 1; }
	$(Q)dh_clean
	$(Q)touch $@

# --- order ---------------------------------------------------------------------------------------

.PHONY: clean format lint help print-sources
sources := $(wildcard dataplane/*/*.cpp dataplane/*/*.h control/*/*.cpp control/*/*.h \
             ebpf/*.h ebpf/*.c tests/*/*.cpp tests/*/*.h)
format:  ## clang-format every source
	clang-format-14 -i $(sources)

lint:  ## check the format and what people forget
	clang-format-14 --dry-run -Werror $(sources)
	scripts/check-tidy

clean:  ## remove build/
	rm -rf build

help:  ## this list
	$(Q)grep -hE '^[a-z-]+:.*  ## ' Makefile | sed 's/:.*  ## /|/' | \
	    awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'
	$(Q)echo "  MODE=release|debug|asan|tsan, V=1 shows the commands"

# What scripts/check-tidy holds against the files that are there.
all_sources = $(pure_sources) $(shell_plain_sources) $(shell_sources) $(replay_sources) \
              $(replay_main_sources) $(verifier_sources) $(verifier_main_sources) \
              $(control_sources) \
              $(control_main_sources) $(test_sources) $(bench_sources) $(bpf_sources)
print-sources:
	@printf '%s\n' $(all_sources)

-include $(shell [ -d $(O) ] && find $(O) -name '*.d')
