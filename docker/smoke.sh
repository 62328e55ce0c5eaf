#!/usr/bin/env bash
# Builds the image and sees it work: lines sent by logger arrive as an uploaded file, without root, on a read-only file system,
# and a stop is graceful. Starts a container engine of its own when none answers, and leaves nothing behind but its work folder.
#
#   docker/smoke.sh [WORK_FOLDER]
#
# Needs, as root: docker 20.10 or newer (with BuildKit), docker-compose, iptables, logger, curl; mmdebstrap and npm when the
# registry of the base image cannot be reached. On Debian:
#   apt-get install --no-install-recommends docker.io docker-compose iptables mmdebstrap
#
# Environment, all optional:
#   SLUICE_SMOKE_NPMRC   .npmrc of a package mirror, given to the build as a secret
#   SLUICE_SMOKE_CA      certificate authority in PEM, given to the build as a secret (default: npm's or Node's)
#   SLUICE_SMOKE_MIRROR  Debian mirror for the base image (default: the machine's own)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project=$(dirname "$here")
work=${1:-${TMPDIR:-/tmp}/sluice-smoke}
base_image=node:24-trixie-slim
syslog_port=15514
admin_port=19600
mkdir -p "$work"
work=$(cd "$work" && pwd)

say() { printf '== %s (%s s)\n' "$*" "$SECONDS"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  compose logs --no-color 2> /dev/null | tail -40 >&2 || true
  exit 1
}

# ── the engine ────────────────────────────────────────────────────────────────────────────────────────────────────────────
# Clients from 23 on build by the buildx plugin; Debian's 20.10 builds by itself.
docker=docker
if ! docker buildx version > /dev/null 2>&1 && [ -x /usr/bin/docker ]; then docker=/usr/bin/docker; fi
export DOCKER_BUILDKIT=1 COMPOSE_PROJECT_NAME=sluice-smoke SLUICE_IMAGE=sluice:smoke
export SLUICE_SYSLOG=$syslog_port SLUICE_ADMIN=$admin_port SLUICE_ADMIN_TOKEN_FILE=$work/admin_token

compose() {
  if "$docker" compose version > /dev/null 2>&1; then "$docker" compose -f "$here/compose.yaml" "$@"
  else docker-compose -f "$here/compose.yaml" "$@"; fi
}

dockerd_pid=
own_engine=no
clean_up() {
  status=$?
  compose down -v --timeout 15 > "$work/down.log" 2>&1 || true
  if [ "$own_engine" = yes ]; then
    "$docker" image prune -f > /dev/null 2>&1 || true
    if [ -n "$dockerd_pid" ]; then kill "$dockerd_pid" 2> /dev/null || true; wait "$dockerd_pid" 2> /dev/null || true; fi
    # The daemon leaves its bridge, and DROP for what is forwarded.
    ip link delete docker0 2> /dev/null || true
    iptables -P FORWARD "$forward_policy" 2> /dev/null || true
  fi
  [ "$status" = 0 ] && say 'smoke test passed' || say "smoke test ended with status $status"
  exit "$status"
}
trap clean_up EXIT

if ! "$docker" info > /dev/null 2>&1; then
  say 'starting a container engine'
  own_engine=yes
  forward_policy=$(iptables -S FORWARD 2> /dev/null | awk '$1 == "-P" { print $3 }')
  forward_policy=${forward_policy:-ACCEPT}
  dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" -H "unix://$work/docker.sock" > "$work/dockerd.log" 2>&1 &
  dockerd_pid=$!
  export DOCKER_HOST=unix://$work/docker.sock
  for _ in $(seq 50); do "$docker" info > /dev/null 2>&1 && break; sleep 0.2; done
  "$docker" info > /dev/null 2>&1 || { tail -20 "$work/dockerd.log" >&2; fail 'the container engine did not start'; }
fi

# ── the base image ────────────────────────────────────────────────────────────────────────────────────────────────────────
# Without a registry: Debian from its mirror, Node and npm from this machine.
make_base_image() {
  if [ ! -f "$work/base.tar" ]; then
    local mirror=${SLUICE_SMOKE_MIRROR:-$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources)}
    say "making a base image from $mirror"
    mmdebstrap --variant=apt --include=ca-certificates,tini,libisal2,passwd trixie "$work/base.part.tar" "$mirror" > "$work/mmdebstrap.log" 2>&1
    mv "$work/base.part.tar" "$work/base.tar"
  fi
  "$docker" import "$work/base.tar" debian:trixie-slim > /dev/null
  mkdir -p "$work/node"
  cp -L "$project/node_modules/node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')/bin/node" "$work/node/node"
  rm -rf "$work/node/npm" && cp -rL "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$work/node/npm"
  cat > "$work/node/Dockerfile" << 'BASE'
FROM debian:trixie-slim
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --create-home node
BASE
  "$docker" build -q -t "$base_image" "$work/node" > /dev/null
}

if ! "$docker" image inspect "$base_image" > /dev/null 2>&1 && ! timeout 60 "$docker" pull -q "$base_image" > "$work/pull.log" 2>&1; then
  make_base_image
fi

# ── the image ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
say 'building the image'
secrets=()
npmrc=${SLUICE_SMOKE_NPMRC:-}
if [ -z "$npmrc" ]; then
  npmrc=$work/npmrc
  printf 'registry=%s\n' "$(cd / && npm config get registry 2> /dev/null)" > "$npmrc"
fi
secrets+=(--secret "id=npmrc,src=$npmrc")
ca=${SLUICE_SMOKE_CA:-${NODE_EXTRA_CA_CERTS:-}}
if [ -n "$ca" ] && [ -f "$ca" ]; then secrets+=(--secret "id=ca,src=$ca"); fi
"$docker" build --network host "${secrets[@]}" -f "$here/Dockerfile" -t "$SLUICE_IMAGE" "$project" > "$work/build.log" 2>&1 \
  || { tail -30 "$work/build.log" >&2; fail 'the image was not built'; }
say "built: $(( $("$docker" image inspect -f '{{.Size}}' "$SLUICE_IMAGE") / 1000000 )) MB"

if "$docker" image inspect -f '{{json .Config.Env}}' "$SLUICE_IMAGE" | grep -qiE 'token|secret|registry'; then
  fail 'the environment of the image holds a secret or a registry'
fi
"$docker" run --rm --network none --entrypoint sh "$SLUICE_IMAGE" -c 'test ! -e /root/.npmrc && test ! -e /run/secrets/ca' 2> /dev/null \
  || fail 'the image holds a build secret'

# ── run, send, see ────────────────────────────────────────────────────────────────────────────────────────────────────────
say 'starting the container'
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$SLUICE_ADMIN_TOKEN_FILE"
chmod 0444 "$SLUICE_ADMIN_TOKEN_FILE"
compose up -d --no-build > "$work/up.log" 2>&1 || { cat "$work/up.log" >&2; fail 'the container did not start'; }
id=$(compose ps -q sluice)
for _ in $(seq 60); do
  [ "$("$docker" inspect -f '{{.State.Health.Status}}' "$id")" = healthy ] && break
  sleep 0.5
done
[ "$("$docker" inspect -f '{{.State.Health.Status}}' "$id")" = healthy ] || fail 'the container did not become healthy'

inside() { "$docker" exec "$id" "$@"; }
[ "$(inside id -u)" = 10001 ] || fail 'the container runs as root'
inside sh -c 'touch /opt/sluice/x || touch /etc/x' 2> /dev/null && fail 'the root file system can be written'
capabilities=$(inside awk '/^Cap(Eff|Prm|Bnd)/ { print $2 }' /proc/1/status | sort -u)
[ "$capabilities" = 0000000000000000 ] || fail "there are capabilities: $capabilities"
[ "$(inside cat /proc/1/comm)" = tini ] || fail 'process 1 is no init'

say 'sending lines'
now=$(date +%s)
line() { # number
  printf 'date=%s time=%s devname="smoke" devid="FG100FTK00000000" eventtime=%s000000000 tz="+0000" logid="0000000013" type="traffic" subtype="forward" srcip=10.1.2.%s srcport=50000 dstip=93.184.216.34 dstport=443 proto=6 action="close" service="HTTPS" hostname="smoke.example.org" sentbyte=1000 rcvdbyte=2000' \
    "$(date -u +%F)" "$(date -u +%T)" "$now" "$1"
}
for i in $(seq 1 20); do logger --server 127.0.0.1 --port "$syslog_port" --udp "$(line "$i")"; done
for i in $(seq 21 40); do logger --server 127.0.0.1 --port "$syslog_port" --tcp --octet-count "$(line "$i")"; done

uploaded() { inside sluice status --json | node -e 'let t = ""; process.stdin.on("data", c => (t += c)).on("end", () => console.log(JSON.parse(t).sources.reduce((n, s) => n + s.records.uploaded, 0)))'; }
count=0
for _ in $(seq 40); do
  count=$(uploaded) || true
  [ "$count" = 40 ] && break
  sleep 0.5
done
[ "$count" = 40 ] || fail "$count of 40 records were uploaded"
inside sluice status
stored=$(inside sh -c 'zcat /var/lib/sluice/tenant/*/*.log.gz' | grep -c 'dhost=smoke.example.org' || true)
[ "$stored" = 40 ] || fail "the files of the local tenant hold $stored of 40 records"
curl -fsS -o /dev/null "http://127.0.0.1:$admin_port/" || fail 'the page does not answer'
curl -fsS -H "authorization: Bearer $(cat "$SLUICE_ADMIN_TOKEN_FILE")" "http://127.0.0.1:$admin_port/metrics" | grep -q '^sluice_uploaded_records_total.* 40$' \
  || fail 'the metrics do not show 40 uploaded records'
[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$admin_port/metrics")" = 401 ] || fail 'the metrics need no token'
say '40 of 40 records uploaded: status, metrics and the files of the local tenant agree'

# ── stop ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
began=$(date +%s%N)
compose stop > "$work/stop.log" 2>&1
[ "$("$docker" inspect -f '{{.State.ExitCode}}' "$id")" = 0 ] || fail 'the stop was not graceful'
say "stopped with exit code 0 after $(( ($(date +%s%N) - began) / 1000000 )) ms"
