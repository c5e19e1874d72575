"""For a Dockerfile's HEALTHCHECK: exit code 0 if /ping is green here, 1 with the reason if not.

    python -m mooring.container.healthcheck

Loads nothing of Mooring but the port's setting: it runs every few seconds.
"""

import http.client
import sys

from mooring.settings import load_settings

TIMEOUT_S = 2.0


def main() -> int:
    """Ask on the loopback interface, at the port that the server was told."""
    connection = http.client.HTTPConnection("127.0.0.1", load_settings().port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/ping")
        response = connection.getresponse()
        said = response.read(1000).decode("utf-8", "replace")
    except OSError as error:
        print(f"no answer: {error}")
        return 1
    finally:
        connection.close()
    print(said)
    return 0 if response.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
