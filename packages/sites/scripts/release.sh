# What a deployment switches to is the release that was built before.
name=$(known release)
named "$name" || exit 1
