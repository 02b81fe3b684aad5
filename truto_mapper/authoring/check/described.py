"""What the provider's schemas say of the values of an endpoint's replies: in words, and by forms and examples."""

import json
from collections.abc import Iterable

from truto_mapper.engine.request_schema import JSON, RequestSchema
from truto_mapper.language.names import NamePath, texts_of_names
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.source import Source

#: Begins the paths of what joins give.
JOINED = "$joined"


class Described:
    """Finds what the schemas say of a value of the reply, or of a reply to a join. Names lead to the value."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._source = endpoint.source
        self._joins = {join.name: join for join in endpoint.joins}
        self._schemas: dict[Source | None, RequestSchema | None] = {}

    def of(self, path: NamePath | None) -> list[JSON]:
        """The schemas that apply to a value; none if nothing declares it, and for no path."""
        if path is None:
            return []
        source = self._source
        if path[:1] == (JOINED,):
            join = self._joins[path[1]]
            source, rows = join.source, () if join.rows is None else texts_of_names(join.rows.node)
            path = (*rows, *path[2:])
        if source not in self._schemas:
            self._schemas[source] = _schema(source)
        place = self._schemas[source]
        for name in path:
            while place is not None and place.is_array:
                place = place.items
            place = None if place is None else place.at(name)
        return [] if place is None else place.certain

    def description(self, path: NamePath | None) -> str:
        return in_words(self.of(path))


def in_words(forms: Iterable[JSON]) -> str:
    """The descriptions that some schemas have."""
    return " ".join(str(form.get("description", "")) for form in forms)


def _schema(source: Source | None) -> RequestSchema | None:
    try:
        return None if source is None else RequestSchema(json.loads(source.text))
    except ValueError:  # it is told elsewhere
        return None
