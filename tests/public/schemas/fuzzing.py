"""Schemas with every keyword, values that are likely to keep to them, and the texts that they may stand in.

Everything is drawn from one `random.Random`: a seed gives the same case everywhere.
"""

import json

from schema_guard import InvalidSchema, Schema

DRAFTS = ("draft4", "draft6", "draft7", "2019-09", "2020-12")
KEYS = ("a", "b", "ab", "c", "a/b", "\u00e9")
TEXTS = ("", "a", "ab", "abc", "b", "2024-01-31", '"', "\\", "\u00e9\U0001f600", "x" * 20, "a long text " * 9)
NUMBERS = (0, 1, 2, 3, -1, 1.0, 1.5, 0.1, -0.0, 1e3, 10**20)
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
PATTERNS = ("^a", "b$", "^[a-c]{1,2}$", "^(?!b)", ".", "^\\S*$")


def scalar(rng):
    return rng.choice((rng.choice(TEXTS), rng.choice(NUMBERS), True, False, None))


def any_value(rng, depth=2):
    """Any JSON value of a small world."""
    kind = rng.random()
    if depth and kind < 0.2:
        return {key: any_value(rng, depth - 1) for key in rng.sample(KEYS, rng.randint(0, 3))}
    if depth and kind < 0.35:
        return [any_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return scalar(rng)


class Drawn:
    """A schema of one draft, drawn keyword by keyword."""

    def __init__(self, rng):
        self.rng = rng
        self.draft = rng.randrange(len(DRAFTS))
        self.defs = "definitions" if self.draft < 3 else "$defs"
        self.names = ["one", "two"][: rng.randint(0, 2)]

    def document(self):
        made = self.schema(3, root=True)
        if self.names and isinstance(made, dict):
            made[self.defs] = {name: self.schema(2, root=True) for name in self.names}
        return made

    def schema(self, depth, *, root=False):
        rng = self.rng
        if not root and self.draft and rng.random() < 0.06:
            return rng.random() < 0.6
        made = {}
        if rng.random() < 0.55:
            made["type"] = rng.choice(TYPES) if rng.random() < 0.75 else rng.sample(TYPES, 2)
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            made |= rng.choice(self.ways(depth))()
        return made

    def ways(self, depth):
        ways = [self.of_text, self.of_number, self.lists, self.of_sizes]
        if depth:
            ways += [self.of_object, self.of_object, self.of_object, self.of_array, self.of_array]
            ways += [self.combined, self.combined, self.conditional, self.dependent, self.counted]
        if self.names:
            ways += [lambda: {"$ref": f"#/{self.defs}/{self.rng.choice(self.names)}"}]
        self.depth = depth - 1
        return ways

    def below(self):
        return self.schema_at(self.depth)

    def schema_at(self, depth):
        made = self.schema(max(depth, 0))
        self.depth = depth
        return made

    def of_text(self):
        rng = self.rng
        if rng.random() < 0.2:
            arms = [{"maxLength": rng.randint(0, 3)}, {"minLength": 2, "maxLength": 4}]
            return {rng.choice(("anyOf", "oneOf")): arms}
        return rng.choice(
            (
                {"maxLength": rng.randint(1, 3)},
                {"minLength": rng.randint(0, 3)},
                {"maxLength": rng.randint(0, 3)},
                {"pattern": rng.choice(PATTERNS)},
                {"format": "date"},
            )
        )

    def of_number(self):
        rng = self.rng
        return rng.choice(
            ({"minimum": rng.randint(-1, 2)}, {"maximum": rng.randint(0, 3)}, {"multipleOf": 0.5})
        )

    def lists(self):
        rng = self.rng
        if self.draft and rng.random() < 0.5:
            return {"const": any_value(rng)}
        unique = {json.dumps(value): value for value in (any_value(rng) for _ in range(rng.randint(1, 4)))}
        return {"enum": list(unique.values())}

    def of_sizes(self):
        rng = self.rng
        keyword = rng.choice(("minItems", "maxItems", "minProperties", "maxProperties"))
        return {keyword: rng.randint(0, 2)} | rng.choice(({}, {"uniqueItems": True}))

    def of_object(self):
        rng, made = self.rng, {}
        depth = self.depth
        if rng.random() < 0.8:
            made["properties"] = {key: self.schema_at(depth) for key in rng.sample(KEYS, rng.randint(1, 3))}
        if rng.random() < 0.4:
            made["additionalProperties"] = rng.choice((False, False, True, self.schema_at(depth)))
            if self.draft == 0 and made["additionalProperties"] is True:
                made["additionalProperties"] = {}
        if rng.random() < 0.2:
            made["patternProperties"] = {rng.choice(PATTERNS): self.schema_at(depth)}
        if rng.random() < 0.4:
            made["required"] = rng.sample(KEYS, rng.randint(1, 2))
        if self.draft and rng.random() < 0.1:
            made["propertyNames"] = self.schema_at(depth)
        if self.draft > 2 and rng.random() < 0.1:
            made["unevaluatedProperties"] = self.schema_at(depth)
        return made

    def of_array(self):
        rng, depth = self.rng, self.depth
        firsts = [self.schema_at(depth) for _ in range(rng.randint(1, 2))]
        rest = self.schema_at(depth)
        made = {}
        if self.draft == 4:
            made = rng.choice(
                ({"prefixItems": firsts}, {"items": rest}, {"prefixItems": firsts, "items": rest})
            )
        else:
            made = rng.choice(
                (
                    {"items": firsts},
                    {"items": rest if isinstance(rest, dict) else {}},
                    {"items": firsts, "additionalItems": rest},
                )
            )
        if self.draft > 2 and rng.random() < 0.1:
            made["unevaluatedItems"] = self.schema_at(depth)
        return made

    def combined(self):
        rng, depth = self.rng, self.depth
        keyword = rng.choice(("anyOf", "anyOf", "oneOf", "oneOf", "allOf", "not"))
        if keyword == "not":
            return {"not": self.schema_at(depth)}
        return {keyword: [self.schema_at(depth) for _ in range(rng.randint(1, 3))]}

    def conditional(self):
        depth = self.depth
        made = {"if": self.schema_at(depth)}
        if self.rng.random() < 0.7:
            made["then"] = self.schema_at(depth)
        if self.rng.random() < 0.7:
            made["else"] = self.schema_at(depth)
        return made

    def dependent(self):
        rng, depth = self.rng, self.depth
        one, other = rng.sample(KEYS, 2)
        below = self.schema_at(depth)
        ways = [
            {"dependencies": {one: [other]}},
            {"dependencies": {one: below if isinstance(below, dict) else {}}},
        ]
        if self.draft > 2:
            ways += [{"dependentRequired": {one: [other]}}, {"dependentSchemas": {one: below}}]
        return rng.choice(ways)

    def counted(self):
        if not self.draft:
            return {}
        made = {"contains": self.schema_at(self.depth)}
        if self.draft > 2 and self.rng.random() < 0.4:
            made["maxContains"] = self.rng.randint(1, 2)
        return made


def resolved(schema, document, rng, hops=4):
    """What a value is drawn from: a schema with its references and one arm of each union taken over."""
    if not isinstance(schema, dict):
        return {}
    made = dict(schema)
    if hops:
        inside = list(schema.get("allOf", ()))
        inside += [rng.choice(schema[keyword]) for keyword in ("anyOf", "oneOf") if schema.get(keyword)]
        inside += [
            schema[keyword] for keyword in ("then", "else") if keyword in schema and rng.random() < 0.5
        ]
        if "$ref" in schema:
            _, where, name = schema["$ref"].split("/")
            inside.append(document.get(where, {}).get(name, {}))
        for one in inside:
            result = resolved(one, document, rng, hops - 1)
            both = {**result.get("properties", {}), **made.get("properties", {})}
            made = {**result, **made} | ({"properties": both} if both else {})
    return made


def likely(schema, document, rng, depth=4):
    """A value that is likely to keep to a schema."""
    schema = resolved(schema, document, rng)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kinds = schema.get("type") or rng.choice(
        TYPES[:2] if schema.keys() & {"properties", "items", "required"} else TYPES
    )
    kind = rng.choice(kinds) if isinstance(kinds, list) else kinds
    if kind == "object" and depth:
        named = schema.get("properties", {})
        keys = {key for key in named if rng.random() < 0.7} | set(schema.get("required", ()))
        if not named or (schema.get("additionalProperties") is not False and rng.random() < 0.2):
            keys.add(rng.choice(KEYS))
        rest = schema.get("additionalProperties", True)
        return {
            key: likely(named.get(key, rest), document, rng, depth - 1)
            for key in sorted(keys, key=lambda _: rng.random())
        }
    if kind == "array" and depth:
        items = schema.get("prefixItems", schema.get("items", True))
        rest = schema.get("items", True) if "prefixItems" in schema else schema.get("additionalItems", True)
        size = rng.randint(schema.get("minItems", 0), max(3, schema.get("minItems", 0)))
        parts = [
            (items[at] if at < len(items) else rest) if isinstance(items, list) else items
            for at in range(size)
        ]
        return [likely(part, document, rng, depth - 1) for part in parts]
    plain = {
        "number": NUMBERS,
        "integer": (0, 1, 2, 3, -1, 1.0),
        "boolean": (True, False),
        "null": (None,),
    }
    if kind == "string":
        least, most = schema.get("minLength", 0), schema.get("maxLength", 99)
        return rng.choice([text for text in TEXTS if least <= len(text) <= most] or TEXTS)
    return rng.choice(plain[kind]) if kind in plain else ({} if kind == "object" else [])


def written(value, rng):
    """A JSON text of a value: any white space, escapes, order of keys and forms of numbers."""
    space = rng.choice((lambda: "", lambda: rng.choice(("", "", " ", "\n", "\t ", "\r\n"))))
    if isinstance(value, dict):
        members = list(value.items())
        rng.shuffle(members)
        inner = ",".join(
            f"{space()}{text_of(key, rng)}{space()}:{space()}{written(member, rng)}{space()}"
            for key, member in members
        )
        return "{" + (inner or space()) + "}"
    if isinstance(value, list):
        return "[" + (",".join(f"{space()}{written(item, rng)}{space()}" for item in value) or space()) + "]"
    if isinstance(value, str):
        return text_of(value, rng)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1000:
        return rng.choice(
            (
                f"{value}",
                f"{value}",
                f"{value}.0",
                f"{value}0e-1" if value else "0e-1",
                f"{value}E0",
                f"{value}.00e+0",
            )
        )
    return json.dumps(value)


def text_of(text, rng):
    if rng.random() < 0.7:
        return json.dumps(text, ensure_ascii=rng.random() < 0.5)
    escaped = "".join(
        "".join(f"\\u{ord(unit):04x}" for unit in units(char))
        if rng.random() < 0.4
        else json.dumps(char, ensure_ascii=False)[1:-1]
        for char in text
    )
    return f'"{escaped}"'


def units(char):
    """The UTF-16 units of a character."""
    data = char.encode("utf-16-be", "surrogatepass")
    return [chr(data[at] * 256 + data[at + 1]) for at in range(0, len(data), 2)]


def sent(text, rng):
    """A text as a model may send it."""
    before = rng.choice(
        (
            "",
            "",
            "",
            " \n",
            "\ufeff",
            "<think>{</think>",
            "so {1}</think>\n",
            "```json\n",
            "```\n",
            "~~~json ",
            "[THINK]x[/THINK]",
        )
    )
    fence = before.strip()[:3] if before.strip().startswith(("```", "~~~")) else ""
    after = rng.choice(("", "", " ", "\nDone."))
    return before + text + (f"\n{fence}" if fence else "") + after


def pieces(text, rng):
    """A text in pieces of one width, or of any."""
    width = rng.choice((1, 2, 3, 7, 16, 64, len(text) or 1, 0))
    at = 0
    while at < len(text):
        size = width or rng.randint(1, 12)
        yield text[at : at + size]
        at += size


def drawn_schema(rng):
    """A schema that can be loaded."""
    while True:
        drawn = Drawn(rng)
        try:
            return Schema.of(drawn.document(), dialect=DRAFTS[drawn.draft])
        except InvalidSchema:
            # References that come back to themselves.
            continue


def drawn_value(document, rng):
    """An object or array that may keep to a schema."""
    value = likely(document, document, rng) if rng.random() < 0.8 else any_value(rng)
    return value if isinstance(value, (dict, list)) else rng.choice(([value], {"a": value}))
