"""What a capture begins with: as it stood in the original, or written anew for a place further on."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from scapcore.choice import container_events, first_time
from scapcore.dump import dump_calls, dump_sockets, dump_tables
from scapcore.write import BlockEncoder
from scappy.blocks import EVENTS, SECTION, blocks_of

if TYPE_CHECKING:
    from scapcore.batch import EventBatch
    from scapcore.choice import Choice
    from scapcore.reader import Reader
    from scappy.metadata import Directory

__all__ = ["OBJECTS", "Head"]

#: Blocks of the kinds whose content is taken over as it stands: machine, interfaces, users.
LASTING = frozenset((0x201, 0x8002ABCD, 0x205, 0x219, 0x8011ABCD, 0x206, 0x220, 0x8012ABCD))
#: Objects of a cluster, see :mod:`scappy.metadata.embedding`; a kind of block for local use (pcapng: the highest bit is set).
OBJECTS = 0x9C5C0E5B
#: The type of events that tell about containers otherwise than in JSON.
CONTAINER = 228


def container_id(kind: int, block: bytes) -> str:
    """Of which container an event tells; empty if nobody can say."""
    if kind == CONTAINER:
        return ""
    try:
        # The only parameter is the text, which nothing but padding and the block's length follows.
        text = block[block.index(b"{") : block.rindex(b"}") + 1]
        identity = json.loads(text)["container"]["id"]
    except (ValueError, KeyError, TypeError):
        return ""
    return identity if isinstance(identity, str) else ""


class Head:
    """The blocks before the events of a capture, and the events that lists cannot replace.

    Attributes
    ----------
    original : list of bytes
        The blocks of the present section as they stood.
    """

    def __init__(self) -> None:
        self.original: list[bytes] = []
        self._lasting: list[bytes] = []
        self._told: list[bytes] = []
        self._containers: dict[str, bytes] = {}
        self._joined: Directory | None = None
        self._objects = b""

    def join(self, directory: Directory) -> None:
        """Let the capture carry the objects of a cluster, instead of those that it carries."""
        from scappy.metadata.embedding import objects_block, objects_payload

        self._joined = directory
        self._objects = objects_block(objects_payload(directory))

    @property
    def joined(self) -> bool:
        """Whether the capture carries objects that the original does not."""
        return self._joined is not None

    def as_it_was(self) -> bytes:
        """The blocks with which the original begins, and the objects that were joined to it."""
        return b"".join(self.original) + (self._objects if self.joined else b"")

    def told_objects(self, time: int) -> bytes:
        """Events that tell other readers about the objects that were joined; for behind the containers."""
        if self._joined is None:
            return b""
        from scappy.metadata.embedding import told_objects

        return told_objects(self._joined, time)

    def labelled(self, kind: int, block: bytes) -> bytes:
        """An event about a container, with labels that tell its pod."""
        if self._joined is None:
            return block
        from scappy.metadata.embedding import labelled

        return labelled(self._joined, kind, block)

    def take(self, passed: list[bytes]) -> None:
        """Take over blocks that the reader has passed."""
        for data in passed:
            for kind, block in blocks_of(data):
                if kind == SECTION:
                    self.original.clear()
                    self._lasting.clear()
                    self._told.clear()
                    self._containers.clear()
                elif kind == OBJECTS:
                    if self._joined is not None:
                        continue
                    self._objects = block
                    self.original.append(block)
                    continue
                elif kind in LASTING:
                    self._lasting.append(block)
                elif kind in EVENTS:
                    # Users that came with containers, or something unknown, which costs little.
                    self._told.append(block)
                self.original.append(block)

    def note(self, batch: EventBatch) -> None:
        """Remember what the events of a batch tell about containers."""
        for kind, block in container_events(batch):
            # The newest record is the one that holds, and the place of the first its place among the others.
            identity = container_id(kind, block)
            self._containers[identity or str(len(self._containers))] = self.labelled(kind, block)

    @property
    def lasting(self) -> list[tuple[int, bytes]]:
        """Type and bytes of the blocks about machine, interfaces and users."""
        return [(struct.unpack_from("<I", block)[0], block) for block in self._lasting]

    def anew(self, reader: Reader, kept: Choice | None = None) -> bytes:
        """The blocks with which a capture begins at the place where a reader is.

        Parameters
        ----------
        reader : Reader
            With state; its next batch may have been looked at, but not processed.
        kept : Choice, optional
            Knows which threads matter; others are left out.
        """
        assert reader.engine is not None
        encoder = BlockEncoder()
        encoder.section_header()
        encoder.append(b"".join(self._lasting))
        encoder.append(self._objects)
        dump_tables(reader.engine, encoder, kept)
        encoder.append(b"".join(self._containers.values()))
        encoder.append(b"".join(self._told))
        dump_sockets(reader.engine, encoder, first_time(reader.batch) if reader.batch is not None else 0, kept)
        dump_calls(reader.engine, encoder, kept)
        return encoder.take()
