#!/bin/bash
# For the tests of the image on a Debian machine without a Docker engine, or without a way to a registry: an engine from
# Debian's packages, and stand-ins for the base images, made from Debian's packages and this machine's CPython 3.11.
# Images made on them are for tests: never publish one.
#   engine.sh up     install and start the engine (docker.io + docker-compose 1.29), install podman and a registry, idempotent
#   engine.sh base   make debian:bookworm-slim and python:3.11-slim locally, idempotent
#   engine.sh down   stop the engine that `up` started
# root only. DEB_CACHE (default /var/cache/base-images): the two images are kept there as tarballs and loaded next time.
set -euo pipefail
RUN=/run/containers-kit; mkdir -p $RUN; CACHE=${DEB_CACHE:-/var/cache/base-images}
export DEBIAN_FRONTEND=noninteractive; unset DOCKER_HOST
say(){ echo "[${SECONDS}s] $*"; }

# Its program alone: the package would start a service that listens at all addresses.
registry(){
  local W; W=$(mktemp -d); chmod 755 "$W"
  (cd "$W"; apt-get download -qq docker-registry >/dev/null 2>&1; dpkg -x docker-registry_*.deb .; install -m 755 usr/bin/docker-registry /usr/local/bin/)
  rm -rf "$W"
}

up(){
  local each missing=()
  for each in dockerd docker-compose debootstrap podman runc catatonit docker-registry; do command -v $each >/dev/null || missing+=($each); done
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq; apt-get install -y -qq --no-install-recommends docker.io docker-compose debootstrap iptables podman runc catatonit >/dev/null
    registry
    say "installed"
  fi
  if ! docker version >/dev/null 2>&1; then
    setsid nohup dockerd >$RUN/dockerd.log 2>&1 & echo $! >$RUN/dockerd.pid
    for _ in $(seq 300); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
  fi
  docker version --format "engine {{.Server.Version}}"; say "engine up"
}

base(){
  local DEB=debian:bookworm-slim PY=python:3.11-slim W R C V SRC
  mkdir -p "$CACHE"
  for i in $DEB $PY; do
    docker image inspect $i >/dev/null 2>&1 || { [ -f "$CACHE/${i//:/_}.tar" ] && docker load -q -i "$CACHE/${i//:/_}.tar" && say "loaded $i"; } || true
  done
  W=$(mktemp -d /var/tmp/base.XXXXXX); mount -t tmpfs -o size=3g,mode=755 none $W; trap "umount -l $W; rmdir $W" EXIT   # in memory: unpacking waits on no disk
  if ! docker image inspect $DEB >/dev/null 2>&1; then
    R=$W/rootfs
    debootstrap --variant=minbase bookworm "$R" >"$W/log" 2>&1 || { tail -20 "$W/log"; return 1; }   # its default mirror
    rm -f "$R/etc/apt/sources.list"; cp /etc/apt/sources.list.d/debian.sources "$R/etc/apt/sources.list.d/"
    # as in the official slim image: no docs, man pages or locales, nothing left in apt's cache, no service starts
    printf 'path-%s\n' 'exclude /usr/share/doc/*' 'include /usr/share/doc/*/copyright' 'exclude /usr/share/man/*' \
      'exclude /usr/share/info/*' 'exclude /usr/share/locale/*' >"$R/etc/dpkg/dpkg.cfg.d/docker"
    printf '%s\n' 'Acquire::GzipIndexes "true";' 'Acquire::Languages "none";' 'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' \
      'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' >"$R/etc/apt/apt.conf.d/docker"
    echo force-unsafe-io >>"$R/etc/dpkg/dpkg.cfg.d/docker"
    printf '#!/bin/sh\nexit 101\n' >"$R/usr/sbin/policy-rc.d"; chmod 755 "$R/usr/sbin/policy-rc.d"
    chroot "$R" sh -c 'apt-get update -qq && apt-get -y -qq dist-upgrade' >"$W/log" 2>&1 || { tail -20 "$W/log"; return 1; }
    rm -rf "$R"/var/lib/apt/lists/* "$R"/var/cache/apt/archives/*.deb "$R"/var/cache/apt/*.bin "$R"/usr/share/{man,info,locale}/* "$R"/var/log/*.log
    find "$R/usr/share/doc" -mindepth 1 ! -name copyright ! -type d -delete; find "$R/usr/share/doc" -type d -empty -delete
    # the CA that this machine's package clients trust, so that no Dockerfile has to say anything about it
    mkdir -p "$R/usr/local/share/ca-certificates"; cp /usr/local/share/ca-certificates/*.crt "$R/usr/local/share/ca-certificates/" 2>/dev/null || true
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$R/etc/pip.conf"
    : >"$R/etc/resolv.conf"; rm -f "$R/etc/hostname"
    tar -C "$R" --numeric-owner -c . | docker import -c 'CMD ["bash"]' -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - $DEB >/dev/null
    say "$DEB made"
  fi
  if ! docker image inspect $PY >/dev/null 2>&1; then
    SRC=$(python3.11 -c 'import sys; print(sys.base_prefix)'); C=$W/py; mkdir -p "$C/usr/bin"
    V=$("$SRC/bin/python3.11" -c 'import platform; print(platform.python_version())')
    tar -C "$SRC" --exclude=__pycache__ --exclude=lib/python3.11/site-packages --exclude=lib/python3.11/test --exclude=lib/python3.11/idlelib \
        --exclude=lib/python3.11/turtledemo --exclude='lib/python3.11/*/tests' --exclude='lib/python3.11/lib-dynload/_tkinter*' --exclude='*.a' \
        -c bin/python3.11 bin/python3.11-config include lib | tar -C "$C/usr" -x
    mkdir -p "$C/usr/lib/python3.11/site-packages"; ln -s python3.11 "$C/usr/bin/python"; ln -s python3.11 "$C/usr/bin/python3"
    find "$C/usr" -name '*.so*' -type f -exec strip --strip-unneeded {} + 2>/dev/null || true
    grep -rIl "$SRC" "$C/usr" | xargs -r sed -i "s#$SRC#/usr/local#g"
    cat >"$C/Dockerfile" <<E
FROM $DEB
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 PYTHON_VERSION=$V
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates netbase tzdata \
      libbz2-1.0 libexpat1 libffi8 liblzma5 libncursesw6 libnsl2 libreadline8 libsqlite3-0 libssl3 libtirpc3 libuuid1 zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY usr/ /usr/local/
RUN ldconfig && python3 -m ensurepip --default-pip >/dev/null 2>&1 \
 && python3 -c "import ssl,sqlite3,ctypes,bz2,lzma,readline,zlib,uuid,hashlib,curses" && pip --version && find /usr/local -name __pycache__ -prune -exec rm -rf {} +
CMD ["python3"]
E
    DOCKER_BUILDKIT=0 docker build -q --network host -t $PY "$C" >"$W/log" 2>&1 || { tail -20 "$W/log"; return 1; }
    say "$PY made (CPython $V)"
  fi
  for i in $DEB $PY; do f="$CACHE/${i//:/_}.tar"; [ -f "$f" ] || { docker save -o "$f.tmp" $i && mv "$f.tmp" "$f"; }; done
  docker images; say "base done"
}

down(){ [ -f $RUN/dockerd.pid ] && kill "$(cat $RUN/dockerd.pid)" 2>/dev/null && rm -f $RUN/dockerd.pid; say "down"; }
"${1:?up|base|down}"
