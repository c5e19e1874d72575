"""For a Dockerfile's HEALTHCHECK: exit with 0 if /ping returns 200, else with 1 and the reason.

    python -m mooring.container.healthcheck

Imports only the settings, since it runs every few seconds.
"""

import http.client
import sys

from mooring.settings import load_settings

TIMEOUT_S = 2.0


def main() -> int:
    """Ask on the loopback interface, at the port in the settings."""
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
