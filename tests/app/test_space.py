"""The folder for a Space."""

import ast

import httpx
import pytest
from huggingface_hub import SpaceCard

from blv_trainer.app import export_space
from blv_trainer.cli import main


def test_the_folder_holds_what_a_space_needs_and_no_pickle(space):
    files = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert {"README.md", "app.py", "requirements.txt", "miniature.pt"} <= files
    assert {"tiny-classifier/config.json", "tiny-classifier/model.safetensors"} <= files
    assert not [name for name in files if name.endswith(".bin")]


def test_its_settings_are_those_of_a_gradio_space(space):
    import gradio

    card = SpaceCard.load(space / "README.md")
    assert card.data.sdk == "gradio"
    assert card.data.sdk_version == gradio.__version__
    assert (space / card.data.app_file).is_file()
    assert len(card.data.short_description) <= 60
    assert (space / "requirements.txt").read_text().startswith("blv_trainer[app]==")


def test_nothing_of_this_machine_is_in_it(space, classifier, whisper_checkpoint):
    for path in (*space.glob("*.*"), space / "tiny-classifier" / "config.json"):
        content = path.read_bytes()
        assert classifier.encode() not in content
        assert whisper_checkpoint.encode() not in content


@pytest.mark.slow  # a process
def test_the_exported_folder_starts(running_space):
    assert "What level of English is this?" in httpx.get(running_space, timeout=20).text


def test_a_model_of_the_hub_is_named_not_copied(classifier, tmp_path, monkeypatch):
    from blv_trainer.app import space

    asked = []
    monkeypatch.setattr(space, "load_classifier", lambda model, **options: asked.append(model) or ())
    model = 'user/it\'s \\ "odd"'
    folder = export_space(
        model, tmp_path / "space", whisper_model="base", requirement="blv_trainer @ git+https://x.org"
    )
    calls = [node for node in ast.walk(ast.parse((folder / "app.py").read_text())) if isinstance(node, ast.Call)]
    serve = next(call for call in calls if getattr(call.func, "id", "") == "serve")
    assert asked == [model] == [ast.literal_eval(serve.args[0])]
    assert {path.name for path in folder.iterdir()} == {"README.md", "app.py", "requirements.txt"}
    assert SpaceCard.load(folder / "README.md").data.to_dict()["models"] == [model]
    assert (folder / "requirements.txt").read_text() == "blv_trainer @ git+https://x.org\n"


def test_a_space_for_texts_has_its_title_and_no_whisper(classifier, whisper_checkpoint, tmp_path):
    title = 'Which "level" {has} my essay?'
    options = {"title": title, "text_only": True, "whisper_model": whisper_checkpoint}
    folder = export_space(classifier, tmp_path / "space", **options)
    assert not (folder / "miniature.pt").exists()
    card = SpaceCard.load(folder / "README.md")
    assert (card.data.title, card.data.short_description) == (title, "Estimates the level of texts")
    assert f"# {title}" in card.text
    assert "peech" not in card.text
    tree = ast.parse((folder / "app.py").read_text())
    call = next(
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "serve"
    )
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    assert (ast.literal_eval(given["title"]), ast.literal_eval(given["text_only"])) == (title, True)


def test_a_used_folder_is_left_alone_and_a_failure_leaves_none(classifier, tmp_path, capsys):
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine.txt").write_text("mine")
    assert main(["app", classifier, "--export", str(used)]) == 2
    assert "used is there and not empty" in capsys.readouterr().err
    assert main(["app", str(tmp_path / "gone"), "--export", str(tmp_path / "new")]) == 2
    assert "gone is neither a folder with a saved model" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used"]


def test_the_command_line_writes_it(classifier, tmp_path, capsys):
    (tmp_path / "space").mkdir()  # an empty folder will do
    words = ["app", classifier, "--export", str(tmp_path / "space"), "--max_seconds", "60", "--whisper_model", "base"]
    assert main(words) == 0
    assert f"python {tmp_path}/space/app.py" in capsys.readouterr().out
    assert "max_seconds=60.0" in (tmp_path / "space" / "app.py").read_text()
