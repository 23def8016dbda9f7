"""What the tarball's builder fills in (build-runner-tarball --version)."""

VERSION = "2.336.0"
COMMIT = "0" * 40
