# undo_release takes the folder of the release away again if the script failed.
undo_release() {
	ended=$?
	[ "$ended" = 0 ] || [ "$ended" = 143 ] || say_if_full
	[ "$ended" = 0 ] || rm -rf "$release"
	exit "$ended"
}

