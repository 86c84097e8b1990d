"""`assay new`: a working claim to start from."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import harness
from harness.cli.common import FOLDER, add_json_option, print_json
from harness.errors import AssayError, Exit
from harness.read import looks_like_prediction
from harness.schema import STRANDS
from harness.skeleton import THEORIES, Name, filled, parse_name, theory_entries
from harness.store import write_atomically
from harness.theories import find_theories, read_theories


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "new",
        help="a working claim to start from",
        epilog="Writes YAML, setup, theory, experiment and a test of the theory: a small claim "
        "that passes while its control fails. Replace it piece by piece.",
    )
    parser.add_argument("name", metavar="STRAND/TOPIC", help=f"STRAND: {', '.join(STRANDS)}")
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="PATH",
        help="folder of predictions (default: ./predictions, or the current folder if it is one)",
    )
    add_json_option(parser)
    parser.set_defaults(action=run)


def run(chosen: argparse.Namespace) -> int:
    """Write the files and say what to do with them; nothing is written where something is."""
    name = parse_name(chosen.name)
    root = chosen.predictions or _root()
    topic = root / name.strand / name.topic
    tests = root.parent / "tests" / "predictions"
    in_suite = root.name == FOLDER.name and tests.is_dir()
    texts = filled(name, schema=_schema(topic), package=in_suite)
    contents = {
        (tests if in_suite and file == name.test_file else topic) / file: text
        for file, text in texts.items()
    }
    _refuse_to_overwrite(name, root, topic, [*contents])
    contents |= _theories(root, topic)
    for file, text in contents.items():
        write_atomically(file, text.encode())
    commands = _commands(name, root, topic, in_suite, explicit=chosen.predictions is not None)
    if chosen.json:
        print_json({"id": name.id, "files": [*map(str, contents)], "next": commands})
    else:
        print(
            "\n".join([*(f"wrote {file}" for file in contents), "", "next", *_indented(commands)])
        )
    return Exit.OK


def _root() -> Path:
    """The tree that the working folder holds or is; a new one where there is none."""
    here = Path()
    is_tree = (here / THEORIES).is_file() or any((here / strand).is_dir() for strand in STRANDS)
    return here if is_tree and not FOLDER.is_dir() else FOLDER


def _refuse_to_overwrite(name: Name, root: Path, topic: Path, files: list[Path]) -> None:
    taken = [file for file in files if file.exists()]
    taken += [file for file in root.rglob(f"{name.id}.y*ml") if looks_like_prediction(file)]
    if topic.exists() and any(topic.iterdir()):
        taken = [topic]
    if taken:
        raise AssayError("it is there already", remedy="Choose another name.", file=taken[0])


def _schema(topic: Path) -> str | None:
    """The way from the topic to the JSON Schema, where Assay's code lies in the same tree."""
    schema = Path(harness.__file__).with_name("prediction.schema.json")
    if Path.cwd() not in schema.parents:
        return None
    return Path(os.path.relpath(schema, topic.absolute())).as_posix()


def _theories(root: Path, topic: Path) -> Mapping[Path, str]:
    """The theories.yaml that counts for the topic, with the entries that it lacks.

    A tree without one gets one; but not if it has predictions already, which may name theories
    that nothing describes: then the topic gets its own.
    """
    counts = find_theories(topic)
    known = {} if counts is None else read_theories(counts)
    missing = [text for theory, text in theory_entries().items() if theory not in known]
    if not missing:
        return {}
    if counts is None:
        inhabited = any(looks_like_prediction(file) for file in root.rglob("*.y*ml"))
        return {(topic if inhabited else root) / THEORIES: "\n".join(missing)}
    former = counts.read_text(encoding="utf-8").rstrip()
    return {_shown(counts): "\n".join([former + "\n" if former else "", *missing]).lstrip()}


def _commands(name: Name, root: Path, topic: Path, in_suite: bool, *, explicit: bool) -> list[str]:
    tree = f" --predictions {root}" if explicit else ""
    tests = f" tests/predictions/{name.test_file}" if in_suite and not explicit else ""
    return [
        f"assay check {topic}",
        f"assay forecast {name.id}{tree}",
        f"assay lock {name.id}{tree}",
        f"assay run {name.id}{tree}",
        f"pytest {topic}{tests}",
    ]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _shown(file: Path) -> Path:
    here = Path.cwd()
    return file.relative_to(here) if here in file.parents else file
