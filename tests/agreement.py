"""Random expressions by both, ours and the reference implementation: how many agree, and those that do not.

    python tests/agreement.py --tries 60000 --seed 1

The expressions are described in `expressions.txt`. The reference is as it comes, or with `--mended` without the causes
of the differences that `differences.yaml` lists.
"""

import argparse
import random
import sys

from random_expressions import case
from reference import Failure, by_the_reference, is_coded, outcome, same

from truto_mapper.language.expression import Expression


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=60_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--mended", action="store_true", help="compare with the reference without known causes")
    parser.add_argument("--show", type=int, default=20, help="how many differences are printed")
    options = parser.parse_args()
    drawn = [case(random.Random(f"{options.seed} {number}")) for number in range(options.tries)]
    compared, values, codes, crashed = 0, [], [], 0
    for one, theirs in zip(drawn, by_the_reference(drawn, mended=options.mended), strict=True):
        if not is_coded(theirs):
            crashed += 1
            continue
        compared += 1
        ours = outcome(Expression, *one)
        if not same(ours, theirs):
            both_fail = isinstance(ours, Failure) and isinstance(theirs, Failure)
            (codes if both_fail else values).append((one, ours, theirs))
    for one, ours, theirs in [*values, *codes][: options.show]:
        sys.stdout.write(f"{one}\n  ours   {ours!r}\n  theirs {theirs!r}\n")
    share = 1 - len(values) / compared, 1 - (len(values) + len(codes)) / compared
    sys.stdout.write(
        f"{compared:,} compared, and {crashed:,} that fail in the reference without a code\n"
        f"values agree {share[0]:.4%}: {len(values):,} differ\n"
        f"values and codes agree {share[1]:.4%}: {len(codes):,} more differ\n"
    )


if __name__ == "__main__":
    main()
