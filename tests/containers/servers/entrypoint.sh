#!/bin/sh
# As the image postgres does: a new database in an empty volume, for the user and the password that it is given.
set -eu
if [ "$1" = postgres ]; then
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		mkdir -p "$PGDATA"
		# shellcheck disable=SC2086 # several words
		initdb --encoding=UTF8 --locale=C --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
		echo "CREATE DATABASE $POSTGRES_DB" | postgres --single postgres
		echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
	fi
	set -- "$@" -c "listen_addresses=*" -c unix_socket_directories=/var/run/postgresql
fi
exec "$@"
