"""A stand-in for GitHub: the REST calls and the services of the runner.

The real actions/runner registers with it and runs its jobs.  The modules,
bottom up:

    httpd        HTTP/1.1 and WebSocket on asyncio; knows nothing of GitHub
    entities     what GitHub remembers: accounts, runners, jobs, tokens
    credentials  the tokens it hands out and the assertions it verifies
    state        those entities, how they are found and who may see them
    dispatch     sessions, polls, the queue of jobs and their locks
    faults       answers that go wrong on request
    jobmessage   the answer of acquirejob
    shapes       the JSON that REST shows of things
    restauth     who calls REST, and what they may
    rest         the REST calls of the runners' settings
    runs         runs, jobs, dispatches, Apps
    releases     the runner's releases and their tarballs
    protocol     registration, OAuth, broker and run service
    results      step updates, logs, the live feed, actions
    control      how a test arranges and observes all this (/_standin/...)
    app          puts a request before the right one of them
    client       the Python side of `control`, and a server to start in tests
"""
