package system

import (
	"fmt"
	"regexp"
	"strconv"

	"brokeforge/packages"
)

const swapOption = "swap"

const (
	swapFile = "/swapfile-brokeforge"
	swapLine = swapFile + " none swap sw,nofail 0 0" // as fstab(5) has it
)

func swapOptions() []packages.Option {
	return []packages.Option{{
		Name: swapOption, Label: "Swap", Kind: packages.Text,
		Help: "the size of a swap file of its own, such as 2G or 512M; empty means none", Validate: acceptSwap,
	}}
}

var swapPattern = regexp.MustCompile(`^([1-9][0-9]{0,5})([MG])$`)

// The sizes of swap that make sense, in MiB.
const (
	leastSwap = 64
	mostSwap  = 256 << 10
)

func acceptSwap(value string) error {
	_, err := swapSize(value)
	return err
}

// swapSize reads a size and returns it in MiB.
func swapSize(value string) (int, error) {
	m := swapPattern.FindStringSubmatch(value)
	if m == nil {
		return 0, fmt.Errorf("is not a size of swap: a number with M or G, such as 2G")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, fmt.Errorf("is not a size of swap: %w", err)
	}
	if m[2] == "G" {
		n <<= 10
	}
	if n < leastSwap || n > mostSwap {
		return 0, fmt.Errorf("is not between %dM and %dG", leastSwap, mostSwap>>10)
	}
	return n, nil
}

// swap returns the commands that make a swap file of the chosen size, or take
// base's own away where none is chosen.
func swap(ctx packages.Context) ([]packages.Command, error) {
	value := ctx.Values[swapOption]
	if value == "" {
		return ifRecorded(ctx, noSwap()), nil
	}
	size, err := swapSize(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %q %w", swapOption, value, err)
	}
	so := swapIsSo(size)
	return []packages.Command{
		packages.Track{Name: "make_swap", Label: "Making swap"},
		packages.Run{Title: "refuse if this server can't have a swap file", Script: refuseSwap(size), Check: so + " ||\n{\n" + refuseSwap(size) + "\n}"},
		packages.Run{Title: "make a swap file of " + value, Script: makeSwap(size), Check: so},
	}, nil
}

// swapIsSo returns a check that a swap file of that size is in use, now and
// after a boot.
func swapIsSo(size int) string {
	return fmt.Sprintf(`{ [ "$(stat -c %%s %[1]s)" = %[2]d ] && grep -q '^%[1]s ' /proc/swaps && grep -qxF '%[3]s' /etc/fstab; }`,
		swapFile, size<<20, swapLine)
}

// refuseSwap fails where the kernel takes no swap file: swapon(8) on files of
// copy-on-write file systems, and containers, whose kernel is another machine's.
func refuseSwap(size int) string {
	return fmt.Sprintf(`(
	refuse() {
		echo "swap: $*. Nothing was changed" >&2
		exit 1
	}
	container=$(systemd-detect-virt --container) && refuse "this server is a container ($container), which can have no swap of its own: give swap to the machine that it is on"
	kind=$(stat -f -c %%T /)
	case $kind in
	ext2/ext3 | xfs | f2fs) ;;
	*) refuse "the root file system is $kind, on which no swap file can be: make a swap partition by hand" ;;
	esac
	have=$(stat -c %%s %[2]s 2>/dev/null)
	free=$(($(df --output=avail -BM / | sed -n '2s/[^0-9]//gp') + ${have:-0} / 1048576))
	[ "$free" -ge $((%[1]d + 512)) ] || refuse "/ has $free MB free, and a swap file of %[1]d MB is to leave 512"
)`, size, swapFile)
}

func makeSwap(size int) string {
	return fmt.Sprintf(`umask 077
if grep -q '^%[2]s ' /proc/swaps; then
	swapoff %[2]s || exit 1
fi
rm -f %[2]s
if ! { fallocate -l %[1]dM %[2]s && mkswap %[2]s && swapon %[2]s; }; then
	# Some file systems leave holes, which swapon refuses.
	rm -f %[2]s
	if ! { dd if=/dev/zero of=%[2]s bs=1M count=%[1]d && mkswap %[2]s && swapon %[2]s; }; then
		rm -f %[2]s
		exit 1
	fi
fi
`, size, swapFile) + fstab(`echo '`+swapLine+`'`)
}

// fstab returns the script that writes fstab anew without base's line, and with
// what a command prints.
func fstab(command string) string {
	return fmt.Sprintf(`grep -qxF '%[1]s' /etc/fstab && [ -n "$(%[2]s)" ] && exit 0
{ grep -vxF '%[1]s' /etc/fstab; %[2]s; } >/etc/fstab.brokeforge
chmod 0644 /etc/fstab.brokeforge && sync /etc/fstab.brokeforge && mv -f /etc/fstab.brokeforge /etc/fstab`, swapLine, command)
}

// noSwap returns the commands that take base's swap file away, and no other.
func noSwap() []packages.Command {
	return []packages.Command{packages.Run{
		Title: "take base's swap file away",
		Script: fmt.Sprintf(`if grep -q '^%[1]s ' /proc/swaps; then
	swapoff %[1]s || exit 1
fi
`, swapFile) + fstab(":") + " &&\nrm -f " + swapFile,
		Check: fmt.Sprintf("[ ! -e %s ] && ! grep -qsxF '%s' /etc/fstab", swapFile, swapLine),
	}}
}
