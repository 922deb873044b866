# Writes through the Sentinel of Redis.pm, or of Redis::Fast, which is made of hiredis, and
# prints the number of each acknowledged write.
# usage: writer.pl MODULE CLIENT MASTER-NAME SENTINEL...
use strict;
use warnings;

my ($module, $name, $master_name, @sentinels) = @ARGV;
eval "require $module" or die $@;
my %options = (
    sentinels => \@sentinels, service => $master_name, reconnect => 1, every => 50_000,
    cnx_timeout => 2, read_timeout => 2, write_timeout => 2,
    sentinels_cnx_timeout => 2, sentinels_read_timeout => 2, sentinels_write_timeout => 2,
);
$| = 1;
my $master;
for (my $n = 1; ; select undef, undef, undef, 0.005) {
    my $set = eval {
        $master ||= $module->new(%options);
        $master->set("$name:$n", $n);
    };
    if ($set) {
        print $n++, "\n";
    } elsif ($@) {
        undef $master; # the next attempt asks the sentinels again
    }
}
