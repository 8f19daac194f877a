#!/usr/bin/env python3
"""Holds what `cordonctl COMMAND --json` printed against the table of its fields.

json_fields.py look TABLE SEEN COMMAND < OUTPUT   every value that was printed, one a line
json_fields.py ended TABLE SEEN [OBJECT…]          was every command asked, and each object seen
                                                   but these?

TABLE is what `cordonctl help fields --json` printed. SEEN collects what was printed. Ends with 1
and says why where a field is not in the table, is missing, or has another type.
"""
import json
import re
import sys

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
PLAIN = {
    "string": lambda v: isinstance(v, str),
    "time": lambda v: isinstance(v, str) and TIME.match(v),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
}


class Table:
    def __init__(self, path):
        table = json.load(open(path))
        self.answers = {row["command"]: row["objects"].split(" or ") for row in table["answers"]}
        rows = {}
        for row in table["fields"]:
            fields = rows.setdefault(row["object"], {})
            if row["field"] in fields:
                sys.exit(f"{row['object']}.{row['field']} is in the table twice")
            fields[row["field"]] = row
        self.rows = rows

    def fields(self, name):
        own = dict(self.rows[name])
        base = own.pop("=", None)
        return {**self.fields(base["type"]), **own} if base else own

    def check(self, value, kinds, at, seen):
        """What is wrong with it; the objects it consists of are added to `seen`."""
        least = None
        for kind in kinds.split(" or "):
            met = set()
            wrong = self.check_one(value, kind, at, met)
            if not wrong:
                seen |= met
                return []
            if least is None or len(wrong) < len(least):
                least = wrong
        return least

    def check_one(self, value, kind, at, seen):
        if kind.startswith("["):
            if not isinstance(value, list):
                return [f"{at} is no list"]
            return [w for v in value for w in self.check(v, kind[1:-1], at + "[]", seen)]
        if kind in PLAIN:
            return [] if PLAIN[kind](value) else [f"{at} is no {kind}: {json.dumps(value)[:60]}"]
        if not isinstance(value, dict):
            return [f"{at} is no {kind}: {json.dumps(value)[:60]}"]
        seen.add(kind)
        fields, wrong = self.fields(kind), []
        if "*" in fields:
            kind = fields["*"]["type"]
            return [w for k, v in value.items() for w in self.check(v, kind, f"{at}.{k}", seen)]
        for name, row in fields.items():
            if name not in value and "missing" not in row["absent"]:
                wrong.append(f"{at}.{name} is missing ({kind})")
        for name, inner in value.items():
            row = fields.get(name)
            if row is None:
                wrong.append(f"{at}.{name} is not in the table ({kind})")
            elif inner is None and "null" not in row["absent"]:
                wrong.append(f"{at}.{name} is null ({kind})")
            elif inner is not None:
                wrong += self.check(inner, row["type"], f"{at}.{name}", seen)
        return wrong


def look(table, path, command):
    lines = [line for line in sys.stdin.read().splitlines() if line]
    if not lines:
        sys.exit(f"{command}: printed nothing")
    seen, wrong = set(), []
    for line in lines:
        value = json.loads(line)
        if "error" in value and set(value) == {"error"}:
            sys.exit(f"{command} failed: {value['error']}")
        wrong += table.check(value, " or ".join(table.answers[command]), command, seen)
    with open(path, "a") as out:
        out.write("".join(f"{what}\n" for what in [f"command {command}", *sorted(seen)]))
    sys.exit("\n".join(wrong) if wrong else 0)


def ended(table, path, others):
    seen = set(open(path).read().splitlines())
    wrong = [f"not asked: {c}" for c in table.answers if f"command {c}" not in seen]
    wrong += [f"never printed: {o}" for o in table.rows if o not in seen and o not in others]
    print(f"{len(table.answers)} commands, {len(table.rows)} objects")
    sys.exit("\n".join(wrong) if wrong else 0)


if sys.argv[1] == "look":
    look(Table(sys.argv[2]), sys.argv[3], sys.argv[4])
ended(Table(sys.argv[2]), sys.argv[3], sys.argv[4:])
