# SPDX-License-Identifier: Apache-2.0
"""The patterns that repair searches in broken JSON. Lookahead is bounded, so the cost of each search is too."""

from __future__ import annotations

import re

# White space of JSON.
WS = r"[ \t\r\n]*+"
NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?![\w.+-])"

# A following key, quoted or not. It is bounded, so that lookahead takes at most constant time.
QUOTED_KEY = (
    r"(?:\"(?:[^\"\\\n]|\\.){0,200}+\"|'(?:[^'\\\n]|\\.){0,200}+'"
    r"|[`\xb4\u2018\u2019][^`\xb4\u2018\u2019\n]{0,200}+[`\xb4\u2018\u2019]|[“”][^“”\n]{0,200}+[“”])\s*+:"
)
BARE_KEY = r"[\w$][\w$.-]{0,60}+\s*+:(?!//)"
COMMENT_AHEAD = r"/[/*]|\#\s"

# White space and closed comments.
GAP = r"(?:[ \t\r\n]++|//[^\r\n]*+[\r\n]|/\*(?:[^*]++|\*(?!/))*+\*/)*+"

SPACE = re.compile(WS)
ANY_SPACE = re.compile(r"[\s\u200b\ufeff]*+")
ODD_SPACE = re.compile(
    r"(?:[\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]++[ \t\r\n]*+)++"
)
COMMENTS = re.compile(GAP)
HASH_LINES = re.compile(r"(?:\#[^\r\n]*+[\r\n]++(?=\#))++")
LINE_COMMENT = re.compile(r"(?://|\#)[^\r\n]*+")
BLOCK_COMMENT = re.compile(r"/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+")
STRUCTURE = re.compile(r"[\[\]{}\":,]")
SKIPPED = frozenset("/#\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff").union(
    map(chr, range(0x2000, 0x200C))
)

DOUBLE = '"“”„'
SINGLE = "'\u2018\u2019`\xb4"
QUOTES = frozenset(DOUBLE + SINGLE)
# The text up to the next candidate for the end of a string, by the quote that opened it.
CLOSING = (
    {'"': '"', "'": "'"}
    | dict.fromkeys("“”„", '"“”')
    | dict.fromkeys("\u2018\u2019", "'\u2018\u2019")
    | dict.fromkeys("`\xb4", "`\xb4'")
)
TO_QUOTE = {
    quote: re.compile(rf"(?:[^\\{closing}]++|\\.?)*+", re.DOTALL) for quote, closing in CLOSING.items()
}
QUOTE_CLASS = "[\"'`\xb4\u2018\u2019“”„]"

VALUE_AHEAD = rf"{QUOTE_CLASS}|[{{\[(\d.+-]|(?:true|false|null|True|False|None)\b|[^\W\d][^,\[\]{{}}\"'\n]{{0,60}}+[,\]\n]"
ENDING = rf"\Z|;|```\s*+\Z|{COMMENT_AHEAD}|\+\s*+(?:/\*[^*]{{0,100}}+\*/\s*+)?[\"']"
# The text that may follow the last quote of a string. Closers are also compared with the open brackets.
MAY_FOLLOW: dict[str, re.Pattern[str]] = {
    "key": re.compile(
        rf"\s*+(?::|\Z|[,}}]|{COMMENT_AHEAD}|(?<=\s)(?:\"[^\"\n]{{0,200}}+\"|'[^'\n]{{0,200}}+'"
        r"|[“”][^“”\n]{0,200}+[“”]|true|false|null|-?\d[\d.]{0,30}+)\s*+[,}])"
    ),
    "member": re.compile(
        rf"\s*+(?:{ENDING}|,\s*+(?:{QUOTED_KEY}|{BARE_KEY}|[}}\]]|\Z|{COMMENT_AHEAD}|\.\.\.|\w{{1,40}}\s++{QUOTED_KEY})|{QUOTED_KEY})"
        rf"|[ \t\r]*+\n\s*+{BARE_KEY}"
    ),
    "element": re.compile(
        rf"\s*+(?:{ENDING}|,\s*+(?:{VALUE_AHEAD}|[}}\]),]|\Z|{COMMENT_AHEAD})"
        rf"|(?:\"[^\"\n]{{0,200}}+\"|'[^'\n]{{0,200}}+')\s*+(?:[,\]:]|{QUOTE_CLASS}|\d|\Z)|[{{\[]|:\s*+(?:{VALUE_AHEAD})"
        r"|(?:(?:-?\d[\d.]{0,30}+|true|false|null|True|False|None)\s*+){1,3}(?:[,\]]|\Z))"
    ),
    "top": re.compile(rf"\s*+(?:{ENDING}|,\s*+\Z)"),
}
CLOSERS = re.compile(r"[\]})\s]*+")
AFTER_CLOSERS = re.compile(
    rf"\Z|,\s*+(?:{VALUE_AHEAD}|[}}\]]|{BARE_KEY}|{COMMENT_AHEAD}|\Z)|{QUOTE_CLASS}|[{{\[;]|{COMMENT_AHEAD}"
)
PROSE = re.compile(r'[^"{}\[\]]*+\Z')
KEY_HERE = re.compile(QUOTED_KEY)
ITEM_HERE = re.compile(r"\"[^\"\n]{0,200}+\"\s*+[,\]]")
KEY_WITHOUT_END = re.compile(r"\s{0,60}[\w$][\w$ .-]{0,60}:")
PLUS = re.compile(r"\s*+\+\s*+(?:/\*[^*]{0,100}+\*/\s*+)?(?=[\"'])")
NEXT_KEY_ENDS = re.compile(r",\s*+[^\W\d][\w$]{0,60}+\s*+:\s*+\Z")
NEXT_MEMBER = re.compile(r",\s*+(?:\"?[^\W\d][\w$]{0,60}+\"?|'[^\W\d][\w$]{0,60}+')\s*+:(?!//)")
CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
PLAIN_TO_END = re.compile(r"[^\"{}\[\]:\\]*+\Z")
# The parser's limit is about this, so deeper values can't be repaired.
MAX_DEPTH = 200
# Number of characters before a quote in which a comma or a line break is searched.
BACK = 80

WORD = re.compile(r"[^\W\d][\w$]*+|[$][\w$]*+")
SIMPLE = re.compile(r"[^\W\d][\w$.@-]*+(?=\s*+[,}\])])")
CALL = re.compile(r"(?:new\s{1,8})?[A-Za-z_$][\w$.]{0,60}\s{0,8}\(")
VALUE_ENDS = re.compile(
    rf"\s*+(?:[,}}\])]|\Z|```|;|{COMMENT_AHEAD}|{QUOTE_CLASS}|[{{\[])|[^\S\r\n]*+[\r\n]"
    r"|\s++(?:[(\d-]|(?:true|false|null|True|False|None)\b|[\w$]{1,60}+\s*+:)"
)
KEY = re.compile(rf"((?:[^\s\"'`{{}}\[\],:\\/]|/(?![/*])|\\u[0-9a-fA-F]{{4}})++)(?:\s*+|{GAP}):")
KEY_END_QUOTE = re.compile(r"([\w$][\w$ .-]{0,100}?)[\"'”\u2019]\s{0,100}:")
KEY_TEXT = re.compile(r"([^\"'{}\[\],:\n]{1,100}+):")
KEY_NO_COLON = re.compile(
    rf"([\w$]++)\s++(?={QUOTE_CLASS}[^\"'\n]{{0,200}}+[\"'”\u2019]\s*+[,}}]|-?\d[\d.]{{0,30}}+\s*+[,}}])"
)
PLAIN_KEY = re.compile(r"(?:[\w$.-]|\\u[0-9a-fA-F]{4})++")
MEMBER_HERE = re.compile(rf"{QUOTED_KEY}|{BARE_KEY}|\"[^\"\n]{{0,100}}+\"\s*+\"")
CUT_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    "True": "true",
    "False": "false",
    "None": "null",
}
FENCE = re.compile(r"```\w*+")
JSON_SPACE = frozenset(" \t\r\n")
COMMAS = re.compile(r",[, \t\r\n]*+")
SAME = re.compile(r"(.)\1*+")
ELLIPSIS = re.compile(r"(?:\.\.\.|…)[.…]*+")
GARBAGE = re.compile(r"(?:\.\.\.|…)[.…]*+|[{\[][{\[ \t\r\n]*+|[^,}\]\"'{\[\n]++|.", re.DOTALL)
LITERALS = {"true": "true", "false": "false", "null": "null", "none": "null"}
NO_VALUES = {"undefined", "nan", "infinity"}
TEXT_END: dict[str, re.Pattern[str]] = {
    "member": re.compile(
        rf"(?:,\s*+(?:{QUOTED_KEY}|{BARE_KEY}|[}}\]]|\Z)|[}}\]]|(?<=\s)(?:{QUOTED_KEY}|{COMMENT_AHEAD})|(?P<stray>[\"'])\s*+[,}}]"
        rf"|\n[ \t]*+(?:{BARE_KEY}|{QUOTED_KEY})|\Z)"
    ),
    "element": re.compile(rf"[,\]}}\n]|(?P<stray>[\"'])\s*+[,\]]|(?<=\s)(?:{COMMENT_AHEAD})|\Z"),
    "top": re.compile(r"```|(?P<stray>\")\s*+\Z|\Z"),
}

TOKEN = re.compile(r"(?:[^\s,\[\]{}()\"'`:;/]|/(?![/*]))++")
JSON_NUMBER = re.compile(NUMBER)
ZEROS = re.compile(r"(-?)0++([0-9]++)")
GROUPED = re.compile(r"-?[1-9][0-9]{0,2}+(?:,[0-9]{3})++(?:\.[0-9]++)?+(?=\s*+(?:[}\n]|,(?![0-9])))")
CUT_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?)[eE][+-]?")
DIGITS_SPLIT = re.compile(r"[0-9]{3}(?![0-9])")

ALL_ESCAPED = re.compile(r"\s*+[\[{]?(?:\s|\\[nrt])*+\\\"")
BARE_QUOTE = re.compile(r"(?:[^\\\"]++|\\.?)*+\"", re.DOTALL)
UNESCAPE = re.compile(r"\\(.)", re.DOTALL)
OPENER_OF = {"}": "{", "]": "[", ")": "("}
