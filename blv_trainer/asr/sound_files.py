"""Sound files of every kind, decoded by PyAV, whose wheels bring FFmpeg's libraries with them.

FFmpeg tells what it decoded, not what it missed: a cut download or a second recording behind the first ends a file as
well as its end does. ``SoundFile.notes`` says what is missing, by what the file itself says of its length.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

import av
import numpy as np

AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".m4a", ".mp4", ".ogg", ".oga", ".opus", ".webm", ".aac", ".wma", ".amr", ".3gp"),
    *(".aif", ".aiff", ".au", ".caf", ".w64", ".mka", ".mkv", ".mov"),
)
# FFmpeg's names. None that opens other files or addresses, as a playlist does, whatever its suffix.
_CONTAINERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"
_UNCOUNTED = ("aac", "ac3", "amr", "eac3", "mp3", "mpeg", "mpegts")  # FFmpeg guesses their length from their size
# Of these it clips the length to what is there: their first chunk, its head, padding, whether its size counts the head.
_CHUNKS = {"wav": (12, "<4sI", 2, 0), "w64": (40, "<16sQ", 8, 24), "caf": (8, ">4sq", 1, 0)}
_OPTIONS = {"format_whitelist": _CONTAINERS, "probesize": "1000000"}  # bytes; by default 5 MB of each wav file
_UNREADABLE = (av.FFmpegError, OSError, ValueError)  # damaged beyond reading, a disk that fails
_BLOCK_FRAMES = 1 << 16
MAX_CHANNELS = 32
SAMPLE_RATES = (1_000, 1_000_000)  # Hz; beyond them a header is damaged, and a second could become hours
_ALL_READ = 0.99  # of the stated length, less
_PADDING_S = 0.1  # seconds: what coders add or leave out, and an index that is no sound
_UNREAD_SHARE, _UNREAD_BYTES = 0.25, 1 << 14  # behind the last sound: an index is smaller
_XING = re.compile(rb"(?:Xing|Info)(.{8})", re.DOTALL)  # in an mp3: flags, number of frames
_CANCELLED = 1e-3  # of one channel's power; less is left where others are its opposite
_NO_LENGTH = 0x7FFF_0000  # bytes; what writes a wav into a pipe claims as many or more, a crashed recorder none


class AudioError(ValueError):
    """A sound that cannot be used; the message says which, why, and what would be."""


class SoundFile:
    """One sound file: first its ``blocks``, then ``notes``."""

    def __init__(self, content: BinaryIO, name: str):
        self.name = name
        self._content = _Content(content)
        self._size = content.seek(0, os.SEEK_END)  # bytes
        content.seek(0)
        try:
            self._container = av.open(self._content, "r", metadata_errors="ignore", container_options=_OPTIONS)
        except _UNREADABLE as error:
            raise AudioError(
                f"{name} is not a sound that FFmpeg {av.ffmpeg_version_info} can open, whatever its name. Fetch a "
                "damaged file again; convert what is of another kind to wav, flac, mp3, m4a or ogg."
            ) from error
        stream = self._container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            self.close()
            raise AudioError(f"{name} has no sound in it that can be decoded.")
        self._stream = stream
        self._read_s = self._lost_s = 0.0
        self._starts_at = self._read_to = 0  # bytes
        self._breaks_off = False
        self._alone = len(self._container.streams) == 1

    def close(self) -> None:
        """Lets go of what FFmpeg holds, not of the content."""
        self._container.close()

    @property
    def stated_s(self) -> float:
        """Seconds by its header, or FFmpeg's guess; 0 where nothing tells."""
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        return (self._container.duration or 0) / av.time_base

    def blocks(self) -> Iterator[tuple[np.ndarray, int]]:
        """Its sound: mean of the channels ``(frames,)``, float32, and its rate, which joined files may change."""
        waiting, before = av.AudioFifo(), None  # frames of one kind
        for frame in self._frames():
            kind = frame.sample_rate, frame.format.name, frame.layout.name
            if kind != before or waiting.samples >= _BLOCK_FRAMES:
                yield from self._mono(waiting.read())
            if kind != before:
                waiting, before = av.AudioFifo(), kind
            frame.pts = None  # gaps in time are closed
            waiting.write(frame)
        yield from self._mono(waiting.read())
        if not self._read_s:
            container = self._container.format.name
            raise AudioError(f"{self.name} holds no sound: nothing can be decoded of its {container} content.")

    def notes(self) -> list[str]:
        """What was missed, once all blocks are read: "truncated: ..." and "damaged: ..."."""
        notes = []
        stated_s = self._counted_s()
        unread = self._size - self._read_to
        if stated_s is not None and self._read_s < _ALL_READ * stated_s - _PADDING_S:
            notes.append(f"truncated: {self._read_s:.1f} of {stated_s:.1f} s read")
        elif self._lacks_last_page() or (self._breaks_off and self._container.format.name != "mp3"):  # which has tags
            notes.append("truncated")
        elif self._alone and self._read_to and unread > max(_UNREAD_SHARE * self._size, _UNREAD_BYTES):
            notes.append(f"truncated: the last {unread:,} of {self._size:,} bytes, another file it seems, are not read")
        if self._lost_s > _PADDING_S:
            notes.append(f"damaged: {self._lost_s:.1f} s cannot be decoded")
        return notes

    def _frames(self) -> Iterator[av.AudioFrame]:
        try:
            for packet in self._container.demux(self._stream):
                if packet.size and packet.pos is not None:
                    self._starts_at = self._starts_at or packet.pos
                    self._read_to = max(self._read_to, packet.pos + packet.size)
                try:
                    frames = packet.decode()
                    self._breaks_off = self._breaks_off and not packet.size  # the last packet has none
                except av.FFmpegError:  # the next one may be whole
                    self._breaks_off = True
                    if _XING.search(bytes(packet)) is None:  # of the second of joined files; it is no sound
                        self._lost_s += float((packet.duration or 0) * packet.time_base)
                    continue
                yield from frames
        except _UNREADABLE:
            self._breaks_off = True

    def _mono(self, frame: av.AudioFrame | None) -> Iterator[tuple[np.ndarray, int]]:
        if frame is None:
            return
        rate, channels = frame.sample_rate, len(frame.layout.channels)
        if not SAMPLE_RATES[0] <= rate <= SAMPLE_RATES[1] or not 1 <= channels <= MAX_CHANNELS:
            raise AudioError(
                f"{self.name} claims {rate:,} samples a second in {channels} channels; its header is damaged. "
                "Fetch it again."
            )
        samples = frame.to_ndarray()
        self._read_s += frame.samples / rate
        yield mono(samples.T if frame.format.is_planar else samples.reshape(-1, channels)), rate

    def _counted_s(self) -> float | None:
        """Seconds that the file says it lasts, if it counted them."""
        kind = self._container.format.name
        if kind == "mp3":
            return self._counted_by_xing()
        if kind in _CHUNKS:
            stated, there = self._chunk_bytes()
            return self._read_s * stated / there if there < stated < _NO_LENGTH else None
        counted = kind not in _UNCOUNTED and (self._stream.duration is not None or self._alone)
        return self.stated_s if counted else None

    def _counted_by_xing(self) -> float | None:
        """By the frame before the first, in which an encoder that could go back has counted them."""
        self._content.seek(max(0, self._starts_at - 1500))
        head = self._content.read(min(self._starts_at, 1500))
        found = _XING.search(head)
        if found is None:
            return None
        flags, frames = struct.unpack(">II", found[1])
        return frames * self._stream.frame_size / self._stream.rate if flags & 1 else None

    def _chunk_bytes(self) -> tuple[int, int]:
        """Bytes of sound that the header states, and that are there."""
        start, head, padding, counted_in = _CHUNKS[self._container.format.name]
        self._content.seek(start)
        long_size = 0
        while len(read := self._content.read(struct.calcsize(head))) == struct.calcsize(head):
            chunk, size = struct.unpack(head, read)
            size -= counted_in
            if chunk == b"ds64":  # of a wav beyond 4 GB
                _, long_size = struct.unpack("<QQ", self._content.read(16).ljust(16, b"\0"))
                size -= 16
            if chunk.startswith(b"data"):
                return long_size or size, self._size - self._content.tell()
            if size < 0 or self._content.seek(size + -size % padding, os.SEEK_CUR) < 0:
                break
        return 0, 0

    def _lacks_last_page(self) -> bool:
        """Whether an ogg file, which states no length, ends without the page that ends a stream."""
        if self._container.format.name != "ogg":
            return False
        self._content.seek(max(0, self._size - (1 << 16)))
        tail = self._content.read()
        page = tail.rfind(b"OggS")
        return not (0 <= page < len(tail) - 5 and tail[page + 5] & 4)


class _Content:
    """What FFmpeg reads from; where a damaged header points to no place, its answer is -1 and not an exception."""

    def __init__(self, content: BinaryIO):
        self._content = content
        self.read, self.tell = content.read, content.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._content.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


@np.errstate(over="ignore", invalid="ignore")  # what nan and huge samples give is refused by the caller
def mono(samples: np.ndarray) -> np.ndarray:
    """Mean of the channels of ``(frames, channels)``, any numbers, as float32 with full scale 1.0."""
    scaled = samples.astype(np.float32, copy=False)
    if samples.dtype.kind in "iu":
        full_scale = 2.0 ** (8 * samples.dtype.itemsize - 1)
        scaled = scaled / np.float32(full_scale) - (samples.dtype.kind == "u")
    if scaled.shape[1] == 1:  # whose mean takes long
        return scaled[:, 0]
    first, mean = scaled[:, 0], scaled.mean(axis=1)
    return first if np.dot(mean, mean) < _CANCELLED * np.dot(first, first) else mean


def duration_of(path: str | os.PathLike) -> float:
    """Seconds by a file's header, for some kinds a guess from its size; 0 where there are none to be read."""
    try:
        with open(path, "rb") as content, contextlib.closing(SoundFile(content, os.fspath(path))) as file:
            return file.stated_s
    except (AudioError, OSError):
        return 0.0
