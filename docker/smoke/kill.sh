# shellcheck shell=bash
# kill -9 twice while rsyslog sends by RELP: the sender keeps what has no receipt, so nothing is lost. What was on its way without a
# receipt comes again; how much is said.

kill_lines=6000
rsyslog_pid=

# A line a millisecond at most, so that there is a middle to kill in.
start_rsyslog() { # file to send
  rm -rf "$work/rsyslog" && mkdir "$work/rsyslog"
  cat > "$work/rsyslog/rsyslog.conf" << CONF
global(workDirectory="$work/rsyslog" maxMessageSize="8k")
module(load="imfile")
module(load="omrelp")
template(name="raw" type="string" string="<134>%msg%\n")
input(type="imfile" file="$1" tag="smoke" readMode="0")
action(type="omrelp" target="127.0.0.1" port="$relp_port" template="raw" action.resumeRetryCount="-1" action.resumeInterval="1"
  queue.type="LinkedList" queue.size="50000" queue.dequeueSlowdown="1000" queue.dequeueBatchSize="16")
CONF
  rsyslogd -n -f "$work/rsyslog/rsyslog.conf" -i "$work/rsyslog/pid" > "$work/rsyslog/log" 2>&1 &
  rsyslog_pid=$!
}

part_kill() {
  use_smoke_compose
  start_new
  start_tenant
  lines kill 1 "$kill_lines" > "$work/kill.log"
  start_rsyslog "$work/kill.log"
  for round in 1 2; do
    wait_for 60 total_over frames.received $((kill_lines / 6)) || fail "the sender sent $(total frames.received) lines only"
    "$docker" kill -s KILL "$id" > /dev/null
    [ "$(inspect '{{.State.ExitCode}}')" = 137 ] || fail "kill -9 left exit code $(inspect '{{.State.ExitCode}}')"
    [ "$(inspect '{{.State.OOMKilled}}')" = false ] || fail 'the memory was not enough'
    start_again
    start_tenant
    say "killed and started again, time $round"
  done
  all_arrived kill "$kill_lines"
  say "$kill_lines of $kill_lines records uploaded over two kills; $doubled came twice, sent again by RELP"
  kill "$rsyslog_pid" && { wait "$rsyslog_pid" || true; }
  rsyslog_pid=
  memory_peak
  stop_it
}
