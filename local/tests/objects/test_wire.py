"""The parts of the wire format that have no state: pages of listings, aws-chunked, XML, routes."""

import asyncio
import base64
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring_local.objects import xml
from mooring_local.objects.api import OPERATIONS, S3, route_of
from mooring_local.objects.bodies import Unchunker
from mooring_local.objects.checksums import composite
from mooring_local.objects.exchange import Ask
from mooring_local.objects.listing import page
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.faults import Fault
from tests.support.asgi import Client, Reply

Headers = Mapping[str, str] | Sequence[tuple[str, str]]
NAMES = st.text("ab/", min_size=1, max_size=5)


def call(
    store: ObjectStore,
    method: str,
    path: str,
    pieces: Sequence[bytes] = (b"",),
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request."""
    return asyncio.run(Client(S3(store).asgi).call(method, path, pieces, headers or {}))


class TestPages:
    @given(keys=st.sets(NAMES), prefix=st.sampled_from(["", "a", "a/", "/"]), limit=st.integers(1, 4))
    def test_join_to_the_whole_listing(self, keys: set[str], prefix: str, limit: int) -> None:
        """Page after page shows every key or its common prefix exactly once, in order, and the last one says so."""
        listed = sorted(key for key in keys if key.startswith(prefix))
        for delimiter in ("", "/"):
            expected = []
            for key in listed:
                head, found, _ = key[len(prefix) :].partition("/")
                thing = prefix + head + found if delimiter and found else key
                if thing not in expected:
                    expected.append(thing)
            seen: list[str] = []
            after, more = "", True
            while more:
                one = page(listed, prefix, delimiter, after, limit)
                assert len(one.keys) + len(one.prefixes) <= limit
                seen += sorted((*one.keys, *one.prefixes))
                after, more = one.last, one.truncated
            assert seen == expected

    def test_of_no_keys_is_the_last(self) -> None:
        """A limit of 0 shows nothing and promises nothing."""
        assert not page(["a"], "", "", "", 0).truncated
        assert page([], "", "/", "", 5).keys == ()


class TestAwsChunked:
    @given(data=st.binary(max_size=300), size=st.integers(1, 90), cut=st.integers(1, 50), signed=st.booleans())
    def test_comes_off_however_it_arrives(self, data: bytes, size: int, cut: int, signed: bool) -> None:
        """Any chunks in any pieces give the data and the trailers."""
        mark = ";chunk-signature=" + 64 * "0" if signed else ""
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        body = b"".join(f"{len(one):x}{mark}\r\n".encode() + one + b"\r\n" for one in chunks)
        body += f"0{mark}\r\nx-amz-checksum-crc32: abc=\r\n\r\n".encode()
        decoder = Unchunker()

        got = b"".join(decoder.feed(body[at : at + cut]) for at in range(0, len(body), cut))

        assert got == data
        assert decoder.ended
        assert decoder.trailers == {"x-amz-checksum-crc32": "abc="}

    @pytest.mark.parametrize("body", [b"zz\r\n", b"-3\r\n", b"1\r\nxy\r\n", b"f" * 20000])
    def test_nonsense_is_refused(self, body: bytes) -> None:
        """A size that is none, data without its line break, a line without end."""
        with pytest.raises(Fault, match="IncompleteBody"):
            Unchunker().feed(body)


class TestXml:
    def test_what_no_xml_can_hold(self) -> None:
        """Control characters are replaced, line ends kept, markup escaped."""
        body = xml.render("R", [("Key", "a\0<&\r\n"), ("Yes", True), ("N", 3)])
        parsed = ET.fromstring(body)
        for one in parsed:
            one.tag = one.tag.rpartition("}")[2]

        assert [one.text for one in parsed] == ["a�<&\r\n", "true", "3"]

    @pytest.mark.parametrize(
        "body",
        [b"", b"<A>", b"<B/>", b'<!DOCTYPE x [<!ENTITY a "b">]><A>&a;</A>', b"\xff\xfe<A/>", b"{}"],
    )
    def test_what_cannot_be_used_is_malformed(self, body: bytes) -> None:
        """No document, another root, entities."""
        with pytest.raises(Fault, match="MalformedXML"):
            xml.parse(body, "A")

    def test_names_are_quoted_on_demand(self) -> None:
        """URL encoding loses no character of a key; another encoding is refused."""
        assert xml.coder({"encoding-type": "url"})("a b/\0ü+") == "a%20b/%00%C3%BC%2B"
        assert xml.coder({})("a b") == "a b"
        with pytest.raises(Fault, match="InvalidArgument"):
            xml.coder({"encoding-type": "base64"})


class TestRoutes:
    def test_every_operation_is_one_of_s3s(self) -> None:
        """By the name that botocore has for it, each of them once."""
        model = botocore.session.get_session().get_service_model("s3")

        assert set(OPERATIONS) <= set(model.operation_names)
        assert len(OPERATIONS) == len(set(OPERATIONS))

    def test_a_subresource_makes_another_operation(self) -> None:
        """It is never overlooked: what is not there is refused by name."""
        assert route_of(Ask("GET", "b", "", {"list-type": "2", "prefix": "x"}, {}, "/b")).name == "ListObjectsV2"
        assert route_of(Ask("PUT", "b", "k", {"x-id": "PutObject"}, {}, "/b/k")).name == "PutObject"
        assert route_of(Ask("PUT", "b", "k", {}, {"x-amz-copy-source": "/b/j"}, "/b/k")).name == "CopyObject"
        with pytest.raises(Fault, match=r"does not implement PUT \?retention for an object") as caught:
            route_of(Ask("PUT", "b", "k", {"retention": ""}, {}, "/b/k"))
        assert caught.value.status == 501
        with pytest.raises(Fault, match="MethodNotAllowed"):
            route_of(Ask("PATCH", "b", "k", {}, {}, "/b/k"))

    def test_a_key_that_is_no_utf_8(self, store: ObjectStore) -> None:
        """InvalidURI, in XML."""
        reply = call(store, "GET", "/bucket/%ff")

        assert reply.status == 400
        assert b"<Code>InvalidURI</Code>" in reply.body

    def test_bodies_of_new_sdks(self, store: ObjectStore) -> None:
        """aws-chunked with a trailing checksum is taken apart and checked; a length that lies is refused."""
        crc = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
        headers = {
            "content-encoding": "gzip,aws-chunked",
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": "5",
            "x-amz-trailer": "x-amz-checksum-crc32",
        }
        body = f"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()

        good = call(store, "PUT", "/bucket/k", [body[:7], body[7:]], headers)
        lie = {**headers, "x-amz-decoded-content-length": "6"}
        short = call(store, "PUT", "/bucket/j", [body], lie)
        wrong = call(store, "PUT", "/bucket/j", [body.replace(b"hello", b"jello")], headers)

        assert (good.status, good.headers["x-amz-checksum-crc32"]) == (200, crc)
        entry = store.get("bucket", "k")
        assert entry is not None
        assert entry.path.read_bytes() == b"hello"
        assert entry.about.headers == {"content-encoding": "gzip"}
        assert b"<Code>IncompleteBody</Code>" in short.body
        assert b"<Code>BadDigest</Code>" in wrong.body
        assert store.keys("bucket") == ["k"]

    def test_a_client_that_leaves(self, store: ObjectStore) -> None:
        """Half an object is no object, and nobody is answered."""

        async def leave() -> Reply:
            client = Client(S3(store).asgi)
            client.left.set()
            return await client.call("PUT", "/bucket/k", [b"half"], {"content-length": "8"}, whole=False)

        reply = asyncio.run(leave())

        assert reply.status == 0
        assert store.keys("bucket") == []
        assert list((store.root / "bucket" / ".mooring" / "scratch").iterdir()) == []


def test_composite_checksums() -> None:
    """The checksum of checksums, with their number."""
    parts = [base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode() for data in (b"a", b"b")]
    raw = b"".join(base64.b64decode(part) for part in parts)

    assert composite("crc32", parts) == base64.b64encode(zlib.crc32(raw).to_bytes(4, "big")).decode() + "-2"


def test_only_one_of_many_creates_an_object(store: ObjectStore) -> None:
    """`If-None-Match: *` is a lock for many programs: between a look and a write there is nobody else."""

    def create(number: int) -> int:
        return call(store, "PUT", "/bucket/lock", (b"%d" % number,), {"if-none-match": "*"}).status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(create, range(16))) == [200] + [412] * 15
    assert list((store.own_folder("bucket") / "scratch").iterdir()) == []
