"""What can go wrong on the way to the Hub: a sentence, nothing half done, and the next push succeeds."""

import shutil

import pytest

from blv_trainer.hub import publish, publishing

HEAD = "initial commit"


@pytest.fixture(scope="module")
def finished(trained, tmp_path_factory):
    """A copy of the trained model's folder, to which the first push adds a card."""
    return shutil.copytree(trained, tmp_path_factory.mktemp("faults") / "out")


@pytest.fixture
def push(finished, monkeypatch):
    """Publishes the trained model; that a pipeline loads it is tested elsewhere."""
    monkeypatch.setattr(publishing, "check_pipeline", lambda folder, files: None)

    def push(repo_id="alice/essays", **options):
        return publish(finished, repo_id, **options)

    return push


def titles(hub, repo_id="alice/essays"):
    repository = hub.hub.repositories.get(("model", repo_id))
    return [commit["title"] for commit in repository.commits] if repository else []


# What goes wrong, which error it is, what its sentence says.
FAULTS = {
    "quota on commit": (
        {"match": "/commit/", "status": 403, "message": "Private repository storage limit reached, upgrade your plan"},
        OSError,
        "the Hub has no room for this push: 'Private repository storage limit reached, upgrade your plan'",
    ),
    "upload fails for good": (
        {"match": "PUT /lfs/", "status": 500, "times": 99},
        ConnectionError,
        "the Hub is in trouble and answers 500: try again later.",
    ),
    "commit cut": (
        {"match": "/commit/"},
        ConnectionError,
        "the connection to the Hub broke .*: try again. A push is there as a whole or not at all",
    ),
    "creation refused": (
        {"match": "/api/repos/create", "status": 402, "message": "Payment required"},
        OSError,
        "the Hub has no room for this push: 'Payment required'.* Nothing was pushed.",
    ),
    "too many requests": (
        {"match": "/commit/", "status": 429, "message": "slow down"},
        OSError,
        "the Hub asks for patience .'slow down'.: try again later. Nothing was pushed.",
    ),
    "card refused": (
        {"match": "/validate-yaml", "status": 400, "message": "license is unknown"},
        ValueError,
        "Invalid metadata in README.md",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_sentence_leaves_nothing_half_done_and_the_next_push_succeeds(hub, push, fault):
    options, kind, sentence = FAULTS[fault]
    hub.inject(**options)
    with pytest.raises(kind, match=sentence) as raised:
        push()
    assert type(raised.value) is kind
    assert titles(hub) in ([], [HEAD])  # at most an empty repository
    hub.hub.faults.clear()
    push()
    assert titles(hub) == [HEAD, "Upload a text classifier"]


def test_a_commit_whose_answer_was_lost_is_not_made_twice(hub, push):
    hub.inject("/commit/", after=True)
    with pytest.raises(ConnectionError, match="as a whole or not at all, and repeating it does no harm"):
        push()
    push()
    assert titles(hub) == [HEAD, "Upload a text classifier"]


def test_a_change_by_somebody_else_meanwhile_is_noticed(hub, push):
    hub.inject("/commit/", action=lambda: hub.model("alice/essays").commit({}, "of somebody else"))
    with pytest.raises(OSError, match="alice/essays was changed by somebody else meanwhile: look at the change"):
        push()
    assert titles(hub) == [HEAD, "of somebody else"]
    push()
    assert titles(hub) == [HEAD, "of somebody else", "Upload a text classifier"]


# ---- Who pushes where


def test_without_a_token_nothing_is_asked_of_the_hub(hub, push, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(PermissionError, match="no token was found: log in with `hf auth login`, or set .* HF_TOKEN"):
        push()
    assert hub.requests() == []


def test_a_wrong_token_is_said_and_not_shown(hub, push):
    with pytest.raises(PermissionError, match="the Hub does not know the token") as raised:
        push(token="hf_wrong")
    chain, error = "", raised.value
    while error:
        chain, error = chain + str(error), error.__cause__ or error.__context__
    assert "hf_wrong" not in chain
    assert hub.hub.repositories == {}
    with pytest.raises(ValueError, match="the token .* has a space, a line break") as raised:
        push(token="hf_ali\nce")
    assert "hf_ali" not in str(raised.value)


def test_a_name_of_somebody_else_is_refused_whether_it_is_there_or_not(hub, push):
    for is_there in (False, True):
        with pytest.raises(PermissionError, match="the token may not write to bob/essays .*push under a name of your"):
            push("bob/essays")
        assert (("model", "bob/essays") in hub.hub.repositories) is is_there
        push("bob/essays", token="hf_bob", private=True)
    assert titles(hub, "bob/essays") == [HEAD, "Upload a text classifier"]


def test_an_impossible_name_is_refused(hub, push):
    with pytest.raises(ValueError, match="my essays"):
        push("alice/my essays")
    assert hub.requests() == []


def test_a_private_push_to_a_public_repository_is_refused_and_a_private_one_stays_private(hub, push):
    push()
    with pytest.raises(PermissionError, match="alice/essays is public, and a private push was asked for"):
        push(private=True)
    assert not hub.model("alice/essays").is_private
    push("alice/secret", private=True)
    push("alice/secret", private=False)
    assert hub.model("alice/secret").is_private


def test_a_branch_that_is_not_there_is_refused(hub, push):
    push()
    with pytest.raises(FileNotFoundError, match="alice/essays has no such revision: make the branch first"):
        push(revision="second")


def test_an_offline_client_says_so(hub, push, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="offline mode is enabled. To disable it, please unset the"):
        push()
