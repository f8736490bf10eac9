"""From files to one Config, or to every Problem in them at once."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from monitor.config.config import Config, GlobalConfig
from monitor.config.file_globs import expand_globs, is_glob
from monitor.config.scrape_config import ScrapeConfig
from monitor.config.sections.read_alerting import read_alerting
from monitor.config.sections.read_global import read_global
from monitor.config.sections.read_scaling import read_scaling_policies
from monitor.config.sections.read_scrape import read_scrape_config
from monitor.config.sections.read_storage import read_storage
from monitor.config.sections.read_vocabulary import VocabularyShelf
from monitor.config.sections.unsupported import TOP_LEVEL, ignore_unsupported
from monitor.config.settings import read_limits
from monitor.config.yaml.yaml_reader import Section, read_yaml
from monitor.config.yaml.yaml_values import shown
from monitor.errors import ConfigError, Problem

# As upstream's patRulePath: one `*` at most, and only in the last part of the name.
_PATTERN = re.compile(r"[^*]*(?:\*[^/]*)?", re.DOTALL)
_DATABASES = ("sqlite", "postgresql")


def load_config(
    source: Path | str,
    *,
    features: Collection[str] = (),
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Config:
    """The configuration in a file (a Path) or a text (a str), and in the files that it names.

    Of `features`, names as in Prometheus's `--enable-feature`, `extra-scrape-metrics` and `native-histograms` change
    defaults. Variables in external labels come from `environment`, the process's own if None. Relative file names in a
    text start at `directory`. Raises ConfigError with every Problem of all files.
    """
    root = read_yaml(source, directory=directory)
    return _Loader(root, features, os.environ if environment is None else environment).load()


class _Loader:
    """One reading of a main file and its scrape config files."""

    def __init__(self, root: Section, features: Collection[str], environment: Mapping[str, str]) -> None:
        self._root = root
        self._features = features
        self._environment = environment
        self._files = [root.document.file]
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._place_by_job: dict[str, str] = {}
        self._shelf = VocabularyShelf(())

    def load(self) -> Config:
        root = self._root
        ignore_unsupported(root, TOP_LEVEL)
        limits = read_limits(root.section_or_empty("limits"))
        global_config = read_global(root.section_or_empty("global"), limits, self._features, self._environment)
        vocabulary_files = self._read_files("vocabulary_files")
        self._shelf = VocabularyShelf(vocabulary_files)
        self._files += self._shelf.files
        self._problems += self._shelf.problems
        scrape_configs = self._read_jobs(root, global_config)
        rule_files = self._read_files("rule_files")
        storage = read_storage(root.section_or_empty("storage"))
        alerting = read_alerting(root)
        alerts_database = root.secret("alerts_database", _check_database)
        jobs = (*scrape_configs, *self._read_scrape_config_files(global_config))
        rule_interval_ms = global_config.evaluation_interval_ms if rule_files else 0
        scaling_policies = read_scaling_policies(root, jobs, rule_interval_ms)
        problems = [*root.document.check(), *self._problems]
        if problems:
            raise ConfigError(problems)
        warnings = (*sorted(root.document.warnings, key=lambda warning: warning.line), *self._warnings)
        return Config(
            global_config=global_config,
            scrape_configs=jobs,
            rule_files=rule_files,
            vocabulary_files=vocabulary_files,
            storage=storage,
            alerting=alerting,
            scaling_policies=scaling_policies,
            limits=limits,
            alerts_database=alerts_database,
            files=tuple(self._files),
            warnings=warnings,
        )

    def _read_jobs(self, section: Section, global_config: GlobalConfig) -> tuple[ScrapeConfig, ...]:
        jobs = []
        for job_section in section.sections("scrape_configs"):
            job = read_scrape_config(job_section, global_config, self._shelf)
            if job.job_name in self._place_by_job:
                first = self._place_by_job[job.job_name]
                message = f"got {shown(job.job_name)}, want a name that no other job has: it is taken at {first}"
                job_section.problem(message, "job_name")
            elif job.job_name:
                self._place_by_job[job.job_name] = f"{section.document.file}:{job_section.line_of('job_name')}"
            jobs.append(job)
        return tuple(jobs)

    def _read_scrape_config_files(self, global_config: GlobalConfig) -> tuple[ScrapeConfig, ...]:
        patterns = self._read_patterns("scrape_config_files")
        return tuple(
            job for file in expand_globs(patterns) for job in self._read_scrape_config_file(file, global_config)
        )

    def _read_scrape_config_file(self, file: str, global_config: GlobalConfig) -> tuple[ScrapeConfig, ...]:
        self._files.append(file)
        try:
            section = read_yaml(Path(file))
        except ConfigError as error:
            self._problems += error.problems
            return ()
        jobs = self._read_jobs(section, global_config)
        self._problems += section.document.check()
        self._warnings += section.document.warnings
        return jobs

    def _read_files(self, key: str) -> tuple[str, ...]:
        patterns = self._read_patterns(key)
        for pattern in patterns:
            if not is_glob(pattern) and not _is_there(pattern):
                self._root.warning(f"there is no file {pattern}", key)
        return patterns

    def _read_patterns(self, key: str) -> tuple[str, ...]:
        return tuple(self._root.join_directory(pattern) for pattern in self._root.parsed_list(key, _to_pattern))


def _is_there(file: str) -> bool:
    try:
        return Path(file).exists()
    except OSError:  # a name that no file can have
        return False


def _to_pattern(text: str) -> str:
    if not text or not _PATTERN.fullmatch(text):
        raise ValueError(f"got {shown(text)}, want a file name with * in its last part only")
    return text


def _check_database(text: str) -> None:
    kind = text.partition(":")[0].partition("+")[0]
    if kind not in _DATABASES or "://" not in text:
        raise ValueError("got something else, want a database URL that starts with sqlite:// or postgresql://")
