# mdoc; tests/check-manuals holds them against the program's own tables.
dist_man_MANS += man/deskrun-runner.1 man/deskrun.yaml.5 \
	man/deskrun-init.8
