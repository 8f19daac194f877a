#!/usr/bin/env python3
"""Stops one thread of a process: stop_thread.py TID. Prints `ready`, and lets it go on at SIGTERM;
the kernel does when this ends in another way. kill(1) stops all threads of a process at once."""

import ctypes
import os
import signal
import sys

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17  # <sys/ptrace.h>
ALL = 0x40000000  # __WALL: a thread is waited for as a child is

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(what, thread):
    if libc.ptrace(what, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {what:#x} of {thread}")


thread = int(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
ptrace(SEIZE, thread)
ptrace(INTERRUPT, thread)
os.waitpid(thread, ALL)
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
ptrace(DETACH, thread)
