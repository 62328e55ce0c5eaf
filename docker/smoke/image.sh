# shellcheck shell=bash
# Base image, build, and what the image holds and holds not.

base_image=node:24-trixie-slim

# Without a registry: Debian from its mirror, Node and npm from this machine.
make_base_image() {
  if [ ! -f "$work/base.tar" ]; then
    local mirror=${SLUICE_SMOKE_MIRROR:-$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources)}
    say "making a base image from $mirror"
    # Without the descriptors of whoever called: dpkg's helper is told a number, and the shell knows one digit only.
    mmdebstrap --variant=apt --include=ca-certificates,tini,libisal2,passwd trixie "$work/base.part.tar" "$mirror" \
      > "$work/mmdebstrap.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- || { tail -20 "$work/mmdebstrap.log" >&2; fail 'there is no base image'; }
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

build_image() { # tag, folder of the project
  if ! "$docker" image inspect "$base_image" > /dev/null 2>&1 && ! timeout 60 "$docker" pull -q "$base_image" > "$work/pull.log" 2>&1; then
    make_base_image
  fi
  say "building $1"
  npmrc=${SLUICE_SMOKE_NPMRC:-}
  if [ -z "$npmrc" ]; then
    npmrc=$work/npmrc
    printf 'registry=%s\n' "$(cd / && npm config get registry 2> /dev/null)" > "$npmrc"
  fi
  local secrets=(--secret "id=npmrc,src=$npmrc") ca=${SLUICE_SMOKE_CA:-${NODE_EXTRA_CA_CERTS:-}}
  if [ -n "$ca" ] && [ -f "$ca" ]; then secrets+=(--secret "id=ca,src=$ca"); fi
  "$docker" build --network host "${secrets[@]}" -f "$2/docker/Dockerfile" -t "$1" "$2" > "$work/build.log" 2>&1 \
    || { tail -30 "$work/build.log" >&2; fail 'the image was not built'; }
  say "built: $(($("$docker" image inspect -f '{{.Size}}' "$1") / 1000000)) MB, $(($("$docker" image inspect -f '{{.Size}}' "$base_image") / 1000000)) of them the base image"
}

part_image() {
  local facts history registry
  facts=$("$docker" image inspect -f '{{json .Config}}' "$SLUICE_IMAGE")
  history=$("$docker" history --no-trunc --format '{{.CreatedBy}}' "$SLUICE_IMAGE")
  registry=$(sed -n 's#^registry=[a-z]*://\([^/]*\).*#\1#p' "$npmrc")
  registry=${registry:-registry.npmjs.org}
  if grep -qiE '(token|secret|password|registry)[a-z_]*=' <<< "$facts"; then fail 'the environment of the image holds a secret or a registry'; fi
  # The lockfile names the npm registry of the world: by that it is seen that the layers can be searched.
  local names
  names=$("$docker" save "$SLUICE_IMAGE" | tar -xO | grep -aoF -e registry.npmjs.org -e "$registry" | sort -u)
  contains registry.npmjs.org <<< "$names" || fail 'the layers of the image cannot be searched'
  if [ "$registry" != registry.npmjs.org ] && contains "$registry" <<< "$names$facts$history"; then fail 'the image names the package mirror of its build'; fi
  in_image 'test ! -e /root/.npmrc && test ! -e /run/secrets/ca && test ! -e /opt/sluice/src' || fail 'the image holds what only its build needs'
  in_image 'test "$(id -u)" = 10001' || fail 'the image runs as root'
  in_image 'cd /opt/sluice && node -e "require(\"koffi\")" && ldconfig -p | grep -q libisal.so.2' || fail 'the image lacks koffi or libisal2'
  # Exit codes by which an orchestrator tells a wrong configuration from a crash.
  exits 2 no-such-verb
  exits 78 validate -c /nonexistent.yaml
  exits 0 help
  say "no secret in environment, history or layers; user 10001; exit codes as documented"
}
in_image() { "$docker" run --rm --network none --cap-drop ALL --read-only --entrypoint sh "$SLUICE_IMAGE" -c "$1" > /dev/null 2>&1; }
exits() { # code, arguments of sluice
  local code=0
  "$docker" run --rm --network none --cap-drop ALL --read-only "$SLUICE_IMAGE" "${@:2}" > /dev/null 2>&1 || code=$?
  [ "$code" = "$1" ] || fail "sluice ${*:2} ends with $code in place of $1"
}
