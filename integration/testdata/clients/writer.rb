# Writes through redis-rb's Sentinel and prints the number of each acknowledged write.
# usage: writer.rb CLIENT MASTER-NAME SENTINEL...
require 'redis'

name, master_name, *addrs = ARGV
sentinels = addrs.map { |a| { host: a[/.*(?=:)/], port: a[/\d+\z/].to_i } }
master = Redis.new(url: "redis://#{master_name}", sentinels: sentinels, role: :master, timeout: 2)
$stdout.sync = true
n = 1
loop do
  begin
    master.set("#{name}:#{n}", n)
    puts n
    n += 1
  rescue Redis::BaseError, SystemCallError
    master.close # the next attempt asks the sentinels again
  end
  sleep 0.005
end
