"""The target in the cluster: answers every request and counts it; ``/count`` tells the count and is not counted.

Runs in a pod, from a ConfigMap, with the Python of the image under test: ``python target.py PORT``.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    seen = 0
    lock = threading.Lock()

    def do_GET(self):
        if self.path != "/count":
            with Handler.lock:
                Handler.seen += 1
        body = str(Handler.seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("", int(sys.argv[1])), Handler).serve_forever()
