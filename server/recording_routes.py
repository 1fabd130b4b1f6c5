"""Every page of recordings, its handler and the least role that may use it. Part of `routes.py`; what is not here does
not exist. Who may hear which recording is finer than a role: `recordings/access.py`."""

from __future__ import annotations

from core.accounts import Role
from server import erase_page, recording_media, recording_pause, recordings_page
from server.routing import Route

__all__ = ["RECORDING_ROUTES"]

ONE = "/recordings/{recording_id:[0-9a-f]{32}}"

RECORDING_ROUTES = (
    Route("GET", "/calls/{id}/sound", recordings_page.show_card, Role.AGENT),
    Route("GET", "/calls/{id}/listen", recordings_page.show_own, Role.AGENT),
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
