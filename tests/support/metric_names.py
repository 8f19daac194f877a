#!/usr/bin/env python3
"""Whether every metric that alert rules or a dashboard ask for exists, with the labels that they
name: metric_names.py CORDONCTL RULES.yml|DASHBOARD.json…; prints what is wrong, exits 1 then."""
import json
import re
import subprocess
import sys

of_every_target = {"job", "instance"}


def expressions(path):
    """Every expression of a file of Grafana (JSON) or of Prometheus (YAML, as text)."""
    if not path.endswith(".json"):
        yield from re.findall(r"(?m)^ +expr: (?:\|\n((?:^ {10,}.*\n)+)|(.*)\n)",
                              open(path, encoding="utf-8").read())
        return
    board = json.load(open(path, encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield (target["expr"],)
    for variable in board["templating"]["list"]:
        yield (variable.get("definition", ""),)


def known_metrics(cordonctl):
    listed = subprocess.run([cordonctl, "help", "metrics", "--json"], check=True,
                            capture_output=True).stdout
    known = {}
    for one in json.loads(listed)["metrics"]:
        labels = {name.strip() for name in one["labels"].split(",")}
        known[one["metric"]] = labels
        if one["type"] == "histogram":  # its samples have names of their own
            known[one["metric"] + "_bucket"] = labels | {"le"}
            known[one["metric"] + "_sum"] = known[one["metric"] + "_count"] = labels
    return known


def main():
    known = known_metrics(sys.argv[1])
    wrong, asked = [], set()
    for path in sys.argv[2:]:
        for expression in map("".join, expressions(path)):
            for name, _, matchers in re.findall(r"\b(cordon_\w+)(\{([^}]*)\})?", expression):
                asked.add(name)
                if name not in known:
                    wrong.append(f"{path}: there is no {name}")
                    continue
                labels = set(re.findall(r"(\w+) *(?:=|!=|=~|!~) *\"", matchers))
                for label in labels - known[name] - of_every_target:
                    wrong.append(f"{path}: {name} has no label {label}")
            for labels in re.findall(r"\bby \(([^)]*)\)", expression):
                names = re.findall(r"\b(cordon_\w+)", expression)
                for label in {one.strip() for one in labels.split(",")} - of_every_target:
                    if not any(label in known.get(name, ()) for name in names):
                        wrong.append(f"{path}: by ({label}) in {expression}")
    print("\n".join(wrong) or f"{len(asked)} of {len(known)} metrics are asked for, rightly")
    return 1 if wrong or len(asked) < 20 else 0


sys.exit(main())
