"""Golden cases: folders beside a mapping, each with a query or a reply and the output that is expected of it.

A folder `<mapping>/<case>/` beside `<mapping>.yaml` has

- `case.yaml`: `description`, and any of `query`, `context`, `now`, `status`, `headers`, `format`, `on_invalid`; a case
  that should fail says so in `raises`: the name of the error, or an object of `error` and its attributes;
- `body.json`, the caller's body to create or update a record;
- `payload.json`, the provider's reply (`payload.csv`, or `payload.txt` if it is not JSON); without it the case only
  plans a request;
- the expected output, each file only if there is something to put in it: `request.json`, `response.json` (`.ndjson`
  for a stream), `rejected.json` and `diagnostics.txt`.

`raises` is written by hand and never accepted, so that no case starts or stops failing unnoticed.
"""

from truto_mapper.authoring.golden.cases import PENDING, Case, folders, json_schema, orphans, ownerless, read
from truto_mapper.authoring.golden.causes import LISTED, Group, count, groups
from truto_mapper.authoring.golden.comparison import Difference, compare
from truto_mapper.authoring.golden.recording import Recorded, record
from truto_mapper.authoring.golden.runs import Report, Result, loader, misses, run, run_all, run_one
from truto_mapper.authoring.golden.writing import accept, pend

__all__ = [
    "LISTED", "PENDING", "Case", "Difference", "Group", "Recorded", "Report", "Result", "accept", "compare", "count",
    "folders", "groups", "json_schema", "loader", "misses", "orphans", "ownerless", "pend", "read", "record", "run",
    "run_all", "run_one",
]  # fmt: skip
