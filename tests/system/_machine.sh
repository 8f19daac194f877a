# A whole machine with the packages on it: `. "$(dirname "$0")/_machine.sh"`, then `machine_up`.
#
# On top of the lab of _cordon.sh: the box runs a systemd of its own (tests/support/machine), which
# sees this machine's files, writes none of them, and has the box's ports. A storage runs as ever.

. "$(dirname "${BASH_SOURCE[0]}")/_cordon.sh"

# What is started in the machine must not stand in a directory that is not there.
cd /
DEBS=$ROOT/build/deb
MACHINE_PID=

machine_lab() {
    need "$BIN/cordon-dataplane" python3 curl dpkg-deb dh /lib/systemd/systemd
    lab_up
    [ "$PORT_KIND" = af_xdp ] || skip "the kernel takes over only with AF_XDP"
    _in_turn make -s -C "$ROOT" deb > "$WORK/deb.log" 2>&1 ||
        fail "make deb: $(tail -n 5 "$WORK/deb.log")"
    mkdir "$WORK/machine"
    mount -t tmpfs cordon-machine "$WORK/machine"
    _lab_mounts=$WORK/machine
    random_file "$WORK/known" "$KNOWN_SIZE" 1
    random_file "$WORK/clean" "$KNOWN_SIZE" 2
    start_nginx
    boot
}

# boot   — starts the machine, for the first time or again.
boot() {
    $IN_BOX unshare --pid --mount --uts --ipc --cgroup --fork --kill-child \
        "$ROOT/tests/support/machine" "$WORK/machine" >> "$WORK/machine.log" 2>&1 &
    _remember $!
    BOOTED=$!
    wait_for 5 pgrep -P $BOOTED || fail "the machine did not start"
    MACHINE_PID=$(pgrep -P $BOOTED)
    wait_for 30 _has_booted || fail "the machine did not boot: $(in_machine systemctl --failed)"
}
_has_booted() { [[ $(in_machine systemctl is-system-running) =~ ^(running|degraded)$ ]]; }

# power_cut   — everything on the machine ends at once; the kernel's part of its ports too.
power_cut() {
    kill -KILL "$MACHINE_PID"
    wait $BOOTED 2> /dev/null || true
    _forget $BOOTED
    for _port in cor-cli cor-sto; do
        in_box ip link set $_port xdp off
        in_box tc qdisc del dev $_port clsact 2> /dev/null || true
    done
}

# What its units said goes with the other logs when a test has failed.
eval "$(declare -f lab_show_logs | sed '1s/lab_show_logs/_show_files/')"
lab_show_logs() {
    ! kill -0 "$MACHINE_PID" 2> /dev/null || in_machine journalctl --no-pager --boot --lines 40 \
        --unit 'cordon*' > "$WORK/journal.log" 2>&1 || true
    _show_files
}

in_machine() { nsenter --target "$MACHINE_PID" --all --wd=/ -- "$@"; }
unit_is() { [ "$(in_machine systemctl is-active "$1")" = "$2" ]; }
ctl() { in_machine cordonctl "$@"; }
pid_of() { in_machine systemctl show --property MainPID --value "$1"; }

# into_machine FILE PATH   — through its own eyes: what is written below an overlay is not seen.
into_machine() { in_machine sh -c 'cat > "$1"' sh "$2" < "$1"; }

# install_deb FILE…   — with dpkg, as on a machine without a network. Its words: $WORK/dpkg.log.
install_deb() {
    local file
    for file; do into_machine "$file" "/root/${file##*/}"; done
    in_machine dpkg --install "${@/#*\//\/root\/}" > "$WORK/dpkg.log" 2>&1
}

# What an operator writes after the installation: his ports and services, our paths untouched.
configure() {
    write_config
    sed -i -E '/^(state_dir|run_dir|bpf_dir|steer_object|store) = /d' "$CONFIG"
    sed -i 's|^index = .*|index = "/var/lib/cordon/lab.cdx"|' "$CONFIG"
    write_index
    in_machine mkdir -p /var/lib/cordon
    into_machine "$WORK/index.cdx" /var/lib/cordon/lab.cdx
    into_machine "$CONFIG" /etc/cordon/cordon.toml
}
