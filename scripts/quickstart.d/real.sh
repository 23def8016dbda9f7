# shellcheck shell=bash
# Real runners: a token, a configuration, a start. Sourced by "quickstart",
# whose variables these are:
# shellcheck disable=SC2154

# Sets auth (a line of the configuration) and exports GITHUB_TOKEN.
find_token() {
	local host=${url#*://} token_file
	token_file=$(dirname "$config")/token

	auth=''
	if [ -n "${GITHUB_TOKEN-}" ]; then
		token_from='GITHUB_TOKEN'
	elif command -v gh >/dev/null &&
		GITHUB_TOKEN=$(gh auth token --hostname "$host" 2>/dev/null); then
		token_from='gh auth token'
	elif [ -e "$token_file" ]; then
		unset GITHUB_TOKEN
		token_from=$token_file
		auth="auth: {token_file: $token_file}"
		return
	else
		ask_token
		return
	fi
	export GITHUB_TOKEN
}

# What was typed is kept, because status and stop need it as well.
ask_token() {
	local token

	(: </dev/tty) 2>/dev/null ||
		die "no token: set GITHUB_TOKEN, or run 'gh auth login'"
	token_hint
	IFS= read -r -s -p 'token (not shown): ' token </dev/tty
	echo
	[ -n "$token" ] || die "no token was given"
	as_root mkdir -p "$(dirname "$token_file")"
	printf '%s\n' "$token" |
		as_root install -m 600 /dev/stdin "$token_file"
	echo "* Token kept in $token_file, which only root can read"
	token_from=$token_file
	auth="auth: {token_file: $token_file}"
}

token_hint() {
	if [[ $target == */* ]]; then
		echo "Needed is a token for $url/$target: a fine-grained one with"
		echo "the permission \"Administration: read and write\" of the"
		echo "repository, or a classic one with the scope \"repo\"."
	else
		echo "Needed is a token for $url/$target: a fine-grained one with"
		echo "the permission \"Self-hosted runners: read and write\" of the"
		echo "organisation, or a classic one with the scope \"admin:org\"."
	fi
}

configuration() {
	cat <<-END
		# deskrun.yaml(5) tells what else can stand here.
		version: 1
		github:
		  url: $url
		  ${auth:-# auth: GITHUB_TOKEN, or what "gh auth token" prints}
		engine: host
		pools:
		  - name: desk
		    target: $target
		    labels: [deskrun]
		    count: $count
		    mode: standard
	END
}

write_configuration() {
	as_root mkdir -p "$(dirname "$config")"
	configuration | as_root install -m 644 /dev/stdin "$config"
	echo "* Wrote $config"
}

# One that is there is used as it is; but not for something else.
use_configuration() {
	local shown
	shown=$(as_root "$build/deskrun-runner" --config "$config" config show)
	awk -v target="$target" '
		$1 ~ /^pools.*\.target$/ && $2 == target { found = 1 }
		END { exit !found }' <<<"$shown" ||
		die "$config has no pool for $target; edit it, or name another" \
			"with --config"
	echo "* $config exists and is used as it is"
	if [[ $shown == *github.auth.* ]]; then
		token_from=$config
	else
		find_token
	fi
}

tell_workflow() {
	cat <<-END

		A job comes to these runners by its labels. A workflow to paste,
		as .github/workflows/deskrun.yml:

		name: deskrun
		on: [push, workflow_dispatch]
		jobs:
		  hello:
		    runs-on: [self-hosted, deskrun]
		    steps:
		      - uses: actions/checkout@v4
		      - run: |
		          echo "hello from \$(hostname)"
		          touch ~/this-will-be-gone
	END
}

tell_commands() {
	local run="$build/deskrun-runner --config $config"
	local env=''

	[ "$(id -u)" -eq 0 ] || run="sudo --preserve-env=GITHUB_TOKEN $run"
	if [ "$token_from" = 'gh auth token' ]; then
		# shellcheck disable=SC2016 # to be run by the reader's shell
		env='GITHUB_TOKEN=$(gh auth token) '
	fi
	cat <<-END

		What the runners do:   $env$run status
		What they wiped:       $run logs --receipts
		To stop them:          $env$run stop
	END
}

start_real() {
	if as_root test -e "$config"; then
		use_configuration
	else
		find_token
		write_configuration
	fi
	echo "* Starting runners for $target (token: $token_from)"
	as_root "$build/deskrun-runner" --config "$config" start
	tell_workflow
	tell_commands
}
