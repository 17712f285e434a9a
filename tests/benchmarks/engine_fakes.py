"""An engine that does what its schema says under "x-fake", loaded by name in the process that is measured."""

import json
import os
import signal
import sys
import time

from benchmarks.engine_checks.adapter import CompiledGrammar, GaveUp, Refused
from schema_guard import Schema

COMPILE_S = 0.25


class Matcher:
    """Takes every token, and ends where the text so far is valid; unless told otherwise."""

    def __init__(self, document):
        self.schema = Schema.of(document)
        self.fake = document.get("x-fake")
        self.text = b""

    def start(self):
        self.text = b""

    def advance(self, token):
        self.text += bytes([token])
        if self.fake == "give up":
            raise GaveUp("too many states")
        if self.fake == "die judging":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fake == "hang judging":
            time.sleep(600)
        return self.fake != "accept nothing"

    def may_end(self):
        value = json.loads(self.text)
        if self.fake == "fixed order" and list(value) != sorted(value):
            return False
        if self.fake == "compact" and b" " in self.text:
            return False
        if self.fake == "blanks" and b" " not in self.text:
            return False
        return self.fake == "accept everything" or self.schema.is_valid(value)

    def mask(self):
        if self.fake == "print":
            os.write(1, b"this is no answer\n")


class Adapter:
    """Compiles in a stated time."""

    def __init__(self):
        self.schemas = 0
        self.kept = []

    def compile(self, schema):
        document = json.loads(schema)
        fake = document.get("x-fake")
        self.schemas += 1
        if fake == "refuse":
            raise Refused("\n  there is no way\n  to do it")
        if fake == "raise":
            raise KeyError("x")
        if fake == "hang":
            time.sleep(600)
        while fake == "compute":
            pass
        if fake == "die":
            sys.stderr.write("my last words\n")
            sys.stderr.flush()
            os._exit(3)
        if fake == "eat":
            self.eat()
        if fake == "die when used" and self.schemas > 1:
            os._exit(3)
        return CompiledGrammar(Matcher(document), COMPILE_S)

    def eat(self):
        while True:
            self.kept.append(bytearray(b"x" * 2**24))
            time.sleep(0.005)


def load(vocabulary):
    return Adapter()


def load_nothing(vocabulary):
    raise OSError("no such library")
