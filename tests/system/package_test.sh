#!/bin/bash
# The package on a machine with systemd: nothing starts by being installed; configured and enabled,
# the units run as they are hardened, refuse a known file, come back when killed and when they hang,
# and the net below stands before everything at the next boot.
. "$(dirname "$0")/_machine.sh"
exposed_little() {
    in_machine systemd-analyze security --no-pager --threshold=40 "$1.service" > "$WORK/exposure"
}
# The process first: between two questions an active unit may have lost its own (then it is 0).
another_than() {
    local now
    now=$(pid_of cordon-dataplane)
    [ "$now" != 0 ] && [ "$now" != "$1" ] && unit_is cordon-dataplane active
}

machine_lab
check "the packages are installed" install_deb "$DEBS"/cordon_*.deb "$DEBS"/cordon-verifier_*.deb
for unit in cordon-bypass cordon-dataplane cordond cordon-verifier; do
    check "$unit did not start by that" unit_is $unit inactive
    check "  and is exposed by 4.0 at most" exposed_little $unit
done
check "only root reads the configuration" \
    [ "$(in_machine stat -c %a:%U /etc/cordon/cordon.toml)" = 640:root ]
configure
in_machine mkdir -p /etc/systemd/system/cordon-dataplane.service.d
into_machine <(printf '[Service]\nWatchdogSec=3\n') \
    /etc/systemd/system/cordon-dataplane.service.d/impatient.conf
check "one word enables what belongs together" in_machine systemctl enable cordon-dataplane
check "they start" in_machine systemctl start cordond cordon-dataplane
socket_of() { in_machine stat -c '%a %G' "/run/cordon/$1.sock"; }
for role in viewer operator admin; do
    check "the role $role has its socket" [ "$(socket_of $role)" = "660 cordon-$role" ]
done
check "the known file is refused" refused "$URL4/known" "$WORK/known"
check "  and on record" wait_for 10 eval 'ctl incidents list | grep -qF "$CASE"'
case_before=$CASE
check "a clean file is stored" stored "$URL4/clean" "$WORK/clean"
check "no unit may dump memory" [ "$(in_machine systemctl show -P LimitCORE cordond)" = 0 ]

first=$(pid_of cordon-dataplane)
in_machine kill -KILL "$first"
check "killed: a file is stored meanwhile" stored "$URL4/meanwhile" "$WORK/clean"
check "  systemd starts it again" wait_for 10 another_than "$first"
check "  and the known file is refused" wait_for 10 refused "$URL4/known2" "$WORK/known"

second=$(pid_of cordon-dataplane)
in_machine kill -STOP "$second"
check "hung: the watchdog ends it" wait_for 25 another_than "$second"
check "  and the known file is refused" wait_for 10 refused "$URL4/known3" "$WORK/known"

power_cut
check "the wire is cut with the machine" eval '! stored "$URL4/cut" "$WORK/clean" --max-time 1'
boot
check "after the boot the net below came first" [ \
    "$(in_machine systemctl show -P ActiveEnterTimestampMonotonic cordon-bypass)" -lt \
    "$(in_machine systemctl show -P InactiveExitTimestampMonotonic cordon-dataplane)" ]
check "  and the known file is refused" wait_for 10 refused "$URL4/known4" "$WORK/known"
check "the incident from before is there" eval 'ctl incidents list | grep -qF "$case_before"'
check "nothing of it is stored" no_trace known
power_cut
