"""Compares random pictures of dates and numbers with the reference: `python tests/picture_agreement.py --tries 2000`.

It needs Node and `npm ci --prefix tests/bench`. For each function it prints how many results differ, error codes
included, how many of those `differences.yaml` does not list, and examples of them.
"""

import argparse
import math
import random
import re
import sys
from collections import Counter

from reference import NOW, Failure, by_the_reference, is_coded, outcome, same

from truto_mapper.language.expression import Expression
from truto_mapper.language.library.date_pictures import format_date_time
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.timestamps import instant

DAY = 86_400_000
ZONES = (None, "0000", "+0000", "-0000", "+0530", "-0800", "-0330", "+1400", "0545", "+0100", "-1200", "530", "0")
COMMON = (
    "[Y0001]-[M01]-[D01]",
    "[D1] [MNn] [Y0001]",
    "[H01]:[m01]:[s01]",
    "[Y]-[M]-[D] [h]:[m] [P]",
    "[X]-W[W01]-[F1]",
)
COMMON += ("[D1o] [MNn,3-3] [Y0001]", "[Y0001][M01][D01]", "[FNn], [D] [MNn] [Y]", "[Y]-[d]", "[h]:[m]:[s].[f001] [PN]")
COMMON += (
    "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]",
    "[M01]/[D01]/[Y0001]",
    "[Dwo] [MNn] [Yw]",
    "[YI] [Mi]",
)
EDGES = ("2024-02-29", "2023-12-31", "2021-01-03", "2016-05-01", "1969-12-31", "2000-02-29", "1900-03-01", "2027-01-01")


def moment(rng):
    """A moment near the edge of something, or any that JavaScript has."""
    day = rng.choice(
        [rng.randrange(-25_000, 25_000), rng.randrange(-25_000, 25_000), rng.randrange(-800_000, 3_000_000)]
    )
    day = rng.choice([day, day, 365 * rng.randrange(-10, 80) + rng.randrange(-5, 25), rng.randrange(-(10**8), 10**8)])
    return day * DAY + rng.choice([0, -1, rng.randrange(DAY), rng.randrange(DAY), rng.randrange(24) * 3_600_000])


def marker(rng):
    component = rng.choice("YYMMDDdFWwXxHhPmsfZzCE")
    usual = {"P": ["", "N", "n", "Nn"], "F": ["", "N", "n", "Nn", "1", "01"], "Z": ["", "0", "00", "0000", "00:00"]}
    usual |= {"M": ["", "1", "01", "N", "n", "Nn", "Nn"], "z": ["", "0", "00", "0000", "01:01"], "C": ["", "N"]}
    shapes = usual.get(component, ["", "1", "01", "001", "0001", "#1", "i", "I", "a", "A", "w", "W", "Ww"])
    shape = rng.choice(
        shapes if rng.random() < 0.93 else ["1", "9", "0,0", "#,##0", "#", "Nn", "*", "٠", "w", "N", "1 1"]
    )
    second = rng.choice(["", "", "", "", "o", "t", "c", "a"])
    width = rng.choice(
        ["", "", "", "", ",2", ",2-2", ",3-3", ",1-1", ",*-4", ",1-*", ",2-4", ",4", ",*", ",1-2", ",*-2"]
    )
    return f"[{component}{shape}{second}{width}]"


def date_picture(rng):
    if rng.random() < 0.2:
        return rng.choice(COMMON)
    literal = ["", "", " ", "-", "/", ":", ".", "T", "Z", ", ", " of ", "[[", "]]", "é", "W", "(", "+", "]"]
    parts = [rng.choice(literal) + marker(rng) for _ in range(rng.randint(1, 5))]
    return "".join(parts) + rng.choice(["", "", "", "x", "[[", "]]", "["] if rng.random() < 0.3 else [""])


def readable_picture(rng):
    """A picture of components that fit together, as people write them."""
    date = rng.choice(
        [("Y", "M", "D"), ("D", "M", "Y"), ("M", "D", "Y"), ("Y", "d"), ("Y", "M"), ("Y",), ("M", "D"), ()]
    )
    time = rng.choice([("H", "m", "s"), ("H", "m"), ("h", "m", "P"), ("H", "m", "s", "f"), (), (), ("h", "P")])
    shapes = {"Y": ["", "0001", "I", "w", ",2-2", "1"], "M": ["", "01", "Nn", "Nn,3-3", "1", "i"], "P": ["", "N", "n"]}
    shapes |= {"D": ["", "01", "1", "1o", "wo", "a"], "d": ["", "001"], "f": ["", "001"]}
    text = "".join(
        f"[{c}{rng.choice(shapes.get(c, ['', '01', '1', '#1', 'w']))}]{rng.choice('-/ .:')}" for c in date + time
    )
    return text[:-1] + rng.choice(["", "", "", "", "[Z]", "[Z0000]", " [z]", "Z", "[F]", " [FNn]"])


def broken(rng, text):
    if not text or rng.random() < 0.6:
        return text
    place = rng.randrange(len(text))
    changed = rng.choice(["", "0", "1", "9", " ", "x", "-", text[place].swapcase(), text[place] * 2])
    return text[:place] + changed + text[place + rng.choice([0, 1, 1]) :]


def from_millis(rng):
    picture = rng.choice([date_picture(rng), date_picture(rng), readable_picture(rng), None])
    return "$fromMillis(a, b, c)", moment(rng), picture, rng.choice(ZONES) if rng.random() < 0.4 else None


def to_millis(rng):
    picture = rng.choice([date_picture, readable_picture, readable_picture])(rng)
    try:
        text = format_date_time(moment(rng), picture, rng.choice(["0000", "+0530", "-0800"]))
    except EvaluationError:
        text = rng.choice(["2026", "12", "March"])
    return "$toMillis(a, b)", broken(rng, text), picture


def iso_text(rng):
    year = rng.choice([rng.randrange(10_000), rng.randrange(1900, 2100), rng.randrange(1900, 2100), 0, 99, 9999])
    text = f"{year:04}" + rng.choice(["", "-{:02}", "-{:02}-{:02}", "-{:02}-{:02}"])
    text = text.format(rng.choice([1, 2, 6, 12, rng.randrange(20)]), rng.choice([1, 28, 29, 30, 31, rng.randrange(40)]))
    time = "T{:02}:{:02}:{:02}".format(rng.choice([0, 23, 24, rng.randrange(30)]), *rng.sample([0, 1, 30, 59, 60], 2))
    zone = ["", "Z", "Z", "+05:30", "-0330", "+1400", "-00:00", "+24:00", "+2359", "+29:59", "z", "+05"]
    text += (
        rng.choice(["", time, time, time]) + rng.choice(["", "", ".5", ".123", ".123456789", "."]) + rng.choice(zone)
    )
    return "$toMillis(a)", broken(rng, text) if rng.random() < 0.3 else text


def number(rng):
    plain = [
        rng.randrange(-10, 10),
        rng.randrange(-(10**6), 10**6),
        rng.uniform(-2, 2),
        rng.uniform(-1e5, 1e5),
        0,
        0.5,
        2.5,
    ]
    return rng.choice([*plain, round(rng.uniform(-1e4, 1e4), 2), rng.randrange(10**15), 10.0 ** rng.randrange(-12, 15)])


OPTIONS = {"decimal-separator": ",.;d", "grouping-separator": ".,' ", "exponent-separator": "eEx", "percent": "%p"}
OPTIONS |= {
    "per-mille": "‰m",
    "zero-digit": "0٠०１",
    "digit": "#_*",
    "pattern-separator": ";|",
    "minus-sign": "-−~",
    "NaN": "?",
}


def number_picture(rng):
    if rng.random() < 0.25:
        return "".join(rng.choice("0#.,%‰e;- x1$") for _ in range(rng.randint(1, 9)))
    whole = rng.choice(["0", "#", "#0", "00", "#,##0", "#,##,##0", "000", "0,000", "", "##", "#,#0"])
    fraction = rng.choice(["", "", ".0", ".00", ".##", ".0#", ".#", ".", ".000", ".00,0"])
    text = (
        rng.choice(["", "", "", "$", "x ", "%"])
        + whole
        + fraction
        + rng.choice(["", "", "", "e0", "e00", "%", "‰", " EUR", ")"])
    )
    return text + (";(" + whole + fraction + ")" if rng.random() < 0.15 else "")


def to_number_text(rng):
    options = {}
    if rng.random() < 0.35:
        options = {name: rng.choice(OPTIONS[name]) for name in rng.sample(sorted(OPTIONS), rng.randint(1, 3))}
    picture = number_picture(rng)
    usual = {
        "zero-digit": "0",
        "digit": "#",
        "decimal-separator": ".",
        "grouping-separator": ",",
        "pattern-separator": ";",
    }
    if rng.random() < 0.7:  # written with the characters of the options
        picture = picture.translate({ord(usual[name]): mark for name, mark in options.items() if name in usual})
    return "$formatNumber(a, b, c)", number(rng), picture, options or None


def integer_picture(rng):
    shapes = [
        "0",
        "#0",
        "000",
        "#,##0",
        "#,##,##0",
        "0'000",
        "000-0000",
        "٠٠",
        "A",
        "a",
        "I",
        "i",
        "w",
        "W",
        "Ww",
        "#",
        "0٠",
        "##,#0",
    ]
    shape = (
        rng.choice(shapes) if rng.random() < 0.9 else "".join(rng.choice("0#,.1 ;o") for _ in range(rng.randint(0, 6)))
    )
    return shape + rng.choice(["", "", "", ";o", ";c", ";o(-e)", ";"])


def to_integer_text(rng):
    return "$formatInteger(a, b)", number(rng), integer_picture(rng)


def from_integer_text(rng):
    picture = integer_picture(rng)
    written = outcome(Expression, "$formatInteger(a, b)", {"a": number(rng), "b": picture}, {})
    return "$parseInteger(a, b)", broken(rng, written if isinstance(written, str) else "12"), picture


def to_base(rng):
    return (
        "$formatBase(a, b)",
        number(rng),
        rng.choice([None, 2, 8, 10, 16, 36, 1, 37, 2.5, 15.6, 0, -2, rng.randint(2, 36)]),
    )


KINDS = (from_millis, to_millis, iso_text, to_number_text, to_integer_text, from_integer_text, to_base)


def cases(kind, tries, seed):
    """Expressions with their data; a part that is None is left out."""
    rng = random.Random(f"{kind.__name__} {seed}")
    for _ in range(tries):
        text, *values = kind(rng)
        yield text, {name: value for name, value in zip("abc", values, strict=False) if value is not None}, {}


def compared(kind, tries, seed):
    """What both evaluate, where the reference ends with a result or a code: the case, ours and theirs."""
    drawn = list(cases(kind, tries, seed))
    for case, theirs in zip(drawn, by_the_reference(drawn, mended=True), strict=True):
        if is_coded(theirs):
            yield case, outcome(Expression, *case), theirs


# Which listed difference a case shows, by what was evaluated.


def has_minutes_west(data, ours, theirs):
    west = re.search(r"-\d{0,2}(?!00)\d\d", str(data.get("c")))
    read = "Z" in data.get("b", "").upper() and "-" in str(data["a"]) and both_numbers(ours, theirs)
    return west or (read and (ours - theirs) % 60_000 == 0)


def both_numbers(ours, theirs):
    return isinstance(ours, int | float) and isinstance(theirs, int | float)


def has_no_such_date(_data, ours, theirs):
    return ours == Failure("D3110") and (theirs == Failure("D1001") or not isinstance(theirs, Failure))


def has_many_digits(data, *_):
    return isinstance(data["a"], int | float) and abs(data["a"]) * 1000 > 2**53


def has_uneven_separators(data, ours, theirs):
    """Whether the results differ in separators, and in the digits that the reference overwrites."""
    if not (isinstance(ours, str) and isinstance(theirs, str)):
        return False
    return len(re.findall(r"[^0-9#]", data["b"])) > 1


def is_read_as_now(_data, ours, theirs):
    return ours is MISSING and theirs == instant(NOW).timestamp() * 1000


def has_other_digits_or_letters(data, *_):
    picture = data.get("b", "")
    return not picture.isascii() or re.search(r"(^|\[\w)[Aa][atco]?(;|,|]|$)", picture) is not None


def has_other_separators(data, ours, theirs):
    return both_numbers(ours, theirs) and re.search(r"[0#][^0#,;]+[0#]", data.get("b", ""))


def has_letters_behind_words(data, ours, theirs):
    return both_numbers(ours, theirs) and re.search(r"w[^]]*\]\[[MFP]", data.get("b", ""))


def is_of_the_first_century(data, *_):
    return str(data["a"]).startswith("00")


def is_a_power_of_ten(data, *_):
    return isinstance(data["a"], float) and data["a"] > 0 and math.log10(data["a"]).is_integer()


KNOWN = (has_minutes_west, has_no_such_date, has_many_digits, has_uneven_separators, is_read_as_now)
KNOWN += (has_other_digits_or_letters, has_other_separators, is_of_the_first_century, is_a_power_of_ten)
KNOWN += (has_letters_behind_words,)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=2000, help="how many of each function")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--show", type=int, default=5, help="how many unlisted differences of each function")
    parser.add_argument("--only", default="", help="functions whose name has this in it")
    args = parser.parse_args()
    total = Counter()
    for kind in KINDS:
        if not re.search(args.only, kind.__name__):
            continue
        found = list(compared(kind, args.tries, args.seed))
        different = [one for one in found if not same(*one[1:])]
        others = [one for one in different if not any(is_known(one[0][1], *one[1:]) for is_known in KNOWN)]
        total.update(compared=len(found), different=len(different), others=len(others))
        sys.stdout.write(f"{kind.__name__}: {len(different)} of {len(found)} differ, {len(others)} of them unlisted\n")
        for (text, data, _), ours, theirs in others[: args.show]:
            sys.stdout.write(f"  {text} {data}\n    here {ours!r}, reference {theirs!r}\n")
    listed, share = total["different"] - total["others"], total["others"] / total["compared"]
    sys.stdout.write(
        f"all: {total['compared']} compared, {listed} differ as listed, {total['others']} ({share:.2%}) not\n"
    )


if __name__ == "__main__":
    main()
