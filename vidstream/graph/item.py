"""What moves through the threads: one frame with the values its stages have given so far."""

from __future__ import annotations

from typing import Any

from vidstream.types import FrameInfo, Gap, Tombstone


class Item:
    """A frame on its way. Belongs to one thread at a time, so it needs no lock.

    A dead item carries its tombstone on, in order, so that nothing behind it waits for ever; `final` marks
    the one that follows a stream's last frame and carries what `flush` gives.
    """

    __slots__ = ("dead", "final", "frame", "gap", "slots", "turn")

    def __init__(self, frame: FrameInfo, slots: list[Any], gap: Gap | None = None) -> None:
        self.frame = frame
        self.slots = slots
        self.gap = gap
        self.dead: Tombstone | None = None
        self.final = False
        #: position in a segment's input, for putting frames back in order behind several workers
        self.turn = 0

    def copy(self) -> Item:
        """The same frame for another thread, where the one that has this may not be trusted any more."""
        twin = Item(self.frame, list(self.slots), self.gap)
        twin.dead, twin.final, twin.turn = self.dead, self.final, self.turn
        return twin

    def drop(self, place: str, reason: str) -> None:
        """Let the frame go no further, on purpose."""
        self.bury(Tombstone(self.frame.source, self.frame.seq, "dropped", place, reason))

    def fail(self, place: str, reason: str) -> None:
        """Let the frame go no further, because a stage failed on it."""
        self.bury(Tombstone(self.frame.source, self.frame.seq, "failed", place, reason))

    def bury(self, tombstone: Tombstone) -> None:
        """Let the frame go no further, for this reason."""
        self.dead = tombstone
        self.slots.clear()  # the picture's memory is free from here on
