# Kills a program at a system call, without a hook in it: `. tests/system/_aim.sh` after _cordon.sh.

need strace

# aim PID THREAD SYSCALL N   — the process dies when its thread of that name (comm, a prefix;
# "main": the first one) is about to do that system call for the Nth time from now on.
aim() {
    local task thread=
    for task in /proc/$1/task/*; do
        case $(cat "$task/comm") in "$2"*) thread=${task##*/} ;; esac
    done
    [ "$2" != main ] || thread=$1
    [ -n "$thread" ] || fail "process $1 has no thread $2"
    strace -qq -o "$WORK/strace.out" -p $thread -e trace=$3 -e signal=none \
        -e "inject=$3:signal=KILL:when=$4" 2>> "$WORK/strace.log" &
    AIM_PID=$!
    _remember $AIM_PID
    wait_for 5 _traced $thread $AIM_PID || skip "this machine lets nobody trace a process"
}
_traced() {
    kill -0 $2 2> /dev/null || return 0
    grep -q "^TracerPid:[[:space:]]*$2\$" /proc/$1/status
}

# True when the aimed kill has hit within N seconds; the tracer is gone then in any case.
hit() {
    local result=0
    wait_for $2 _dead $1 || result=1
    _stop_pid $AIM_PID TERM
    _forget $AIM_PID
    return $result
}
_dead() {
    case $(cut -d' ' -f3 /proc/$1/stat 2> /dev/null) in Z | '') return 0 ;; esac
    return 1
}
