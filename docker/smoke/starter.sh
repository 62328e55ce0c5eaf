# shellcheck shell=bash
# The run command of the portal with this image: ports below 1024 without a capability, the token on standard input and nowhere else,
# the line that scripts wait for, collector_status, and a second start without input.

starter_name=sluice-smoke-starter

# -a stdin ends with the token; so the container is run as the portal's command says, and looked at by its name.
run_starter() {
  local token=$1
  (echo "$token") | "$docker" run --name "$starter_name" -p 127.0.0.1:10514:514/udp -p 127.0.0.1:10601:601/tcp \
    -e "PUBLICIP='127.0.0.1'" -e PROXY= -e SYSLOG=true -e CONSOLE=127.0.0.1:9 -e COLLECTOR=Smoke \
    -v sluice-smoke-starter:/var/lib/sluice --read-only --cap-drop ALL --security-opt no-new-privileges --memory 512m --cpus 1 \
    -a stdin -i "$SLUICE_IMAGE" starter > "$work/starter.log" 2>&1
}
stop_starter() {
  "$docker" rm -f "$starter_name" > /dev/null 2>&1 || true
  "$docker" volume rm "$starter_name" > /dev/null 2>&1 || true
}
starter_says() { "$docker" logs "$starter_name" 2>&1 | contains "$1"; }
starter_ready() { [ "$("$docker" logs "$starter_name" 2>&1 | grep -c 'Finished successfully!')" = "$1" ]; }
# Its exit code says whether all is well, which it is not: nobody is at the tenant's address.
starter_status() { "$docker" exec "$starter_name" collector_status -p || true; }
starter_received() { starter_status | contains "received $1,"; }

part_starter() {
  stop_starter
  local token client
  token=$(new_secret)
  run_starter "$token" &
  client=$!
  id=$starter_name
  wait_for 60 starter_ready 1 || { "$docker" logs "$starter_name" >&2; fail 'there is no line "Finished successfully!"'; }
  if starter_says "$token" || inspect '{{json .}}' | contains "$token"; then fail 'the token is in log or settings of the container'; fi
  [ "$("$docker" exec "$starter_name" stat -c %a /var/lib/sluice/starter-token)" = 600 ] || fail 'the token can be read by others'
  logger --server 127.0.0.1 --port 10514 --udp "$(lines starter 1 1)"
  logger --server 127.0.0.1 --port 10601 --tcp "$(lines starter 2 2)"
  wait_for 20 starter_received 2 || fail "it did not receive both lines: $(starter_status)"
  starter_status
  starter_status | contains 'Collector: running' || fail 'collector_status does not say that it runs'

  "$docker" stop -t 15 "$starter_name" > /dev/null
  [ "$(inspect '{{.State.ExitCode}}')" = 0 ] || fail "its stop was not graceful: exit code $(inspect '{{.State.ExitCode}}')"
  wait "$client" || true
  "$docker" start "$starter_name" > /dev/null
  wait_for 60 starter_ready 2 || { "$docker" logs "$starter_name" >&2; fail 'it does not start again without input'; }
  say 'the run command of the portal starts it, and it starts again without the token'
  "$docker" stop -t 15 "$starter_name" > /dev/null
  stop_starter
}
