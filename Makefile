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
.PHONY: all
all:

CXX        ?= g++
BPF_CLANG  ?= clang-14
FUZZ_CXX   ?= clang++-14
PKG_CONFIG ?= pkg-config

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wswitch-enum \
        -Wnon-virtual-dtor -Woverloaded-virtual -Wundef -Wcast-align -Wformat=2 -Werror
CXXFLAGS.release := -O2 -g -DNDEBUG -D_FORTIFY_SOURCE=2
CXXFLAGS.debug   := -O0 -g -DCORDON_DEBUG
# vptr: objects of rooms have no type information, and tests call them through their base.
CXXFLAGS.asan    := -O1 -g -DCORDON_DEBUG -fsanitize=address,undefined -fno-sanitize=vptr \
                    -fno-sanitize-recover=all -fno-omit-frame-pointer
CXXFLAGS.tsan    := -O1 -g -DCORDON_DEBUG -fsanitize=thread
LDFLAGS.asan     := -fsanitize=address,undefined
LDFLAGS.tsan     := -fsanitize=thread
$(if $(CXXFLAGS.$(MODE)),,$(error MODE=$(MODE) is not one of release debug asan tsan))

CXXFLAGS := -std=c++20 $(WARN) $(CXXFLAGS.$(MODE)) -fstack-protector-strong -fPIE -pthread -I. -I$(O)
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

# --- rules ---------------------------------------------------------------------------------------

$(O)/%.o: %.cpp Makefile
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  CXX  $<";) $(CXX) $(CXXFLAGS) $(EXTRA_CXXFLAGS) -MMD -MP -c $< -o $@

# A program is the objects it names plus the libraries it names.
define link
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CXX) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS)
endef

all: programs
.PHONY: programs
programs: $(programs)
	$(Q)if [ $(MODE) = release ]; then mkdir -p build && ln -sfn release/bin build/bin; fi

.PHONY: clean format lint help
clean:
	rm -rf build

sources := $(wildcard dataplane/*/*.cpp dataplane/*/*.h control/*/*.cpp control/*/*.h \
             ebpf/*.h ebpf/*.c tests/*/*.cpp tests/*/*.h)
format:
	clang-format-14 -i $(sources)

lint:
	clang-format-14 --dry-run -Werror $(sources)
	scripts/check-tidy

-include $(shell [ -d $(O) ] && find $(O) -name '*.d')
