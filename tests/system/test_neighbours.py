"""Several desks on one machine do not get into each other's way."""


def test_runners_of_one_name_at_two_targets(make_desk):
    """Two data directories, two repositories, the same runner names."""
    one, two = make_desk(), make_desk()
    one.github.repo("octo/other")
    for desk, target in ((one, "octo/demo"), (two, "octo/other")):
        desk.pool().update(target=target, labels=[desk.mark],
                           runner_name=f"{one.mark}-same-{{n}}",
                           limits={"pids": 200})
        desk.write_config()
    one.start()
    job, hold = one.busy(pool=one.mark)
    two.start()
    other, = two.github.enqueue("octo/other", ["echo hello"],
                                labels=[two.mark])
    assert two.github.wait_job(other)["conclusion"] == "succeeded"
    assert one.github.job(job)["status"] == "in_progress"
    hold.release()
    assert one.github.wait_job(job)["conclusion"] == "succeeded"
    one.slot("same").wait_receipts(1)
    two.stop()
    one.run_job(["true"], pool=one.mark)
    assert [item["scope"] for item in one.github.runners()] == [
        "repos/octo/demo"]
