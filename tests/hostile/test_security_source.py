"""What the package's own source never does: read the calls, so that a new file is held to it the moment it exists."""

import ast
from pathlib import Path

import blv_trainer

FILES = sorted(Path(blv_trainer.__file__).parent.rglob("*.py"))
# Each of them can run code that lies in what it reads.
FORBIDDEN = {
    *("eval", "exec", "os.system", "os.popen"),
    *(f"{module}.{name}" for module in ("pickle", "dill", "cloudpickle", "marshal") for name in ("load", "loads")),
    *("joblib.load", "shelve.open", "pandas.read_pickle", "pd.read_pickle"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.full_load_all", "yaml.unsafe_load_all"),
}


def name_of(call):
    """``yaml.load`` of a call of it; empty where the thing called has no name."""
    return ast.unparse(call.func) if isinstance(call.func, (ast.Name, ast.Attribute)) else ""


def value(call, keyword):
    return next((ast.unparse(given.value) for given in call.keywords if given.arg == keyword), None)


def faults(source):
    """What is wrong in some source."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = name_of(call)
        if name in FORBIDDEN:
            found.append(f"{name} can run what it reads")
        if name == "torch.load" and value(call, "weights_only") != "True":
            found.append("torch.load without weights_only=True")
        if name in ("np.load", "numpy.load") and value(call, "allow_pickle") == "True":
            found.append("numpy.load of pickles")
        if value(call, "trust_remote_code") == "True":
            found.append(f"{name} trusts remote code by itself")
        if value(call, "shell") == "True":
            found.append(f"{name} through a shell")
        # Where nothing is said, transformers asks on the terminal whether to run the code.
        is_auto = name.startswith("Auto") and name.endswith(".from_pretrained")
        if is_auto and value(call, "trust_remote_code") is None and not any(k.arg is None for k in call.keywords):
            found.append(f"{name} without trust_remote_code")
    return found


def test_nothing_runs_what_it_reads():
    found = {str(path): faults(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_each_of_these_is_seen_and_nothing_else():
    seen = [
        *("eval(x)", "pickle.loads(b'')", "yaml.load(text)", "subprocess.run(x, shell=True)"),
        *("torch.load(path)", "torch.load(path, weights_only=False)", "np.load(path, allow_pickle=True)"),
        *("AutoModel.from_pretrained(x)", "AutoModel.from_pretrained(x, trust_remote_code=True)"),
    ]
    passed = ["model.eval()", "yaml.safe_load(x)", "torch.load(x, weights_only=True)", "np.load(x)", "json.load(x)"]
    assert [source for source in [*seen, *passed] if faults(source)] == seen
