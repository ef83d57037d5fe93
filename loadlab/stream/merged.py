"""Reads the records of several regions at the same time as one stream."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from loadlab.errors import SchemaMismatch, StreamError, StreamLost
from loadlab.stream.client import RecordStream
from loadlab.stream.clocks import Offset, measure_offset, relative_offsets
from loadlab.stream.merging import Merger
from loadlab.stream.record import Record

AHEAD = 64
"""Batches of each region that may wait to be merged; then its reading waits too."""

LOOK_S = 0.2
"""Pause between two looks whether the stream was closed."""

_News = tuple[str, "list[Record] | BaseException | None"]
"""A region, and records, what ended its stream, or None for a stream that ended or was closed."""


def open_records(
    endpoints: Sequence[tuple[str, str, str]], *, on_lost: Callable[[str], bool] | None = None
) -> RecordStream | MergedStream:
    """The records of one master or of several, each a (region, url, token); `on_lost` as for a MergedStream."""
    if len(endpoints) == 1:
        return RecordStream(endpoints[0][1], endpoints[0][2])
    streams = {region: RecordStream(url, token) for region, url, token in endpoints}
    measures = {region: partial(measure_offset, url, token) for region, url, token in endpoints}
    return MergedStream(streams, measures, on_lost=on_lost)


class MergedStream:
    """The records of several regions as one stream, with the two methods that a Recorder needs.

    Each region is read by a stream of its own, which goes on where it was cut off; so nothing is missing and nothing
    comes twice. A region whose stream cannot be read any more is lost: an event `region_lost` says so and the others
    go on. `on_lost` is told of it and answers whether the others are stopped. `measures` are asked once, at the
    beginning, for the reader's clock minus each region's. See `merging` for what the merged records look like.

    Raises, while iterating:
        SchemaMismatch: a region writes another version of the record format.
        StreamLost: every region is lost.
    """

    def __init__(
        self,
        streams: Mapping[str, RecordStream],
        measures: Mapping[str, Callable[[], Offset | None]],
        *,
        on_lost: Callable[[str], bool] | None = None,
    ) -> None:
        self._streams = dict(streams)
        self._measures = measures
        self._on_lost = on_lost
        self._news: queue.Queue[_News] = queue.Queue(AHEAD * len(self._streams))
        self._closed = threading.Event()

    def batches(self) -> Iterator[list[Record]]:
        """The merged records as they arrive."""
        try:
            yield from self._merge()
        finally:
            self.close()

    def close(self) -> None:
        """End `batches` soon, also when it waits for a region. May be called twice, from any thread."""
        self._closed.set()
        for stream in self._streams.values():
            stream.close()

    def _merge(self) -> Iterator[list[Record]]:
        measured = self._measure()
        merger = Merger(relative_offsets(measured))
        reference = next((offset for offset in measured.values() if offset is not None), Offset(0.0, 0.0))
        for region in self._streams:
            threading.Thread(target=self._read, args=(region,), name=f"loadlab-stream-{region}", daemon=True).start()
        for region, found in self._next():
            if isinstance(found, list):
                batch = merger.add(region, found)
            elif isinstance(found, SchemaMismatch) or not isinstance(found, StreamError | None):
                raise found
            elif self._closed.is_set() or merger.regions[region].over:
                continue
            else:
                if self._on_lost is not None and self._on_lost(region):
                    merger.stopped_for = region
                batch = merger.lose(region, str(found or "its stream was closed"), time.time() - reference.seconds)
            if batch:
                yield batch
        if merger.all_lost and not self._closed.is_set():
            raise StreamLost("every region is lost", last_seq=merger.last_seq)

    def _next(self) -> Iterator[_News]:
        """What the regions send, until nothing more can come."""
        reading = len(self._streams)
        while reading:
            try:
                region, found = self._news.get(timeout=LOOK_S)
            except queue.Empty:
                if self._closed.is_set():
                    return
                continue
            reading -= not isinstance(found, list)
            yield region, found

    def _measure(self) -> dict[str, Offset | None]:
        with ThreadPoolExecutor(len(self._streams), thread_name_prefix="loadlab-clock") as pool:
            measuring = {region: pool.submit(measure) for region, measure in self._measures.items()}
            return {region: each.result() for region, each in measuring.items()}

    def _read(self, region: str) -> None:
        outcome: BaseException | None = None
        try:
            for batch in self._streams[region].batches():
                self._tell(region, batch)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that merges
            outcome = error
        self._tell(region, outcome)

    def _tell(self, region: str, news: list[Record] | BaseException | None) -> None:
        while True:
            try:
                return self._news.put((region, news), timeout=LOOK_S)
            except queue.Full:
                if self._closed.is_set():
                    return None
