"""Sessions, polls, the queue of jobs, and the locks on running jobs.

Rules, with the sections of the protocol that they come from:

- A job goes only to an open poll of a runner that has no other job, offered
  jobs included (6: "busy must cover offered jobs").
- An offer that is not acknowledged within seconds was lost in a poll that
  was just being aborted: the job goes back into its place in the queue.  So
  do the offers of a session that ends.
- A running job belongs to whoever renews its lock.  Nobody completes it when
  the Listener is killed; it then fails once its lock has expired.
- An ephemeral runner is given one job, and is forgotten when the session in
  which it had it ends.
"""

import json
import uuid

from .entities import LOST, Job, Poll, Session


class Conflict(Exception):
    """A session lives already, or another has the job."""


class Gone(Exception):
    """The job or session is not there any more."""


class Dispatcher:
    """Moves jobs between the queue and the runners of a State."""

    def __init__(self, state):
        self.state = state
        self.settings = state.settings
        self.ended_sessions = set()
        state.observers.append(self.pump)

    def now(self):
        """The state's clock."""
        return self.state.clock()

    # Sessions and polls

    def open_session(self, runner, owner_name):
        """Begin a session; Conflict while another one lives."""
        if runner.session:
            raise Conflict("A session for this runner already exists")
        session = Session(str(uuid.uuid4()), runner, owner_name, self.now())
        runner.session = session
        self.state.sessions[session.id] = session
        self.state.changed()
        return session

    def end_session(self, session):
        """End a session and put what it was offered back in the queue."""
        if session.over:
            return
        session.over = True
        self.state.sessions.pop(session.id, None)
        runner = session.runner
        if runner.session is session:
            runner.session = None
        if session.poll:
            self.wake(session.poll)
        if runner.job and runner.job.offered:
            self.requeue(runner.job, "session ended")
        if runner.spent and not runner.busy:
            self.state.forget(runner)
        self.state.changed()

    def open_poll(self, session, status, wake):
        """Begin a poll; `wake` is called when there is something to say."""
        if session.poll:
            self.wake(session.poll)
        poll = Poll(session, status, self.now(), wake)
        session.poll = poll
        session.seen_at = poll.opened_at
        self.state.changed()
        return poll

    def close_poll(self, poll, delivered):
        """End a poll; what was meant for it and not sent is taken back."""
        session = poll.session
        session.seen_at = self.now()
        if session.poll is poll:
            session.poll = None
        if poll.message and not delivered:
            if poll.message["messageType"] == "JobCancellation":
                poll.job.cancel_sent_at = None
            elif poll.job:
                if poll.job.offered:
                    self.requeue(poll.job, "poll aborted")
            else:
                session.outbox.insert(0, (poll.message["messageType"],
                                          poll.message["body"]))
        self.state.changed()

    @staticmethod
    def wake(poll):
        """End a poll."""
        poll.over = True
        poll.wake()

    @staticmethod
    def answer(poll, kind, body, job=None):
        """End a poll with a message."""
        poll.message = {"messageId": next(poll.session.numbers),
                        "messageType": kind, "body": body}
        poll.job = job
        Dispatcher.wake(poll)

    # The queue

    def enqueue(self, repository, spec):
        """Put a job into the queue."""
        number = max(self.state.jobs, default=0) + 1
        job = Job(id=number, run_id=spec.get("run_id") or 1000 + number,
                  repository=repository, name=spec.get("name") or "job",
                  labels=list(spec.get("labels") or ["self-hosted"]),
                  spec=spec, created_at=self.now(), group=spec.get("group"),
                  timeout_minutes=float(spec.get("timeout_minutes") or 360))
        job.note(job.created_at, "queued")
        self.state.jobs[number] = self.state.active[number] = job
        self.state.changed()
        return job

    def fits(self, runner, job):
        """Tell whether GitHub would give `job` to `runner`."""
        if runner.deleted or runner.busy or runner.spent:
            return False
        if job.group and job.group.lower() != runner.group.name.lower():
            return False
        return (self.state.covers(runner.scope, job.repository)
                and runner.group.admits(job.repository)
                and runner.has_labels(job.labels))

    def pump(self):
        """Answer every poll that there is something for."""
        self.drop_deleted()
        polls = [session.poll for session in self.state.sessions.values()
                 if session.poll and not session.poll.over]
        for poll in polls:
            self.answer_from_outbox(poll)
        polls = [poll for poll in polls if not poll.over
                 and not poll.session.runner.busy]
        # A Listener that says Online can start at once; the nearest scope
        # comes first, and the longest idle of those.
        polls.sort(key=lambda poll: (poll.status != "Online",
                                     poll.session.runner.scope.rank,
                                     poll.opened_at))
        for job in list(self.state.active.values()):
            if not polls:
                break
            if job.status != "queued" or job.offered:
                continue
            for poll in polls:
                if self.fits(poll.session.runner, job):
                    self.offer(job, poll)
                    polls.remove(poll)
                    break

    def drop_deleted(self):
        """End the sessions of registrations that were deleted."""
        for session in list(self.state.sessions.values()):
            if session.runner.deleted:
                self.end_session(session)

    def offer(self, job, poll):
        """Hand a job to a poll."""
        runner = poll.session.runner
        job.runner, job.runner_name = runner, runner.name
        job.offers += 1
        job.offered_at, job.acknowledged_at = self.now(), None
        runner.job = job
        job.note(job.offered_at, "offered", runner=runner.name)
        self.answer(poll, "RunnerJobRequest", None, job)

    def requeue(self, job, why):
        """Take an offer back; the job keeps its place in the queue."""
        job.note(self.now(), "requeued", reason=why)
        job.runner.job = None
        job.runner = job.runner_name = None
        job.offered_at = job.acknowledged_at = None

    def answer_from_outbox(self, poll):
        """Answer a poll with a cancellation or another waiting message."""
        job = poll.session.runner.job
        if job and job.cancel_reason and self.cancel_is_due(job):
            job.cancel_sent_at = self.now()
            self.answer(poll, "JobCancellation", json.dumps(
                {"jobId": job.uuid, "timeout": self.settings.cancel_timeout}),
                job)
        elif poll.session.outbox:
            kind, body = poll.session.outbox.pop(0)
            self.answer(poll, kind, body)

    def cancel_is_due(self, job):
        """A cancellation is not acknowledged: repeat it now and then."""
        if job.status != "in_progress":
            return False
        return (job.cancel_sent_at is None or self.now() >=
                job.cancel_sent_at + self.settings.cancel_repeat_seconds)

    # What Listener and Worker say about a job

    def acknowledge(self, runner, request_id):
        """The Listener has the message."""
        job = runner.job
        if job is None or job.request_id != request_id:
            raise Gone(f"no job {request_id} is offered to this runner")
        if job.acknowledged_at is None:
            job.acknowledged_at = self.now()
            job.note(job.acknowledged_at, "acknowledged")
            self.state.changed()

    def acquire(self, runner, request_id):
        """The Listener takes the job."""
        job = next((job for job in self.state.jobs.values()
                    if job.request_id == request_id), None)
        if job is None or job.status == "completed":
            raise Gone("the job was not found")
        if job.status == "in_progress" or job.runner is not runner:
            raise Conflict("the job is assigned to another runner")
        now = self.now()
        job.status, job.started_at = "in_progress", now
        job.locked_until = now + self.settings.lock_seconds
        self.state.issue_job_tokens(job)
        runner.spent = runner.ephemeral
        job.note(now, "acquired")
        self.state.changed()
        return job

    def renew(self, job):
        """Prolong the lock; Gone when the job is over."""
        if job.status != "in_progress":
            raise Gone("the job was not found")
        job.locked_until = self.now() + self.settings.lock_seconds
        job.renewals += 1
        self.state.changed()

    def complete(self, job, conclusion, reason=None):
        """Conclude a job in the words of completejob."""
        if job.status == "completed":
            raise Gone("the job was not found")
        runner = job.runner
        self.state.active.pop(job.id, None)
        job.status, job.conclusion = "completed", conclusion
        job.reason = reason
        job.completed_at, job.locked_until = self.now(), None
        job.note(job.completed_at, "completed", conclusion=conclusion,
                 **({"reason": reason} if reason else {}))
        if runner and runner.job is job:
            runner.job = None
            if runner.spent and not runner.session:
                self.state.forget(runner)
        self.state.changed()

    def cancel(self, job, reason="The run was canceled."):
        """Cancel a job: at once when it waits, by message when it runs."""
        if job.status == "completed" or job.cancel_reason:
            return
        job.cancel_reason = reason
        job.note(self.now(), "cancel requested", reason=reason)
        if job.status == "queued":
            self.complete(job, "canceled", reason)
        else:
            self.state.changed()

    # Time

    def deadlines(self):
        """Yield (time, action) for all that time will bring about."""
        settings = self.settings
        for session in list(self.state.sessions.values()):
            if session.poll is None:
                yield (session.seen_at + settings.session_seconds,
                       lambda session=session: self.end_session(session))
        for job in list(self.state.active.values()):
            if job.offered:
                if job.acknowledged_at is None:
                    due = job.offered_at + settings.redeliver_seconds
                    why = "not acknowledged"
                else:
                    due = job.acknowledged_at + settings.acquire_seconds
                    why = "not acquired"
                yield due, lambda job=job, why=why: self.take_back(job, why)
            elif job.status == "in_progress":
                yield from self.running_deadlines(job)

    def running_deadlines(self, job):
        """Yield what awaits a running job."""
        yield job.locked_until, lambda: self.complete(job, "failed", LOST)
        if not job.cancel_reason:
            minutes = job.timeout_minutes
            why = (f"The job running on runner {job.runner_name} has exceeded"
                   f" the maximum execution time of {minutes:g} minutes.")
            yield (job.started_at + 60 * minutes,
                   lambda: self.cancel(job, why))
        elif job.cancel_sent_at is not None and job.runner.session:
            if job.runner.session.poll:
                yield (job.cancel_sent_at
                       + self.settings.cancel_repeat_seconds,
                       self.state.changed)

    def take_back(self, job, why):
        """An offer ran out."""
        self.requeue(job, why)
        self.state.changed()

    def expire(self):
        """Do all that is due; return when the next thing is, or None."""
        while True:
            upcoming = list(self.deadlines())
            now = self.now()
            due = [action for when, action in upcoming if when <= now]
            if not due:
                return min((when for when, _ in upcoming), default=None)
            due[0]()
