# shellcheck shell=bash
# The image of an earlier commit takes lines while the tenant is away; the new one goes on with its volume. None lost, none doubled.

upgrade_lines=3000

previous_image() {
  local ref=${SLUICE_SMOKE_PREVIOUS:-$(git -C "$project" describe --tags --abbrev=0 HEAD^ 2> /dev/null || true)}
  if [ -z "$ref" ]; then
    say 'there is no earlier release and SLUICE_SMOKE_PREVIOUS is not set: the same image takes its place'
    "$docker" tag "$SLUICE_IMAGE" sluice:previous
    return
  fi
  rm -rf "$work/previous" && mkdir "$work/previous"
  git -C "$project" archive "$ref" | tar -x -C "$work/previous"
  build_image sluice:previous "$work/previous"
}

part_upgrade() {
  previous_image
  use_smoke_compose
  local new=$SLUICE_IMAGE segments
  SLUICE_IMAGE=sluice:previous
  start_new
  # In ten portions, so that many segments wait.
  for portion in $(seq 0 9); do
    lines upgrade $((portion * upgrade_lines / 10 + 1)) $(((portion + 1) * upgrade_lines / 10)) > "$work/upgrade.log"
    logger --server 127.0.0.1 --port "$syslog_port" --tcp --octet-count --file "$work/upgrade.log"
    sleep 1.2
  done
  wait_for 30 total_is records.written "$upgrade_lines" || fail "the earlier image took $(total records.written) of $upgrade_lines records"
  segments=$(inside sh -c 'find /var/lib/sluice/spool -name "*.gz" | wc -l')
  [ "$segments" -ge 3 ] || fail "only $segments segments wait"
  stop_it

  SLUICE_IMAGE=$new
  start_again
  [ "$(inspect '{{.Config.Image}}')" = "$new" ] || fail 'the container still runs the earlier image'
  start_tenant
  all_arrived upgrade "$upgrade_lines"
  [ "$doubled" = 0 ] || fail "$doubled records came twice"
  say "$upgrade_lines of $upgrade_lines records that the earlier image left in $segments segments were uploaded, each once"
  stop_it
}
