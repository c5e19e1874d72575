"""`make demo`: start a server with the embedded model, ask a question over HTTP, print the answer and stop."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

QUESTION = "Who built the first full-scale steam locomotive?"
CONTEXT = (
    "Richard Trevithick built the first full-scale steam locomotive in 1804. On 21 February it drew a train along the "
    "tramway of the Penydarren ironworks, near Merthyr Tydfil in Wales: ten tons of iron and seventy men over nine "
    "miles, in four hours and five minutes."
)
START_LIMIT_S = 120.0


def main() -> int:
    """Run the demo. Returns 0 only if everything worked."""
    began = time.monotonic()
    command = [sys.executable, "-P", "-m", "mooring", "serve", "--port", "0", "--log-level", "warning"]
    print("$ moor serve", flush=True)
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = wait_until_ready(server)
        if url is None:
            print(f"The server did not start (exit code {server.wait()}).", file=sys.stderr)
            return 1
        print(f"  ready after {time.monotonic() - began:.1f} s\n", flush=True)
        ask(url)
    finally:
        # The same signal as Ctrl-C. After a real Ctrl-C, the server has received it already.
        if server.poll() is None:
            server.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
        code = server.wait(60)
    print(f"\nThe server has stopped (exit code {code}).")
    return 0 if code == 0 else 1


def wait_until_ready(server: "subprocess.Popen[str]") -> str | None:
    """Print the server's output until it is ready, and return its URL; None if it exits before that."""
    url = None
    for line in server.stdout or ():
        print(f"  {line.rstrip()}", flush=True)
        found = re.search(r"address +(http://\S+)", line)
        url = found[1].rstrip(",") if found else url
        if url and " try " in line:
            return url
    return None


def ask(url: str) -> None:
    """Send one request, and print it with the answer and timings."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=START_LIMIT_S)
    body = json.dumps({"inputs": {"question": QUESTION, "context": CONTEXT}})
    began = time.perf_counter()
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    took = 1000 * (time.perf_counter() - began)
    connection.close()
    if response.status != 200:
        raise SystemExit(f"POST /invocations answered {response.status}: {answer}")
    stages = re.findall(r"(\w+);dur=([\d.]+)", response.getheader("Server-Timing") or "")
    print(f"context   {CONTEXT}")
    print(f"question  {QUESTION}")
    print(f"answer    {answer['answer']}")
    print(f"score     {answer['score']:.3f}, characters {answer['start']} to {answer['end']} of the context")
    print(
        f"timings   {took:.1f} ms in total; in the server "
        + ", ".join(f"{name} {float(ms):.1f}" for name, ms in stages)
    )


if __name__ == "__main__":
    sys.exit(main())
