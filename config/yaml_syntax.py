"""The parser's errors in words that help: what usually is behind them, and the way out."""

from yaml import MarkedYAMLError, YAMLError
from yaml.reader import ReaderError

# (a part of the parser's words, what to tell, what helps); the first that fits is used.
_SENTENCES: tuple[tuple[str, str, str], ...] = (
    ("character '\\t'", "a tab stands here, and YAML takes spaces only", "replace it by spaces"),
    ("'@' that cannot", "a value must not begin with @", "put it in quotes"),
    ("'`' that cannot", "a value must not begin with `", "put it in quotes"),
    ("'%' that cannot", "a value must not begin with %", "put it in quotes"),
    ("that cannot start any", "this character cannot begin a value", "put the value in quotes"),
    (
        "mapping values are not allowed",
        "a colon stands where YAML expects none",
        "put a value that holds ': ' in quotes, and begin keys of one map at one column",
    ),
    (
        "alphabetic or numeric",
        "a value that begins with * or & is a reference to YAML",
        "put it in quotes",
    ),
    (
        "could not find expected ':'",
        "a key: value was expected here, but there is no colon",
        "text that runs over several lines must be indented further than its key",
    ),
    (
        "found '<scalar>'",
        "text follows where a value has already ended",
        "put the whole value in quotes, or begin the key at the column of the others",
    ),
    ("found '<block", "this line is indented otherwise than the ones it belongs to", ""),
    ("found '?'", "a key stands where a list goes on", "begin list items with '- '"),
    (
        "expected ',' or ']'",
        "a list that was opened with [ is not closed here",
        "add ], or put a value that holds commas or quotes into quotes as a whole",
    ),
    (
        "expected ',' or '}'",
        "a map that was opened with { is not closed here",
        "add }, or put a value that holds commas or quotes into quotes as a whole",
    ),
    ("unexpected end of stream", "a quote is opened and never closed", ""),
    ("unknown escape", "in double quotes a backslash begins an escape", "use single quotes"),
    ("<document start>", "the file goes on after its end", ""),
    ("chomping or indentation", "after | or > the text begins on the next line", ""),
)


def sentence(error: YAMLError, source: str) -> tuple[str, str, int, int]:
    """Message, hint, line and column (from 1) of a parser's error."""
    if isinstance(error, ReaderError):
        before = source[: error.position]
        line, column = before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1
        return f"holds the control character {error.character:#04x}", "remove it", line, column
    if not isinstance(error, MarkedYAMLError):
        return "cannot be read as YAML", "", 1, 1
    words = error.problem or ""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    for part, message, hint in _SENTENCES:
        if part in words:
            return message, hint, line, column
    return f"cannot be read as YAML: {words}"[:200], "", line, column
