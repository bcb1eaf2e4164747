"""Event streams on the wire: decoder, anomalies, and timed transcripts.

Standard library only, no I/O, no clock. Also here, by submodule: `lines` (how each line
ended) and `errors`.
"""

from .anomalies import Anomaly, AnomalyKind
from .decoder import Decoder
from .errors import LimitExceeded
from .events import Block, Comment, Event
from .recording import Chunk, Ending, EndingKind
from .transcript import TimedItem, Transcript

__all__ = [
    "Anomaly",
    "AnomalyKind",
    "Block",
    "Chunk",
    "Comment",
    "Decoder",
    "Ending",
    "EndingKind",
    "Event",
    "LimitExceeded",
    "TimedItem",
    "Transcript",
]
