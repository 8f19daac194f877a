# Programs that run in the kernel. Warnings are errors, and nothing hides what the compiler says.
# vmlinux.h is not needed: the programs use packet headers and BPF's stable contexts only.

bpf_sources := ebpf/steer.bpf.c ebpf/bypass.bpf.c
bpf_objects  = $(bpf_sources:%.c=$(O)/%.o)

BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Wshadow -Werror \
              -I/usr/include/$(shell $(CXX) -print-multiarch)

$(O)/%.bpf.o: %.bpf.c Makefile ebpf/include.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  BPF  $<";) $(BPF_CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

all: $(bpf_objects)
