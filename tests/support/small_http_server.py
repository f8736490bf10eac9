"""A program to keep replicas of: `python small_http_server.py PORT`. Standard library only, so that it starts at once.

    /            its process id, and its environment's PLIMSOLL_REPLICA
    /slow        the same after 300 ms
    /stop        exits with code 3 without an answer
    /child       starts `sleep` as a process of its own session, and answers with its id

SIGTERM ends it on the spot: whoever drains it badly loses requests.
"""

from __future__ import annotations

import asyncio
import os
import sys


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1]
            body = await answer(path)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def answer(path: bytes) -> bytes:
    if path == b"/stop":
        os._exit(3)
    if path == b"/slow":
        await asyncio.sleep(0.3)
    if path == b"/child":
        child = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
        return str(child.pid).encode()
    return f"{os.getpid()} {os.environ.get('PLIMSOLL_REPLICA', '')}".encode()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=1000)
    sys.stdout.write(f"serving on {sys.argv[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


asyncio.run(main())
