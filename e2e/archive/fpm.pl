#!/usr/bin/perl
# Stands for php-fpm: answers every FastCGI request with its version and settings.
use strict;
use warnings;
use IO::Socket::UNIX;

my @arguments = @ARGV;
exit 0 if grep { $_ eq '-t' } @arguments;
if (grep { $_ eq '-m' } @arguments) {
	print "[PHP Modules]\n";
	print map { s{.*/}{}r . "\n" } glob '/usr/share/phpBRANCH-modules/*';
	exit 0;
}

sub settings {
	my $settings = '';
	for my $file (sort glob '/etc/php/BRANCH/fpm/conf.d/*') {
		open my $handle, '<', $file or next;
		$settings .= join '', grep { !/^;/ } <$handle>;
	}
	return $settings;
}
if (grep { $_ eq '-i' } @arguments) {
	print settings() =~ s/^(\S+) = (.*)$/$1 => $2 => $2/mgr;
	exit 0;
}

my $path = '/run/php/phpBRANCH-fpm.sock';
unlink $path;
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 10) or die "listen on $path: $!";
chmod 0666, $path;
exit 0 if fork;
$SIG{USR2} = 'IGNORE';

sub take {
	my ($from, $n) = @_;
	my $data = '';
	while (length $data < $n) {
		sysread($from, $data, $n - length $data, length $data) or return undef;
	}
	return $data;
}

# record is FastCGI's, see its specification, section 3.3.
sub record { my ($type, $data) = @_; return pack('CCnnCC', 1, $type, 1, length $data, 0, 0) . $data }

while (1) {
	my $connection = $listener->accept or next;
	while (defined(my $head = take($connection, 8))) {
		my (undef, $type, undef, $length, $padding) = unpack 'CCnnC', $head;
		take($connection, $length + $padding) if $length + $padding;
		last if $type == 5 && $length == 0; # all of the body is read
	}
	my $settings = settings();
	syswrite $connection, record(6, "Content-Type: text/plain\r\n\r\nphp BRANCH fpm-fcgi\n$settings") . record(6, '') . record(3, pack('NCCCC', 0, 0, 0, 0, 0));
	close $connection;
}
