#!/bin/sh
# Fetches the site's own prompts from Ringback on another machine into the folder where this PBX's dialplan looks for them
# (RINGBACK_SOUNDS), takes away those that were removed there, and tells Ringback what lies here. What you put into the
# folder yourself stays. Needs curl and sha256sum. Run it every minute as the user asterisk, for instance from
# /etc/cron.d/ringback:   * * * * * asterisk flock -n /tmp/ringback-prompts.lock /usr/local/bin/ringback-prompts.sh
#
# /etc/ringback-prompts.conf (readable by asterisk alone):
#   URL=https://calls.example.com
#   PBX=main
#   KEY=rb_…                               a key with the scope prompts:read
#   FOLDER=/var/lib/asterisk/sounds/ringback
set -u
. "${RINGBACK_PROMPTS_CONF:-/etc/ringback-prompts.conf}"
FOLDER=${FOLDER:-/var/lib/asterisk/sounds/ringback}
LIST=$FOLDER/.ringback-prompts
failed=0

# The key goes in on standard input: a command line is seen by everybody on this machine.
ask() {
    printf 'header = "Authorization: Bearer %s"\n' "$KEY" | curl --config - --globoff --silent --show-error --fail \
        --connect-timeout 10 --speed-limit 100 --speed-time 30 --max-filesize 8000000 "$@"
}

# Whether a line of a list is one of ours: a checksum and the name of a file in this folder, nothing else.
is_ours() {
    case $1 in *[!0-9a-f]*) return 1 ;; esac
    case $2 in .* | *[!0-9A-Za-z._-]*) return 1 ;; *.wav) [ ${#1} -eq 64 ] ;; *) return 1 ;; esac
}

sum_of() {
    sha256sum "$1" 2>/dev/null | cut -c 1-64
}

mkdir -p "$FOLDER" || exit 1
touch "$LIST" || exit 1
wanted=$(mktemp) || exit 1
has=$(mktemp) || exit 1
new=
trap 'rm -f "$wanted" "$has" ${new:+"$new"}' EXIT
ask --output "$wanted" "$URL/api/v1/prompts/manifest?pbx=$PBX" || exit 1
# Some proxy's page instead of the list must not take a prompt away.
[ "$(head -n 1 "$wanted")" = "# ringback prompts" ] || { echo "this is no list of prompts: $URL" >&2; exit 1; }

while read -r sum name; do
    is_ours "$sum" "$name" || continue
    lies=$(sum_of "$FOLDER/$name")
    if [ "$lies" != "$sum" ]; then
        # A file of your own is kept under another name.
        if [ -n "$lies" ] && ! grep -qxF "$lies $name" "$LIST" && [ ! -e "$FOLDER/$name.before" ]; then
            ln "$FOLDER/$name" "$FOLDER/$name.before" || { failed=1; continue; }
        fi
        new=$(mktemp "$FOLDER/.$name.XXXXXX") || { failed=1; continue; }
        if ask --output "$new" "$URL/api/v1/prompts/${name%.wav}/sound" && [ "$(sum_of "$new")" = "$sum" ]; then
            chmod 644 "$new" && mv -f "$new" "$FOLDER/$name" || failed=1
        else
            failed=1
        fi
        rm -f "$new"
        new=
    fi
    [ "$(sum_of "$FOLDER/$name")" = "$sum" ] && echo "$sum $name" >>"$has"
done <"$wanted"

while read -r sum name; do
    is_ours "$sum" "$name" || continue
    cut -d ' ' -f 2 "$wanted" | grep -qxF "$name" && continue
    [ "$(sum_of "$FOLDER/$name")" = "$sum" ] && { rm -f "$FOLDER/$name" || failed=1; }
done <"$LIST"
cp "$has" "$LIST" || failed=1

body=$(while read -r sum name; do printf '%s{"name":"%s","sha256":"%s"}' "${comma-}" "${name%.wav}" "$sum"; comma=,; done <"$has")
ask --output /dev/null --header 'Content-Type: application/json' --request POST --data "{\"prompts\":[$body]}" \
    "$URL/api/v1/prompts/fetched?pbx=$PBX" || failed=1
exit $failed
