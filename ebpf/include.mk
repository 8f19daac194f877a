# Programs that run in the kernel.
