"""A proxy of the tests between a process and the server: it can hold back, delay and cut what goes through it."""

import socket
import threading
import time
from contextlib import suppress


class Proxy:
    """Listens on a port of this machine and passes bytes on to a Unix socket.

    Attributes:
        holds: Whether nothing is passed on.
        delay_s: How long each piece is held back.
        loses: An answer with these bytes is not passed on: the connection is cut instead, once.
    """

    def __init__(self, target):
        self.holds, self.delay_s, self.loses = False, 0.0, None
        self._target = str(target)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs = []
        self._refuses = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Cut every connection."""
        pairs, self._pairs = self._pairs, []
        for one in (one for pair in pairs for one in pair):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def refuse(self, refuses=True):
        """Cut every connection, and take no other one until told so."""
        self._refuses = refuses
        self.cut()

    def close(self):
        self.refuse()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._pairs.append((near, far))
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, target, source is far), daemon=True).start()

    def _pass(self, source, target, is_answer):
        with suppress(OSError):
            while piece := source.recv(65_536):
                while self.holds:
                    time.sleep(0.01)
                time.sleep(self.delay_s)
                if is_answer and self.loses is not None and self.loses in piece:
                    self.loses = None
                    self.cut()
                    return
                target.sendall(piece)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
