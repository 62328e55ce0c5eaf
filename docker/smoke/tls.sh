# shellcheck shell=bash
# A sender that only writes and closes at once: with TLS 1.3 session tickets it would lose lines (config/openssl.cnf says why).

tls_lines=4000

part_tls() {
  use_smoke_compose
  start_new
  start_tenant
  lines tls 1 "$tls_lines" > "$work/tls.log"
  python3 - "$work/tls.log" "$tls_port" << 'PYTHON'
import socket, ssl, sys
lines = open(sys.argv[1], 'rb').read().splitlines(keepends=True)
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.minimum_version = ssl.TLSVersion.TLSv1_3
for start in range(0, len(lines), 100):
    with context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[2])))) as sender:
        sender.sendall(b''.join(b'<134>' + line for line in lines[start:start + 100]))
PYTHON
  all_arrived tls "$tls_lines"
  [ "$doubled" = 0 ] || fail "$doubled records came twice"
  say "$tls_lines of $tls_lines records of 40 TLS 1.3 senders that never read"
  stop_it
}
