"""What GitHub refuses, in words that say what to do, with exit statuses."""

import time

import pytest

from desk import AUTH, BUSY, CONFIG, FAILED, NETWORK, NOT_FOUND

BY_US = ("GET", "/api/v3/repos/octo/demo")


def nothing_began(desk):
    """Assert that nothing was registered or started."""
    assert desk.github.runners() == []
    assert not [slot for slot in desk.slots() if slot.supervisor()]


def test_no_token_at_all(desk):
    """Neither a variable, nor gh, nor a file."""
    del desk.config["github"]["auth"]
    desk.write_config()
    desk.environment["PATH"] = "/nonexistent"
    desk.refused("start", status=AUTH, said=["no token", "GITHUB_TOKEN"])
    nothing_began(desk)


def test_a_named_variable_that_is_not_set(desk):
    """The variable is named."""
    desk.config["github"]["auth"] = {"token_env": "DESK_TOKEN"}
    desk.write_config()
    desk.refused("start", status=AUTH, said="DESK_TOKEN is not set")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_token_file_open_to_others(desk, mode):
    """Its mode is told, and the command that mends it."""
    desk.token_file.chmod(mode)
    desk.refused("start", status=AUTH,
                 said=[f"{mode:04o}", f"chmod 600 {desk.token_file}"])
    nothing_began(desk)


def test_a_token_file_that_is_absent_or_empty(desk):
    """Its path is told."""
    desk.token_file.unlink()
    desk.refused("start", status=AUTH,
                 said=[str(desk.token_file), "No such file"])
    desk.write_token("")
    desk.refused("start", status=AUTH, said="is empty")


def test_401_says_that_the_token_is_no_good(desk):
    """Revoked, or mistyped."""
    desk.github.revoke(desk.token)
    said = desk.refused("start", status=AUTH, said=["401", "revoked"])
    assert desk.token not in said
    nothing_began(desk)


def test_403_names_the_permission(desk):
    """A fine-grained token that may read and not administer."""
    desk.github.token(desk.token, kind="fine-grained", reads=["*"],
                      administers=[])
    desk.refused("start", status=AUTH,
                 said=["403", "Administration: write",
                       "administration=write"])
    nothing_began(desk)


def test_404_is_absent_or_not_permitted(desk):
    """GitHub does not say which, so neither do we."""
    desk.pool()["target"] = "octo/misspelt"
    desk.write_config()
    desk.refused("start", status=NOT_FOUND,
                 said=["absent or not permitted", "octo/misspelt"])
    nothing_began(desk)


def test_a_server_error_that_passes_is_survived(desk):
    """Once 503, once a broken connection: start succeeds."""
    desk.github.fault("/actions/runners", method="GET", preset="unavailable")
    desk.github.fault("/actions/runners/downloads", close=True)
    desk.start()
    assert [fault["hits"] for fault in desk.github.faults()] == [1, 1]


def test_a_server_error_that_lasts_is_told(desk):
    """5xx on every try."""
    desk.github.fault("/api/v3/", preset="bad-gateway", times=None)
    desk.refused("start", status=NETWORK,
                 said=["GitHub has a problem", "502", "tried 3 times"])
    nothing_began(desk)


def test_a_post_of_unknown_outcome_does_no_harm(desk):
    """A registration token that was made, and its answer lost."""
    desk.github.fault("/registration-token", method="POST", after=True,
                      close=True)
    desk.start()
    assert len(desk.github.runners()) == 1


def test_a_short_rate_limit_is_waited_out(desk):
    """Until the reset that GitHub names, not earlier."""
    desk.github.fault("/actions/runners", method="GET", preset="rate-limit")
    desk.start()
    assert desk.github.faults()[0]["hits"] == 1


def test_a_long_rate_limit_is_told_with_its_end(desk):
    """5, the time of the reset, and no further request."""
    desk.github.token(desk.token, remaining=0,
                      reset_at=int(time.time()) + 3000)
    desk.refused("start", status=NETWORK,
                 said=["rate limit is used up", r"20\d\d-\d\d-\d\dT"])
    assert len(desk.github.requests("GET", "/api/v3/")) == 1
    nothing_began(desk)


def test_a_server_that_is_not_there(desk):
    """Connection refused: 5, and the address."""
    host = desk.github.parts.hostname
    desk.github.stop()
    try:
        desk.refused("start", status=NETWORK, said=["connect", host])
    finally:
        desk.github.start()


def test_a_public_repository_is_refused_unless_allowed(desk):
    """The setting that allows it is named, and does."""
    desk.github.repo("octo/demo", visibility="public")
    desk.refused("start", status=BUSY,
                 said=["public repository", "allow_public: true"])
    nothing_began(desk)
    desk.pool()["allow_public"] = True
    desk.write_config()
    desk.start()
    desk.run_job(["true"])


def test_a_group_that_serves_public_repositories_is_refused(desk):
    """The same for an organisation's runner group."""
    desk.pool()["target"] = "octo"
    desk.write_config()
    desk.github.group("orgs/octo", "Default", allows_public_repositories=True)
    desk.refused("start", status=BUSY, said=["group", "allow_public: true"])
    desk.github.group("orgs/octo", "Default", allows_public_repositories=False)
    desk.start()
    desk.run_job(["true"])


def test_a_group_that_does_not_exist(desk):
    """The ones that there are, are named."""
    desk.pool().update(target="octo", group="nobodys")
    desk.write_config()
    desk.refused("start", status=NOT_FOUND, said=["nobodys", "Default"])


def test_a_registration_that_github_refuses(desk):
    """config.sh fails: its last words are the reason, nothing stays."""
    desk.github.fault("/runner-registration", method="POST", status=404,
                      times=None, body={"message": "Not Found"})
    said = desk.refused("start", status=FAILED, said=desk.slot().name)
    assert "config" in said or "Not Found" in said or "404" in said
    assert desk.github.runners() == []
    assert not (desk.slot().path / "registration-token").exists()
    desk.github.clear_faults()
    desk.start()
    desk.run_job(["true"])


def test_a_job_s_server_trouble_does_not_lose_the_runner(desk):
    """The Listener meets errors, and goes on listening."""
    desk.start()
    desk.github.fault("/run/acquirejob", method="POST", preset="bad-gateway")
    desk.run_job(["true"])


def test_mistakes_in_the_configuration_are_placed(desk):
    """file:line:column and the nearest key; nothing is touched."""
    desk.config["pools"][0]["lables"] = ["x"]
    desk.write_config()
    said = desk.refused("start", status=CONFIG, said=["lables", "labels"])
    assert f"{desk.config_file}:" in said
    assert not desk.data.exists()
    assert not desk.github.requests(*BY_US)
