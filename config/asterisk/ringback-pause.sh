#!/bin/sh
# Pauses, or resumes, the recording of a call: ringback-pause.sh <linkedid> pause|resume. The dialplan runs it
# (ringback-pause and ringback-resume in extensions_ringback.conf). It ends with 0 only when Ringback says that it is done.
# Needs curl. Put it into /usr/local/bin.
#
# /etc/ringback-pause.conf (readable by asterisk alone):
#   URL=https://calls.example.com
#   PBX=main
#   KEY=rb_…                               a key with the scope recordings:write
set -u
. "${RINGBACK_PAUSE_CONF:-/etc/ringback-pause.conf}"
case ${1-} in '' | *[!-0-9A-Za-z._]*) echo "this is no linkedid: ${1-}" >&2; exit 2 ;; esac
case ${2-} in
pause) paused=true ;;
resume) paused=false ;;
*) echo "pause or resume?" >&2; exit 2 ;;
esac
# The key goes in on standard input: a command line is seen by everybody on this machine. A caller waits meanwhile.
printf 'header = "Authorization: Bearer %s"\n' "$KEY" | curl --config - --globoff --silent --show-error --fail \
    --output /dev/null --connect-timeout 3 --max-time 8 --header 'Content-Type: application/json' --request PUT \
    --data "{\"paused\":$paused}" "$URL/api/v1/calls/$PBX-$1/recording"
