#!/bin/bash
# The package is upgraded, not downgraded, removed and put back, and purged, while files are
# uploaded: none of them fails, and incidents and trust outlive all but the purge.
. "$(dirname "$0")/_machine.sh"
machine_lab

# A package like the one that was built, of another version.
of_version() {
    local from=$1 version=$2 tree=$WORK/tree
    dpkg-deb -R "$from" "$tree"
    sed -i "s/^Version: .*/Version: $version/" "$tree/DEBIAN/control"
    dpkg-deb --root-owner-group -Zgzip -z1 -b "$tree" "$WORK/cordon_$version.deb" > /dev/null
    rm -rf "$tree"
}

# One upload after the other, until $WORK/enough is there; the failed ones go to uploads.log.
upload_on() {
    local n=0
    while [ ! -e "$WORK/enough" ]; do
        n=$((n + 1))
        in_cli curl -sS -f -o /dev/null --max-time 10 -T "$WORK/clean" "$URL4/on" ||
            echo "failed: $n"
        sleep 0.05
    done
    echo "uploads: $n"
}
none_failed() { ! grep -q failed "$WORK/uploads.log"; }

built=$(echo "$DEBS"/cordon_*.deb)
version=$(dpkg-deb -f "$built" Version)
of_version "$built" "$version+1"
check "the package is installed" install_deb "$built"
configure
in_machine systemctl start cordond cordon-dataplane
check "the known file is refused" refused "$URL4/known" "$WORK/known"
case_before=$CASE
check "  and on record" wait_for 10 eval 'ctl incidents list | grep -qF "$case_before"'
in_machine touch /var/lib/cordon/trusted
pids="$(pid_of cordond) $(pid_of cordon-dataplane)"
start_background uploads upload_on

check "an upgrade" install_deb "$WORK/cordon_$version+1.deb"
check "  starts both anew" [ "$pids" != "$(pid_of cordond) $(pid_of cordon-dataplane)" ]
check "  which serve" wait_for 10 refused "$URL4/known2" "$WORK/known"
check "  with what they knew" eval 'ctl incidents list | grep -qF "$case_before"'
check "  and the operator's configuration" \
    eval 'in_machine grep -q "Cordon system test" /etc/cordon/cordon.toml'

into_machine "$CONFIG" /etc/cordon/good.toml
in_machine sh -c 'echo "unknown = 1" | cat - /etc/cordon/good.toml > /etc/cordon/cordon.toml'
of_version "$built" "$version+2"
check "an upgrade with a configuration that is wrong" install_deb "$WORK/cordon_$version+2.deb"
check "  says so" wait_for 5 eval 'ctl status | grep -q "was not taken"'
check "  goes on with the one before" unit_is cordond active
check "  and the known file is refused" wait_for 10 refused "$URL4/known3" "$WORK/known"
in_machine cp /etc/cordon/good.toml /etc/cordon/cordon.toml
in_machine systemctl restart cordond

check "a downgrade is refused" eval '! install_deb "$built"'
check "  with the reason" grep -q 'could not read it' "$WORK/dpkg.log"
check "  and nothing changed" refused "$URL4/known4" "$WORK/known"

check "removed" in_machine dpkg --remove cordon
check "  nothing of it runs" eval '! in_machine pgrep -x "cordond|cordon-dataplane"'
check "  the wire is whole" stored "$URL4/without" "$WORK/clean"
check "  the state stays" in_machine test -e /var/lib/cordon/trusted
check "installed again" install_deb "$WORK/cordon_$version+2.deb"
check "  nothing starts" unit_is cordon-dataplane inactive
in_machine systemctl start cordond cordon-dataplane
check "  the incident is there" wait_for 10 eval 'ctl incidents list | grep -qF "$case_before"'
check "  and the known file is refused" wait_for 10 refused "$URL4/known5" "$WORK/known"

touch "$WORK/enough"
wait_for 15 grep -q uploads: "$WORK/uploads.log"
check "no upload failed: $(grep uploads: "$WORK/uploads.log")" none_failed
check "purged" in_machine dpkg --purge cordon
check "  no state stays" eval '! in_machine ls /var/lib/cordon /etc/cordon/cordon.toml 2> /dev/null'
check "nothing of the known file is stored" no_trace known
power_cut
