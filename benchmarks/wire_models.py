"""Pydantic models with typical features, to test which of their schemas providers refuse. Each has one feature."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, RootModel

__all__ = ["MODELS"]


class Plain(BaseModel):
    number: str
    total: float
    is_paid: bool


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: str
    total: float


class Optionals(BaseModel):
    name: str
    nickname: str | None = None
    age: int | None = None
    tags: list[str] = []


class Nullable(BaseModel):
    name: str
    middle_name: str | None


class Bounds(BaseModel):
    score: float = Field(ge=0, le=1)
    stars: int = Field(gt=0, lt=6)
    code: str = Field(min_length=3, max_length=8, pattern=r"^[A-Z]+$")
    lines: list[str] = Field(min_length=1, max_length=5)


class Described(BaseModel):
    class Address(BaseModel):
        street: str
        city: str

    billing: Address = Field(description="Where the invoice goes")
    delivery: Address = Field(description="Where the goods go")


class Dates(BaseModel):
    day: date
    at: datetime
    opens: time
    took: timedelta
    key: UUID


class Money(BaseModel):
    amount: Decimal
    currency: Literal["EUR", "USD"]


class Status(Enum):
    OPEN = "open"
    CLOSED = "closed"


class Priority(IntEnum):
    LOW = 1
    HIGH = 2


class Enums(BaseModel):
    status: Status
    priority: Priority
    kind: Literal["a", 1, True]


class Union(BaseModel):
    value: int | str | list[float]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Tagged(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Untagged(BaseModel):
    pet: Cat | Dog


class Email(BaseModel):
    name: str
    address: str


class Letter(BaseModel):
    name: str
    street: str


class SameFirstKey(BaseModel):
    contact: Email | Letter


class Counts(BaseModel):
    by_word: dict[str, int]


class Metadata(BaseModel):
    title: str
    extra: dict[str, Any] = {}


class Anything(BaseModel):
    payload: Any


class Pair(BaseModel):
    point: tuple[float, float]
    span: tuple[date, date] | None = None


class Node(BaseModel):
    text: str
    children: list[Node] = []


class StrictNode(BaseModel):
    text: str
    children: list[StrictNode]


class Person(BaseModel):
    name: str
    manager: Person | None = None


class Link(BaseModel):
    url: HttpUrl
    unique: set[str]


class Names(RootModel[list[str]]):
    pass


class Shape(RootModel[Annotated[Cat | Dog, Field(discriminator="kind")]]):
    pass


class Wide(BaseModel):
    a1: str | None = None
    a2: str | None = None
    a3: str | None = None
    a4: str | None = None
    a5: str | None = None
    a6: str | None = None
    a7: str | None = None
    a8: str | None = None
    a9: str | None = None
    b1: int | None = None
    b2: int | None = None
    b3: int | None = None
    b4: int | None = None
    b5: int | None = None
    b6: int | None = None
    b7: int | None = None
    b8: int | None = None
    b9: int | None = None


class Line(BaseModel):
    sku: str
    quantity: int = Field(ge=1)
    price: Decimal | None = None


class Order(BaseModel):
    """An order of a shop."""

    order_id: UUID
    placed: datetime
    lines: list[Line] = Field(min_length=1)
    ship_to: Described.Address
    notes: str | None = Field(default=None, max_length=200)
    labels: dict[str, str] = {}


MODELS: tuple[type[BaseModel], ...] = (
    Plain, Closed, Optionals, Nullable, Bounds, Described, Dates, Money, Enums, Union, Tagged, Untagged, SameFirstKey,
    Counts, Metadata, Anything, Pair, Node, StrictNode, Person, Link, Names, Shape, Wide, Order,
)  # fmt: skip
