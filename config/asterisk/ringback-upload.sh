#!/bin/sh
# Sends closed recordings of this PBX to Ringback on another machine, and deletes each one when Ringback has said that it
# is safe there. Needs curl and sha256sum. Run it every minute as the user asterisk, for instance from
# /etc/cron.d/ringback:   * * * * * asterisk flock -n /tmp/ringback-upload.lock /usr/local/bin/ringback-upload.sh
#
# /etc/ringback-upload.conf (readable by asterisk alone):
#   URL=https://calls.example.com
#   PBX=main
#   KEY=rb_…                               a key with the scope recordings:write
#   FOLDER=/var/spool/asterisk/ringback
set -u
. "${RINGBACK_UPLOAD_CONF:-/etc/ringback-upload.conf}"
FOLDER=${FOLDER:-/var/spool/asterisk/ringback}
failed=0
for file in "$FOLDER"/done/rb~*.wav; do
    name=${file##*/}
    case $name in *[!0-9A-Za-z._~-]*) continue ;; esac
    [ -f "$file" ] || continue
    sum=$(sha256sum "$file" | cut -c 1-64) || { failed=1; continue; }
    # The key goes in on standard input: a command line is seen by everybody on this machine.
    if printf 'header = "Authorization: Bearer %s"\n' "$KEY" | curl --config - --globoff --silent --show-error --fail \
        --output /dev/null --connect-timeout 10 --speed-limit 100 --speed-time 30 \
        --header 'Content-Type: audio/wav' --header 'Expect:' --request POST --upload-file "$file" \
        "$URL/api/v1/recordings/files?pbx=$PBX&sha256=$sum&name=$name"; then
        rm -f "$file"
    else
        failed=1
    fi
done
exit $failed
