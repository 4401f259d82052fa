"""What a Python recipe says of itself, read without running it.

INPUTS = {"jobs": "bronze.repairs.job"}

def build(jobs):
    return jobs.filter("status <> 'cancelled'")
"""

from __future__ import annotations

import ast

from vestry.project.errors import Fault, ProjectError, did_you_mean
from vestry.project.names import Reference

_EXAMPLE = 'write INPUTS = {"jobs": "bronze.repairs.job"}'


def python_inputs(text: str, shown: str) -> dict[str, Reference]:
    """The input tables of a recipe, by the name of the parameter of `build` that takes each.

    Raises ProjectError that lists what is wrong with the recipe's form.
    """
    try:
        module = ast.parse(text)
    except SyntaxError as error:
        fault = Fault(shown, error.lineno or 1, f"Python that does not parse: {error.msg}", "mend this line")
        raise ProjectError([fault]) from error
    except ValueError as error:
        raise ProjectError([Fault(shown, 1, f"Python that does not parse: {error}")]) from error
    faults: list[Fault] = []
    inputs = _inputs(module, shown, faults)
    build = next((n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == "build"), None)
    if build is None:
        functions = [n.name for n in module.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        parameters = ", ".join(inputs or ["jobs"])
        mend = f"write def build({parameters}): …"
        if functions:
            mend += f"; it defines {', '.join(f'`{name}`' for name in functions)}"
        faults.append(Fault(shown, 1, "the recipe does not define the function `build`", mend))
    elif inputs is not None:
        faults.extend(_parameters(build, inputs, shown))
    if faults:
        raise ProjectError(faults)
    return inputs or {}


def _inputs(module: ast.Module, shown: str, faults: list[Fault]) -> dict[str, Reference] | None:
    for node in module.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if not any(isinstance(t, ast.Name) and t.id == "INPUTS" for t in targets):
            continue
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if not isinstance(value, ast.Dict):
            break
        found = {}
        for key, name in zip(value.keys, value.values, strict=True):
            texts = [v.value for v in (key, name) if isinstance(v, ast.Constant) and isinstance(v.value, str)]
            if len(texts) != 2:
                what = "INPUTS must be written out: a name and a table, both as text"
                faults.append(Fault(shown, name.lineno, what, _EXAMPLE))
                continue
            found[texts[0]] = Reference.of(texts[1], name.lineno)
        return found
    else:
        faults.append(Fault(shown, 1, "the recipe does not say its INPUTS", _EXAMPLE))
        return None
    faults.append(Fault(shown, node.lineno, "INPUTS must be written out as {…}: it is read without running", _EXAMPLE))
    return None


def _parameters(build: ast.FunctionDef, inputs: dict[str, Reference], shown: str) -> list[Fault]:
    taken = build.args
    named = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs]
    faults = [
        Fault(shown, a.lineno, f"`build` takes `{a.arg}`, which is not in INPUTS", did_you_mean(a.arg, inputs))
        for a in named
        if a.arg not in inputs
    ]
    if taken.kwarg is None:
        parameters = [a.arg for a in named]
        faults += [
            Fault(shown, r.line, f"`build` does not take the input `{name}`", f"write def build({', '.join(inputs)})")
            for name, r in inputs.items()
            if name not in parameters
        ]
    return faults
