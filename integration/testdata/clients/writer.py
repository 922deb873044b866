# Writes through redis-py's Sentinel and prints the number of each acknowledged write.
# usage: writer.py CLIENT MASTER-NAME SENTINEL...
import sys
import time

import redis
from redis.sentinel import Sentinel

name, master_name = sys.argv[1:3]
addrs = [(a.rsplit(":", 1)[0], int(a.rsplit(":", 1)[1])) for a in sys.argv[3:]]
sentinel = Sentinel(addrs, socket_timeout=2)
master = sentinel.master_for(master_name, socket_timeout=2)
n = 1
while True:
    try:
        master.set("%s:%d" % (name, n), n)
        print(n, flush=True)
        n += 1
    except (redis.exceptions.RedisError, OSError):
        pass  # the next attempt asks the sentinels again
    time.sleep(0.005)
