"""A scripted Asterisk: real AMI over TCP, for the demo, for tests and for training. It is not a PBX: no sound, no SIP,
only the messages a PBX would send about calls that a script makes up or that a capture recorded."""

from pbx_bridge.simulator.call import CallOverError, SimulatedCall
from pbx_bridge.simulator.faults import Faults
from pbx_bridge.simulator.layout import Layout, QueuePlan
from pbx_bridge.simulator.originate import Habits
from pbx_bridge.simulator.simulator import Simulator
from pbx_bridge.simulator.state import Party
from pbx_bridge.simulator.users import DIAL_USER, EVENTS_USER, ManagerUser

__all__ = [
    "DIAL_USER",
    "EVENTS_USER",
    "CallOverError",
    "Faults",
    "Habits",
    "Layout",
    "ManagerUser",
    "Party",
    "QueuePlan",
    "SimulatedCall",
    "Simulator",
]
