"""The corpus of archives."""

import gzip
import io
import tarfile
from collections.abc import Iterator


def _tar(*members: tuple[str, bytes, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        for name, of_type, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = of_type, len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


FILE, FOLDER, LINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE
CONFIG_MEMBER = ("config.json", FILE, b"{}")


def _block(name: str, kind: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content) if size is None else size
    return info.tobuf(tarfile.GNU_FORMAT) + content + b"\0" * (-len(content) % 512)


END = b"\0" * 1024


def archives() -> Iterator[bytes]:
    """Archives, mostly without gzip."""
    sound = _tar(CONFIG_MEMBER, ("code/inference.py", FILE, b"x"))
    yield from (sound, gzip.compress(sound), gzip.compress(sound)[:-4], sound[:700], b"", b"\0" * 512, sound + b"x" * 9)
    yield _tar((".", FOLDER, b""), ("./a", FOLDER, b""), ("./a", FOLDER, b""), ("./a/b", FILE, b"x"), CONFIG_MEMBER)
    yield _tar(("a/config.json", FILE, b"{}"))
    yield _tar(("a" * 150 + "/" + "b" * 150, FILE, b"x"), CONFIG_MEMBER, kind=tarfile.GNU_FORMAT)
    yield _tar(("é" * 60, FILE, b"x"), ("._x", FILE, b"mac"))
    yield _block("x", b"x", b"16 comment=hello\n") + _block("f", FILE, b"x") + END
    yield _block("x", b"x", b"9 size=1\n\0\0") + _block("f", FILE, b"x") + END
    yield _block("g", b"g", b"") + _block("f", FILE, b"x") + END
    yield _block("L", b"L", b"long\0") + _block("K", b"K", b"target\0") + _block("f", FILE, b"x") + END
    yield _block("big", FILE, b"x" * 600) + END
    yield from (
        _tar(("../a", FILE, b"")),
        _tar(("a:b", FILE, b"")),
        _tar(("a", LINK, b"")),
        _tar(("a", tarfile.FIFOTYPE, b"")),
        _tar(("a", FILE, b""), ("a", FILE, b"")),
        _tar(("a", FILE, b""), ("a/b", FILE, b"")),
        _tar(("a/" * 40, FOLDER, b"")),
        _tar(("a" * 1100, FILE, b"")),
        _tar(("a" * 300, FILE, b"")),
        _tar((".", FILE, b"")),
        _tar(*((f"d{number}", FOLDER, b"") for number in range(101))),
        _tar(("/".join("abcdefghijklmnopqrst") + "/x", FOLDER, b""), *((f"{n}/b/c/d", FOLDER, b"") for n in range(30))),
        _block("a", FILE, b"", size=1 << 21) + END,
        _block("a", FILE, b"x", size=3000) + END,
        _block("a", b"S", b"") + END,
        _block("x", b"x", b"21 GNU.sparse.size=1\n") + _block("f", FILE) + END,
        _block("x", b"x", b"x" * 30) + _block("f", FILE) + END,
        _block("x", b"x", b"99 path=a\n") + _block("f", FILE) + END,
        _block("x", b"x", b"10 size=x\n") + _block("f", FILE) + END,
        _block("g", b"g", b"9 path=x\n") + _block("f", FILE) + END,
        _block("L", b"L", size=8 << 30) + END,
        _block("L", b"L", size=600) + b"x" * 100,
        b"".join(_block("L", b"L", b"a" * (1 << 20)) + _block("f", FOLDER) for _ in range(17)) + END,
        _block("x", b"x", b"9 path=x\n") * 9 + _block("f", FILE) + END,
        sound + b"\0" * (17 << 20),
        b"no tar" * 200,
        sound[:148] + b"9" * 8 + sound[156:],
    )
    info = tarfile.TarInfo("negative")
    info.size = -1
    yield info.tobuf(tarfile.GNU_FORMAT) + END
