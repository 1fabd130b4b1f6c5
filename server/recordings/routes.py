"""Every page of recordings and every URL of theirs for programs, its handler and the least role that may use it. Part
of `routes.py` and `api_routes.py`; what is not here does not exist. Who may hear which recording is finer than a role:
`recordings/access.py`."""

from __future__ import annotations

from core.accounts import Role
from recordings.access import EXPORT_SCOPE, READ_SCOPE, WRITE_SCOPE
from server.api import coverage, recordings
from server.privacy import erase_page
from server.recordings import coverage_page
from server.recordings import export as recording_export
from server.recordings import media as recording_media
from server.recordings import page as recordings_page
from server.recordings import pause as recording_pause
from server.web.routing import Route

__all__ = ["RECORDING_API_ROUTES", "RECORDING_ROUTES"]

ONE = "/recordings/{recording_id:[0-9a-f]{32}}"
API_ONE = "/api/v1/recordings/{recording_id}"
READ, WRITE = READ_SCOPE, WRITE_SCOPE

RECORDING_ROUTES = (
    Route("GET", "/calls/{id}/sound", recordings_page.show_card, Role.AGENT),
    Route("GET", "/calls/{id}/listen", recordings_page.show_own, Role.AGENT),
    Route("GET", "/recordings/coverage", coverage_page.index, Role.MANAGER),
    Route("GET", "/recordings/coverage/run", coverage_page.show_run, Role.MANAGER),
    Route("POST", "/recordings/coverage/run", coverage_page.compare_now, Role.MANAGER),
    Route("GET", "/recordings/export.tar", recording_export.export, Role.AGENT),
    Route("GET", f"{ONE}/audio/{{format:opus|mp3}}", recording_media.listen, Role.AGENT),
    Route("GET", f"{ONE}/peaks", recording_media.peaks, Role.AGENT),
    Route("GET", f"{ONE}/download/{{format:opus|mp3|original}}", recording_media.download, Role.AGENT),
    Route("GET", f"{ONE}/transcript/{{format:txt|vtt}}", recordings_page.transcript, Role.AGENT),
    Route("POST", f"{ONE}/comments", recordings_page.comment, Role.AGENT),
    Route(
        "POST", f"{ONE}/comments/{{comment:[0-9]{{1,9}}}}/remove", recordings_page.remove_comment, Role.AGENT
    ),
    Route("POST", f"{ONE}/hold", recordings_page.hold, Role.MANAGER),
    Route("POST", f"{ONE}/release", recordings_page.release, Role.MANAGER),
    Route("POST", f"{ONE}/transcribe", recordings_page.transcribe_again, Role.MANAGER),
    Route("POST", f"{ONE}/remove", recordings_page.remove, Role.ADMINISTRATOR),
    Route("GET", "/customers/{id}/erase-recordings", erase_page.show, Role.ADMINISTRATOR),
    Route("POST", "/customers/{id}/erase-recordings", erase_page.erase, Role.ADMINISTRATOR),
    Route("POST", "/desk/calls/{call_id}/recording", recording_pause.set_own, Role.AGENT),
)

RECORDING_API_ROUTES = (
    Route("GET", "/api/v1/recordings", recordings.list_recordings, Role.AGENT, scope=READ),
    Route("GET", "/api/v1/recordings/export", recordings.export_recordings, Role.AGENT, scope=EXPORT_SCOPE),
    Route("GET", "/api/v1/recordings/coverage", coverage.read_kept, Role.MANAGER, scope=READ),
    Route("GET", "/api/v1/recordings/findings", coverage.list_findings, Role.MANAGER, scope=READ),
    Route("GET", API_ONE, recordings.read_recording, Role.AGENT, scope=READ),
    Route("GET", f"{API_ONE}/audio", recordings.read_audio, Role.AGENT, scope=READ),
    Route("GET", f"{API_ONE}/transcript", recordings.read_words, Role.AGENT, scope=READ),
    Route("POST", f"{API_ONE}/transcript", recordings.transcribe_again, Role.MANAGER, scope=WRITE),
    Route("POST", f"{API_ONE}/comments", recordings.add_comment, Role.AGENT, scope=WRITE),
    Route("PUT", f"{API_ONE}/hold", recordings.hold, Role.MANAGER, scope=WRITE),
    Route("DELETE", f"{API_ONE}/hold", recordings.release, Role.MANAGER, scope=WRITE),
    Route("GET", "/api/v1/calls/{call_id}/recording", recordings.read_call_audio, Role.AGENT, scope=READ),
    Route("PUT", "/api/v1/calls/{call_id}/recording", recordings.pause_recording, Role.MANAGER, scope=WRITE),
)
