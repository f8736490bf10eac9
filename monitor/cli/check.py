"""`plimsoll check …`: says what is wrong with a file before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from alerts.load_rules import check_rule_files
from monitor.app.store_settings import store_settings
from monitor.cli.print_json import print_json
from monitor.config.config import Config
from monitor.config.load import load_config
from monitor.errors import ConfigError, Problem

app = typer.Typer(help="Check configuration and rule files.", no_args_is_help=True, add_completion=False)


@app.callback()
def _check() -> None:
    """Check configuration and rule files. The exit code is 1 if anything is wrong with them, 0 otherwise.

    Example: plimsoll check config prometheus.yml
    """


@app.command("config")
def check_config(
    file: Annotated[Path, typer.Argument(help="The configuration, such as prometheus.yml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a configuration and the scrape config files that it names."""
    try:
        config = load_config(file)
        store_settings(config)
    except ConfigError as error:
        report_problems(str(file), error.problems, as_json=as_json)
        raise typer.Exit(1) from None
    if as_json:
        warnings = [_as_json(warning) for warning in config.warnings]
        print_json({"file": str(file), "ok": True, "problems": [], "warnings": warnings, **_counts(config)})
        return
    for warning in config.warnings:
        typer.echo(f"warning: {warning}", err=True)
    counts = ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in _counts(config).items())
    typer.echo(f"{file} is valid ({counts})")


@app.command("rules")
def check_rules(
    files: Annotated[list[Path], typer.Argument(help="Rule files.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each file.")] = False,
) -> None:
    """Check rule files: keys, names, expressions and templates.

    Example: plimsoll check rules rules/*.yml
    """
    results = [(str(file), check_rule_files([str(file)])) for file in files]
    for file, found in results:
        if found.problems:
            report_problems(file, found.problems, as_json=as_json)
            continue
        counts = {"groups": len(found.groups), "rules": found.rules}
        if as_json:
            print_json({"file": file, "ok": True, "problems": [], **counts})
        else:
            typer.echo(f"{file} is valid (groups: {counts['groups']}, rules: {counts['rules']})")
    if any(found.problems for _, found in results):
        raise typer.Exit(1)


def report_problems(file: str, problems: tuple[Problem, ...], *, as_json: bool) -> None:
    """Prints what is wrong with a file: a line for each Problem on stderr, or one JSON object on stdout."""
    if as_json:
        print_json({"file": file, "ok": False, "problems": [_as_json(problem) for problem in problems]})
        return
    for problem in problems:
        typer.echo(str(problem), err=True)
    typer.echo(f"{file} is not valid (problems: {len(problems)})", err=True)


def _counts(config: Config) -> dict[str, int]:
    return {
        "jobs": len(config.scrape_configs),
        "rule_file_patterns": len(config.rule_files),
        "receivers": len(config.alerting.receivers),
        "scaling_policies": len(config.scaling_policies),
    }


def _as_json(problem: Problem) -> dict[str, Any]:
    return {"file": problem.file, "line": problem.line, "path": problem.path, "message": problem.message}
