#!/bin/sh
# Says in one line which programs the tests would use and this machine lacks.
missing=
for p in redis-server redis-cli redis-sentinel redis-benchmark redis-check-rdb prometheus-redis-exporter ip docker; do
	command -v "$p" >/dev/null 2>&1 || missing="$missing $p"
done
/usr/bin/python3 -c 'import redis' 2>/dev/null || missing="$missing python3-redis"
if command -v docker >/dev/null 2>&1; then
	docker info >/dev/null 2>&1 || missing="$missing docker-engine"
	command -v docker-compose >/dev/null 2>&1 || docker compose version >/dev/null 2>&1 || missing="$missing docker-compose"
fi
NODE_PATH=/usr/share/nodejs node -e 'require("redis")' 2>/dev/null || missing="$missing node-redis"
php -r 'class_exists("RedisSentinel") || exit(1);' >/dev/null 2>&1 || missing="$missing php-redis"
php -r 'require "Predis/autoload.php";' >/dev/null 2>&1 || missing="$missing php-predis"
ruby -e 'require "redis"' 2>/dev/null || missing="$missing ruby-redis"
perl -MRedis -e1 2>/dev/null || missing="$missing libredis-perl"
perl -MRedis::Fast -e1 2>/dev/null || missing="$missing libredis-fast-perl"
cc -E -include hiredis/hiredis.h -x c /dev/null >/dev/null 2>&1 || missing="$missing libhiredis-dev"
[ -z "$missing" ] || echo "not installed, so the tests that use them are left out:$missing"
