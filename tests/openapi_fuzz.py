"""Calls a live service with queries that schemathesis makes of its OpenAPI document, and checks each answer.

No answer is a 5xx, each 200 is valid for the schema of the format that was asked for, and any other is a `Problem`. By
hand, with more examples: python tests/openapi_fuzz.py --tries 500
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from functools import cache
from typing import Any

import httpx2
import hypothesis
import schemathesis
from answers import chosen, operations, schema_of
from hypothesis import strategies as st
from live_service import Live, live
from schemathesis import Case, GenerationMode, Response

from truto_mapper.engine.query_string import split_query_string

#: Few, since the days of many years, which a query may ask for, are many rows for each of them.
USERS = 5

#: Values that a query is given for what schemathesis made; None for no value.
CHOICES: dict[str, tuple[Any, ...]] = {
    "next_cursor": (None, None, None),
    "start_time": ("2026-01-01T00:00:00-05:00", "2026-01-05T08:00:00Z"),
    "end_time": ("2026-02-01T00:00:00-05:00", "2026-01-20T00:00:00Z"),
    "remote_query": (None,),
    "truto_response_format": ("unified", "raw", "normalized", "stream", "debug"),
    "truto_key_by": (None, "id"),
    "truto_exclude_fields[]": (None, ["id"], ["user", "metrics.calls_hosted", "emails.email"], ["remote_data"]),
    "users[]": (None, None),
}


class Checked:
    """The answers of a service, held to its document."""

    def __init__(self, running: Live) -> None:
        self.running, self.statuses = running, Counter[str]()
        self.schema = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
        self.document: Any = self.schema.raw_schema
        self.operations = operations(self.document)
        self.component = cache(lambda *names: schema_of(self.document, *names))
        path = f"/unified/conversational-intelligence/users?integrated_account_id={running.integrated_account_id}"
        told = httpx2.get(f"{running.url}{path}&limit=5", headers={"authorization": f"Bearer {running.token}"})
        self.users = [one["id"] for one in told.json()["result"]]

    def fuzz(self, operation_id: str, tries: int, seed: int = 0) -> None:
        """Call one operation with so many queries. Raises `AssertionError`."""
        operation = self._operation(operation_id)
        modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
        cases = modes.flatmap(lambda mode: operation.as_strategy(generation_mode=mode))

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=tries, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(case=cases, data=st.data())
        def called(case: Case, data: st.DataObject) -> None:
            if data.draw(st.integers(0, 7)) < 7:  # else hardly a query reaches the provider
                self._mend(case, operation_id, data)
            self.check(operation_id, case.call(headers={"authorization": f"Bearer {self.running.token}"}))

        called()

    def _operation(self, operation_id: str) -> Any:
        for path, item in self.document["paths"].items():
            for method, one in item.items():
                if one["operationId"] == operation_id:
                    return self.schema[path][method.upper()]
        raise LookupError(operation_id)

    def _mend(self, case: Case, operation_id: str, data: st.DataObject) -> None:
        """Give a query an account, a period, users and a format that exist."""
        query = case.query = {**(case.query if isinstance(case.query, dict) else {})}
        query["integrated_account_id"] = self.running.integrated_account_id
        for name, choices in CHOICES.items():
            chosen_ = data.draw(st.sampled_from((*choices, ...)))
            query |= {} if chosen_ is ... else {name: chosen_}
        names = [one["name"] for one in self.operations[operation_id]["parameters"]]
        for name in [name for name in query if name not in names or query[name] is None]:
            del query[name]
        if "id" in names and data.draw(st.integers(0, 4)) < 4:
            case.path_parameters = {"id": data.draw(st.sampled_from(self.users))}

    def check(self, operation_id: str, response: Response) -> None:
        told = f"{response.request.url}\n{response.status_code} {response.content[:1500]!r}"
        self.statuses[f"{operation_id} {response.status_code}"] += 1
        assert response.status_code < 500, told
        assert set(response.headers) >= {"x-request-id"}, told
        if response.status_code != 200:
            assert response.headers["content-type"] == ["application/problem+json"], told
            found = self.component("Problem").problems(json.loads(response.content))
        else:
            found = self.problems(operation_id, response)
        assert not found, f"{found[:2]}\n{told}"

    def problems(self, operation_id: str, response: Response) -> list[Any]:
        """What is wrong with a body in the format that was asked for."""
        query = split_query_string(response.request.url.partition("?")[2])
        body = ... if query.get("truto_response_format") == "stream" else json.loads(response.content)
        query["truto_skip_api_call"] = query.get("truto_skip_api_call") == "true"
        (kind,) = response.headers["content-type"]
        assert body is ... or kind.partition(";")[0] == "application/json", kind
        name = chosen(self.document, self.operations[operation_id], query, body)
        self.statuses[f"{operation_id} {name}"] += 1
        if not name.endswith("Lines"):
            return self.component(name).problems(body)
        assert response.headers["content-type"] == ["application/x-ndjson"]
        line = self.document["components"]["schemas"][name]["contentSchema"]["$ref"].rpartition("/")[2]
        lines = response.content.decode().splitlines()
        return [one for text in lines for one in self.component(line).problems(json.loads(text))]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--tries", type=int, default=500)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    with live(USERS) as running:
        checked = Checked(running)
        for operation_id in checked.operations:
            checked.fuzz(operation_id, given.tries, given.seed)
    sys.stdout.write("".join(f"{count:6} {name}\n" for name, count in sorted(checked.statuses.items())))


if __name__ == "__main__":
    main()
