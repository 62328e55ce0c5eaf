# shellcheck shell=bash
# The compose file as it is: hardened, healthy, lines over UDP and TCP reach the (local) tenant, page and metrics answer, a restart
# loses and doubles nothing.

part_first_run() {
  use_plain_compose
  start_new
  sees_hardening
  for i in $(seq 1 20); do logger --server 127.0.0.1 --port "$syslog_port" --udp "$(lines first "$i" "$i")"; done
  for i in $(seq 21 40); do logger --server 127.0.0.1 --port "$syslog_port" --tcp --octet-count "$(lines first "$i" "$i")"; done
  wait_for 40 total_is records.uploaded 40 || fail "$(total records.uploaded) of 40 records were uploaded"
  inside sluice status
  all_arrived first 40
  [ "$doubled" = 0 ] || fail "$doubled records came twice"
  sees_page
  admin_api /metrics > "$work/metrics"
  grep -q '^sluice_uploaded_records_total.* 40$' "$work/metrics" || fail 'the metrics do not show 40 uploaded records'
  grep -qE '^sluice_udp_native(\{[^}]*\})? 1$' "$work/metrics" || fail 'UDP is not received by recvmmsg'
  [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$admin_port/metrics")" = 401 ] || fail 'the metrics need no token'
  say '40 of 40 records uploaded: status, metrics and the files of the local tenant agree'

  wait_for 60 healthy || fail "the health check says $(inspect '{{.State.Health.Status}}')"
  stop_it
  start_again
  wait_for 20 total_is records.uploaded 0 || fail 'the restart uploaded again'
  all_arrived first 40
  [ "$doubled" = 0 ] || fail "$doubled records came twice after the restart"
  stop_it
}

sees_hardening() {
  [ "$(inside id -u)" = 10001 ] || fail 'the container runs as root'
  if inside sh -c 'touch /opt/sluice/x || touch /etc/x' 2> /dev/null; then fail 'the root file system can be written'; fi
  local capabilities
  capabilities=$(inside awk '/^Cap(Eff|Prm|Bnd)/ { print $2 }' /proc/1/status | sort -u)
  [ "$capabilities" = 0000000000000000 ] || fail "there are capabilities: $capabilities"
  [ "$(inside awk '/^NoNewPrivs/ { print $2 }' /proc/1/status)" = 1 ] || fail 'privileges can be gained'
  [ "$(inside cat /proc/1/comm)" = tini ] || fail 'process 1 is no init'
  [ "$(inspect '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}')" = '536870912 1000000000' ] || fail 'memory and CPU are not limited'
  [ "$(inspect '{{.Config.StopTimeout}}')" -ge 12 ] || fail 'the stop grace is shorter than a stop may take'
  if inspect '{{json .Config.Env}}' | contains "$(cat "$SLUICE_ADMIN_TOKEN_FILE")"; then fail 'the secret is in the environment'; fi
}
healthy() { [ "$(inspect '{{.State.Health.Status}}')" = healthy ]; }

# The page, and all that it is made of.
sees_page() {
  local base=http://127.0.0.1:$admin_port file
  curl -fsS "$base/" > "$work/page.html" || fail 'the page does not answer'
  for file in page.js page.css icon.svg; do
    grep -q "$file" "$work/page.html" || fail "the page does not name $file"
    [ "$(curl -fsS "$base/$file" | wc -c)" -gt 100 ] || fail "$file is empty"
  done
}
