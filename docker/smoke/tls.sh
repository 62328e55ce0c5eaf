# shellcheck shell=bash
# Senders that only write and close at once: with TLS 1.3 session tickets they would lose lines (config/openssl.cnf says why). They
# go to the container's own address, for the engine's proxy before a published port reads for them.

tls_lines=12000

part_tls() {
  use_smoke_compose
  start_new
  start_tenant
  local address
  address=$(inspect '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')
  (sleep 1) | openssl s_client -connect "$address:6514" -tls1_3 > "$work/s_client" 2>&1 || true
  contains 'TLSv1.3' < "$work/s_client" || fail 'openssl does not reach the port of TLS'
  if contains 'New Session Ticket' < "$work/s_client"; then fail 'TLS 1.3 session tickets are sent'; fi

  lines tls 1 "$tls_lines" > "$work/tls.log"
  python3 - "$work/tls.log" "$address" << 'PYTHON'
import socket, ssl, sys
lines = open(sys.argv[1], 'rb').read().splitlines(keepends=True)
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.minimum_version = ssl.TLSVersion.TLSv1_3
for start in range(0, len(lines), 3000):
    with context.wrap_socket(socket.create_connection((sys.argv[2], 6514))) as sender:
        sender.sendall(b''.join(b'<134>' + line for line in lines[start:start + 3000]))
PYTHON
  all_arrived tls "$tls_lines"
  [ "$doubled" = 0 ] || fail "$doubled records came twice"
  say "no session tickets; $tls_lines of $tls_lines records of TLS 1.3 senders that never read"
  stop_it
}
