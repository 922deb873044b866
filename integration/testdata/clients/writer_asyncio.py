# Writes through redis-py's asyncio Sentinel and prints the number of each acknowledged
# write.
# usage: writer_asyncio.py CLIENT MASTER-NAME SENTINEL...
import asyncio
import sys

import redis
from redis.asyncio.sentinel import Sentinel

name, master_name = sys.argv[1:3]
addrs = [(a.rsplit(":", 1)[0], int(a.rsplit(":", 1)[1])) for a in sys.argv[3:]]


async def main():
    master = Sentinel(addrs, socket_timeout=2).master_for(master_name, socket_timeout=2)
    n = 1
    while True:
        try:
            await master.set("%s:%d" % (name, n), n)
            print(n, flush=True)
            n += 1
        except (redis.exceptions.RedisError, OSError):
            pass  # the next attempt asks the sentinels again
        await asyncio.sleep(0.005)


asyncio.run(main())
