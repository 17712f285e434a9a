"""Five tools of a shop, and an agent's model that answers by a script."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Refund(BaseModel):
    """Give money back."""

    model_config = ConfigDict(extra="forbid")
    order: int
    reason: str


class Filter(BaseModel):
    model_config = ConfigDict(extra="forbid")
    status: str


def search_orders(customer: str, where: Filter | None = None): ...


def send_mail(to: str, subject: str, body: str): ...


TRACK = {
    "type": "object",
    "properties": {"parcel": {"type": "string"}},
    "required": ["parcel"],
    "additionalProperties": False,
}
STOCK = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "shop": {"enum": ["north", "south"]}},
    "required": ["sku"],
    "additionalProperties": False,
}
FIVE = [
    search_orders,
    Refund,
    send_mail,
    {"type": "function", "function": {"name": "track_parcel", "parameters": TRACK}},
    {"name": "check_stock", "input_schema": STOCK},
]
Tool = Literal["search_orders", "Refund", "send_mail", "track_parcel", "check_stock"]


class Kept:
    """A recorder that keeps what it is handed."""

    def __init__(self):
        self.outcomes, self.tasks = [], []

    def record(self, outcome, task=None):
        self.outcomes.append(outcome)
        self.tasks.append(task)

    @property
    def told(self):
        """Of each call its tool, whether it is valid, and the codes of its failures."""
        return [
            (one.call.schema_name, one.ok, [a.failure.code for a in one.attempts if a.failure is not None])
            for one in self.outcomes
        ]


class Script:
    """A model that gives its replies in order, and keeps what it was sent."""

    def __init__(self, *replies):
        self.left, self.sent = list(replies), []

    def __call__(self, messages):
        self.sent.append(messages)
        reply = self.left.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply
