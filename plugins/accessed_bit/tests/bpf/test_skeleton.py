"""The committed bytes of the BPF programs are those of the source."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

BPF = Path(__file__).parents[2] / "bpf"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", BPF / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_header_is_what_the_source_compiles_to(generate: ModuleType) -> None:
    if missing := generate.missing_tools():
        pytest.skip(
            f"not installed: {', '.join(missing)}: "
            "apt-get install clang-14 llvm-14 bpftool libbpf-dev"
        )
    assert (BPF / "ptwalk.skel.h").read_text() == generate.render(generate.compile_skeleton())


def test_the_header_names_no_folder_of_the_machine_that_made_it() -> None:
    header = (BPF / "ptwalk.skel.h").read_text()
    words = [int(word.strip(), 16) for word in header.replace("\n", ",").split(",") if "0x" in word]
    data = b"".join(word.to_bytes(8, "little") for word in words)
    assert b"ptwalk.bpf.c" in data
    assert b"/bpf/ptwalk.bpf.c" not in data


@pytest.mark.parametrize(
    "assignment",
    ['opts.{name} = (void *)"{text}";', 'static const char opts_{name}[] __aligned = "{text}";'],
)
def test_both_forms_of_skeletons_are_read(generate: ModuleType, assignment: str) -> None:
    text = "\\\n\\x7f\\0\\0\\\n\\xff"
    skeleton = "struct bpf_map_desc one;\nstruct bpf_prog_desc two;\n" + "\n".join(
        assignment.format(name=name, text=text) for name in ("data", "insns")
    )
    header = generate.render(skeleton)
    assert "PTWALK_LOADER_BYTES_SIZE 4\n" in header
    assert "0xff00007f," in header
    assert "#define PTWALK_MAPS(X) X(one)\n" in header


def test_a_skeleton_of_another_form_is_refused(generate: ModuleType) -> None:
    with pytest.raises(SystemExit, match="format has changed"):
        generate.render("nothing of it")
