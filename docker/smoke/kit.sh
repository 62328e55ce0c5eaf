# shellcheck shell=bash
# Words that all parts of the smoke test share: how to say, to wait, to make lines, to start one collector, and to count what the tenant got.

# 514 is what appliances send to; a machine with a syslog daemon of its own has it in use.
syslog_port=514
if ss -Hlntu 'sport = :514' | grep -q .; then syslog_port=15514; fi
admin_port=19600
relp_port=12514
subject=/CN=sluice.example

export COMPOSE_PROJECT_NAME=sluice-smoke SLUICE_IMAGE=sluice:smoke SLUICE_SYSLOG=$syslog_port SLUICE_ADMIN=$admin_port
export SLUICE_MEMORY=512m SLUICE_CPUS=1 SLUICE_ADMIN_TOKEN_FILE=$work/admin_token
# For compose.yaml of this folder.
export SMOKE_WORK=$work SMOKE_RELP=$relp_port

say() { printf '== %s (%s s)\n' "$*" "$SECONDS"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  compose logs --no-color 2> /dev/null | tail -40 >&2 || true
  exit 1
}

# wait_for SECONDS COMMAND…: until it succeeds; false when it does not in time.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

# contains TEXT: is it in the standard input? Reads to the end, for pipefail takes a writer that is cut off as a failure.
contains() { [ "$(grep -aFc -e "$1")" != 0 ]; }

# ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
# FortiGate traffic; the host tells one from the other: n1.PREFIX.example.org, n2…
lines() { # prefix first last
  local now day clock
  now=$(date +%s) day=$(date -u +%F) clock=$(date -u +%T)
  for ((i = $2; i <= $3; i++)); do
    printf 'date=%s time=%s devname="smoke" devid="FG100FTK00000000" eventtime=%s000000000 tz="+0000" logid="0000000013" type="traffic" subtype="forward" srcip=10.1.2.3 srcport=50000 dstip=93.184.216.34 dstport=443 proto=6 action="close" service="HTTPS" hostname="n%s.%s.example.org" sentbyte=1000 rcvdbyte=2000\n' \
      "$day" "$clock" "$now" "$i" "$1"
  done
}

# ── one collector, by compose ─────────────────────────────────────────────────────────────────────────────────────────────
new_secret() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
make_secrets() {
  new_secret > "$SLUICE_ADMIN_TOKEN_FILE"
  new_secret > "$work/tenant_token"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "$subject" \
    -keyout "$work/tls_key" -out "$work/tls_cert" 2> /dev/null
  # The user of the container reads them through a mount of each file.
  chmod 0444 "$SLUICE_ADMIN_TOKEN_FILE" "$work"/tenant_token "$work"/tls_*
}

# The compose file of the project, and over it what the parts need besides: RELP, TLS, a tenant that can be away.
compose_files=(-f "$here/compose.yaml")
use_plain_compose() { compose_files=(-f "$here/compose.yaml"); }
use_smoke_compose() { compose_files=(-f "$here/compose.yaml" -f "$here/smoke/compose.yaml"); }
compose() {
  if "$docker" compose version > /dev/null 2>&1; then "$docker" compose "${compose_files[@]}" "$@"
  else docker-compose "${compose_files[@]}" "$@"; fi
}

start_new() {
  compose down -v > "$work/down.log" 2>&1 || true
  make_secrets
  start_again
}
# start_again: on the volume that is there, with SLUICE_IMAGE. Sets `id`.
start_again() {
  local began=${EPOCHREALTIME/./}
  compose up -d --no-build > "$work/up.log" 2>&1 || { cat "$work/up.log" >&2; fail 'the container did not start'; }
  id=$(compose ps -q sluice 2> /dev/null)
  wait_for 60 ready || fail 'the container did not become ready'
  local now=${EPOCHREALTIME/./} started
  started=$(date -d "$(inspect '{{.State.StartedAt}}')" +%s%6N)
  say "ready $(((now - started) / 1000)) ms after its start, $(((now - began) / 1000)) ms after compose up"
}
# stop_it: gracefully, which is exit code 0 within the grace of compose.yaml.
stop_it() {
  local began=${EPOCHREALTIME/./}
  compose stop > "$work/stop.log" 2>&1
  [ "$(inspect '{{.State.ExitCode}}')" = 0 ] || fail "the stop was not graceful: exit code $(inspect '{{.State.ExitCode}}')"
  [ "$(inspect '{{.State.OOMKilled}}')" = false ] || fail 'the memory was not enough'
  say "stopped with exit code 0 after $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
}

ready() { curl -fsS -o /dev/null "http://127.0.0.1:$admin_port/ready" 2> /dev/null; }
inspect() { "$docker" inspect -f "$1" "$id"; }
inside() { "$docker" exec "$id" "$@"; }
admin_api() { curl -fsS -H "authorization: Bearer $(cat "$SLUICE_ADMIN_TOKEN_FILE")" "http://127.0.0.1:$admin_port$1"; }
# total KEY: of all sources in the status, as frames.received or records.uploaded.
total() {
  admin_api /api/v1/status | python3 -c '
import json, sys
a, b = sys.argv[1].split(".")
print(sum(s[a][b] for s in json.load(sys.stdin)["sources"]))' "$1"
}
total_is() { [ "$(total "$1")" = "$2" ]; }
total_over() { [ "$(total "$1")" -ge "$2" ]; }
memory_peak() { say "memory at its peak: $(($(inside cat /sys/fs/cgroup/memory.peak 2> /dev/null || inside cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes) / 1048576)) of 512 MiB, page cache included"; }

# ── the tenant ────────────────────────────────────────────────────────────────────────────────────────────────────────────
# It runs inside the container, where `url: http://127.0.0.1:9601` finds it, and ends with the container: a tenant that is away and back.
start_tenant() { "$docker" exec -d "$id" sluice tenant --listen 127.0.0.1:9601 --dir /var/lib/sluice/tenant; }
# Hosts in the files that the tenant accepted, one line per record.
hosts_at_tenant() { # prefix
  inside sh -c 'cat /var/lib/sluice/tenant/*/*.gz 2> /dev/null | gunzip -c 2> /dev/null' | grep -oE "dhost=n[0-9]+\.$1\.example\.org" || true
}
distinct_at_tenant() { hosts_at_tenant "$1" | sort -u | wc -l; }
tenant_has() { [ "$(distinct_at_tenant "$1")" = "$2" ]; }
# all_arrived PREFIX COUNT: all n1…nCOUNT; sets `doubled`, how many records came more than once.
all_arrived() {
  wait_for 90 tenant_has "$1" "$2" || fail "the tenant got $(distinct_at_tenant "$1") of $2 records"
  doubled=$(($(hosts_at_tenant "$1" | wc -l) - $2))
}
