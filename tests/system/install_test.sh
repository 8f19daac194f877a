#!/bin/bash
# `make install` puts everything below DESTDIR, in the places that the units name, and leaves a
# configuration that is there alone.
set -eu
cd "$(dirname "$0")/../.."
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT

expect() {
    [ -e "$there$1" ] && return
    find "$there" -type f
    echo "FAIL: $1 is not installed"
    exit 1
}

make -s install DESTDIR="$there" prefix=/usr
for program in cordon-dataplane cordond cordonctl cordon-replay cordon-verifier cordon-feed; do
    expect /usr/bin/$program
done
expect /usr/lib/cordon/steer.bpf.o
expect /usr/lib/cordon/bypass.bpf.o
expect /etc/cordon/cordon.toml
expect /usr/lib/sysusers.d/cordon.conf
expect /usr/share/cordon/alerts/cordon.rules.yml
expect /usr/share/cordon/json-fields.md
expect /etc/logrotate.d/cordon
expect /usr/share/bash-completion/completions/cordonctl
expect /usr/share/zsh/vendor-completions/_cordonctl
expect /usr/share/fish/vendor_completions.d/cordonctl.fish
expect /usr/share/cordon/grafana/cordon.json
"$there/usr/bin/cordonctl" config check "$there/etc/cordon/cordon.toml"

# Every program that a unit starts is there.
grep -hoE '^Exec[A-Za-z]+=[-+!]*/[^ ]+' "$there"/usr/lib/systemd/system/*.service |
    sed 's/^[^/]*//' | sort -u | while read -r program; do
    case $program in /usr/bin/cordon*) expect "$program" ;; esac
done

echo '# mine' > "$there/etc/cordon/cordon.toml"
make -s install DESTDIR="$there" prefix=/usr
[ "$(cat "$there/etc/cordon/cordon.toml")" = '# mine' ] || { echo "FAIL: overwritten"; exit 1; }

# systemd finds nothing wrong with the units, and finds the manual pages they name.
if command -v systemd-analyze > /dev/null && command -v man > /dev/null; then
    make -s install prefix="$there/local" sysconfdir="$there/etc"
    export MANPATH=$there/local/share/man
    if ! systemd-analyze verify --man=yes "$there"/local/lib/systemd/system/cordon*.service \
        > "$there/out" 2>&1 || [ -s "$there/out" ]; then
        cat "$there/out"
        echo "FAIL: a unit is wrong"
        exit 1
    fi
fi

# The pages that are written from other texts are those of today.
current() { "${@:2}" | cmp - "$1" || { echo "FAIL: $1 is old: ${*:2} > $1"; exit 1; }; }
current docs/cordonctl.8 scripts/cordonctl-man "$there/usr/bin/cordonctl"
current docs/cordon.toml.5 scripts/cordon-toml-man configs/cordon.toml
