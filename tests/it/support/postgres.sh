# Keeps a private PostgreSQL cluster for as long as stdin is open.
#
# In: the folder of the server's programs, a free port. Out: "ready" on stdout,
# or the log if it did not start; then stdout is closed. Whatever ends the tests
# closes stdin, and then the server is stopped and its folder removed.

programs=$1
port=$2

# Short, since the path of a socket may have 107 bytes only, and open to every
# user, since the server may have to run as another one.
folder=$(mktemp -d /tmp/squaresync-postgres.XXXXXX) || exit 1
cd "$folder" || exit 1

# The server refuses to run as root.
as_owner=
if [ "$(id -u)" = 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    group=$(id -g "$owner")
    chown "$owner:$group" "$folder"
    as_owner="setpriv --reuid=$owner --regid=$group --clear-groups --"
fi

end() {
    $as_owner "$programs/pg_ctl" stop --pgdata=data --mode=immediate >/dev/null 2>&1
    cd / && rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' HUP INT PIPE TERM

# Only initdb may skip its fsync: how the server treats a commit is part of what is tested.
start() {
    $as_owner "$programs/initdb" --pgdata=data --username=postgres --auth=trust \
        --encoding=UTF8 --no-locale --no-sync &&
    cat >>data/postgresql.conf <<SETTINGS &&
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
max_connections = 200
SETTINGS
    $as_owner "$programs/pg_ctl" start --pgdata=data --wait --log=server.log
}

if ! start >start.log 2>&1 </dev/null; then
    cat start.log server.log
    exit 1
fi
echo ready
exec >/dev/null
read -r nothing
