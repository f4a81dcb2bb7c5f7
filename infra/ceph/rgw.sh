#!/usr/bin/env bash
# A single-node Ceph cluster with its S3 gateway on 127.0.0.1: the second S3 server that the stores
# are tried on, as its conditional puts, listings and multipart uploads are other code than MinIO's.
#
#   infra/ceph/rgw.sh start FOLDER PORT MONITOR_PORT
#           up in the background, everything in FOLDER (which must be new or empty), with one user
#           whose keys are RGW_ACCESS_KEY and RGW_SECRET_KEY of the environment
#   infra/ceph/rgw.sh stop FOLDER
#
# Needs, on Debian: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd
# One monitor, one object store of 4 GiB in a sparse file, no manager: fit for tests and nothing else.
set -euo pipefail

die() { echo "rgw: $*" >&2; exit 1; }

configure() {
    local folder="$1" port="$2" monitor="$3" id="$4"
    cat > "$folder/ceph.conf" <<CONF
[global]
fsid = $id
mon host = [v2:127.0.0.1:$monitor]
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = true
keyring = $folder/keyring
run dir = $folder/run
admin socket = $folder/run/\$cluster-\$name.asok
log file = $folder/run/\$name.log
pid file = $folder/run/\$name.pid
ms bind ipv6 = false
public addr = 127.0.0.1
# One copy of everything, in few placement groups: there is one disk.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
osd crush chooseleaf type = 0
# The disk may be fuller than a cluster would like.
mon data avail warn = 2
mon data avail crit = 1
osd objectstore = bluestore
bluestore block size = 4294967296
osd memory target = 939524096
[mon.a]
mon data = $folder/mon
[osd.0]
osd data = $folder/osd
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$port
CONF
}

monitor_up() {
    local folder="$1" monitor="$2" id="$3" conf="$1/ceph.conf"
    monmaptool --create --fsid "$id" --addv a "[v2:127.0.0.1:$monitor]" "$folder/monmap" >/dev/null
    ceph-authtool --create-keyring "$folder/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
    local all=(--cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *')
    ceph-authtool "$folder/keyring" --gen-key -n client.admin "${all[@]}" >/dev/null
    ceph-authtool "$folder/keyring" --gen-key -n client.rgw.a "${all[@]}" >/dev/null
    ceph-authtool "$folder/keyring" --gen-key -n osd.0 \
        --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
    ceph-mon -c "$conf" --mkfs -i a --monmap "$folder/monmap" --mon-data "$folder/mon" \
        --keyring "$folder/keyring"
    ceph-mon -c "$conf" -i a
}

store_up() {
    local folder="$1" conf="$1/ceph.conf"
    ceph -c "$conf" osd new "$(cat /proc/sys/kernel/random/uuid)" 0 >/dev/null
    ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid \
        "$(ceph -c "$conf" osd dump | awk '$1 == "osd.0" {print $NF}')" 2>/dev/null
    ceph-osd -c "$conf" -i 0 >/dev/null
    ceph -c "$conf" osd crush add osd.0 1.0 host=localhost root=default >/dev/null 2>&1
}

gateway_up() {
    local folder="$1" port="$2" conf="$1/ceph.conf" tries=0
    radosgw -c "$conf" -n client.rgw.a
    radosgw-admin -c "$conf" user create --uid=tests --display-name=tests \
        --access-key="$RGW_ACCESS_KEY" --secret-key="$RGW_SECRET_KEY" \
        >"$folder/run/user.json" 2>/dev/null
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || die "the gateway did not come up: see $folder/run"
        sleep 0.2
    done
}

start() {
    local folder="${1:?start needs a folder}" port="${2:?and a port}" monitor="${3:?and a second one}"
    : "${RGW_ACCESS_KEY:?set it}" "${RGW_SECRET_KEY:?set it}"
    local program id
    for program in ceph-mon ceph-osd radosgw radosgw-admin; do
        command -v "$program" >/dev/null ||
            die "no $program (Debian: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd)"
    done
    mkdir -p "$folder"/{mon,osd,run}
    folder="$(cd "$folder" && pwd)"
    id="$(cat /proc/sys/kernel/random/uuid)"
    configure "$folder" "$port" "$monitor" "$id"
    monitor_up "$folder" "$monitor" "$id"
    store_up "$folder"
    gateway_up "$folder" "$port"
}

stop() {
    local file pid tries
    for file in "${1:?stop needs a folder}"/run/*.pid; do
        [ -s "$file" ] || continue
        pid="$(cat "$file")"
        kill "$pid" 2>/dev/null || continue
        for ((tries = 0; tries < 50; tries++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.2
        done
        kill -9 "$pid" 2>/dev/null || true
    done
}

case "${1:-}" in
    start) shift; start "$@" ;;
    stop) shift; stop "$@" ;;
    *) sed -n '2,12p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
