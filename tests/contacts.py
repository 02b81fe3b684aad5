"""Mappers of a small resource, for tests of what the engine guarantees for every mapping."""

from truto_mapper import load

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /unified/crm/contact}}
parameters: {limit: {type: integer}, truto_ignore_remote_data: {type: boolean, default: false}}
fields:
  id: {type: string, required: true}
  age: {type: integer, minimum: 1}
  born: {type: string, format: date-time}
  tags: {type: array, items: {type: string}}
  home: {type: object, fields: {street: {type: string, required: true}, floor: {type: integer}}}
  phones: {type: array, items: {type: object, fields: {number: {type: string}, kind: {type: string, enum: [work]}}}}
  nick: {type: string}
  score: {type: number}
  active: {type: boolean}
  info: {type: object}
  mails: {type: array, items: {type: object, fields: {address: {type: string, required: true}}}}
  notes: {type: any}
  remote_data: {type: object}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""

HEAD = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
endpoints:
  all:
    path_mapping: '"/contacts"'
    recognise: $exists(data)
    for_each: {for_each}
    let: {let}
    response_mapping:
"""


def mapper_of(folder, fields, for_each="{contact: data}", let="{}", functions=None):
    """A mapper of contacts in a folder: `fields` are the expressions by name, the others are texts of YAML."""
    (folder / "schemas/crm").mkdir(parents=True, exist_ok=True)
    (folder / "schemas/crm/contact.yaml").write_text(SPEC)
    lines = "".join(f"      {name}: {text}\n" for name, text in fields.items())
    (folder / "acme.yaml").write_text(HEAD.format(for_each=for_each, let=let) + lines)
    return load(folder / "acme.yaml", functions=functions)
