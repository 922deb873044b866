<?php
// Writes with phpredis: its RedisSentinel finds the master, for its Redis to connect to,
// and prints the number of each acknowledged write.
// usage: writer.php CLIENT MASTER-NAME SENTINEL...
[, $name, $masterName] = $argv;
$sentinels = array_slice($argv, 3);

function connectToMaster(array $sentinels, string $masterName): Redis
{
    foreach ($sentinels as $addr) {
        [$host, $port] = explode(':', $addr);
        try {
            $found = (new RedisSentinel($host, (int) $port, 2.0, null, 0, 2.0))->getMasterAddrByName($masterName);
        } catch (RedisException $e) {
            continue; // the next one may know
        }
        if ($found) {
            $master = new Redis();
            $master->connect($found[0], (int) $found[1], 2.0, null, 0, 2.0);
            return $master;
        }
    }
    throw new RedisException('no master');
}

$master = null;
for ($n = 1;; usleep(5000)) {
    try {
        $master = $master ?? connectToMaster($sentinels, $masterName);
        if (!$master->set("$name:$n", $n)) {
            throw new RedisException((string) $master->getLastError());
        }
        echo $n++, "\n";
    } catch (RedisException $e) {
        $master = null;
    }
}
