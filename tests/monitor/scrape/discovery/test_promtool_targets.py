"""`promtool check service-discovery` and this service make the same targets of the same configuration."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from textwrap import dedent

from peers import find_peer

from monitor.config.load import load_config
from monitor.scrape.discovery.build_targets import build_target, discovered_labels

RULES = """
- {source_labels: [drop], action: drop, regex: "y|yes"}
- {source_labels: [keep, env], separator: "/", action: keep, regex: '(|no)/(prod|t.st|)'}
- {source_labels: [text], action: uppercase, target_label: upper}
- {source_labels: [text], action: lowercase, target_label: lower}
- {source_labels: [text, env], separator: '', action: hashmod, modulus: 18446744073709551615, target_label: hash}
- {source_labels: [a, b], action: hashmod, modulus: 18446744073709551615, target_label: hash_ab}
- {source_labels: [text], action: hashmod, modulus: 7, target_label: shard}
- source_labels: [__address__]
  regex: '(?P<host>[^:]+)(:(\\d+))?'
  target_label: host
  replacement: '${host}|$3|$4|${05}|$$|$|${x'
- {source_labels: [__address__], regex: '([a-z])([a-z0-9]*).*', target_label: 'n_${1}_$2', replacement: 'at_$2'}
- {source_labels: [text, missing, env], target_label: joined}
- {source_labels: [text], regex: '(ß+).*|(x)?.*', target_label: optional, replacement: '[$1$2]'}
- {source_labels: [env], regex: '', target_label: no_env, replacement: 'true'}
- {source_labels: [env], regex: 'prod', target_label: env, replacement: ''}
- {action: labelmap, regex: '__meta_(.+)', replacement: 'm_${1}'}
- {action: labelmap, regex: 'm_(a)(.*)', replacement: '$2$1'}
- {source_labels: [same], action: keepequal, target_label: same}
- {source_labels: [text, none], action: dropequal, target_label: twin}
- {action: labeldrop, regex: 'm_z.*|lower_none'}
- {source_labels: [interval], regex: '(.+)', target_label: __scrape_interval__}
- {source_labels: [utf], regex: '(.+)', target_label: '${1}', replacement: found}
"""

GROUPS = """
- targets: ['alpha:80', 'beta', '[::1]:9100', 'Gamma.example.org:65536']
- targets: ['one']
  labels: {text: 'ßŉǰᾳİΣΑΣ x', env: prod, __meta_abc: '1', __meta_z: '2', __meta_: '3'}
- targets: ['two']
  labels: {text: "two\\nlines", env: test, keep: 'no', utf: 'ä-label'}
- targets: ['three', 'four']
  labels: {drop: 'yes', text: x}
- targets: ['five']
  labels: {keep: 'maybe', env: prod}
- targets: ['six']
  labels: {text: abc, twin: 'abc;'}
- targets: ['seven']
  labels: {interval: 20s, job: renamed, instance: named, a: foo, b: bar}
- targets: ['eight']
  labels: {interval: 5s}
- targets: ['nine']
  labels: {interval: 0s}
- targets: ['']
- targets: ['a/b']
- targets: ['ten']
  labels: {__scrape_timeout__: 1ms, __metrics_path__: '', __param_q: z, __scheme__: https}
"""


def write_config(directory: Path) -> Path:
    rules = "\n".join(f"      {line}" for line in RULES.strip().splitlines())
    groups = "\n".join(f"      {line}" for line in GROUPS.strip().splitlines())
    head = "scrape_configs:\n    - job_name: j\n      params: {q: [a, b], r: [c]}\n      relabel_configs:\n"
    file = directory / "prometheus.yml"
    file.write_text(dedent(f"    {head}{rules}\n      static_configs:\n{groups}\n"))
    return file


def found_by_promtool(file: Path) -> dict[str, dict[str, str] | None]:
    """The final labels by the discovered ones; None where a target makes no sense, {} where it is dropped."""
    command = [find_peer("PROMTOOL"), "check", "service-discovery", "--timeout=300ms", str(file), "j"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {
        json.dumps(entry["discoveredLabels"], sort_keys=True): None if "error" in entry else entry["labels"]
        for entry in json.loads(output)
    }


def found_by_us(file: Path) -> dict[str, dict[str, str] | None]:
    config = load_config(file).scrape_configs[0]
    found: dict[str, dict[str, str] | None] = {}
    for group in config.static_configs:
        for address in group.targets:
            discovered = discovered_labels(config, group, address)
            try:
                target = build_target(config, discovered)
            except ValueError:
                labels = None
            else:
                labels = {} if target is None else dict(target.labels)
            found[json.dumps(dict(discovered), sort_keys=True)] = labels
    return found


def public(labels: dict[str, str] | None) -> dict[str, str] | None:
    return None if labels is None else {name: text for name, text in labels.items() if not name.startswith("__")}


def test_promtool_and_we_make_the_same_targets(tmp_path):
    file = write_config(tmp_path)

    expected = {discovered: public(labels) for discovered, labels in found_by_promtool(file).items()}

    assert found_by_us(file) == expected
    outcomes = list(expected.values())
    assert (outcomes.count(None), outcomes.count({})) == (4, 4)
