"""What an expression reads is known without evaluating it: which variables, and which paths below them."""

import pytest
from contacts import mapper_of
from test_fused import exact, outcome

from truto_mapper.language.expression import Expression
from truto_mapper.language.library.functions import STANDARD
from truto_mapper.language.source_paths import Paths, reads

READ = {
    "$query.limit": "query.limit",
    "$query.users[0].id": "query.users.id",
    '$query."limit"': "query.limit",
    "$floorDate($query.start, $context.zone)": "context.zone query.start",
    "$keys($query)": "query",
    "($q := $query; $q.limit)": "query.limit",
    "($q := $query.users; $q.id & $q)": "query.users query.users.id",
    "($f := function() {$q.limit}; $q := $query; $count([$f()]))": "$ query.limit",
    "($q := $query)": "query",
    "($q := $query; $q := $q.x; $q.y)": "query",
    '($query := {"any": 1}; $query.any)': "",
    "($query.limit; $query := 1; $query.any)": "query.limit",
    "function($query) {$query.any}": "",
    "id": "$.id",
    "$$.id & $.name": "$.id $.name",
    'user[kind = "a"].name': "$.user.kind $.user.name",
    "users.(name & $query.x)": "$.users $.users.name query.x",
    "users.{id: name}": "$.users $.users.id $.users.name",
    "users{id: $sum(count)}": "$.users $.users.count $.users.id",
    "users^(name).id": "$.users.id $.users.name",
    "users.address[%.kind = 1].street": "$.users.address.street $.users.kind",
    "users.address.%.name": "$.users.address $.users.name",
    "users@$u.orders[$u.id = user]": "$.orders $.orders.user $.users",
    "users#$i[$i = 1].id": "$.users.id",
    "(users).id": "$.users.id",
    "(users.address)[city].street": "$.users.address.city $.users.address.street",
    "($query).limit & ($query.users)[0].id": "query.limit query.users.id",
    "(users; $query).id": "$.users query",
    "users.*.id": "$.users",
    "**.id": "$",
    "$map(users, function($u) {$u.id & kind})": "$.kind $.users",
    "users ~> |address|{'city': city}, 'zip'|": "$.users",
    "$string()": "$",
    "users[$contains('x')].id": "$.users $.users.id",
    "users ~> $lookup('id')": "$.users",
    "$lookup('id')": "$",
    "$sift(function($v) {$v})": "$",
    "$substring(id, 1)": "$.id",
    "$substring($query.start, 1)": "$ query.start",
    "$substring(2, 1)": "$",
    "($f := function($v) {$v}; $sift($f))": "$",
    '$replace($query.start, "a", "b")': "query.start",
    '$replace($query.start, "a", 2)': "$ query.start",
    "$string($query.start)": "query.start",
    "$uppercase(id)": "$.id",
    "$unknown(id)": "$ $.id",
    "$count($query)": "query",
    "$eval('x') & $query.a": "$ now query query.a",
    "$now() & $millis()": "now",
    "$toMillis(id)": "$.id",
    "$toMillis(id, '[Y]')": "$.id now",
}


@pytest.mark.parametrize("text", READ)
def test_an_expression_reads_paths_below_its_variables(text):
    assert " ".join(sorted({".".join(read.path) for read in reads(Expression(text))})) == READ[text]


def test_a_callers_function_does_not_take_the_context():
    expression = Expression("$clean(id)", functions={"clean": str})
    assert [read.path for read in reads(expression)] == [("$", "id")]


def test_each_name_of_a_path_is_known_where_it_is_written():
    expression = Expression("($q := $query.users; $q[0].`first name`)")
    (read,) = reads(expression)
    spans = [expression.text[name.span.start : name.span.end] for name in read.nodes]
    assert spans == ["users", "`first name`"]


def test_a_name_can_be_given_to_a_path_or_to_what_an_expression_reads():
    paths = Paths(("reply", "row"))
    paths.add("user", Expression("$row.user").node)
    paths.add("day", Expression("$substring(start, 0, 10) & $reply.zone").node)
    assert paths.path(Expression("$user.name").node) == ("row", "user", "name")
    assert paths.read_by(Expression("$day & $user[0]").node) == {("row", "start"), ("reply", "zone"), ("row", "user")}
    assert paths.read_by(Expression("users.(name)").node) == {("row", "users")}


def test_only_functions_whose_signature_says_so_take_the_context():
    for name, function in STANDARD.items():
        read = {one.path for one in reads(Expression(f"${name}()"))}
        assert (("$",) in read) == ("-" in function.signature or name == "eval"), name


DEPENDENT = [
    '$uppercase(user[kind = "a"].name)',
    "user.name.$uppercase($ & %.kind)",
    "$uppercase(user.name@$n.$join([$n, kind]))",
    '$uppercase(user[$keys()[1] = "kind"].name)',
    '$uppercase(user[* = "a"].name)',
    '$eval("user.name")',
    '$lookup("user").kind',
    "**.kind",
    "*.name",
    "$string()",
    "$sift(function($v) {$v.kind = 'a'}) ~> $string",
    "$each(function($v) {$v.name})",
    "($f := function($x)<o-:s> {$x.user.kind}; $f())",
]


@pytest.mark.parametrize("text", DEPENDENT)
def test_a_value_that_depends_on_the_row_is_not_taken_from_another_row(text, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "nick": f"|\n        {text}"})
    reply = {"data": [{"key": "k", "user": {"name": "x", "kind": kind}} for kind in ("b", "a")]}
    assert outcome(mapper, reply, on_invalid="discard_value") == exact(mapper, reply, on_invalid="discard_value")
