<?php
// Writes through Predis's Sentinel and prints the number of each acknowledged write.
// usage: writer_predis.php CLIENT MASTER-NAME SENTINEL...
require 'Predis/autoload.php';
[, $name, $masterName] = $argv;
$sentinels = array_map(fn($addr) => "tcp://$addr?timeout=2&read_write_timeout=2", array_slice($argv, 3));
$master = new Predis\Client($sentinels, [
    'replication' => 'sentinel',
    'service' => $masterName,
    'parameters' => ['timeout' => 2, 'read_write_timeout' => 2],
]);
for ($n = 1;; usleep(5000)) {
    try {
        $master->set("$name:$n", $n);
        echo $n++, "\n";
    } catch (Predis\PredisException $e) {
        $master->disconnect(); // the next attempt asks the sentinels again
    }
}
