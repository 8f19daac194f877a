#!/bin/bash
# A storage that keeps what it got of a cut write: the self-test tells, and cleans up.
. "$(dirname "$0")/_selftest.sh"
selftest_up start_naive
check "the Centre lists the vector" list_vector

check "the self-test warns" selftest_ends 4
cat "$WORK/selftest.log"
check "… that the storage keeps what it got" selftest_says "The storage keeps what it got of a cut"
check "… and not all of it" [ -z "$(grep ' all$' <(grep vector "$WORK/selftest.log"))" ]
check "what it kept is gone" nothing_left
check "status says it as well" in_status "the storage keeps what it got of a cut write"
