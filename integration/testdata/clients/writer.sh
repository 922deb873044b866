#!/bin/sh
# Writes with redis-cli as scripts do: a sentinel is asked before each write. Prints the
# number of each acknowledged write.
# usage: writer.sh CLIENT MASTER-NAME SENTINEL...
name=$1 master_name=$2
shift 2

find_master() {
	for addr; do
		found=$(timeout 2 redis-cli -h "${addr%:*}" -p "${addr##*:}" SENTINEL get-master-addr-by-name "$master_name" 2>/dev/null) &&
			[ -n "$found" ] && break
	done
}

n=1
while :; do
	find_master "$@"
	# redis-cli prints host and port in a line each.
	host=${found%%[[:space:]]*} port=${found##*[[:space:]]}
	if [ "$(timeout 2 redis-cli -h "$host" -p "$port" SET "$name:$n" "$n" 2>/dev/null)" = OK ]; then
		echo "$n"
		n=$((n + 1))
	fi
	sleep 0.1
done
