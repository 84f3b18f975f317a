# share KIND PATH BACK has the release use what all releases have in common.
share() {
	at=$release/$2 of=$site/shared/$2
	walk=$release rest=$2
	while [ "${rest#*/}" != "$rest" ]; do
		walk=$walk/${rest%%/*} rest=${rest#*/}
		if [ -L "$walk" ]; then
			echo "the shared path $2 goes through a link in the repository: ${walk#"$release"/}" >&2
			return 1
		fi
	done
	mkdir -p "${at%/*}" "${of%/*}" || return 1
	rm -rf "$of.brokeforge-new"
	if [ ! -e "$of" ]; then
		begin_share "$1" || return 1
	elif [ "$1" = folder ] && [ ! -d "$of" ]; then
		echo "the shared path $2 is a file, and a folder was asked for" >&2
		return 1
	elif [ "$1" = file ] && [ -d "$of" ]; then
		echo "the shared path $2 is a folder, and a file was asked for" >&2
		return 1
	fi
	rm -rf "$at" && ln -s "$3/shared/$2" "$at"
}

# begin_share KIND takes what the first release brings for a shared path.
begin_share() {
	new=$of.brokeforge-new
	if [ "$1" = folder ]; then
		if [ -d "$at" ] && [ ! -L "$at" ]; then
			cp -RP "$at" "$new" || return 1
		else
			mkdir "$new" || return 1
		fi
	elif [ -f "$at" ] && [ ! -L "$at" ]; then
		install -m 0640 "$at" "$new" || return 1
	elif [ -f "$at.example" ] && [ ! -L "$at.example" ]; then
		install -m 0640 "$at.example" "$new" || return 1
	else
		install -m 0640 /dev/null "$new" || return 1
	fi
	mv -T "$new" "$of"
}
