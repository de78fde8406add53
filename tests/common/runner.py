"""As much of GitHub's runner as action.yml uses: runner.py ACTION_DIRECTORY INPUT=VALUE...

Runs the steps of a composite action as the runner does (actions/runner, CompositeActionHandler and ScriptHandler): the
inputs with their defaults, an `env` per step, files for outputs and the PATH, a step after a failure only if it says so.
Prints the action's outputs as JSON, as the last line, and ends with the status of the step that failed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

home = Path(sys.argv[1])
action = yaml.safe_load((home / "action.yml").read_text())
given = dict(word.split("=", 1) for word in sys.argv[2:])
unknown = given.keys() - action["inputs"].keys()
assert not unknown, f"no such input: {unknown}"
inputs = {name: given.get(name, str(declared.get("default", ""))) for name, declared in action["inputs"].items()}
temp = Path(os.environ["RUNNER_TEMP"])
steps, path, status = {}, [], 0


def value(expression: str) -> str:
    """An expression: a context's value. What is not there is empty."""
    contexts = {"inputs": inputs, "steps": steps, "github": {"action_repository": os.environ.get("CALLED_BY", "")}}
    found = contexts
    for word in expression.strip().split("."):
        found = found.get(word, {})
    return found or ""


def evaluated(text: str) -> str:
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: value(found[1]), text)


for step in action["runs"]["steps"]:
    assert step.keys() <= {"id", "if", "shell", "run", "env"}, step.keys()
    condition = re.fullmatch(r"(.*) != ''", step.get("if", "'' != ''"))
    if status or ("if" in step and not value(condition[1])):
        continue
    assert step["shell"] == "bash"
    files = {name: tempfile.mkstemp(dir=temp)[1] for name in ["GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"]}
    script = tempfile.mkstemp(dir=temp, suffix=".sh")[1]
    Path(script).write_text(evaluated(step["run"]))
    environment = {
        **os.environ, **files,
        "GITHUB_ACTION_PATH": str(home),
        "PATH": os.pathsep.join([*reversed(path), os.environ["PATH"]]),
        **{name: evaluated(text) for name, text in step["env"].items()},
    }
    status = subprocess.run(["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script], env=environment).returncode
    outputs = dict(line.split("=", 1) for line in Path(files["GITHUB_OUTPUT"]).read_text().splitlines())
    steps[step["id"]] = {"outputs": outputs}
    path += Path(files["GITHUB_PATH"]).read_text().splitlines()

sys.stdout.flush()
print(json.dumps({name: evaluated(output["value"]) for name, output in action["outputs"].items()} | {"PATH": path}))
sys.exit(status)
