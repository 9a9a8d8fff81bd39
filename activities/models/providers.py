"""From the entry of a models file to the provider that answers its calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from activities.models.anthropic import Anthropic
from activities.models.endpoint import read_endpoint
from activities.models.models_file import HOMES, TRUSTED_ONLY
from activities.models.openai import OpenAI, package_problem
from activities.models.replies import ScriptReply, read_replies
from activities.models.router import Router
from activities.models.scripted import Scripted
from activities.models.source import finish, read_yaml
from policies.reading import Reader, shown

if TYPE_CHECKING:
    from activities.models.models_file import ModelEntry
    from activities.models.provider import Provider
    from activities.models.source import Source


def provider_of(model: ModelEntry, reader: Reader, source: Source) -> Provider:
    """The provider of an entry; what is wrong with it goes to the reader."""
    if model.provider == "router":
        return Router()
    if model.provider == "scripted":
        return _scripted(model, reader, source)
    endpoint = model.endpoint or read_endpoint(HOMES[model.provider][0])
    if model.provider == "openai":
        problem = package_problem()
        if problem is not None:
            reader.add("no_package", f"models.{model.alias}.provider", *problem)
        return OpenAI(endpoint, model.api_key, source.environ, json_schema=model.options.json_schema)
    return Anthropic(endpoint, model.api_key, source.environ, model.options)


def _scripted(model: ModelEntry, reader: Reader, source: Source) -> Scripted:
    path = f"models.{model.alias}"
    journal = source.directory / model.journal if model.journal else None
    if journal is not None and not journal.parent.is_dir():
        reader.add(
            "no_directory", f"{path}.journal", f"{shown(str(journal.parent))} is not a directory", "make it first"
        )
    file = _script_file(model, f"{path}.script", reader, source)
    return Scripted(_read_script(file) if file else (), journal=journal)


def _read_script(file: Path) -> tuple[ScriptReply, ...]:
    loaded = read_yaml(file)
    reader = Reader()
    replies = read_replies(loaded.data, reader)
    finish(reader, loaded, file)
    return replies


def _script_file(model: ModelEntry, path: str, reader: Reader, source: Source) -> Path | None:
    """The script, if it may be read: a graph's author may not have the worker read beyond the graph's directory."""
    if not model.script:
        return None
    file = source.directory / model.script
    if not source.trusted and not file.resolve().is_relative_to(source.directory.resolve()):
        reader.add("untrusted_models", path, "the script lies outside the directory of the models file", TRUSTED_ONLY)
        return None
    if not file.is_file():
        reader.add("no_file", path, f"{shown(str(file))} is not a file", "paths are relative to the models file")
        return None
    return file
