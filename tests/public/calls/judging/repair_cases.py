"""Malformed JSON, its value, and the steps of its repair."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    id: str
    text: str
    want: object
    steps: tuple[str, ...]
    finished: bool = False


LOSSLESS = [
    Case("trailing comma, array", "[1, 2,]", [1, 2], ("trailing_comma",)),
    Case("trailing comma, object", '{"a": 1,\n}', {"a": 1}, ("trailing_comma",)),
    Case("trailing comma behind the value", '{"a": 1},', {"a": 1}, ("trailing_comma",)),
    Case(
        "missing comma, members", '{"a": 1\n"b": "x" "c": 2}', {"a": 1, "b": "x", "c": 2}, ("missing_comma",)
    ),
    Case("missing comma, elements", '["a" "b" 2 true]', ["a", "b", 2, True], ("missing_comma",)),
    Case("missing comma, objects", '[{"a":1}{"a":2}]', [{"a": 1}, {"a": 2}], ("missing_comma",)),
    Case("line comment", '{"a": 1, // one\n"b": 2}', {"a": 1, "b": 2}, ("comment",)),
    Case("block comment", '{"a": /* { */ 1}', {"a": 1}, ("comment",)),
    Case("hash comment", '{\n# first\n"a": 1}', {"a": 1}, ("comment",)),
    Case("odd white space", '{"a":\u00a01}', {"a": 1}, ("odd_space",)),
    Case("single quotes", "{'a': 'b\"c'}", {"a": 'b"c'}, ("single_quotes",)),
    Case("typographic quotes", "{“a”: ‘b’}", {"a": "b"}, ("single_quotes",)),  # noqa: RUF001
    Case("backticks", "[`a`]", ["a"], ("single_quotes",)),
    Case("quotes of the other kind in a string", """{"a": 'it"s'}""", {"a": 'it"s'}, ("single_quotes",)),
    Case("apostrophe in single quotes", "{'a': 'it's'}", {"a": "it's"}, ("single_quotes", "unescaped_quote")),
    Case("unquoted key", '{a: 1, b_2: "x"}', {"a": 1, "b_2": "x"}, ("unquoted_key",)),
    Case("number as key", '{5: "x"}', {"5": "x"}, ("unquoted_key",)),
    Case(
        "unquoted string",
        "{a: red, b: [blue]}",
        {"a": "red", "b": ["blue"]},
        ("unquoted_key", "unquoted_string"),
    ),
    Case(
        "Python literals",
        '{"a": True, "b": [None, False]}',
        {"a": True, "b": [None, False]},
        ("python_literal",),
    ),
    Case("literal in capitals", '{"a": TRUE}', {"a": True}, ("literal_case",)),
    Case("leading point", "[.5, -.5]", [0.5, -0.5], ("number_syntax",)),
    Case("trailing point", "[5.]", [5.0], ("number_syntax",)),
    Case("plus sign", "[+1]", [1], ("number_syntax",)),
    Case("hexadecimal", "[0x1F, -0xc8]", [31, -200], ("number_syntax",)),
    Case("underscores in a number", '{"a": 82_461_110}', {"a": 82461110}, ("number_syntax",)),
    Case("raw line break", '{"a": "x\ny"}', {"a": "x\ny"}, ("raw_newline",)),
    Case("raw tab", '{"a": "x\ty"}', {"a": "x\ty"}, ("raw_control",)),
    Case(
        "raw line break and a bad escape",
        '{"a": "x\n\\y"}',
        {"a": "x\n\\y"},
        ("raw_newline", "invalid_escape"),
    ),
    Case("LaTeX", r'{"a": "\alpha \(x\)"}', {"a": r"\alpha \(x\)"}, ("invalid_escape",)),
    Case("half an escape", r'{"a": "\u12"}', {"a": r"\u12"}, ("invalid_escape",)),
    Case("escaped apostrophe", r'{"a": "it\'s"}', {"a": "it's"}, ("quote_escape",)),
    Case("joined lines", '["a\\\nb"]', ["ab"], ("line_continuation",)),
    Case(
        "quotes around a word in a string",
        '{"a": "the "big" one"}',
        {"a": 'the "big" one'},
        ("unescaped_quote",),
    ),
    Case("joined strings", '{"a": "x" + "y"}', {"a": "xy"}, ("concatenation",)),
    Case("tuple", "(1, 'a')", [1, "a"], ("parentheses", "single_quotes")),
    Case("tuple without commas", "(1 2)", [1, 2], ("parentheses", "missing_comma")),
    Case("value in round brackets", '{"a": ("x")}', {"a": "x"}, ("parentheses",)),
    Case("escaped quotes all over", r"{\"a\": \"b\"}", {"a": "b"}, ("escaped_quotes",)),
    Case("escaped line breaks between tokens", r"{\n\"a\": 1}", {"a": 1}, ("escaped_quotes",)),
    Case("closer too many", '{"a": 1}}', {"a": 1}, ("extra_closer",)),
    Case("closer too many inside", '[{"a": 1}}, 2]', [{"a": 1}, 2], ("extra_closer",)),
    Case("prose behind a string", '{"a": "x\ny"} is it', {"a": "x\ny"}, ("raw_newline", "trailing_prose")),
    Case("prose behind", "{'a': 1} is the answer", {"a": 1}, ("single_quotes", "trailing_prose")),
    Case("fence behind", "{'a': 1}\n```", {"a": 1}, ("single_quotes", "trailing_prose")),
    Case("closers missing", '{"a": [1, {"b": 2', {"a": [1, {"b": 2}]}, ("missing_closer",), finished=True),
    Case(
        "fence before the closers",
        '{"a": [1\n```\n',
        {"a": [1]},
        ("trailing_prose", "missing_closer"),
        finished=True,
    ),
    Case("closer missing inside", '{"a": [1, 2}', {"a": [1, 2]}, ("missing_closer",), finished=True),
    Case(
        "quote missing at the end", '{"a": "x', {"a": "x"}, ("missing_quote", "missing_closer"), finished=True
    ),
]


LOSSY = [
    Case("quote forgotten", '{"a": "x, "b": "y"}', {"a": "x", "b": "y"}, ("guessed_quote",)),
    Case(
        "quote forgotten, next key bare",
        '{"a": "x, b: "y"}',
        {"a": "x", "b": "y"},
        ("guessed_quote", "unquoted_key"),
    ),
    Case(
        "quote forgotten at the end of a line",
        '{"a": "x\n"b": 1}',
        {"a": "x", "b": 1},
        ("guessed_quote", "missing_comma"),
    ),
    Case("quote forgotten in a key", '{"a: 1, "b": 2}', {"a": 1, "b": 2}, ("guessed_quote",)),
    Case("quote forgotten before closers", '["abc]', ["abc"], ("guessed_quote",), finished=True),
    Case("odd quote", '["72" TV"]', ['72" TV'], ("guessed_quote",)),
    Case(
        "opening quote forgotten", '{"a": x", b": 1}', {"a": "x", "b": 1}, ("unquoted_text", "guessed_quote")
    ),
    Case("split number", "[12 345]", [12, 345], ("guessed_comma",)),
    Case("closer guessed", '[{"a": 1, {"b": 2}]', [{"a": 1}, {"b": 2}], ("guessed_closer", "missing_comma")),
    Case("closer of the other kind", '{"a": [1, 2}', {"a": [1, 2]}, ("guessed_closer",)),
    Case("words without quotes", "{a: b c}", {"a": "b c"}, ("unquoted_key", "unquoted_text")),
    Case("words as key", "{two words: 1}", {"two words": 1}, ("unquoted_text",)),
    Case("slashes", '{"a": /x/}', {"a": "/x/"}, ("unquoted_text",)),
    Case("word cut off", "[foo", ["foo"], ("unquoted_text", "closed_truncation")),
    Case("version number", '{"a": 1.1.1}', {"a": "1.1.1"}, ("number_as_string",)),
    Case("leading zero stays text", '{"a": 05}', {"a": "05"}, ("number_as_string",)),
    Case("thousands", '{"a": 1,000, "b": 2}', {"a": 1000, "b": 2}, ("digit_grouping",)),
    Case("not a number", "[NaN, -Infinity, undefined]", [None, None, None], ("not_a_value",)),
    Case("no value", '{"a": , "b": }', {"a": None, "b": None}, ("missing_value",)),
    Case("no colon", '{"a" 1}', {"a": 1}, ("missing_colon",)),
    Case(
        "no colon behind a bare key",
        "{a 'b'}",
        {"a": "b"},
        ("unquoted_key", "missing_colon", "single_quotes"),
    ),
    Case("commas without values", "[,1,,2]", [1, 2], ("extra_comma",)),
    Case("ellipsis", '[1, {"a": 1, ...}, ...]', [1, {"a": 1}], ("ellipsis", "trailing_comma")),
    Case("set", "{'a', 'b'}", ["a", "b"], ("single_quotes", "set_as_array")),
    Case("member in an array", '["a": 1]', [{"a": 1}], ("implied_object", "guessed_closer")),
    Case("object closed too early", '{"a": 1}, "b": 2}', {"a": 1, "b": 2}, ("early_closer",)),
    Case("constructor", '{"a": ObjectId("x")}', {"a": "x"}, ("call_wrapper",)),
    Case("callback", 'done({"a": 1});', {"a": 1}, ("call_wrapper", "trailing_prose")),
    Case("some quotes escaped", r'{\"a\": \"b \\"c\\"\"}', {"a": 'b "c"'}, ("unescaped_text",)),
    Case("words between members", '{"a": 1, so "b": 2}', {"a": 1, "b": 2}, ("dropped_text",)),
    Case("semicolons", "[1; 2]", [1, 2], ("dropped_text", "missing_comma")),
    Case("colon behind an array", "[[1]: 2]", [[1]], ("dropped_text",)),
    Case("words behind a comma", '{"a": 1}, and so on', {"a": 1}, ("dropped_text",)),
    Case("members behind a fence", '{"a": 1 ``` "b": 2}', {"a": 1}, ("dropped_text", "closed_truncation")),
    Case("words before", 'so: {"a": 1}', {"a": 1}, ("dropped_text",)),
    Case("closers missing", '{"a": [1', {"a": [1]}, ("closed_truncation",)),
    Case("key cut off", '{"a": 1, "b', {"a": 1}, ("truncated_tail", "closed_truncation")),
    Case("value cut off", '{"a": 1, "b":', {"a": 1}, ("truncated_tail", "closed_truncation")),
    Case("string cut off", '["x", "y z', ["x", "y z"], ("truncated_string", "closed_truncation")),
    Case("string cut off in an escape", '["y\\u00', ["y"], ("truncated_string", "closed_truncation")),
    Case("literal cut off", "[nul", [None], ("truncated_literal", "closed_truncation")),
    Case("number cut off", "[12e", [12], ("truncated_number", "closed_truncation")),
]
