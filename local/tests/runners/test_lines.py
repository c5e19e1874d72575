"""Lines out of what a container writes, however much that is."""

import asyncio

from mooring_local.runners.lines import pass_on


def test_one_that_writes_without_end_leaves_the_loop_its_turns() -> None:
    """Others are served in between, also while all of it is there already."""
    said: list[str] = []

    async def work() -> int:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while len(said) < 20_000:
                turns += 1
                await asyncio.sleep(0)

        reader = asyncio.StreamReader()
        reader.feed_data(b"".join(b"line %d\n" % number for number in range(20_000)))
        reader.feed_eof()
        await asyncio.gather(pass_on(reader, said.append), others())
        return turns

    turns = asyncio.run(work())
    assert said == [f"line {number}" for number in range(20_000)]
    assert turns > 200
