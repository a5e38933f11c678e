"""Where bytes come from: paths, memory, descriptors and file objects; opening, closing and going away."""

from __future__ import annotations

import contextlib
import copyreg
import gc
import gzip
import hashlib
import io
import mmap
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import weakref
from collections.abc import Iterator
from types import TracebackType

import numpy
import pytest

from scapcore.errors import (
    CorruptCaptureError,
    ScapError,
    SourceError,
    TruncatedCaptureError,
    UnsupportedCaptureError,
)
from scapcore.source import Source, open_source

DATA = bytes(range(256)) * 1000


def read_all(source: Source, size: int = 1 << 16) -> bytes:
    found = bytearray()
    buffer = bytearray(size)
    while count := source.readinto(buffer):
        found += buffer[:count]
    return bytes(found)


def content_of(source: Source) -> bytes:
    assert source.mapped is not None
    return bytes(source.mapped)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "scapcore-read-ahead"]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = descriptors()
    yield
    gc.collect()
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads()
    assert descriptors() == before


@pytest.fixture
def plain(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "plain.scap"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def packed(tmp_path: pathlib.Path) -> pathlib.Path:
    # Not named after what it is: the first bytes decide.
    path = tmp_path / "packed.scap"
    path.write_bytes(gzip.compress(DATA))
    return path


@contextlib.contextmanager
def pipe() -> Iterator[tuple[io.BufferedReader, io.FileIO]]:
    reader, writer = os.pipe()
    with open(reader, "rb") as file, open(writer, "wb", buffering=0) as out:
        yield file, out


class Endless:
    """A file object without an end."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, size: int) -> bytes:
        self.reads += 1
        return b"x" * size


# Memory and mapped files


def test_path_is_mapped(plain: pathlib.Path) -> None:
    with open_source(str(plain)) as source:
        assert (source.name, source.compression, source.size) == (str(plain), None, len(DATA))
        assert source.mapped is not None
        assert source.mapped.readonly
        assert source.mapped.format == "B"
        assert content_of(source) == DATA
        assert source.position == 0
        source.release(1000)
        assert source.position == 1000
        assert read_all(source, 999) == DATA
        assert source.position == len(DATA)


def test_views_outlive_the_source(plain: pathlib.Path) -> None:
    source = open_source(plain)
    column = numpy.frombuffer(source.mapped, dtype=numpy.uint8)  # type: ignore[arg-type]
    source.close()
    source.close()
    assert source.mapped is None
    with pytest.raises(SourceError, match="closed"):
        source.readinto(bytearray(1))
    del source
    assert column.tobytes() == DATA


@pytest.mark.parametrize(
    "what",
    [DATA, bytearray(DATA), memoryview(DATA), memoryview(DATA * 2)[::2], numpy.frombuffer(DATA, dtype="<u4")],
    ids=["bytes", "bytearray", "memoryview", "strided", "array"],
)
def test_memory(what: bytes) -> None:
    with open_source(what) as source:
        expected = memoryview(what).tobytes()
        assert source.name == "bytes in memory"
        assert content_of(source) == expected
        assert source.size == len(expected)
        assert read_all(source) == expected
        source.release(len(expected))
        again = source.reopen()
        assert read_all(again) == expected


def test_map_of_the_user(plain: pathlib.Path) -> None:
    with open(plain, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        with open_source(content) as source:
            assert content_of(source) == DATA
        del source


@pytest.mark.parametrize("what", [b"", "file"])
def test_empty(what: bytes | str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with open_source(path if what == "file" else what) as source:
        assert source.compression is None
        assert source.readinto(bytearray(10)) == 0


def test_kernel_file_that_says_it_is_empty() -> None:
    with open_source("/proc/self/status") as source:
        assert read_all(source).startswith(b"Name:")


def test_tiny_files_are_plain(tmp_path: pathlib.Path) -> None:
    for content in (b"\x1f", b"\x28\xb5\x2f", b"\x04\x22\x4d", b"\n\r\r"):
        assert content_of(open_source(content)) == content


def resident() -> int:
    """Bytes of mapped files in memory."""
    with open("/proc/self/status") as file:
        return int(re.search(r"RssFile:\s+(\d+)", file.read())[1]) * 1024  # type: ignore[index]


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_release_keeps_the_memory_flat(tmp_path: pathlib.Path) -> None:
    size = 100 << 20
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(size)
        file.seek(50 << 20)
        file.write(b"middle")
    with open_source(path) as source:
        assert source.mapped is not None
        pages = numpy.frombuffer(source.mapped, dtype=numpy.uint8)
        before = resident()
        for offset in range(0, size, 1 << 20):
            assert pages[offset : offset + (1 << 20)].max() >= 0
            source.release(offset)
            assert resident() < before + (40 << 20)
        # Released pages come back.
        assert pages[50 << 20 : (50 << 20) + 6].tobytes() == b"middle"
        source.release(size * 10)
        assert source.position == size


# Descriptors and file objects


@pytest.mark.parametrize("buffering", [0, -1])
def test_file_is_read_from_where_it_stands(plain: pathlib.Path, packed: pathlib.Path, buffering: int) -> None:
    with open(plain, "rb", buffering=buffering) as file:
        file.read(100)
        with open_source(file) as source:
            assert content_of(source) == DATA[100:]
            assert source.position == 100
            assert content_of(source.reopen()) == DATA[100:]
        assert file.tell() == 100
    with open(packed, "rb", buffering=buffering) as file, open_source(file) as source:
        file.close()
        assert source.mapped is None
        assert read_all(source) == DATA
        assert source.position == source.size
        with pytest.raises(SourceError, match="closed"):
            source.reopen()


def test_file_object(packed: pathlib.Path) -> None:
    for make, expected in (
        (lambda: io.BytesIO(DATA), DATA),
        (lambda: io.BytesIO(packed.read_bytes()), DATA),
        (lambda: gzip.GzipFile(packed), DATA),
        (tempfile.TemporaryFile, b""),
    ):
        with make() as file:
            source = open_source(file)
            assert read_all(source) == expected
            again = source.reopen()
            assert read_all(again) == expected
            # Both would move the one file object.
            with pytest.raises(SourceError, match="closed"):
                source.readinto(bytearray(1))
            again.close()
            assert not file.closed


def test_size_of_file_objects() -> None:
    assert open_source(io.BytesIO(b"abc")).size == 3
    assert open_source(Endless()).size is None


@pytest.mark.parametrize("content", [DATA, gzip.compress(DATA)])
def test_pipe(content: bytes) -> None:
    with pipe() as (file, out):

        def write() -> None:
            for start in range(0, len(content), 777):
                out.write(content[start : start + 777])
            out.close()

        writer = threading.Thread(target=write)
        writer.start()
        # What the file object has read ahead for its user is not lost.
        first = file.peek(4)[:4]
        with open_source(file) as source:
            assert (source.mapped, source.size) == (None, None)
            assert first == content[:4]
            assert read_all(source) == DATA
            assert source.position == len(content)
            with pytest.raises(UnsupportedCaptureError, match="can be read once only"):
                source.reopen()
        writer.join()


def test_named_pipe_can_be_read_once(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(DATA,))
    writer.start()
    with open_source(path) as source:
        assert read_all(source) == DATA
        with pytest.raises(UnsupportedCaptureError, match="fifo is a stream"):
            source.reopen()
    writer.join()


def test_non_blocking_inputs() -> None:
    with pipe() as (file, out):
        os.set_blocking(file.fileno(), False)
        out.write(b"first")
        with open_source(file) as source:
            buffer = bytearray(100)
            assert source.readinto(buffer) == 5
            timer = threading.Timer(0.1, out.write, (b"second",))
            timer.start()
            assert source.readinto(buffer) == 6
            timer.join()

    class Hesitant(io.BytesIO):
        turns = 0

        def read1(self, size: int | None = -1, /) -> bytes:
            self.turns += 1
            return None if self.turns % 2 else super().read1(min(size or 0, 100_000))  # type: ignore[return-value]

    assert read_all(open_source(Hesitant(DATA))) == DATA


@pytest.mark.parametrize("how", ["pipe", "file", "packed"])
def test_standard_input(how: str, plain: pathlib.Path, packed: pathlib.Path) -> None:
    script = (
        "import hashlib, sys; from scapcore.source import open_source\n"
        "source = open_source('-'); buffer = bytearray(1000); found = b''\n"
        "while count := source.readinto(buffer): found += buffer[:count]\n"
        "print(source.name, source.mapped is not None, hashlib.sha256(found).hexdigest())\n"
        "try: print(source.reopen().compression)\n"
        "except Exception as error: print(error)\n"
    )
    lines = run(script, packed if how == "packed" else plain, through_pipe=how == "pipe").split("\n")
    digest = hashlib.sha256(DATA).hexdigest()
    assert lines[0] == f"standard input {how == 'file'} {digest}"
    last = {"pipe": "standard input is a stream and can be read once only", "file": "None", "packed": "gzip"}
    assert lines[1] == last[how]


def run(script: str, standard_input: pathlib.Path | None = None, through_pipe: bool = False, code: int = 0) -> str:
    """Run a script in an interpreter of its own, which must say nothing on standard error."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}
    with contextlib.ExitStack() as stack:
        stdin: int | io.BufferedReader = subprocess.DEVNULL
        if standard_input is not None and through_pipe:
            cat = stack.enter_context(subprocess.Popen(["cat", str(standard_input)], stdout=subprocess.PIPE))
            stdin = cat.stdout  # type: ignore[assignment]
        elif standard_input is not None:
            stdin = stack.enter_context(open(standard_input, "rb"))
        result = subprocess.run(
            [sys.executable, "-X", "dev", "-c", script],
            stdin=stdin, capture_output=True, text=True, timeout=20, env=environment, check=False,
        )  # fmt: skip
    assert result.stderr == ""
    assert result.returncode == code
    return result.stdout


def test_no_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SourceError, match="standard input"):
        open_source("-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DATA)))
    with open_source("-") as source:
        assert read_all(source) == DATA


# Failures


def test_files_that_cannot_be_opened(tmp_path: pathlib.Path, plain: pathlib.Path) -> None:
    missing = tmp_path / "missing.scap"
    with pytest.raises(SourceError) as caught:
        open_source(missing)
    assert str(caught.value) == f"cannot open {missing}: No such file or directory"
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    with pytest.raises(SourceError, match=r"cannot open .*: Is a directory"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match=r"cannot open a.b: .*embedded null"):
        open_source("a\0b")
    plain.chmod(0)
    if not os.access(plain, os.R_OK):
        with pytest.raises(SourceError, match="Permission denied"):
            open_source(plain)


def test_wrong_kinds(plain: pathlib.Path) -> None:
    with pytest.raises(TypeError, match="not float"):
        open_source(1.5)  # type: ignore[arg-type]
    with open(plain, encoding="latin-1") as file, pytest.raises(SourceError, match="text mode"):
        open_source(file)  # type: ignore[arg-type]
    closed = io.BytesIO(DATA)
    closed.close()
    with pytest.raises(SourceError, match="closed"):
        open_source(closed)
    with open(os.devnull, "wb", buffering=0) as file, pytest.raises(SourceError):
        open_source(file)


class Failing:
    """Gives some bytes, then fails."""

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._reads = 0

    def read(self, size: int) -> bytes:
        self._reads += 1
        if self._reads > 3:
            raise self._error
        return b"some"


def test_failing_file_object() -> None:
    for error, reason in ((OSError(5, "Input/output error"), "Input/output error"), (KeyError(), "KeyError")):
        with open_source(Failing(error)) as source:
            found = bytearray(100)
            count = 0
            with pytest.raises(SourceError, match=f"cannot read <Failing>: {reason}") as caught:
                while step := source.readinto(memoryview(found)[count:]):
                    count += step
            assert found[:count] == b"some" * 3
            assert caught.value.__cause__ is error
    source = open_source(Failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        read_all(source)


def _with_traceback(error: ScapError) -> tuple[object, ...]:
    return _raised_at, (type(error), error.args, error.__traceback__)


def _raised_at(kind: type[ScapError], arguments: tuple[str, ...], traceback: TracebackType) -> ScapError:
    return kind(*arguments).with_traceback(traceback)


def test_an_error_keeps_nothing_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    # As packages do that send errors to other processes: a copy then has the frames of the original.
    for kind in (CorruptCaptureError, TruncatedCaptureError):
        monkeypatch.setitem(copyreg.dispatch_table, kind, _with_traceback)
    packed = bytearray(gzip.compress(DATA))
    packed[-6] ^= 1
    for content in (bytes(packed), bytes(packed[:-10])):
        file = io.BytesIO(content)
        gone = weakref.ref(file)
        gc.disable()
        try:
            with contextlib.suppress(ScapError), open_source(file) as source:
                read_all(source)
            del file, source
            # The thread that reads ahead may take a moment to end.
            for _ in range(500):
                if gone() is None:
                    break
                time.sleep(0.01)
            assert gone() is None, gc.get_referrers(gone())
        finally:
            gc.enable()


def test_single_bytes_do_not_pile_up() -> None:
    class Drops(Endless):
        def read(self, size: int) -> bytes:
            return super().read(1)

    drops = Drops()
    with open_source(drops) as source:
        assert source.readinto(bytearray(1)) == 1
        time.sleep(0.2)
        assert 10 < drops.reads < 1000
        assert source.readinto(bytearray(5000)) > 10


# Going away


@pytest.mark.parametrize("taken", [0, 1, 10_000_000])
def test_early_close_ends_the_thread(taken: int) -> None:
    endless = Endless()
    source = open_source(endless)
    if taken:
        source.readinto(bytearray(taken))
    start = time.monotonic()
    source.close()
    source.close()
    assert time.monotonic() - start < 1
    assert not threads()
    reads = endless.reads
    time.sleep(0.02)
    assert endless.reads == reads
    with pytest.raises(SourceError, match="closed"):
        source.readinto(bytearray(1))


def test_close_while_waiting_for_a_pipe() -> None:
    with pipe() as (file, out):
        out.write(b"some")
        with open_source(file) as source:
            assert source.readinto(bytearray(10)) == 4
            time.sleep(0.05)
            start = time.monotonic()
        assert time.monotonic() - start < 0.5
        assert not threads()


def test_dropped_without_close() -> None:
    with pipe() as (file, out):
        out.write(b"some")
        for what in (Endless(), gzip.compress(bytes(50_000_000)), file):
            source = open_source(what)
            assert source.readinto(bytearray(4)) == 4
            # No help from the collector of cycles: the last reference is enough.
            gc.disable()
            try:
                del source
                deadline = time.monotonic() + 5
                while threads() and time.monotonic() < deadline:
                    time.sleep(0.01)
                assert not threads()
            finally:
                gc.enable()


def test_dropped_by_an_exception_of_the_consumer(packed: pathlib.Path) -> None:
    def consume() -> None:
        source = open_source(packed)
        source.readinto(bytearray(1))
        raise RuntimeError("of the consumer")

    with pytest.raises(RuntimeError, match="of the consumer"):
        consume()


def test_close_from_another_thread_wakes_the_reader() -> None:
    with pipe() as (file, out):
        out.write(b"some")
        source = open_source(file)
        buffer = bytearray(10)
        assert source.readinto(buffer) == 4
        timer = threading.Timer(0.1, source.close)
        timer.start()
        with pytest.raises(SourceError, match="closed"):
            source.readinto(buffer)
        timer.join()


def test_hanging_file_object_does_not_hang_close() -> None:
    release = threading.Event()

    class Hanging(Failing):
        def read(self, size: int) -> bytes:
            if self._reads:
                release.wait(10)
                return b""
            return super().read(size)

        def seekable(self) -> bool:
            return False

    source = open_source(Hanging(KeyError()))
    assert source.readinto(bytearray(10)) == 4
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < 1
    release.set()


def test_interpreter_exit_in_the_middle(packed: pathlib.Path, tmp_path: pathlib.Path) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(gzip.compress(bytes(100_000_000)))
    script = (
        "import sys; from scapcore.source import open_source\n"
        f"kept = open_source({str(bomb)!r}); kept.readinto(bytearray(10))\n"
        f"dropped = open_source({str(packed)!r}); dropped.readinto(bytearray(10)); del dropped\n"
    )
    assert run(script) == ""
    assert run(script + "sys.exit(3)\n", code=3) == ""


def test_interpreter_exit_while_standard_input_is_silent() -> None:
    script = (
        "from scapcore.source import open_source\n"
        "source = open_source('-'); print(source.readinto(bytearray(10)), flush=True)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"some")
        process.stdin.flush()
        assert process.wait(10) == 0
        assert process.stdout.read() == b"4\n"
        assert process.stderr.read() == b""


def test_source_opened_at_exit() -> None:
    script = (
        "import atexit, gzip; from scapcore.source import open_source\n"
        "@atexit.register\n"
        "def late():\n"
        "    source = open_source(gzip.compress(b'late')); buffer = bytearray(10)\n"
        "    print(buffer[:source.readinto(buffer)].decode())\n"
        "    source.close()\n"
    )
    assert run(script) == "late\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_process_gets_an_error_and_leaves_the_parent_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    script = (
        "import os, warnings; warnings.simplefilter('ignore'); from scapcore.source import open_source\n"
        f"source = open_source({str(path)!r}); buffer = bytearray(1 << 22); total = source.readinto(buffer)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try:\n"
        "        while source.readinto(buffer): pass\n"
        "    except Exception as error: print(type(error).__name__, 'forked' in str(error), flush=True)\n"
        "    source.close(); os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "while count := source.readinto(buffer): total += count\n"
        "print(total)\n"
    )
    assert run(script) == "SourceError True\n50000000\n"


def test_nothing_piles_up() -> None:
    content = gzip.compress(DATA)
    for _ in range(3):
        read_all(open_source(content))
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(50):
            source = open_source(content)
            source.readinto(bytearray(10))
            source.close()
            with pytest.raises(ScapError):
                read_all(open_source(content[:1000]))
        del source
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < before + 300_000
    finally:
        tracemalloc.stop()


def test_repr_and_empty_view(packed: pathlib.Path) -> None:
    with open_source(packed) as source:
        assert repr(source) == f"<StreamSource {str(packed)!r}, gzip>"
        assert source.readinto(bytearray()) == 0
        assert read_all(source) == DATA
