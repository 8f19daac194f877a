#!/bin/bash
# Completion in real shells, typed at a terminal: words, flags, files, and the services of a running
# appliance.
. "$(dirname "$0")/_cordon.sh"
need tmux
cordon_up

mkdir "$WORK/share" "$WORK/home"
export PATH=$BIN:$PATH HOME=$WORK/home
touch "$WORK/home/indicators.cdx"
for shell in bash zsh fish; do ctl completion $shell > "$WORK/share/$shell"; done
server="tmux -S $WORK/tmux -f /dev/null"

# open SHELL command…   — a terminal with it.
open() {
    shell=$1
    shift
    $server new-session -d -s "$shell" -x 160 -y 50 -c "$WORK/home" "$@"
    $server set-option -g status off
    type_in "PS1='> '; source $WORK/share/$shell; echo rea''dy" Enter
    wait_for 20 shows '^ready' || { screen; fail "$shell is not ready"; }
}
type_in() { $server send-keys -t "$shell" "$@"; }
screen() { $server capture-pane -p -t "$shell"; }
shows() { screen | grep -qE -- "$1"; }
# completes TYPED WANTED   — a regular expression that is on the screen then.
completes() {
    type_in C-u "$1"
    sleep 0.2
    type_in Tab
    wait_for 5 shows "$2" && type_in C-u || { type_in Tab && wait_for 3 shows "$2"; } || {
        screen
        return 1
    }
    type_in C-u C-l
}
all_of() {
    check "$shell: a command" completes 'cordonctl incid' 'cordonctl incidents( |$)'
    check "$shell: its second word" completes 'cordonctl incidents ta' 'cordonctl incidents tail'
    check "$shell: a flag" completes 'cordonctl coverage --unl' 'cordonctl coverage --unlisted'
    check "$shell: what it takes" completes 'cordonctl incidents list --action obs' \
        'list --action observe'
    check "$shell: a file" completes 'cordonctl index show indic' 'index show indicators.cdx'
    check "$shell: a service" completes "cordonctl --config $CONFIG mode set photos-" \
        'mode set photos-v6'
}

$server new-session -d -s keeper sleep 600
_remember "$($server display-message -p '#{pid}')"
open bash bash --norc --noprofile -i
all_of
if command -v zsh > /dev/null; then
    shell=zsh
    echo 'autoload -Uz compinit && compinit -u' > "$WORK/home/.zshrc"
    open zsh zsh -i
    all_of
fi
if command -v fish > /dev/null; then
    cp "$WORK/share/fish" "$WORK/share/fish.fish"
    shell=fish
    $server new-session -d -s fish -x 160 -y 50 -c "$WORK/home" fish --no-config
    type_in "source $WORK/share/fish; echo rea''dy" Enter
    wait_for 20 shows '^ready' || { screen; fail "fish is not ready"; }
    all_of
fi
