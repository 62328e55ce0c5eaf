# shellcheck shell=bash
# The container engine: the one that answers, else one of our own under the work folder.

# Clients from 23 on build by the buildx plugin; Debian's 20.10 builds by itself.
docker=docker
if ! docker buildx version > /dev/null 2>&1 && [ -x /usr/bin/docker ]; then docker=/usr/bin/docker; fi
export DOCKER_BUILDKIT=1

dockerd_pid=
start_engine() {
  if "$docker" info > /dev/null 2>&1; then return; fi
  say 'starting a container engine'
  iptables-save > "$work/iptables"
  dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" -H "unix://$work/docker.sock" > "$work/dockerd.log" 2>&1 &
  dockerd_pid=$!
  export DOCKER_HOST=unix://$work/docker.sock
  wait_for 20 engine_answers || { tail -20 "$work/dockerd.log" >&2; fail 'the container engine did not start'; }
}
engine_answers() { "$docker" info > /dev/null 2>&1; }

clean_up() {
  local status=$?
  use_smoke_compose
  compose down -v --timeout 15 > "$work/down.log" 2>&1 || true
  stop_starter
  if [ -n "$rsyslog_pid" ]; then kill "$rsyslog_pid" 2> /dev/null || true; fi
  if [ -n "$dockerd_pid" ]; then
    "$docker" image prune -f > /dev/null 2>&1 || true
    kill "$dockerd_pid" 2> /dev/null || true
    wait "$dockerd_pid" 2> /dev/null || true
    # The daemon leaves its bridge, its chains, and DROP for what is forwarded.
    ip link delete docker0 2> /dev/null || true
    iptables-restore < "$work/iptables" || true
  fi
  if [ "$status" = 0 ]; then say 'smoke test passed'; else say "smoke test ended with status $status"; fi
  exit "$status"
}
