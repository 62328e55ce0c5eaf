#!/usr/bin/env bash
# Builds the image and sees it work, each part of docker/smoke/ for itself: what the image holds, the compose file as it is, an
# upgrade over a waiting spool, kill -9 under load, TLS, and the place of Microsoft's image. Every container has no root, no
# capabilities, a read-only file system, 512 MB and one CPU. Starts a container engine of its own when none answers, and leaves nothing
# behind but its work folder.
#
#   docker/smoke.sh [WORK_FOLDER] [PART…]
#
# Parts: image first_run upgrade kill tls starter; without any, all of them in this order.
#
# Needs, as root: docker 20.10 or newer (with BuildKit), docker-compose, iptables, iproute2, logger, curl, rsyslog, rsyslog-relp,
# openssl, python3; mmdebstrap and npm when the registry of the base image cannot be reached. On Debian:
#   apt-get install --no-install-recommends docker.io docker-compose iptables iproute2 mmdebstrap rsyslog rsyslog-relp openssl python3
#
# Environment, all optional:
#   SLUICE_SMOKE_PREVIOUS  commit or tag whose image is upgraded from (default: the newest tag before HEAD, else the same image)
#   SLUICE_SMOKE_NPMRC     .npmrc of a package mirror, given to the build as a secret
#   SLUICE_SMOKE_CA        certificate authority in PEM, given to the build as a secret (default: npm's or Node's)
#   SLUICE_SMOKE_MIRROR    Debian mirror for the base image (default: the machine's own)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project=$(dirname "$here")
work=${1:-${TMPDIR:-/tmp}/sluice-smoke}
parts=("${@:2}")
[ "${#parts[@]}" -gt 0 ] || parts=(image first_run upgrade kill tls starter)
mkdir -p "$work"
work=$(cd "$work" && pwd)

for file in kit engine image first-run upgrade kill tls starter; do
  # shellcheck source=/dev/null
  . "$here/smoke/$file.sh"
done

trap clean_up EXIT
start_engine
build_image "$SLUICE_IMAGE" "$project"
for part in "${parts[@]}"; do
  say "── $part"
  "part_$part"
done
